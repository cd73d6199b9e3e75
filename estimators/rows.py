"""The rows of a fit: what scikit-learn expects of X, and parts of X, y and weights together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse
from sklearn.utils.validation import _num_samples, validate_data

from ..errors import InvalidValue, MissingColumn
from ..feature_columns import Frame, as_frame

__all__ = ["Rows", "check_rows", "hold_out"]

# An index never changes, and turning one into a list takes longer than predicting a row.
_INDEXES: deque[tuple[pd.Index, list[Any]]] = deque(maxlen=8)


def check_rows(estimator: Any, X: Any, reset: bool) -> Any:
    """Return `X` as something feature columns can read, with scikit-learn's usual checks.

    Frames and mappings of columns keep their types; anything else becomes a 2-D or sparse array.
    `reset` sets ``n_features_in_`` and ``feature_names_in_``, otherwise they are compared.

    Raises
    ------
    InvalidValue
        No rows, or columns of different lengths.
    ValueError, TypeError
        scikit-learn's own, for arrays it does not take.
    """
    if isinstance(X, Frame):
        return _check_open_frame(estimator, X, reset)
    sparse = scipy.sparse.issparse(X)
    if isinstance(X, Mapping) and not sparse:  # a dictionary-of-keys matrix is a mapping too
        return _check_mapping(estimator, X, reset)
    if hasattr(X, "columns") and hasattr(X, "shape"):
        names = _names(X)
        if len(set(names)) < len(names):
            twice = sorted({str(name) for name in names if names.count(name) > 1})
            raise InvalidValue("X", "column names must be unique", twice, "rename or drop one")
        return _check_frame(estimator, X, reset, names)
    if isinstance(X, (list, tuple)) and any(isinstance(cell, str) for cell in _cells(X)):
        X = np.array(X, dtype=object)  # without it, numpy turns numbers beside text into text
    kept = sparse or getattr(getattr(X, "dtype", None), "kind", "") in tuple("OUS")
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=None if kept else "numeric",
        ensure_all_finite=False,
    )
    if reset:
        estimator._sparse = sparse
    elif sparse and not estimator._sparse:
        X = X.toarray()
    return scipy.sparse.csr_array(X) if estimator._sparse and not sparse else X


def _check_open_frame(estimator: Any, X: Frame, reset: bool) -> Frame:
    """Return a frame that another fit is reading, whose checks it has passed."""
    if reset:
        estimator._sparse = False
        estimator.n_features_in_ = len(X.keys)
        if X.named:
            estimator.feature_names_in_ = np.array(X.keys, dtype=object)
    return X


def _cells(rows: Any) -> Iterator[Any]:
    return (cell for row in rows if isinstance(row, (list, tuple)) for cell in row)


def _names(X: Any) -> list[Any]:
    """Return the names of a frame's columns; of an index that was asked lately, as they were."""
    columns = X.columns
    if not isinstance(columns, pd.Index):
        return list(getattr(X, "column_names", columns))
    for index, names in list(_INDEXES):
        if index.is_(columns):
            return names
    names = list(columns)
    _INDEXES.appendleft((columns, names))
    return names


def _check_frame(estimator: Any, X: Any, reset: bool, names: list[Any]) -> Any:
    # scikit-learn's comparison of names takes longer than the encoding of a row.
    known = getattr(estimator, "feature_names_in_", None)
    if not reset and known is not None and names == known.tolist():
        return X
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    if not reset:
        return X
    if not X.shape[0]:
        wrong = "Found array with 0 sample(s) while a minimum of 1 is required"
        raise InvalidValue("X", wrong, f"shape {X.shape}")
    estimator._sparse = False
    if all(isinstance(name, str) for name in names):
        # Not every scikit-learn knows the names of every kind of frame.
        estimator.feature_names_in_ = np.array(names, dtype=object)
    return X


def _check_mapping(estimator: Any, X: Mapping[str, Any], reset: bool) -> Mapping[str, Any]:
    lengths = {key: _num_samples(column) for key, column in X.items()}
    if len(set(lengths.values())) != 1 or not all(isinstance(key, str) for key in X):
        raise InvalidValue("X", "must be named columns of one length", lengths)
    if reset:
        if not next(iter(lengths.values())):
            raise InvalidValue("X", "must have at least one row", lengths)
        estimator._sparse = False
        estimator.n_features_in_ = len(X)
        estimator.feature_names_in_ = np.array(list(X), dtype=object)
        return X
    missing = [name for name in getattr(estimator, "feature_names_in_", ()) if name not in X]
    if missing:
        wrong = "The feature names should match those that were passed during fit"
        raise MissingColumn("X", wrong, f"no {missing}", "add these columns")
    return X


@dataclass(frozen=True)
class Rows:
    """Examples: features as the user gave them, encoded targets and a weight for each.

    Attributes
    ----------
    X : frame or array
    targets : ndarray
        As the head takes them.
    weights : ndarray of shape (n,), optional
    """

    X: Any
    targets: npt.NDArray[Any]
    weights: npt.NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.targets)

    def split(self, mask: npt.NDArray[np.bool_]) -> tuple[Rows, Rows]:
        """Return the rows that `mask` leaves out, and those that it marks."""
        array = isinstance(self.X, np.ndarray) or scipy.sparse.issparse(self.X)
        # A frame is not copied: its columns are read once for both parts, which cut what they gave.
        X: Any = self.X if array else as_frame(self.X)

        def where(mask: npt.NDArray[np.bool_]) -> Rows:
            weights = None if self.weights is None else self.weights[mask]
            return Rows(X[mask] if array else X.where(mask), self.targets[mask], weights)

        return where(~mask), where(mask)


def hold_out(
    rows: Rows, fraction: float, generator: np.random.Generator, stratify: bool
) -> tuple[Rows, Rows]:
    """Return the rows to train on and the rows to validate with.

    Parameters
    ----------
    rows : Rows
    fraction : float
        The share to validate with.
    generator : numpy.random.Generator
    stratify : bool
        Keep the shares of classes alike, where each has two rows or more.

    Raises
    ------
    InvalidValue
        Too few rows to have both.
    """
    if len(rows) < 2:
        raise InvalidValue("validation_fraction", "needs at least 2 rows", len(rows))
    held = min(max(1, round(fraction * len(rows))), len(rows) - 1)
    classes = rows.targets.reshape(len(rows), -1)[:, 0] if stratify else None
    if classes is not None:
        _, counts = np.unique(classes, return_counts=True)
        if counts.min() < 2 or len(counts) > min(held, len(rows) - held):
            classes = None
    mask = _drawn(np.zeros(len(rows)) if classes is None else classes, held, generator)
    parts = rows.split(mask)
    for part in parts:
        if part.weights is not None and not part.weights.any():
            wrong = "a part of the rows has no weight at all"
            raise InvalidValue("validation_fraction", wrong, todo="give validation_data instead")
    return parts


def _drawn(
    classes: npt.NDArray[Any], held: int, generator: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Return a mask of `held` rows, of each class about its share.

    scikit-learn's split holds its rows in lists of Python's, which weigh more than encoded rows.
    """
    _, counts = np.unique(classes, return_counts=True)
    shares = held * counts / len(classes)
    sizes = np.floor(shares).astype(np.intp)
    nearest = np.argsort(sizes - shares, kind="stable")
    sizes[nearest[: held - sizes.sum()]] += 1
    by_class = np.argsort(classes, kind="stable")
    mask = np.zeros(len(classes), bool)
    for places, size in zip(np.split(by_class, np.cumsum(counts)[:-1]), sizes, strict=True):
        mask[generator.permutation(places)[:size]] = True
    return mask
