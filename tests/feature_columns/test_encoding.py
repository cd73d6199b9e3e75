"""Rows that come alone are encoded as among others, however often and whatever came before."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from cannery.errors import UnseenCategory
from cannery.feature_columns import (
    ColumnSet,
    bucketized_column,
    categorical_column,
    categorical_column_with_hash_bucket,
    categorical_column_with_identity,
    crossed_column,
    encoding,
    numeric_column,
    threads,
)

VALUES = [1, 1.0, True, "1", 0, -0.0, "", None, np.nan, pd.NA, pd.NaT, "x", b"x", 2**40, 1.5, "é"]


def columns():
    age = bucketized_column(numeric_column("n"), [0.5, 1.2])
    return [
        categorical_column("v"),
        categorical_column_with_hash_bucket("v", 50),
        crossed_column(["v", "w"], 90),
        crossed_column([age, "w"], 70),
        categorical_column_with_identity("k", 9, default_value=0),
        numeric_column("n", normalizer="standard"),
        categorical_column("tags"),
    ]


@pytest.fixture
def frame():
    count = len(VALUES)
    draw = np.random.default_rng(0)
    numbers = pd.Series(draw.normal(size=count).round(1), dtype=object)
    numbers[3], numbers[4], numbers[5] = True, "2.5", None
    data = {"v": pd.Series(VALUES, dtype=object), "w": draw.integers(0, 4, count), "n": numbers}
    data["k"] = draw.integers(0, 9, count)
    data["tags"] = [["a", "b"][: at % 3] for at in range(count)]
    return pd.DataFrame(data)


def rows_alone(found, frame):
    for at in [*range(len(frame)), *reversed(range(len(frame)))]:
        yield at, found.encode(frame.iloc[[at]])


def test_rows_alone_and_together(frame):
    found = ColumnSet(columns()).learn(frame)
    together = found.encode(frame)
    (name,) = together.ragged
    for at, alone in rows_alone(found, frame):
        assert alone.ids.tolist() == together.ids[[at]].tolist(), VALUES[at]
        assert alone.ids.dtype == together.ids.dtype
        assert alone.numbers.tobytes() == together.numbers[[at]].tobytes()
        bag, low, high = together.ragged[name], *together.ragged[name].offsets[at : at + 2]
        assert alone.ragged[name].ids.tolist() == bag.ids[low:high].tolist()


def test_what_is_remembered_is_bounded(frame, monkeypatch):
    monkeypatch.setattr(encoding, "REMEMBERED", 7)
    found = ColumnSet(columns()).learn(frame)
    together = found.encode(frame)
    for at, alone in rows_alone(found, frame):
        assert alone.ids.tolist() == together.ids[[at]].tolist()
        assert len(found._met) <= 7


def test_strict_rows_are_refused_though_they_were_met_before():
    seen = pd.DataFrame({"city": ["Oslo", "Rome"]})
    found = ColumnSet([categorical_column("city")]).learn(seen)
    new = pd.DataFrame({"city": ["Lima"]})
    found.encode(new)
    with pytest.raises(UnseenCategory, match="'Lima'"):
        found.encode(new, strict=True)
    assert found.encode(seen[:1], strict=True).ids.tolist() == [[0]]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(3, 3.0), (np.int64(3), 3.0), (True, 1.0), ("3", 3.0), (np.float32(0.1), 0.1), (None, 9.0)],
)
def test_a_number_alone(cell, expected):
    column = numeric_column("n", missing=9.0)
    frame = pd.DataFrame({"n": pd.Series([cell], dtype=object)})
    assert ColumnSet([column]).learn(frame).encode(frame).numbers.tolist() == [
        [np.float32(expected)]
    ]


@pytest.mark.parametrize("cell", ["x", np.inf, np.timedelta64(3, "s"), datetime.date(2020, 1, 1)])
def test_what_is_no_number_alone(cell):
    frame = pd.DataFrame({"n": pd.Series([cell], dtype=object)})
    with pytest.raises(ValueError, match="column 'n': row 0 is"):
        ColumnSet([numeric_column("n")]).learn(pd.DataFrame({"n": [1]})).encode(frame)


def test_threads_learn_and_encode_the_same(frame, monkeypatch):
    monkeypatch.setattr(threads, "LEAST_ROWS", 2)
    frame = frame.assign(m=np.where(frame["w"] > 1, np.nan, frame["k"]), w2=range(len(frame)))
    frame["text"] = frame["w"].map(str).astype("str")
    given = [
        *columns(),
        categorical_column("text"),
        crossed_column(["text", "tags"], 60),
        numeric_column("m", normalizer="log"),
        numeric_column("w2", normalizer_fn=np.sqrt),
    ]
    one, two = ColumnSet(given).learn(frame), ColumnSet(given).learn(frame, threads=2)
    assert two.columns == one.columns
    alone, threaded = one.encode(frame), two.encode(frame, threads=2)
    for name in ("numbers", "ids"):
        np.testing.assert_array_equal(getattr(threaded, name), getattr(alone, name))
    assert list(threaded.ragged) == list(alone.ragged)
    for name, found in threaded.ragged.items():
        np.testing.assert_array_equal(found.ids, alone.ragged[name].ids)
        np.testing.assert_array_equal(found.offsets, alone.ragged[name].offsets)
    with pytest.raises(UnseenCategory):
        two.encode(frame.assign(w2=np.nan), strict=True, threads=2)


def test_threads_over_a_large_matrix(monkeypatch):
    monkeypatch.setattr(threads, "LEAST_ROWS", 2)
    X = np.random.default_rng(0).normal(size=(10_001, 21))
    given = [numeric_column(f"x{at}", normalizer="standard") for at in range(21)]
    one, three = ColumnSet(given).learn(X), ColumnSet(given).learn(X, threads=3)
    assert three.columns == one.columns
    assert (three.encode(X, threads=3).numbers == one.encode(X).numbers).all()
