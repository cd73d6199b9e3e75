"""Centres that move towards one batch after the other."""

from __future__ import annotations

import copy

import numpy as np

from .points import Doubles, Points

__all__ = ["Stream"]

ROWS_BEFORE_RESEEDING = 10  # for each cluster


class Stream:
    """Centres, and how much weight each is the mean of.

    A centre moves to the mean of all points that it was ever nearest to. One that was nearest to
    none of the last ``10 * k`` points or more starts anew at a point of the batch that is farthest
    from its centre; no centre ever moves anywhere else.

    Parameters
    ----------
    centers : ndarray of float64, shape (k, d)
    weights : ndarray of float64, shape (k,)

    Examples
    --------
    >>> import numpy as np
    >>> stream = Stream(np.array([[0.0], [9.0]]), np.zeros(2))
    >>> stream.step(Points(np.array([[1.0], [2.0], [9.0]], np.float32)))
    (5.0, 3.0)
    >>> stream.centers.tolist(), stream.weights.tolist()
    ([[1.5], [9.0]], [2.0, 1.0])
    """

    def __init__(self, centers: Doubles, weights: Doubles):
        self.centers, self.weights = centers.copy(), weights.copy()
        self._lately = np.zeros(len(centers))
        self._rows = 0

    def copy(self) -> Stream:
        """Return the same, of which no step touches this one."""
        return copy.deepcopy(self)

    def step(self, batch: Points) -> tuple[float, float]:
        """Move the centres; return the batch's inertia before, and its weight."""
        found, _, distances = batch.distances(self.centers)
        total = batch.total(distances)
        met = found.weights > 0
        self.weights += found.weights
        ahead = found.sums[met] - found.weights[met, None] * self.centers[met]
        self.centers[met] += ahead / self.weights[met, None]
        self.centers[met] = _kept(batch.onto_sphere(self.centers)[met], self.centers[met])
        self._lately += found.weights
        self._rows += len(batch)
        if self._rows >= ROWS_BEFORE_RESEEDING * len(self.centers):
            self._reseed(batch, distances)
        return total, float(found.weights.sum())

    def _reseed(self, batch: Points, distances: np.ndarray) -> None:
        idle = np.flatnonzero(self._lately == 0)[: len(batch)]
        if len(idle):
            far = np.argsort(-distances, kind="stable")[: len(idle)]
            idle = idle[: np.count_nonzero(distances[far])]  # no farther point, no better place
            self.centers[idle] = batch.x[far[: len(idle)]]
            self.weights[idle] = 0
        self._lately[:] = 0
        self._rows = 0


def _kept(centers: Doubles, before: Doubles) -> Doubles:
    """Return centres, those without a direction as they were."""
    return np.where(centers.any(axis=1, keepdims=True), centers, before)
