"""Points to cluster: their nearest centres, in blocks of rows that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ...errors import InvalidValue
from .compiled import Nearest

__all__ = ["Assigned", "Far", "Points"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Result = TypeVar("Result")
BLOCK = 1 << 18  # numbers in a block of distances
TINY = 1e-6  # a mean of unit vectors that is this short has no direction


@dataclass(frozen=True, eq=False)
class Assigned:
    """What points make of the centres that they are nearest to.

    Attributes
    ----------
    sums : ndarray of float64, shape (k, d)
        The weighted sum of each centre's points.
    weights : ndarray of float64, shape (k,)
        Their weight.
    inertia : float
        The weighted sum of squared distances.
    """

    sums: Doubles
    weights: Doubles
    inertia: float


@dataclass(frozen=True, eq=False)
class Far:
    """Points that are far from the centre nearest to them, the farthest first.

    Attributes
    ----------
    x : ndarray of float32, shape (m, d)
    weights : ndarray of float64, shape (m,)
    labels : ndarray of int32, shape (m,)
        Their centres.
    distances : ndarray of float32, shape (m,)
        Squared; all above zero.
    """

    x: Floats
    weights: Doubles
    labels: npt.NDArray[np.int32]
    distances: Floats

    def first(self, count: int) -> Far:
        """Return the `count` farthest of these; of equal ones, those that stand first."""
        order = np.argsort(-self.distances, kind="stable")[:count]
        order = order[self.distances[order] > 0]
        return Far(*(array[order] for array in vars(self).values()))


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
    jit : bool
        Whether C looks for the nearest centres.
    """

    x: Floats
    weights: Floats | None = None
    unit: bool = False
    threads: int = 1
    jit: bool = False
    divided: ClassVar[bool] = False  # among workers

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(
        cls, x: Floats, weights: Any, origin: Floats, unit: bool, threads: int, jit: bool
    ) -> Points:
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
        narrow = None if weights is None else weights.astype(np.float32)
        found = cls(np.empty_like(x, order="C"), narrow, unit, threads, jit)

        def place(rows: slice) -> None:
            if unit:
                np.divide(x[rows], largest[rows], out=found.x[rows])
                found.x[rows] /= np.linalg.norm(found.x[rows], axis=1, keepdims=True)
            else:
                np.subtract(x[rows], origin, out=found.x[rows])

        found.in_blocks(place, found.blocks(x.shape[1]))
        return found

    @cached_property
    def norms(self) -> Floats:
        """The squared length of each point."""

        def work(rows: slice) -> Floats:
            return np.einsum("ij,ij->i", self.x[rows], self.x[rows])

        return np.concatenate(self.in_blocks(work, self.blocks(self.x.shape[1])))

    @property
    def progress(self) -> list[str]:
        """What to show of the workers, if there are any."""
        return []

    def take(self, places: Any) -> Points:
        """Return some of the points."""
        weights = None if self.weights is None else self.weights[places]
        return replace(self, x=self.x[places], weights=weights)

    def blocks(self, width: int) -> list[slice]:
        """Return blocks of rows with `width` numbers each that stay in the cache."""
        step = max(64, BLOCK // max(1, width))
        return [slice(start, start + step) for start in range(0, len(self), step)]

    def shares(self, step: int) -> list[slice]:
        """Return a slice of rows for each thread, all but the last of a multiple of `step`."""
        each = -(-len(self) // (step * self.threads)) * step
        return [slice(start, start + each) for start in range(0, len(self), each)]

    def in_blocks(self, work: Callable[[slice], Result], blocks: list[slice]) -> list[Result]:
        """Return what `work` makes of each of some blocks of rows, in their order.

        numpy and C leave Python to the other threads while they work.
        """
        if self.threads == 1 or len(blocks) == 1:
            return list(map(work, blocks))
        each = -(-len(blocks) // self.threads)  # blocks for a thread at once: they cost the same
        some = [blocks[start : start + each] for start in range(0, len(blocks), each)]
        with ThreadPoolExecutor(self.threads) as pool:
            found = pool.map(lambda part: list(map(work, part)), some)
            return [result for results in found for result in results]

    def total(self, values: Floats) -> float:
        """Return the weighted sum of a number for each point."""
        if self.weights is None:
            return float(np.sum(values, dtype=np.float64))
        return float(np.dot(values.astype(np.float64), self.weights))

    @cached_property
    def squares(self) -> float:
        """The weighted sum of squared lengths."""
        return self.total(self.norms)

    @cached_property
    def variance(self) -> float:
        """The mean over all numbers of the variance among points, whatever they weigh."""

        def work(rows: slice) -> Doubles:
            block = self.x[rows]
            sums = [block.sum(axis=0), np.einsum("ij,ij->j", block, block)]
            return np.array(sums, np.float64)

        sums, squares = np.sum(self.in_blocks(work, self.blocks(self.x.shape[1])), axis=0) / len(
            self
        )
        return float(np.mean(np.maximum(squares - sums**2, 0)))

    def assign(self, centers: Doubles) -> Assigned:
        """Return what points make of centres; the largest ``x c - |c|^2 / 2`` is nearest."""
        return self._look(centers, None, None)

    def distances(self, centers: Doubles) -> tuple[Assigned, npt.NDArray[np.int32], Floats]:
        """Return the same, each point's centre, and its squared distance from there."""
        labels, scores = np.empty(len(self), np.int32), np.empty(len(self), np.float32)
        found = self._look(centers, labels, scores)
        distances = self.norms - 2 * scores
        return found, labels, np.maximum(distances, 0, out=distances)

    def farthest(self, centers: Doubles, count: int) -> Far:
        """Return the points that are farthest from their centres, at most `count`."""
        _, labels, distances = self.distances(centers)
        count = min(count, len(self))
        places = np.sort(np.argpartition(-distances, count - 1)[:count])
        weights = np.ones(count) if self.weights is None else self.weights[places]
        found = self.x[places], weights.astype(np.float64), labels[places], distances[places]
        return Far(*found).first(count)

    def _look(self, centers: Doubles, labels: Any, scores: Any) -> Assigned:
        nearest = Nearest(centers) if self.jit else _Nearest(centers)

        def work(rows: slice) -> tuple[Doubles, Doubles, float]:
            each = (array if array is None else array[rows] for array in (labels, scores))
            weights = None if self.weights is None else self.weights[rows]
            return nearest.add(self.x[rows], weights, *each)

        sums, weights, total = np.zeros(centers.shape), np.zeros(len(centers)), 0.0
        for of_block in self.in_blocks(work, self.blocks(nearest.width)):
            sums += of_block[0]
            weights += of_block[1]
            total += of_block[2]
        return Assigned(sums, weights, max(0.0, self.squares - 2 * total))

    def onto_sphere(self, centers: Doubles) -> Doubles:
        """Return unit centres where `unit` asks for them; those without a direction as zeros."""
        if not self.unit:
            return centers
        lengths = np.linalg.norm(centers, axis=1, keepdims=True)
        return np.divide(centers, lengths, out=np.zeros_like(centers), where=lengths > TINY)


class _Nearest:
    """What `Nearest` does, by numpy."""

    def __init__(self, centers: Doubles):
        self._centers = centers.astype(np.float32)
        self._shift = np.einsum("ij,ij->i", self._centers, self._centers) / 2
        self.width = len(centers)

    def add(
        self, x: Floats, each: Floats | None, labels: Any, scores: Any
    ) -> tuple[Doubles, Doubles, float]:
        found = x @ self._centers.T
        found -= self._shift
        label = found.argmax(axis=1)
        best = np.take_along_axis(found, label[:, None], axis=1)[:, 0]
        if labels is not None:
            labels[:], scores[:] = label, best
        data = np.ones(len(x), np.float32) if each is None else each
        # One entry a column: the product adds each point to its cluster, in order.
        ones = scipy.sparse.csc_array(
            (data, label.astype(np.int32), np.arange(len(x) + 1, dtype=np.int32)),
            shape=(self.width, len(x)),
        )
        weights = np.bincount(label, each, self.width).astype(np.float64)
        return ones @ x, weights, float(np.dot(best.astype(np.float64), data))
