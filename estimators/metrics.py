"""Weighted metrics of a whole data set, in float64: what heads report is made of these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidValue

__all__ = [
    "areas_under_curves",
    "decision_metrics",
    "ratio",
    "threshold_metrics",
    "weighted_mean",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def ratio(part: float, whole: float, otherwise: float = float("nan")) -> float:
    """Return ``part / whole``, or `otherwise` where there is nothing to divide by."""
    return float(part) / float(whole) if whole else otherwise


def weighted_mean(values: Floats, weights: Floats) -> float:
    """Return ``sum(w * v) / sum(w)``; NaN where the weights are all zero."""
    return ratio(np.sum(weights * values), np.sum(weights))


def decision_metrics(
    positive: Bools, chosen: Bools, weights: Floats, suffix: str = ""
) -> dict[str, float]:
    """Return the weighted accuracy, precision and recall of yes-or-no decisions.

    Precision without a positive decision is 0, and so is recall without a positive label.
    """
    hits = np.sum(weights * (positive & chosen))
    return {
        f"accuracy{suffix}": weighted_mean((positive == chosen).astype(np.float64), weights),
        f"precision{suffix}": ratio(hits, np.sum(weights * chosen), 0.0),
        f"recall{suffix}": ratio(hits, np.sum(weights * positive), 0.0),
    }


def threshold_metrics(
    positive: Bools, probabilities: npt.NDArray[Any], weights: Floats, thresholds: Sequence[float]
) -> dict[str, float]:
    """Return the metrics of deciding by ``probability > threshold``, for each threshold."""
    found: dict[str, float] = {}
    for threshold in thresholds:
        if not 0.0 < threshold < 1.0:
            raise InvalidValue("thresholds", "must lie between 0 and 1", threshold)
        # 0.3 as float32 is above 0.3: the comparison must be in the dtype of the probabilities.
        chosen = probabilities > probabilities.dtype.type(threshold)
        suffix = f"/positive_threshold_{threshold:g}"
        found |= decision_metrics(positive, chosen, weights, suffix)
    return found


def areas_under_curves(labels: Any, scores: Any, weights: Any) -> tuple[float, float]:
    """Return the exact areas under the ROC curve and under the precision-recall curve.

    Every distinct score is a threshold. Between two thresholds the ROC curve is a straight line,
    and on the precision-recall curve the true positives are: there precision is interpolated as in
    [1]_, which is what TensorFlow does on its fixed grid of 200 thresholds.

    Parameters
    ----------
    labels : array of shape (n,)
        0 and 1. A label between them counts as that much of a positive and the rest a negative.
    scores : array of shape (n,)
        Higher means more likely positive.
    weights : array of shape (n,)

    Returns
    -------
    roc : float
        NaN unless both classes have weight.
    precision_recall : float
        NaN unless the positive class has weight.

    References
    ----------
    .. [1] J. Davis and M. Goadrich, "The relationship between precision-recall and ROC curves",
       ICML 2006.

    Examples
    --------
    >>> from cannery.estimators.metrics import areas_under_curves
    >>> areas_under_curves([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], [1, 1, 1, 1])[0]
    0.75
    """
    labels, scores, weights = (np.asarray(array, np.float64) for array in (labels, scores, weights))
    if not len(scores) or np.isnan(scores).any():
        return float("nan"), float("nan")
    order = np.argsort(-scores)
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)

    def counts(shares: Floats) -> Floats:
        return np.append(0.0, np.cumsum((weights * shares)[order])[last])

    true, false = counts(labels), counts(1.0 - labels)
    roc = np.sum(np.diff(false) * (true[1:] + true[:-1])) / 2
    return ratio(roc, true[-1] * false[-1]), ratio(_precision_area(true, true + false), true[-1])


def _precision_area(true: Floats, chosen: Floats) -> float:
    """Integrate ``true / chosen`` over ``true``, both linear between neighbouring points."""
    more, wider = np.diff(true), np.diff(chosen)
    slope = np.divide(more, wider, out=np.zeros_like(more), where=wider > 0)
    offset = true[1:] - slope * chosen[1:]
    growth = np.divide(chosen[1:], chosen[:-1], out=np.ones_like(more), where=chosen[:-1] > 0)
    return float(np.sum(slope * (more + offset * np.log(growth))))
