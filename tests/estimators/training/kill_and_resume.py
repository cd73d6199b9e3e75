"""Kill fits with signal 9 at chosen moments, call them again, and say whether the ends are equal.

A program of its own: it imports once and forks for each fit, which pytest with its threads cannot.
It prints a JSON line for each moment: how many processes were killed, and whether the one after
them ended where a fit ends that nobody disturbs.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import sys
import tempfile
from unittest import mock

import numpy as np
import pandas as pd

from cannery import WideDeepClassifier
from cannery.estimators.training.loop import Trainer
from cannery.feature_columns import (
    categorical_column,
    crossed_column,
    embedding_column,
    numeric_column,
)
from cannery.graph.optimizers import Adam, Ftrl

# What is called at the moment of a kill: in the midst of an epoch, of a write, before the flush,
# before the file gets its name, before the folder is flushed, at the end of an epoch.
MOMENTS = {
    "steps": (Trainer, "_run"),
    "write": (np.lib.format, "write_array"),
    "flush": (os, "fsync"),
    "rename": (pathlib.Path, "replace"),
    "remove": (pathlib.Path, "unlink"),
    "epoch": (Trainer, "_end_epoch"),
}
STRIDES = {"write": 90, "flush": 5}


def data(rows=300):
    random = np.random.default_rng(0)
    city = random.choice(["Oslo", "Rome", "Lima"], rows)
    frame = pd.DataFrame({"city": city, "age": random.normal(40, 9, rows)})
    frame["tags"] = [list(random.choice(list("abc"), n)) for n in random.integers(0, 3, rows)]
    return frame, np.where((city == "Rome") ^ (random.random(rows) < 0.2), "yes", "no")


def model(folder, **options):
    city, tags = categorical_column("city"), categorical_column("tags")
    return WideDeepClassifier(
        linear_columns=[city, crossed_column(["city", "tags"], 50)],
        deep_columns=[numeric_column("age"), embedding_column(city, 3), embedding_column(tags, 2)],
        hidden_units=(8,),
        dropout=0.2,
        batch_norm=True,
        linear_optimizer=Ftrl(learning_rate=0.1, l1_regularization_strength=0.01),
        deep_optimizer=Adam(),
        epochs=4,
        batch_size=16,
        early_stopping=True,
        random_state=3,
        checkpoint_dir=folder,
        checkpoint_seconds=0,
        keep_checkpoints=2,
        **options,
    )


def end(fitted, frame):
    """Return a digest of all that a fit leaves behind but times."""
    found = hashlib.sha256()
    for name, value in sorted(fitted._state.items()):
        found.update(name.encode() + value.tobytes())
    history = fitted.history_.drop(columns=["seconds", "rows_per_second"])
    found.update(history.to_json(double_precision=15).encode() + history.to_numpy().tobytes())
    rest = [fitted.n_iter_, fitted.best_epoch_, str(fitted._random.bit_generator.state)]
    found.update(repr(rest).encode() + fitted.predict_proba(frame).tobytes())
    return found.hexdigest()


def dying(moment, number):
    """Patch what is called at a moment: the call of this number kills the process."""
    owner, name = MOMENTS[moment]
    original, calls = getattr(owner, name), iter(range(number))

    def call(*given, **options):
        if next(calls, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given, **options)

    return mock.patch.object(owner, name, call)


def child(work):
    """Run `work` in a fork and return what it answers; None if it was killed."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.write(writing, work().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return None
    assert os.waitstatus_to_exitcode(status) == 0
    return answer


def main(moments, options):
    os.fsync = int  # what a process has written outlasts it; only a loss of power needs more
    frame, y = data()
    whole = child(lambda: end(model(None, **options).fit(frame, y), frame))
    for moment in moments:
        killed, found = 0, None
        with tempfile.TemporaryDirectory() as folder:
            while found is None:
                # Later and later, so that no fit dies forever where it died before.
                with dying(moment, 1 + STRIDES.get(moment, 3) * killed):
                    found = child(lambda: end(model(folder, **options).fit(frame, y), frame))
                killed += found is None
        print(json.dumps([moment, killed, found == whole]), flush=True)


if __name__ == "__main__":
    main(*map(json.loads, sys.argv[1:]))
