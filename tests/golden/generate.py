"""Write the graph and the C of each canned estimator, small, as text.

    python tests/golden/generate.py [FOLDER]

Without a folder, the texts that the tests compare with are replaced: look at the difference before
it goes in. Names of nodes depend on what else the process has built, so it takes a fresh one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

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
    for name, model, y in list(models()):  # all live to the end, with the names of their nodes
        model.fit(data(), y)
        program = model.training_program_
        yield f"{name}.graph.txt", f"{program}\n"
        if name != "baseline_regressor":
            yield f"{name}.step.c", own_text(Source(program))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, text in texts():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
