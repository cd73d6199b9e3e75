"""Labels: from what a user passes as `y` to what a head is fed, and back from its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

from ..errors import InvalidType, InvalidValue, NotFound, ShapeMismatch, UnseenCategory
from .heads import BinaryHead, Head, MultiClassHead, MultiLabelHead

__all__ = [
    "ClassLabels",
    "IndicatorLabels",
    "NumericLabels",
    "labels_from_config",
    "learn_labels",
]

Array = npt.NDArray[Any]


def label_array(y: Any, rows: int | None = None) -> Array:
    """Return `y` as an array of bools, numbers or text without missing values.

    Text may be of dtype object, as pandas has it.

    Raises
    ------
    InvalidValue
        No labels, missing ones, another number of them than `rows`, or things that are no labels.
    """
    if y is None:
        wrong = "requires y to be passed, but the target y is None"
        raise InvalidValue("fit", wrong, todo="give a label for each row")
    try:
        array = y.toarray() if sparse.issparse(y) else np.asarray(y)
    except ValueError:
        raise InvalidValue("y", "rows must be equally long", repr(y)) from None
    if array.ndim not in (1, 2):
        raise InvalidValue("y", "y should be a 1d array", f"{array.ndim} dimensions")
    if rows is not None and len(array) != rows:
        wrong = "inconsistent numbers of samples"
        raise ShapeMismatch("y", wrong, f"{len(array)} labels for {rows} rows")
    if array.dtype.kind in "OT":
        array = _settled(array.astype(object))
    elif array.dtype.kind == "U" and isinstance(y, (list, tuple)):
        _settled(np.array(y, object))  # numpy writes numbers and NaN among text as text
    if array.dtype.kind == "c":
        raise InvalidValue("y", "Complex data not supported", array.dtype)
    if array.dtype.kind not in "biufUO":
        raise _unknown(str(array.dtype), "text or numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        wrong = "Input y contains NaN" if np.isnan(array).any() else "Input y contains infinity"
        count = np.count_nonzero(~np.isfinite(array))
        raise InvalidValue("y", wrong, f"{count} of {array.size}", "drop these rows")
    return array


def _settled(array: Array) -> Array:
    """Return objects as the numbers they all are, or unchanged if all are text."""
    missing = np.count_nonzero(pd.isna(array))
    if missing:
        wrong = "Input y contains NaN"
        raise InvalidValue("y", wrong, f"{missing} of {array.size}", "drop these rows")
    kind = pd.api.types.infer_dtype(array.ravel(), skipna=False)
    if kind in ("string", "empty"):
        return array
    if kind == "complex":
        raise InvalidValue("y", "Complex data not supported", kind)
    if kind in ("boolean", "integer"):
        return np.array(array.tolist())
    if kind in ("floating", "mixed-integer-float", "decimal"):
        return array.astype(np.float64)
    raise _unknown(kind, "all text or all numbers")


def _unknown(kind: str, todo: str) -> InvalidValue:
    return InvalidValue("y", f"Unknown label type: {kind}", todo=f"give {todo}")


def _some(array: Array) -> Array:
    if not array.size:
        raise InvalidValue("y", "has no rows", todo="give a label for each row")
    return array


def _column(array: Array) -> Array:
    if array.ndim == 2 and array.shape[1] != 1:
        raise InvalidValue("y", "y should be a 1d array", f"shape {array.shape}")
    return np.asarray(column_or_1d(array, warn=True))


def _discrete(array: Array) -> str:
    """Return scikit-learn's word for the type of target, if it is one of a classifier."""
    kind = str(type_of_target(array))
    if kind not in ("binary", "multiclass", "multilabel-indicator"):
        raise _unknown(kind, "one class for each row, or 0 and 1 for each of several labels")
    return kind


def learn_labels(y: Any, classes: Any = None) -> ClassLabels | IndicatorLabels:
    """Return what was learnt of a classifier's `y`, by scikit-learn's ``type_of_target``.

    Parameters
    ----------
    y : array-like of shape (n,), (n, 1) or (n, n_labels)
        Classes, or for several labels a row an indicator matrix (dense, sparse or a frame).
    classes : array-like, optional
        Classes that `y` need not hold all of, as in ``partial_fit``.

    Examples
    --------
    >>> from cannery.estimators.labels import learn_labels
    >>> learn_labels(["no", "yes", "no"]).head()
    BinaryHead()
    >>> learn_labels([[1, 0, 1], [0, 0, 1]]).head()
    MultiLabelHead(n_labels=3)
    """
    array = label_array(y)
    if array.ndim == 2 and array.shape[1] > 1 and _discrete(array) == "multilabel-indicator":
        return IndicatorLabels.learn(y)
    return ClassLabels.learn(y, classes)


