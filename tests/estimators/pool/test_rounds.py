"""Rounds by themselves: what is said of workers."""

from __future__ import annotations

from dataclasses import dataclass

import joblib
import pytest

from cannery.estimators.pool import Pool
from cannery.estimators.pool.jobs import Job
from cannery.estimators.pool.messages import Message, Part
from cannery.estimators.pool.rounds import Rounds


@dataclass(frozen=True, kw_only=True)
class Nothing(Job):
    """A job with nothing to do."""

    def open(self):
        return self

    def run(self, job, part):
        return Message(part)


@pytest.mark.parametrize(
    ("backend", "said"), [("threading", "2 workers"), ("sequential", "1 worker")]
)
def test_workers_are_alive_that_no_part_was_left_for(backend, said):
    with joblib.parallel_config(backend=backend), Rounds(Pool(workers=2)) as rounds:
        rounds.job = Nothing(folder=str(rounds.folder))
        rounds.round([Part(0, 0, 1)], len)
        assert rounds.progress == f"round 1, {said}"
