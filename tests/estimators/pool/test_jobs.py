"""What a worker process does beside its parts: nobody replaces it while a fit's data is mapped."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from cannery.estimators.pool import jobs
from cannery.estimators.pool.jobs import Job, leave, run_part
from cannery.estimators.pool.messages import Message, Part


@dataclass(frozen=True, kw_only=True)
class Nothing(Job):
    """A job whose parts say how often loky looks at its process."""

    def open(self):
        return self

    def run(self, job, part):
        return Message(part, compute=sys.modules[jobs.LOKY]._MEMORY_LEAK_CHECK_DELAY)


@pytest.fixture
def loky(monkeypatch):
    module = SimpleNamespace(_MEMORY_LEAK_CHECK_DELAY=1.0)
    monkeypatch.setitem(sys.modules, jobs.LOKY, module)
    return module


def test_loky_does_not_replace_a_process_for_the_data_that_it_maps(loky, tmp_path):
    job = Nothing(folder=str(tmp_path), aside=1 << 18)
    assert run_part(job, Part(0, 0, 1)).compute > 1e6
    leave(job.folder)
    assert loky._MEMORY_LEAK_CHECK_DELAY == 1.0


def test_threads_leave_loky_as_it_is(loky, tmp_path):
    assert run_part(Nothing(folder=str(tmp_path)), Part(0, 0, 1)).compute == 1.0
    leave(str(tmp_path))


def test_the_setting_is_one_that_loky_has():
    module = pytest.importorskip(jobs.LOKY)
    assert module._MEMORY_LEAK_CHECK_DELAY == 1.0


def test_ctrl_c_is_heard_as_ever_by_a_process_that_works_for_none(tmp_path, loky):
    before = signal.getsignal(signal.SIGINT)
    run_part(Nothing(folder=str(tmp_path), aside=1 << 18), Part(0, 0, 1))
    assert signal.getsignal(signal.SIGINT) is before
    leave(str(tmp_path))
    assert signal.getsignal(signal.SIGINT) is before