@dataclass(frozen=True, eq=False)
class ClassLabels:
    """One class a row: the class at place i of `classes` is id i.

    Parameters
    ----------
    classes : ndarray
        Sorted and distinct; of two, the second is the positive one.

    Examples
    --------
    >>> from cannery.estimators.labels import ClassLabels
    >>> labels = ClassLabels.learn(["pear", "apple", "pear", "quince"])
    >>> labels.encode(["quince", "apple"])
    array([2, 0], dtype=int32)
    >>> labels.decode([1, 1]).tolist()
    ['pear', 'pear']
    """

    classes: Array

    @classmethod
    def learn(cls, y: Any, classes: Any = None) -> Self:
        """Return the labels of a classifier's `y`.

        Raises
        ------
        InvalidValue
            `y` holds one class only, numbers that are no classes, or missing values.
        UnseenCategory
            `classes` lacks a class of `y`.
        """
        array = _column(_some(label_array(y)))
        _discrete(array)
        found = np.unique(array if classes is None else _column(label_array(classes)))
        if len(found) < 2:
            wrong = "holds only one class"
            raise InvalidValue("y", wrong, repr(found.tolist()), "give at least two classes")
        labels = cls(found)
        if classes is not None:
            labels._ids(array)
        return labels

    def head(self) -> Head:
        """Return the head for these classes."""
        count = len(self.classes)
        return BinaryHead() if count == 2 else MultiClassHead(count)

    def encode(self, y: Any, rows: int | None = None) -> Array:
        """Return what the head is fed: float32 of shape (n, 1) for two classes, else int32 (n,).

        Raises
        ------
        UnseenCategory
            A label that `learn` did not see.
        InvalidValue
            Missing labels, or another number of them than `rows`.
        """
        ids = self._ids(_column(label_array(y, rows)))
        return ids.astype(np.float32)[:, None] if len(self.classes) == 2 else ids

    def decode(self, answer: npt.ArrayLike) -> Array:
        """Return the class of each id."""
        return self.classes[np.asarray(answer, np.intp).reshape(-1)]

    def _ids(self, array: Array) -> npt.NDArray[np.int32]:
        ids = _index(self.classes).get_indexer(_index(array)).astype(np.int32)
        unseen = np.unique(array[ids < 0])
        if len(unseen):
            known = f"the classes are {_shortened(self.classes)}"
            wrong = "holds labels that fit did not see"
            raise UnseenCategory("y", wrong, _shortened(unseen), known)
        return ids

    def to_config(self) -> dict[str, Any]:
        """Return what `labels_from_config` takes: text and numbers that JSON can hold."""
        classes = {"classes": self.classes.tolist(), "dtype": self.classes.dtype.str}
        return {"name": "classes", **classes}


def _index(array: Array) -> pd.Index:
    # pandas tells True from 1, which for labels are the same; hashes of text are for objects, of
    # which it would make a copy of its own kind.
    array = array.astype({"b": np.int8, "U": object}.get(array.dtype.kind, array.dtype), copy=False)
    return pd.Index(array, dtype=array.dtype)


def _shortened(values: Array, most: int = 10) -> str:
    shown = repr(values[:most].tolist())
    return shown if len(values) <= most else f"{shown[:-1]}, ... {len(values) - most} more]"


