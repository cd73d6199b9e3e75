"""A tree as arrays, in an order of nodes that does not tell how it was grown."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .examples import MISSING_BIN, Examples

__all__ = ["Tree"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Tree:
    """The nodes of a tree; children come after their parent, the right one after the left.

    Parameters
    ----------
    feature : ndarray of int32, shape (nodes,)
        The column that parts the rows, -1 in a leaf.
    cut : ndarray of int32, shape (nodes,)
        The last bin that goes left; of a categorical column, where its subset starts in `words`.
    left : ndarray of int32, shape (nodes,)
    missing_left : ndarray of bool, shape (nodes,)
    gain : ndarray of float64, shape (nodes,)
        By how much the split lowers the criterion, summed over the weight of the node's rows.
    weight : ndarray of float64, shape (nodes,)
    value : ndarray of float64, shape (nodes, outputs)
        The weighted mean of targets, or the share of each class.
    words : ndarray of int32
        Subsets of categories that go left, as `cannery.graph.tree_leaves` takes them.
    """

    feature: npt.NDArray[np.int32]
    cut: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    gain: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    words: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.feature)

    def by_level(self, numbers: int) -> Tree:
        """Return the same tree with its nodes in the order of levels, and subsets in theirs.

        Parameters
        ----------
        numbers : int
            How many columns hold numbers; the nodes of others have subsets.
        """
        return self._reordered(self._by_level(self.feature >= 0), self.feature, numbers)

    def _by_level(self, splits: npt.NDArray[np.bool_]) -> Array:
        levels = [np.zeros(1, np.int64)]
        while len(levels[-1]):
            left = self.left[levels[-1][splits[levels[-1]]]]
            pairs = np.empty(2 * len(left), np.int64)
            pairs[::2], pairs[1::2] = left, left + 1
            levels.append(pairs)
        return np.concatenate(levels)

    def _reordered(self, order: Array, feature: Array, numbers: int) -> Tree:
        place = np.zeros(len(self), np.int32)
        place[order] = np.arange(len(order))
        feature, cut = feature[order], self.cut[order].copy()
        splits = feature >= 0
        left = np.where(splits, place[self.left[order]], 0).astype(np.int32)
        chosen = np.flatnonzero(feature >= numbers)
        starts = cut[chosen]
        covered = self.words[starts].astype(np.int64) if len(chosen) else np.zeros(0, np.int64)
        lengths = 1 + (covered + 31) // 32
        ends = np.cumsum(lengths)
        cut[chosen] = ends - lengths
        taken = np.repeat(starts - cut[chosen], lengths) + np.arange(ends[-1] if len(ends) else 0)
        return Tree(
            feature.astype(np.int32),
            cut,
            left,
            self.missing_left[order] & splits,
            np.where(splits, self.gain[order], 0.0),
            self.weight[order],
            self.value[order],
            self.words[taken] if len(chosen) else self.words[:0],
        )

    def with_most_leaves(self, leaves: int, numbers: int) -> Tree:
        """Return the tree that has split where most was gained first, up to so many leaves.

        It is the tree that grows best first, for what a split gains does not depend on others.
        """
        feature = np.full(len(self), -1, np.int32)
        waiting = [(-self.gain[0], 0)] if self.feature[0] >= 0 else []
        for _ in range(leaves - 1):
            if not waiting:
                break
            _, node = heapq.heappop(waiting)
            feature[node] = self.feature[node]
            for child in (self.left[node], self.left[node] + 1):
                if self.feature[child] >= 0:
                    heapq.heappush(waiting, (-self.gain[child], int(child)))
        return self._reordered(self._by_level(feature >= 0), feature, numbers)

    def leaves(self, examples: Examples, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the node each of some rows ends in."""
        node = np.zeros(len(rows), np.int32)
        going = np.flatnonzero(self.feature[node] >= 0)
        while len(going):
            at, row = node[going], rows[going]
            feature, left = self.feature[at], self.missing_left[at].copy()
            number = feature < examples.numbers
            bins = examples.bins[feature[number], row[number]]
            known = bins != MISSING_BIN
            left[number] = np.where(known, bins <= self.cut[at[number]], left[number])
            others = np.flatnonzero(~number)
            if len(others):
                ids = examples.ids[feature[others] - examples.numbers, row[others]]
                left[others] = self._inside(at[others], ids)
            node[going] = self.left[at] + ~left
            going = going[self.feature[node[going]] >= 0]
        return node

    def _inside(self, node: Array, ids: Array) -> Array:
        start = self.cut[node]
        seen = (ids >= 0) & (ids < self.words[start])
        word = np.where(seen, start + 1 + (ids >> 5), 0)
        inside = self.words[word] >> (ids & 31) & 1 > 0
        return np.where(seen, inside, self.missing_left[node])
