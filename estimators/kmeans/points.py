"""Points to cluster: their nearest centres, in blocks of rows that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ...errors import InvalidValue

__all__ = ["Assigned", "Points"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Result = TypeVar("Result")
BLOCK = 1 << 18  # numbers in a block of distances
TINY = 1e-6  # a mean of unit vectors that is this short has no direction


@dataclass(frozen=True, eq=False)
class Assigned:
    """Which centre is nearest to each point, and what that makes of the centres.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
    distances : ndarray of float32, shape (n,)
        Squared, to the nearest centre.
    sums : ndarray of float64, shape (k, d)
        The weighted sum of each centre's points.
    weights : ndarray of float64, shape (k,)
        Their weight.
    """

    labels: npt.NDArray[np.int32]
    distances: Floats
    sums: Doubles
    weights: Doubles


@dataclass(frozen=True, eq=False)
class Points:
    """Weighted points.

    Parameters
    ----------
    x : ndarray of float32, shape (n, d)
    weights : ndarray of float32, shape (n,), optional
        All above zero; None for ones.
    unit : bool
        Whether points and centres have length one: half of their squared distance is then the
        cosine distance, and centres are means pulled back onto the sphere.
    threads : int
        Blocks of rows that are worked on at once; no result depends on their number.
    """

    x: Floats
    weights: Floats | None = None
    unit: bool = False
    threads: int = 1

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(cls, x: Floats, weights: Any, origin: Floats, unit: bool, threads: int) -> Points:
        """Return the rows of some weight around an origin, or those with a direction as units.

        Raises
        ------
        InvalidValue
            With `unit`, rows that are all zero.
        """
        if not unit:
            kept = None if weights is None or weights.all() else weights > 0
        else:
            largest = np.abs(x).max(axis=1, keepdims=True)
            kept = largest[:, 0] > 0 if weights is None else (largest[:, 0] > 0) & (weights > 0)
            if not kept.any():
                wrong = "rows are all zero, and have no direction"
                raise InvalidValue("X", wrong, todo="choose distance='squared_euclidean'")
        if kept is not None and not kept.all():
            x, weights = x[kept], None if weights is None else weights[kept]
            largest = largest[kept] if unit else None
        if unit:
            x = x / largest
            x /= np.linalg.norm(x, axis=1, keepdims=True)
        else:
            x = x - origin
        narrow = None if weights is None else weights.astype(np.float32)
        return cls(np.ascontiguousarray(x), narrow, unit, threads)

    @cached_property
    def norms(self) -> Floats:
        """The squared length of each point."""
        return np.einsum("ij,ij->i", self.x, self.x)

    def take(self, places: Any) -> Points:
        """Return some of the points."""
        weights = None if self.weights is None else self.weights[places]
        return replace(self, x=self.x[places], weights=weights)

    def in_blocks(self, work: Callable[[slice], Result], width: int) -> list[Result]:
        """Return what `work` makes of each block of rows, small enough for `width` numbers each.

        numpy leaves Python to the other threads while it works.
        """
        step = max(64, BLOCK // max(1, width))
        blocks = [slice(start, start + step) for start in range(0, len(self), step)]
        if self.threads == 1 or len(blocks) == 1:
            return list(map(work, blocks))
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, blocks))

    def total(self, values: Floats) -> float:
        """Return the weighted sum of a number for each point."""
        if self.weights is None:
            return float(np.sum(values, dtype=np.float64))
        return float(np.dot(values.astype(np.float64), self.weights))

    def assign(self, centers: Doubles) -> Assigned:
        """Return each point's nearest centre: the largest ``x c - |c|^2 / 2``."""
        narrow = centers.astype(np.float32)
        shift = np.einsum("ij,ij->i", narrow, narrow) / 2
        labels = np.empty(len(self), np.int32)
        distances = np.empty(len(self), np.float32)

        def work(rows: slice) -> tuple[Any, Any]:
            block = self.x[rows]
            scores = block @ narrow.T
            scores -= shift
            found = scores.argmax(axis=1)
            labels[rows] = found
            best = np.take_along_axis(scores, found[:, None], axis=1)[:, 0]
            distances[rows] = self.norms[rows] - 2 * best
            each = None if self.weights is None else self.weights[rows]
            weights = np.bincount(found, each, minlength=len(centers))
            return _sums(block, found, each, len(centers)), weights

        sums, weights = np.zeros(centers.shape), np.zeros(len(centers))
        for part, weight in self.in_blocks(work, len(centers)):
            sums += part
            weights += weight
        return Assigned(labels, np.maximum(distances, 0, out=distances), sums, weights)

    def onto_sphere(self, centers: Doubles) -> Doubles:
        """Return unit centres where `unit` asks for them; those without a direction as zeros."""
        if not self.unit:
            return centers
        lengths = np.linalg.norm(centers, axis=1, keepdims=True)
        return np.divide(centers, lengths, out=np.zeros_like(centers), where=lengths > TINY)


def _sums(x: Floats, labels: Any, weights: Floats | None, clusters: int) -> Any:
    """Return the sum of each cluster's points."""
    data = np.ones(len(x), np.float32) if weights is None else weights
    # One entry a column: the product adds each point to its cluster, in order.
    ones = scipy.sparse.csc_array(
        (data, labels.astype(np.int32), np.arange(len(x) + 1, dtype=np.int32)),
        shape=(clusters, len(x)),
    )
    return ones @ x
