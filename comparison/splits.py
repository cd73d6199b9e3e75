"""The rows each fit trains on and is judged by: drawn once, the same for all."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import _safe_indexing

from ..errors import InvalidType, InvalidValue
from ..feature_columns import as_frame

__all__ = ["Split", "count_rows", "draw_splits", "take_rows"]

Places = npt.NDArray[np.intp]
Split = tuple[Places, Places]


def draw_splits(
    cv: Any, rows: int, y: Any, classes: Any, groups: Any = None, random_state: int | None = None
) -> list[Split]:
    """Return the places of the rows to train on and of those to judge by, for each split.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
    rows : int
    y : array-like
    classes : ndarray of shape (rows,), optional
        The class of each row, for an `int` to keep their shares alike.
    groups : array-like, optional
        For splitters that heed groups.
    random_state : int, optional
        How an `int` shuffles.

    Raises
    ------
    InvalidType, InvalidValue
        Something that makes no splits, or splits that are empty or beyond the rows.
    """
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        cv = _folds(int(cv), rows, classes, random_state)
    if hasattr(cv, "split") and not isinstance(cv, str):
        try:
            found = list(cv.split(np.zeros((rows, 1)), y if classes is None else classes, groups))
        except ValueError as error:
            raise InvalidValue("cv", f"cannot split {rows} rows ({error})", cv) from None
    elif isinstance(cv, Iterable) and not hasattr(cv, "split"):
        found = list(cv)
    else:
        wrong = "must be a number of folds, a splitter or an iterable of (train, test)"
        raise InvalidType("cv", wrong, repr(cv))
    if not found:
        raise InvalidValue("cv", "makes no splits", repr(cv))
    return [_checked(split, rows) for split in found]


def _folds(folds: int, rows: int, classes: Any, random_state: int | None) -> Any:
    if not 2 <= folds <= rows:
        raise InvalidValue("cv", f"must lie between 2 and the number of rows, {rows}", folds)
    if classes is None:
        return KFold(folds, shuffle=True, random_state=random_state)
    least = int(np.unique(classes, return_counts=True)[1].min())
    if least < folds:
        wrong = f"is more than the rows of the rarest class, {least}"
        todo = "use fewer folds, leave that class out, or give a splitter such as KFold"
        raise InvalidValue("cv", wrong, folds, todo)
    return StratifiedKFold(folds, shuffle=True, random_state=random_state)


def _checked(split: Any, rows: int) -> Split:
    try:
        train, test = (_places(part) for part in split)
    except (TypeError, ValueError):
        wrong = "each split must be (train, test), the places of rows"
        raise InvalidType("cv", wrong, repr(split)) from None
    for part in (train, test):
        if not len(part) or part.min() < -rows or part.max() >= rows:
            wrong = f"a split must have rows to train on and to judge by, of {rows}"
            raise InvalidValue("cv", wrong, repr(part))
    return train, test


def _places(part: Any) -> Places:
    array = np.asarray(part)
    if array.ndim != 1 or array.dtype.kind not in "biu":
        raise TypeError
    return np.flatnonzero(array) if array.dtype.kind == "b" else array.astype(np.intp)


def count_rows(X: Any) -> int:
    """Return the number of rows of whatever estimators take.

    Raises
    ------
    InvalidType
        Something that has no rows.
    """
    return len(X) if isinstance(X, (list, tuple)) else as_frame(X).rows


def take_rows(X: Any, places: Places) -> Any:
    """Return some rows of a frame, a mapping of columns, an array or a sparse matrix.

    Examples
    --------
    >>> take_rows({"city": ["Oslo", "Rome"], "size": np.array([3, 5])}, np.array([1]))
    {'city': ['Rome'], 'size': array([5])}
    """
    if isinstance(X, Mapping) and not hasattr(X, "tocsr"):
        return {key: take_rows(column, places) for key, column in X.items()}
    if isinstance(X, (pd.Series, pd.DataFrame)):
        return X.iloc[places]
    if hasattr(X, "tocsr"):
        X = X.tocsr()  # not every sparse format has rows to take
    return _safe_indexing(X, places)
