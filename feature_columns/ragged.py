"""Several ids per row."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Ragged", "combinations"]

Take = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Ragged:
    """Several ids per row: row i has ``ids[offsets[i]:offsets[i + 1]]``, weighted alike.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n + 1,)
    ids : ndarray of int32 or int64
        -1 is a value outside the vocabulary, which counts for nothing.
    weights : ndarray of float32, optional
        One per id.
    """

    offsets: np.ndarray
    ids: np.ndarray
    weights: np.ndarray | None = None

    def keep(self, mask: np.ndarray) -> Ragged:
        """Return only the entries where `mask` holds."""
        if mask.all():
            return self
        counts = np.concatenate([[0], np.cumsum(mask)])
        weights = None if self.weights is None else self.weights[mask]
        return Ragged(counts[self.offsets], self.ids[mask], weights)


def combinations(sides: Sequence[np.ndarray | None], rows: int) -> tuple[np.ndarray, list[Take]]:
    """Return where the combinations of rows' values are, and what takes each side's values there.

    Parameters
    ----------
    sides : sequence of (ndarray of int64, shape (rows + 1,)) or None
        Each side's offsets; None where it has one value a row.
    rows : int

    Returns
    -------
    offsets : ndarray of int64, shape (rows + 1,)
    takes : list of callable
        One a side: from its values to those of each combination, of which the last side turns
        fastest.

    Examples
    --------
    >>> offsets, (letters, numbers) = combinations([np.array([0, 2, 3]), None], rows=2)
    >>> offsets.tolist(), letters(np.array(["a", "b", "c"])).tolist()
    ([0, 2, 3], ['a', 'b', 'c'])
    >>> numbers(np.array([1, 2])).tolist()
    [1, 1, 2]
    """
    lists = [side for side in sides if side is not None]
    if len(lists) == 1:
        (only,) = lists
        repeated: Take = functools.partial(np.repeat, repeats=np.diff(only))
        own: Take = operator.itemgetter(slice(only[0], only[-1]))
        return only - only[0], [repeated if side is None else own for side in sides]
    each = np.arange(rows + 1, dtype=np.int64)
    starts = [(each if side is None else side)[:-1] for side in sides]
    lengths = [np.diff(each if side is None else side) for side in sides]
    counts = np.prod(np.stack(lengths), axis=0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    row = np.repeat(np.arange(rows), counts)
    place = np.arange(len(row)) - offsets[row]
    found: list[Take] = []
    for start, length in zip(starts[::-1], lengths[::-1], strict=True):
        place, within = np.divmod(place, length[row])
        found.append(functools.partial(np.take, indices=start[row] + within))
    return offsets, found[::-1]
