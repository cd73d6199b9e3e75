"""Splits are drawn once, and rows taken of every kind of frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from cannery.comparison.splits import draw_splits, take_rows
from cannery.errors import InvalidType, InvalidValue
from cannery.feature_columns import as_frame

CLASSES = np.repeat([0, 1], [40, 10])


def draw(cv, classes=CLASSES, **options):
    return draw_splits(cv, 50, CLASSES, classes, **options)


def test_folds_hold_each_row_out_once_and_keep_the_shares_of_classes():
    splits = draw(5, random_state=0)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(50))
    assert [int(CLASSES[test].sum()) for _, test in splits] == [2] * 5
    assert all(not set(train) & set(test) for train, test in splits)


def test_folds_are_shuffled_by_the_random_state():
    first, again, other = (draw(5, None, random_state=seed) for seed in (0, 0, 1))
    assert all((a[1] == b[1]).all() for a, b in zip(first, again, strict=True))
    assert not all((a[1] == b[1]).all() for a, b in zip(first, other, strict=True))
    assert not (first[0][1] == np.arange(10)).all()


def test_splitters_and_iterables():
    assert len(draw(ShuffleSplit(3, random_state=0))) == 3
    groups = np.arange(50) % 5
    for train, test in draw(GroupKFold(5), groups=groups):
        assert not set(groups[train]) & set(groups[test])
    mask = np.arange(50) < 30
    ((train, test),) = draw([(mask, ~mask)])
    assert train.tolist() == list(range(30)) and test.tolist() == list(range(30, 50))
    assert len(draw(iter([([0, 1], [2])]))) == 1


@pytest.mark.parametrize(
    ("cv", "error", "message"),
    [
        (1, InvalidValue, "must lie between 2 and the number of rows, 50, got 1"),
        (51, InvalidValue, "must lie between 2 and the number of rows, 50, got 51"),
        (11, InvalidValue, "is more than the rows of the rarest class, 10, got 11"),
        (True, InvalidType, "must be a number of folds, a splitter or an iterable"),
        ("5", InvalidType, "must be a number of folds, a splitter or an iterable"),
        (2.0, InvalidType, "must be a number of folds, a splitter or an iterable"),
        ([], InvalidValue, "makes no splits"),
        ([3], InvalidType, "each split must be"),
        ([([0.5], [1])], InvalidType, "each split must be"),
        ([([0], [])], InvalidType, "each split must be"),
        ([([0], [50])], InvalidValue, "a split must have rows"),
        (KFold(60), InvalidValue, "cannot split 50 rows"),
        (GroupKFold(3), InvalidValue, "cannot split 50 rows"),
    ],
)
def test_what_makes_no_splits(cv, error, message):
    with pytest.raises(error, match=f"cv: {message}"):
        draw(cv)


def frames():
    columns = {"size": np.array([3, 5, 8]), "city": ["Oslo", None, "Rome"], "tags": [["a"], [], []]}
    yield "pandas", pd.DataFrame(columns, index=[7, 8, 9])
    yield "mapping", columns
    yield "array", np.arange(6).reshape(3, 2)
    yield "csr", scipy.sparse.csr_array(np.eye(3))
    yield "coo", scipy.sparse.coo_array(np.eye(3))
    yield "dok", scipy.sparse.dok_array(np.eye(3))
    yield "list", [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(("kind", "X"), list(frames()), ids=lambda value: str(value)[:6])
def test_rows_of_every_kind_of_frame(kind, X):
    taken = take_rows(X, np.array([2, 0]))
    if kind == "list":
        assert taken == [[5, 6], [1, 2]]
        return
    assert as_frame(taken).rows == 2
    if kind in ("pandas", "mapping"):
        assert list(taken["city"]) == ["Rome", "Oslo"]
        assert list(taken["tags"]) == [[], ["a"]]


def test_rows_of_a_polars_frame():
    polars = pytest.importorskip("polars")
    taken = take_rows(polars.DataFrame({"city": ["Oslo", None, "Rome"]}), np.array([2, 0]))
    assert taken["city"].to_list() == ["Rome", "Oslo"]
