"""The graph and the C of each canned estimator, small, as text: a change of the compiler shows.

Run with ``CANNERY_WRITE_GOLDEN=1`` in the environment to write what is computed now, and look at
the difference before it goes in.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd
import pytest

from cannery import (
    BaselineRegressor,
    DNNRegressor,
    LinearClassifier,
    WideDeepClassifier,
)
from cannery.feature_columns import (
    categorical_column_with_identity,
    categorical_column_with_vocabulary_list,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)
from cannery.graph.compiler.library import library
from cannery.graph.compiler.source import Source

FOLDER = Path(__file__).parent / "golden"
WRITE = "CANNERY_WRITE_GOLDEN"
MOST_BYTES = 60_000  # of all files together: what is longer is not read
SHARED = {"epochs": 1, "batch_size": 4, "jit": False, "random_state": 0}

job = categorical_column_with_vocabulary_list("job", ["cook", "nurse", "smith"])
tags = categorical_column_with_identity("tags", 5)
age = numeric_column("age")
crosses = [crossed_column(["job", "age"], 10)]
dense = [indicator_column(job), embedding_column(tags, 3)]


def data():
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0] * 2, "job": ["cook", "nurse"] * 4})
    frame["tags"] = [[0, 1], [], [2], [3, 4]] * 2
    return frame


def models():
    yield (
        "wide_deep_classifier",
        WideDeepClassifier(linear_columns=crosses, deep_columns=dense, hidden_units=(8,), **SHARED),
        ["yes", "no"] * 4,
    )
    yield (
        "dnn_regressor",
        DNNRegressor(columns=[age], hidden_units=(4,), dropout=0.5, optimizer="adam", **SHARED),
        [-1.0, 1.0] * 4,
    )
    yield "linear_classifier", LinearClassifier(columns=[job], **SHARED), list("abcaabca")
    yield "baseline_regressor", BaselineRegressor(**SHARED), [-1.0, 1.0] * 4


def own_text(source):
    """Return the C text without what is the same in every program."""
    text = source.text
    for name in ("start.h", "elementary.h", "products.h", "threads.h", "grouping.h"):
        assert library(name) in text
        text = text.replace(library(name), "")
    for constant in re.split(r"/\* (?:ONCE|STEP) \*/\n?", library("loop.h")):
        assert constant in text
        text = text.replace(constant, "")
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"


def texts():
    for name, model, y in models():
        model.fit(data(), y)
        program = model.training_program_
        yield f"{name}.graph.txt", f"{program}\n"
        if name != "baseline_regressor":
            yield f"{name}.step.c", own_text(Source(program))


@pytest.fixture(scope="module")
def generated():
    found = dict(texts())
    if os.environ.get(WRITE):
        FOLDER.mkdir(exist_ok=True)
        for path in FOLDER.iterdir():
            path.unlink()
        for name, text in found.items():
            (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")
    return found


def test_graphs_and_c_are_as_they_were(generated):
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert set(stored) == set(generated)
    changed = [name for name in stored if stored[name] != generated[name]]
    assert not changed, f"changed; if that is meant, run once more with {WRITE}=1"


def test_they_are_short_enough_to_be_read(generated):
    assert sum(len(text.encode()) for text in generated.values()) < MOST_BYTES
