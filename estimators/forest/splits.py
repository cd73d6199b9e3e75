"""The best cut of a column in each of several nodes, found by numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .examples import MISSING_BIN, Examples, Rules
from .scores import Nodes, cut_scores, gain_by_chance

__all__ = ["Members", "Splits", "try_categories", "try_numbers"]

Array = npt.NDArray[Any]
BINS = 256
CELLS = 1 << 21  # of a matrix at a time


@dataclass(frozen=True, eq=False)
class Members:
    """Rows of nodes, each node's in the order of rows.

    Parameters
    ----------
    rows : ndarray of int, shape (members,)
    node : ndarray of int, shape (members,)
        The place of each row's node.
    sums : ndarray of float64, shape (members, 1 + outputs) or (members, 1)
        Weight and weighted targets; of rows with classes, the weight alone.
    classes : ndarray of int32, shape (members,), optional
    outputs : int
    """

    rows: Array
    node: Array
    sums: Array
    classes: Array | None
    outputs: int

    def of(self, chosen: Array) -> Members:
        """Return the rows of the nodes at `chosen`, which are counted anew from 0."""
        place = np.full(int(self.node.max(initial=-1)) + 1, -1)
        place[chosen] = np.arange(len(chosen))
        kept = place[self.node] >= 0
        classes = None if self.classes is None else self.classes[kept]
        node = place[self.node[kept]]
        return Members(self.rows[kept], node, self.sums[kept], classes, self.outputs)

    def sum_by(self, cell: Array, cells: int) -> Array:
        """Return the sums over the rows of each cell, row after row: (cells, 1 + outputs)."""
        found = np.zeros((cells, 1 + self.outputs))
        found[:, 0] = np.bincount(cell, self.sums[:, 0], cells)
        if self.classes is None:
            for q in range(1, 1 + self.outputs):
                found[:, q] = np.bincount(cell, self.sums[:, q], cells)
            return found
        each = np.bincount(cell * self.outputs + self.classes, self.sums[:, 0], found[:, 1:].size)
        found[:, 1:] = each.reshape(cells, self.outputs)
        return found


@dataclass(eq=False)
class Splits:
    """The best split of each node so far."""

    score: Array
    feature: Array
    cut: Array
    missing_left: Array  # -1: whoever is heavier
    middle: Array
    side: dict[int, Array] = field(default_factory=dict)  # of each category, missing first

    @classmethod
    def none(cls, nodes: int) -> Splits:
        """Return no splits."""
        return cls(
            np.full(nodes, -np.inf),
            np.full(nodes, -1, np.int32),
            np.zeros(nodes, np.int32),
            np.full(nodes, -1),
            np.zeros(nodes),
        )

    def improve(
        self, chosen: Array, feature: Array, scores: Array, cuts: Array, missing: Array, mid: Array
    ) -> Array:
        """Take what is better than before for the nodes at `chosen`; return which were."""
        better = scores > self.score[chosen]
        at = chosen[better]
        self.score[at], self.feature[at] = scores[better], feature[better]
        self.cut[at], self.missing_left[at] = cuts[better], missing[better]
        self.middle[at] = mid[better]
        return better


def try_numbers(
    examples: Examples,
    rules: Rules,
    nodes: Nodes,
    members: Members,
    chosen: Array,
    feature: Array,
    splits: Splits,
) -> None:
    """Try a number column, another for each, in the nodes at `chosen`."""
    nodes, members = nodes.take(chosen), members.of(chosen)
    bins = examples.bins[feature[members.node], members.rows]
    cell, shape = members.node * BINS + bins, (len(chosen), BINS)
    sums = members.sum_by(cell, len(chosen) * BINS).reshape(*shape, -1)
    counts = np.bincount(cell, minlength=len(chosen) * BINS).reshape(shape)
    running, run = np.cumsum(sums[:, :-1], axis=1), np.cumsum(counts[:, :-1], axis=1)
    occupied = counts[:, :-1] > 0
    missing = counts[:, MISSING_BIN] > 0
    last = MISSING_BIN - 1 - occupied[:, ::-1].argmax(axis=1)
    not_last = np.arange(MISSING_BIN) < last[:, None]
    possible = occupied & (not_last | missing[:, None])
    sign = np.zeros(len(chosen)) if rules.monotonic is None else rules.monotonic[feature]

    def offer(base: Array, base_count: Array, possible: Array, missing_left: Array) -> None:
        left, left_count = running + base[:, None], run + base_count[:, None]
        scores, middles = cut_scores(rules, nodes, left, left_count, possible, sign)
        best, row = scores.argmax(axis=1), np.arange(len(chosen))
        later = occupied & (np.arange(MISSING_BIN) > best[:, None])
        following = np.where(later.any(axis=1), later.argmax(axis=1), best + 1)
        cuts = best + (following - best - 1) // 2
        found = scores[row, best]
        splits.improve(chosen, feature, found, cuts, missing_left, middles[row, best])

    nothing = np.zeros(len(chosen), np.int64)
    offer(np.zeros_like(nodes.total), nothing, possible, np.where(missing, 0, -1))
    if missing.any():
        base = np.where(missing[:, None], nodes.total - running[:, -1], 0.0)
        base_count = np.where(missing, nodes.count - run[:, -1], 0)
        offer(base, base_count, occupied & not_last & missing[:, None], nothing + 1)


def try_categories(
    examples: Examples,
    rules: Rules,
    nodes: Nodes,
    members: Members,
    chosen: Array,
    feature: Array,
    splits: Splits,
) -> None:
    """Try a categorical column, another for each, in the nodes at `chosen`."""
    most = int(examples.sizes.max()) + 1
    step = max(1, CELLS // (most * (1 + members.outputs)))
    for low in range(0, len(chosen), step):
        part = slice(low, low + step)
        where = (nodes, members, chosen[part], feature[part])
        _try_some_categories(examples, rules, *where, most, splits)


def _try_some_categories(
    examples: Examples,
    rules: Rules,
    nodes: Nodes,
    members: Members,
    chosen: Array,
    feature: Array,
    most: int,
    splits: Splits,
) -> None:
    nodes, members = nodes.take(chosen), members.of(chosen)
    ids = examples.ids[feature[members.node] - examples.numbers, members.rows]
    cell, inverse = np.unique(members.node * most + (1 + ids), return_inverse=True)
    inverse, node, place = inverse.reshape(-1), cell // most, cell % most
    sums, counts = members.sum_by(inverse, len(cell)), np.bincount(inverse, minlength=len(cell))
    squares = np.bincount(inverse, members.sums[:, 0] * members.sums[:, 0], len(cell))
    by_chance = gain_by_chance(rules.criterion, nodes, sums, squares, node)
    order = np.lexsort((_order_keys(nodes, sums, node), node))
    node, place, sums, counts = node[order], place[order], sums[order], counts[order]
    starts = np.searchsorted(node, np.arange(len(chosen)))
    groups = np.diff(np.append(starts, len(node)))
    rank = np.arange(len(node)) - starts[node]
    shape = (len(chosen), int(groups.max()))
    padded, padded_counts = np.zeros((*shape, sums.shape[1])), np.zeros(shape, np.int64)
    padded[node, rank], padded_counts[node, rank] = sums, counts
    left, left_count = np.cumsum(padded, axis=1), np.cumsum(padded_counts, axis=1)
    possible = np.arange(shape[1]) < groups[:, None] - 1
    sign = np.zeros(len(chosen))
    scores, middles = cut_scores(rules, nodes, left, left_count, possible, sign)
    best, row = scores.argmax(axis=1), np.arange(len(chosen))
    found, middle = scores[row, best] - by_chance, middles[row, best]
    better = splits.improve(chosen, feature, found, best * 0, best * 0, middle)
    for i in np.flatnonzero(better):
        these = slice(starts[i], starts[i] + groups[i])
        size = int(examples.sizes[feature[i] - examples.numbers])
        side = np.full(1 + size, left[i, best[i], 0] * 2 >= nodes.total[i, 0])
        side[place[these]] = rank[these] <= best[i]
        splits.side[int(chosen[i])] = side
        splits.missing_left[chosen[i]] = side[0]


def _order_keys(nodes: Nodes, sums: Array, node: Array) -> Array:
    """Return what categories are ordered by in their node: see categories.h."""
    weight, total, count = sums[:, 0], nodes.total[node], len(nodes.total)
    if sums.shape[1] == 2:
        return np.asarray(sums[:, 1] / weight)
    deviations = sums[:, 1:] - weight[:, None] * (total[:, 1:] / total[:, :1])
    spread = np.stack([np.bincount(node, d * d / weight, count) for d in deviations.T], axis=1)
    along = deviations[np.arange(len(node)), spread.argmax(axis=1)[node]]
    direction = np.stack(
        [np.bincount(node, d * along / weight, count) for d in deviations.T], axis=1
    )
    keys = np.zeros(len(node))
    for q in range(deviations.shape[1]):
        keys += deviations[:, q] * direction[node, q]
    return keys / weight
