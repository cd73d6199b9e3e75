"""What tests of pools share: a worker that dies whenever it is given a part."""

from __future__ import annotations

import pytest

from cannery.estimators.pool import rounds


@pytest.fixture
def one_dies(monkeypatch):
    """Have the second worker of every round die."""
    original = rounds.run_part

    def run(job, part):
        if part.number == 1:
            raise MemoryError("too much")
        return original(job, part)

    monkeypatch.setattr(rounds, "run_part", run)