@dataclass(frozen=True)
class IndicatorLabels:
    """Several labels a row may have: 0 or 1 in a column for each.

    Parameters
    ----------
    n_labels : int
    names : tuple, optional
        Names of the labels: the columns of the frame they were learnt from.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery.estimators.labels import IndicatorLabels
    >>> IndicatorLabels.learn(pd.DataFrame({"sweet": [1, 0], "red": [1, 1]})).names
    ('sweet', 'red')
    """

    n_labels: int
    names: tuple[Any, ...] | None = None

    @classmethod
    def learn(cls, y: Any) -> Self:
        """Return the labels of an indicator matrix."""
        array = _some(label_array(y))
        if array.ndim != 2:
            raise ShapeMismatch("y", "must have a column for each label", f"shape {array.shape}")
        columns = getattr(y, "columns", None)
        labels = cls(array.shape[1], None if columns is None else tuple(columns))
        labels.encode(y)
        return labels

    @property
    def classes(self) -> Array:
        """The numbers of the labels, which is what scikit-learn calls the classes."""
        return np.arange(self.n_labels)

    def head(self) -> Head:
        """Return the head for these labels."""
        return MultiLabelHead(self.n_labels)

    def encode(self, y: Any, rows: int | None = None) -> Array:
        """Return what the head is fed: float32 of shape (n, n_labels).

        Raises
        ------
        InvalidValue
            Another number of columns or rows, or values besides 0 and 1.
        """
        array = label_array(y, rows)
        if array.shape[1:] != (self.n_labels,):
            raise ShapeMismatch("y", f"must have {self.n_labels} columns", f"shape {array.shape}")
        wrong = ~np.isin(array, (0, 1)) if array.dtype.kind in "biuf" else np.ones(1, bool)
        if wrong.any():
            values = _shortened(np.unique(array))
            raise InvalidValue("y", "must be 0 or 1 for each label", values, "use a binary matrix")
        return array.astype(np.float32)

    def decode(self, answer: npt.ArrayLike) -> Array:
        """Return the indicator matrix as whole numbers."""
        return np.asarray(answer).astype(np.int64)

    def to_config(self) -> dict[str, Any]:
        """Return what `labels_from_config` takes."""
        names = None if self.names is None else list(map(str, self.names))
        return {"name": "indicators", "n_labels": self.n_labels, "names": names}


@dataclass(frozen=True)
class NumericLabels:
    """Numbers to predict, one or several a row.

    Parameters
    ----------
    columns : int, optional
        The number of outputs where `y` had two dimensions; predictions then have two as well.
    least : float
        The smallest number allowed: 0 for a Poisson loss.

    Examples
    --------
    >>> from cannery.estimators.labels import NumericLabels
    >>> labels = NumericLabels.learn([1, 2.5])
    >>> labels.encode([3]).tolist(), labels.decode([[3.5]]).tolist()
    ([[3.0]], [3.5])
    """

    columns: int | None = None
    least: float = -np.inf

    @classmethod
    def learn(cls, y: Any, least: float = -np.inf) -> Self:
        """Return the labels of a regressor's `y`."""
        array = _some(label_array(y))
        labels = cls(array.shape[1] if array.ndim == 2 else None, least)
        labels.encode(y)
        return labels

    @property
    def width(self) -> int:
        """The number of outputs."""
        return 1 if self.columns is None else self.columns

    def encode(self, y: Any, rows: int | None = None) -> Array:
        """Return what the head is fed: float32 of shape (n, width).

        Raises
        ------
        InvalidValue
            Another number of rows or columns; numbers missing, infinite, too large or too small.
        InvalidType
            Text.
        """
        array = label_array(y, rows)
        if array.ndim == 1:
            array = array[:, None]
        if array.shape[1] != self.width:
            wrong = f"must have {self.width} columns" if self.columns else "y should be a 1d array"
            raise ShapeMismatch("y", wrong, f"shape {array.shape}")
        if array.dtype.kind not in "biuf":
            raise InvalidType("y", "must be numbers", _shortened(array.ravel()), "use a classifier")
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float32)
        if not np.isfinite(numbers).all():
            largest = float(np.abs(array).max())
            raise InvalidValue("y", "contains a value too large for float32", largest, "scale y")
        if (numbers < self.least).any():
            raise InvalidValue("y", f"must be at least {self.least:g}", float(numbers.min()))
        return numbers

    def decode(self, answer: npt.ArrayLike) -> Array:
        """Return predictions in the number of dimensions that `y` had, in float64."""
        array = np.asarray(answer, np.float64)
        return array.reshape(-1) if self.columns is None else array

    def to_config(self) -> dict[str, Any]:
        """Return what `labels_from_config` takes."""
        least = None if np.isinf(self.least) else self.least
        return {"name": "numbers", "columns": self.columns, "least": least}


def labels_from_config(config: Mapping[str, Any]) -> ClassLabels | IndicatorLabels | NumericLabels:
    """Return the labels that `to_config` described.

    Raises
    ------
    NotFound
        A name that is none of ``"classes"``, ``"indicators"`` and ``"numbers"``.
    """
    name = config.get("name")
    if name == "classes":
        return ClassLabels(np.array(config["classes"], np.dtype(config["dtype"])))
    if name == "indicators":
        names: Sequence[str] | None = config["names"]
        return IndicatorLabels(config["n_labels"], None if names is None else tuple(names))
    if name == "numbers":
        least = config["least"]
        return NumericLabels(config["columns"], -np.inf if least is None else least)
    raise NotFound("labels", "unknown name", repr(name), "choose classes, indicators or numbers")
