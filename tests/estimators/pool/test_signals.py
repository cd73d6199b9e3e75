"""Signals: Ctrl-C ends a fit on processes at once, and workers do not outlive a killed chief."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here")

FIT = """
import os
import time
import warnings

import joblib
import numpy as np
from joblib.externals.loky import reusable_executor

from cannery import LinearClassifier
from cannery.estimators import Pool

warnings.simplefilter("always")


def tell(estimator, epoch, logs):
    if epoch == 2:
        print(*reusable_executor._executor._processes, flush=True)


x = np.random.default_rng(0).normal(size=(20_000, 2))
model = LinearClassifier(
    epochs=100_000, jit=False, pool=Pool(workers=2), callbacks=[tell], random_state=0
)
with joblib.parallel_config(backend="loky"):
    model.fit(x, x[:, 0] > 0)
print(model.n_iter_, flush=True)
"""


@pytest.fixture
def chief():
    """A fit that goes on for hours, by two processes."""
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", FIT], start_new_session=True, **settings)
    assert len(process.stdout.readline().split()) == 2
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_an_interrupt_ends_the_fit_with_no_round_done_again(chief):
    time.sleep(0.3)
    os.killpg(chief.pid, signal.SIGINT)  # as a terminal does
    printed, said = chief.communicate(timeout=60)
    assert chief.returncode == 0 and int(printed) >= 2
    assert "interrupted after" in said and "a worker was lost" not in said


def test_workers_end_soon_after_a_killed_chief(chief):
    chief.kill()
    chief.communicate(timeout=60)  # until the last process that could write has ended
