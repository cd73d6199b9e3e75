"""A small frame with every kind of column, and targets that depend on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cannery.feature_columns import (
    categorical_column,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)


def make_frame(rows=240, seed=0):
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": generator.integers(18, 80, rows),
            "pay": generator.lognormal(10, 1, rows).round(2),
            "city": generator.choice(["Oslo", "Rome", "Lima"], rows),
            "job": generator.choice(["cook", "nurse", None], rows, p=[0.5, 0.4, 0.1]),
            "member": generator.random(rows) < 0.5,
        }
    )
    frame["tags"] = [
        list(generator.choice(["red", "blue", "old"], n, replace=False))
        for n in generator.integers(0, 4, rows)
    ]
    frame.loc[::17, "pay"] = np.nan
    return frame


@pytest.fixture
def frame():
    return make_frame()


@pytest.fixture
def target(frame):
    """Two classes as text: a rule with a little noise."""
    score = (frame["city"] == "Rome") * 2.0 + frame["member"] - (frame["age"] > 50)
    noise = np.random.default_rng(1).normal(0, 0.3, len(frame))
    return pd.Series(np.where(score + noise > 0.7, "yes", "no"), name="answer")


@pytest.fixture
def amount(frame):
    """A number in a unit of its own."""
    return 1000.0 * (frame["city"] == "Rome") + 10.0 * frame["age"] + 5000.0


@pytest.fixture
def wide():
    return [categorical_column("city"), crossed_column(["city", "member"], 50)]


@pytest.fixture
def deep():
    return [
        numeric_column("age", normalizer="standard"),
        embedding_column(categorical_column("city"), 3),
        indicator_column(categorical_column("job")),
    ]
