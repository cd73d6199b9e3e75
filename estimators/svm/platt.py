"""Probabilities from scores: Platt's sigmoid, fitted to scores that rows had while held out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from ...feature_columns import Encoded

__all__ = ["FOLDS", "folds", "platt", "row_codes"]

Floats = npt.NDArray[np.float64]
FOLDS = 5
STEPS = 100
ODD = np.uint64(0x9E3779B97F4A7C15)


def platt(scores: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> tuple[float, float]:
    """Return slope and offset of the sigmoid that makes probabilities of scores.

    Maximum likelihood by Newton's method with backtracking, for the targets
    ``(N1 + 1) / (N1 + 2)`` and ``1 / (N0 + 2)`` instead of one and zero, N1 and N0 being the
    weights of both classes (Platt 2000; Lin, Lin and Weng 2007). Where the likeliest sigmoid falls,
    scores say nothing: the slope is zero.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.svm.platt import platt
    >>> scores = np.array([-2.0, -1.0, 1.0, 2.0])
    >>> slope, offset = platt(scores, scores > 0, np.ones(4))
    >>> slope > 0, abs(offset) < 1e-6
    (True, True)
    """
    ups = float(weights[positive].sum())
    downs = float(weights.sum()) - ups
    targets = np.where(positive, (ups + 1) / (ups + 2), 1 / (downs + 2))
    size = float(np.abs(scores).max(initial=0.0)) or 1.0
    x = np.stack([scores / size, np.ones(len(scores))])
    point = np.array([0.0, np.log((ups + 1) / (downs + 1))])
    loss = _loss(point @ x, targets, weights)
    for _ in range(STEPS):
        found = expit(point @ x)
        slope = x @ (weights * (found - targets))
        curve = (x * (weights * found * (1 - found))) @ x.T + 1e-12 * np.eye(2)
        step = -np.linalg.solve(curve, slope)
        length = 1.0
        while length > 1e-10:
            after = _loss((point + length * step) @ x, targets, weights)
            if after <= loss + 1e-4 * length * float(slope @ step):
                break
            length /= 2
        else:
            break
        point, gained, loss = point + length * step, loss - after, after
        if gained <= 1e-14 * abs(loss):
            break
    if point[0] <= 0:
        return 0.0, float(np.log((ups + 1) / (downs + 1)))
    return float(point[0] / size), float(point[1])


def _loss(logits: Floats, targets: Floats, weights: Floats) -> float:
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(weights @ losses)


def row_codes(encoded: Encoded) -> npt.NDArray[np.uint64]:
    """Return a number for each row that equal rows share."""
    found = np.zeros(len(encoded), np.uint64)
    numbers = np.ascontiguousarray(encoded.numbers).view(np.uint32)
    for block in (numbers, encoded.ids):
        each = _mixed(np.arange(1, block.shape[1] + 1, dtype=np.uint64))
        for j in range(block.shape[1]):
            found += _mixed(block[:, j].astype(np.int64).view(np.uint64) + each[j])
    for place, ragged in enumerate(encoded.ragged.values()):
        entries = _mixed(ragged.ids.astype(np.int64).view(np.uint64) + np.uint64(place))
        if ragged.weights is not None:
            bits = np.ascontiguousarray(ragged.weights, np.float32).view(np.uint32)
            entries = _mixed(entries + bits)
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(entries)])
        found += _mixed(sums[ragged.offsets[1:]] - sums[ragged.offsets[:-1]])
    return found


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return values whose bits all depend on all bits (the finish of splitmix64)."""
    values = (values + ODD) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def folds(
    codes: npt.NDArray[np.uint64], classes: npt.NDArray[np.intp], seed: int
) -> npt.NDArray[np.intp]:
    """Return the part that each row is held out with; classes keep their shares.

    Equal rows go together, so that a row of weight two is the same as two rows, and no copy of a
    row judges what the row itself has taught.
    """
    found = np.zeros(len(codes), np.intp)
    for number, label in enumerate(np.unique(classes)):
        rows = classes == label
        _, inverse = np.unique(codes[rows], return_inverse=True)
        distinct = np.unique(codes[rows])
        ranks = np.argsort(np.argsort(_mixed(distinct ^ np.uint64(seed)), kind="stable"))
        found[rows] = (ranks[inverse.reshape(-1)] + number) % FOLDS
    return found
