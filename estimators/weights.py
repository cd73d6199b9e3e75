"""Weights of rows: `sample_weight` and `class_weight` made into one number for each row."""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue, ShapeMismatch
from .labels import ClassLabels

__all__ = ["check_sample_weight", "row_weights"]

Floats = npt.NDArray[np.float64]


def check_sample_weight(sample_weight: Any, rows: int) -> Floats | None:
    """Return a weight for each row, or None where none were given.

    Parameters
    ----------
    sample_weight : array-like of shape (rows,), number or None
    rows : int

    Raises
    ------
    InvalidValue
        Another number of weights than rows; weights negative, missing, infinite or all zero.
    InvalidType
        Weights that are no numbers.

    Examples
    --------
    >>> from cannery.estimators.weights import check_sample_weight
    >>> check_sample_weight([3, 0], rows=2)
    array([3., 0.])
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Real):
        sample_weight = np.full(rows, sample_weight)
    try:
        weights = np.array(sample_weight, np.float64)
    except (TypeError, ValueError):
        given = reprlib.repr(sample_weight)
        raise InvalidType("sample_weight", "must be numbers", given) from None
    if weights.shape != (rows,):
        wrong = f"must be a 1D array of {rows}, one for each row"
        raise ShapeMismatch("sample_weight", wrong, f"shape {weights.shape}")
    for bad, wrong in (
        (~np.isfinite(weights), "contains NaN or infinity"),
        (weights < 0, "Negative values in data passed to sample_weight"),
    ):
        if bad.any():
            first = int(bad.argmax())
            raise InvalidValue("sample_weight", wrong, f"{weights[first]} at row {first}")
    if rows and not weights.any():
        wrong = "must contain at least one non-zero number"
        raise InvalidValue("sample_weight", wrong, f"{rows} weights of zero")
    return weights


def row_weights(
    labels: Any, encoded: npt.NDArray[Any], class_weight: Any, sample_weight: Floats | None
) -> Floats | None:
    """Return ``class_weight[class of row] * sample_weight``, or None where both are.

    ``"balanced"`` gives each class the same share of the total weight, as scikit-learn does:
    ``sum(w) / (n_classes * sum of the w of that class)``, over the classes that have weight.
    Classes that a mapping leaves out have weight one.

    Parameters
    ----------
    labels : ClassLabels
    encoded : ndarray
        What ``labels.encode`` gave.
    class_weight : mapping of class to number, "balanced" or None
    sample_weight : ndarray of shape (n,) or None
        As `check_sample_weight` gave it.

    Raises
    ------
    InvalidValue
        A class that is not there, or a weight that is negative or not finite.

    Examples
    --------
    >>> from cannery.estimators.labels import ClassLabels
    >>> from cannery.estimators.weights import row_weights
    >>> y = ["a", "b", "b", "b"]
    >>> labels = ClassLabels.learn(y)
    >>> row_weights(labels, labels.encode(y), {"b": 0.5}, None)
    array([1. , 0.5, 0.5, 0.5])
    """
    if class_weight is None:
        return sample_weight
    if not isinstance(labels, ClassLabels):
        wrong = "needs one class for each row"
        raise InvalidValue("class_weight", wrong, repr(class_weight), "use sample_weight")
    ids = encoded.reshape(-1).astype(np.intp)
    weights = np.ones(len(ids)) if sample_weight is None else sample_weight
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = np.bincount(ids, weights, minlength=len(labels.classes))
        present = totals > 0
        share = totals.sum() / max(np.count_nonzero(present), 1)
        each = np.divide(share, totals, out=np.ones_like(totals), where=present)
    else:
        each = _weight_of_each(labels.classes, class_weight)
    return np.asarray(each[ids] * weights, np.float64)


def _weight_of_each(classes: npt.NDArray[Any], class_weight: Any) -> Floats:
    if not isinstance(class_weight, Mapping):
        wrong = "must be 'balanced', a mapping of class to weight, or None"
        error = InvalidValue if isinstance(class_weight, str) else InvalidType
        raise error("class_weight", wrong, repr(class_weight))
    known = classes.tolist()
    # A fold may lack a class; with one unweighted as well, it looks like a misspelling.
    strange = [key for key in class_weight if key not in known]
    if strange and any(name not in class_weight for name in known):
        raise InvalidValue("class_weight", "names classes that y lacks", strange, f"y has {known}")
    each = [class_weight.get(name, 1.0) for name in known]
    if not all(isinstance(w, numbers.Real) and 0 <= float(w) < np.inf for w in each):
        wrong = "must be finite numbers of at least 0"
        raise InvalidValue("class_weight", wrong, repr(dict(class_weight)))
    return np.array(each, np.float64)
