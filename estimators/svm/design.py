"""The rows of a linear problem: sparse columns and dense numbers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse

from ...feature_columns import Encoded
from ...feature_columns.ragged import Ragged

__all__ = ["Design"]

Floats = npt.NDArray[np.float64]
BLOCK = 1 << 20  # dense numbers that are widened to float64 at a time


@dataclass(frozen=True, eq=False)
class Design:
    """A matrix whose first columns are sparse and whose last ones are dense.

    Parameters
    ----------
    sparse : scipy.sparse.csr_array of float64, shape (n, S)
        No entry twice.
    dense : ndarray of float32, shape (n, D)

    Examples
    --------
    >>> import numpy as np, scipy.sparse
    >>> from cannery.estimators.svm import Design
    >>> design = Design.of(scipy.sparse.csr_array([[1.0, 0.0], [0.0, 2.0]]), np.ones((2, 1)))
    >>> design.scores(np.array([1.0, 2.0, 3.0])).tolist()
    [4.0, 7.0]
    >>> design.pull(np.array([1.0, -1.0])).tolist()
    [1.0, -2.0, 0.0]
    """

    sparse: Any
    dense: npt.NDArray[np.float32]

    @classmethod
    def of(cls, sparse: Any = None, dense: Any = None) -> Self:
        """Return the design of two blocks, either of which may be missing."""
        rows = len(dense) if sparse is None else sparse.shape[0]
        if sparse is None:
            sparse = scipy.sparse.csr_array((rows, 0), dtype=np.float64)
        numbers = np.zeros((rows, 0)) if dense is None else dense
        matrix = scipy.sparse.csr_array(sparse, dtype=np.float64)
        return cls(matrix, np.ascontiguousarray(numbers, np.float32))

    @classmethod
    def of_columns(
        cls,
        encoded: Encoded,
        starts: Sequence[tuple[Any, int]],
        size: int,
        numbers: Sequence[slice],
    ) -> Self:
        """Return the design of encoded columns.

        Parameters
        ----------
        encoded : Encoded
        starts : sequence of (place, int)
            Where each categorical column is in ``encoded.ids`` or ``encoded.ragged``, and the first
            of its sparse columns.
        size : int
            The number of sparse columns.
        numbers : sequence of slice
            The columns of ``encoded.numbers``, in order.
        """
        flat = [(place, start) for place, start in starts if not isinstance(place, str)]
        bags = [(encoded.ragged[place], start) for place, start in starts if isinstance(place, str)]
        matrix = _of_ids(encoded.ids, flat, size)
        for bag, start in bags:
            matrix = matrix + _of_bag(bag, start, size)
        matrix.sum_duplicates()
        dense = [encoded.numbers[:, place] for place in numbers]
        return cls(matrix, np.concatenate([np.zeros((len(encoded), 0), np.float32), *dense], 1))

    def __len__(self) -> int:
        return len(self.dense)

    @property
    def width(self) -> int:
        """The number of weights."""
        return int(self.sparse.shape[1] + self.dense.shape[1])

    def take(self, rows: Any) -> Design:
        """Return some of the rows."""
        return Design(self.sparse[rows], np.ascontiguousarray(self.dense[rows]))

    def columns(self, chosen: npt.NDArray[np.intp]) -> Design:
        """Return some of the columns, in increasing order."""
        count = self.sparse.shape[1]
        numbers = chosen[chosen >= count] - count
        sparse = self.sparse[:, chosen[chosen < count]]
        return Design(sparse, np.ascontiguousarray(self.dense[:, numbers]))

    def scores(self, weights: Floats) -> Floats:
        """Return the product with a vector of weights."""
        count = self.sparse.shape[1]
        found = np.asarray(self.sparse @ weights[:count], np.float64)
        for rows in self._blocks():
            found[rows] += self.dense[rows].astype(np.float64) @ weights[count:]
        return found

    def pull(self, values: Floats) -> Floats:
        """Return the product of the transpose with a value for each row."""
        dense = np.zeros(self.dense.shape[1])
        for rows in self._blocks():
            dense += values[rows] @ self.dense[rows].astype(np.float64)
        return np.concatenate([self.sparse.T @ values, dense])

    def squares(self, values: Floats) -> Floats:
        """Return the same product with the squares of the entries."""
        squared = self.sparse.copy()
        squared.data = squared.data**2
        dense = np.zeros(self.dense.shape[1])
        for rows in self._blocks():
            dense += values[rows] @ np.square(self.dense[rows], dtype=np.float64)
        return np.concatenate([squared.T @ values, dense])

    def array(self) -> Floats:
        """Return all of it as a dense matrix."""
        return np.concatenate([self.sparse.toarray(), self.dense.astype(np.float64)], axis=1)

    def _blocks(self) -> list[slice]:
        width = self.dense.shape[1]
        if not width:
            return []
        step = max(1, BLOCK // width)
        return [slice(start, start + step) for start in range(0, len(self), step)]


def _of_ids(ids: npt.NDArray[Any], places: Sequence[tuple[int, int]], size: int) -> Any:
    """Return a one for each id that is there."""
    rows = len(ids)
    shifts = np.array([start for _, start in places], np.int64)
    # Indices of 32 bits halve what a product reads.
    kind = np.int32 if max(size, rows * len(places)) < 2**31 else np.int64
    chosen = ids[:, [place for place, _ in places]]
    joined = (chosen + shifts).astype(kind)
    there = chosen >= 0
    if there.all():
        ends = np.arange(rows + 1, dtype=kind) * len(places)
        found = joined.reshape(-1)
    else:
        ends = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(kind)
        found = joined[there]
    matrix = scipy.sparse.csr_array((np.ones(len(found)), found, ends), (rows, size))
    # Each column has its own range, in order: nothing is there twice.
    matrix.has_canonical_format = bool((np.diff(shifts) >= 0).all())
    return matrix


def _of_bag(bag: Ragged, start: int, size: int) -> Any:
    kept = bag.keep(bag.ids >= 0)
    weights = np.ones(len(kept.ids)) if kept.weights is None else kept.weights.astype(np.float64)
    shape = (len(kept.offsets) - 1, size)
    return scipy.sparse.csr_array((weights, kept.ids + np.int64(start), kept.offsets), shape)
