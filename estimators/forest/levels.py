"""Trees grown by numpy, a level at a time, where there is no C compiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .examples import MISSING_BIN, Examples, Rules
from .scores import Nodes, child_score, draw
from .splits import CELLS, Members, Splits, try_categories, try_numbers
from .tree import Tree

__all__ = ["LevelGrower"]

Array = npt.NDArray[Any]
CHILD = 1 << 31  # the draws of a node that make its children's keys


@dataclass(frozen=True, eq=False)
class _Level:
    """Rows by node, each node's in their order, and what each node was handed."""

    rows: Array
    node: Array
    key: Array
    least: Array
    most: Array

    def __len__(self) -> int:
        return len(self.key)


class LevelGrower:
    """Grows the trees that C grows, by numpy.

    Parameters
    ----------
    examples : Examples
    rules : Rules
    """

    def __init__(self, examples: Examples, rules: Rules):
        self.examples, self.rules = examples, rules

    def grow(self, weights: npt.NDArray[np.float64], key: int) -> Tree:
        """Return a tree of the rows of positive weight, whose draws follow from `key`."""
        rows = np.flatnonzero(weights > 0)
        columns = [weights[:, None]]
        if self.examples.targets is not None:
            columns.append(weights[:, None] * self.examples.targets)
        packed = np.concatenate(columns, axis=1)
        nothing = np.zeros(len(rows), np.int64)
        edge = np.array([np.inf])
        level = _Level(rows, nothing, np.array([key], np.uint64), -edge, edge)
        parts: list[dict[str, Array]] = []
        words: list[Array] = []
        depth = before = 0
        while len(level):
            before += len(level)
            found, level = self._grow_level(level, packed, depth, before, words)
            parts.append(found)
            depth += 1
        nodes = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        subsets = np.concatenate(words).astype(np.int32) if words else np.empty(0, np.int32)
        return Tree(**nodes, words=subsets).by_level(self.examples.numbers)

    def leaves(self, tree: Tree, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the node of `tree` that each of some rows ends in."""
        return tree.leaves(self.examples, rows)

    def _grow_level(
        self, level: _Level, packed: Array, depth: int, before: int, words: list[Array]
    ) -> tuple[dict[str, Array], _Level]:
        rules, count = self.rules, np.bincount(level.node, minlength=len(level))
        classes = self.examples.classes
        members = Members(
            level.rows,
            level.node,
            packed[level.rows],
            None if classes is None else classes[level.rows],
            self.examples.outputs,
        )
        total = members.sum_by(level.node, len(level))
        value = total[:, 1:] / total[:, :1]
        if rules.monotonic is not None:
            value = np.clip(value, level.least[:, None], level.most[:, None])
        starts = np.cumsum(count) - count
        alike = self.examples.alike[level.rows]
        mixed = np.minimum.reduceat(alike, starts) < np.maximum.reduceat(alike, starts)
        active = mixed & (count >= rules.min_samples_split) & (depth < rules.max_depth)
        active &= count >= 2 * rules.min_samples_leaf
        second = self._second(members, total)
        nodes = Nodes(total, second, count, level.key, level.least, level.most)
        splits = self._search(nodes, members, np.flatnonzero(active))
        found = {
            "feature": splits.feature,
            "cut": splits.cut,
            "left": np.zeros(len(level), np.int32),
            "missing_left": splits.missing_left > 0,
            "gain": np.zeros(len(level)),
            "weight": total[:, 0],
            "value": value,
        }
        split = splits.feature >= 0
        found["gain"][split] = splits.score[split] - child_score(rules.criterion, total[split])
        found["left"][split] = before + 2 * np.arange(np.count_nonzero(split))
        return found, self._part(level, packed, splits, found, words)

    def _second(self, members: Members, total: Array) -> Array:
        if members.classes is not None:
            return total[:, 0]
        squares = np.zeros(len(members.rows))
        for q in range(1, members.sums.shape[1]):
            squares += members.sums[:, q] * members.sums[:, q] / members.sums[:, 0]
        return np.bincount(members.node, squares, len(total))

    def _search(self, nodes: Nodes, members: Members, active: Array) -> Splits:
        """Return the best split of each node, active ones some at a time."""
        splits = Splits.none(len(nodes.count))
        columns = self.examples.columns
        step = max(1, CELLS // max(256 * (1 + self.examples.outputs), columns))
        for low in range(0, len(active), step):
            self._search_some(nodes, members, active[low : low + step], splits)
        return splits

    def _search_some(self, nodes: Nodes, members: Members, active: Array, splits: Splits) -> None:
        examples, columns = self.examples, self.examples.columns
        order = np.tile(np.arange(columns, dtype=np.int32), (len(active), 1))
        row = np.arange(len(active))
        tools = (examples, self.rules, nodes, members)
        for drawn in range(columns):
            pending = row
            if drawn >= self.rules.max_features:
                pending = row[splits.feature[active] < 0]
            if not len(pending):
                break
            bits = draw(nodes.key[active[pending]], drawn) >> np.uint64(32)
            at = drawn + ((bits * np.uint64(columns - drawn)) >> np.uint64(32)).astype(np.int64)
            feature = order[pending, at]
            order[pending, at] = order[pending, drawn]
            order[pending, drawn] = feature
            number = feature < examples.numbers
            if number.any():
                try_numbers(*tools, active[pending[number]], feature[number], splits)
            if not number.all():
                try_categories(*tools, active[pending[~number]], feature[~number], splits)

    def _part(
        self,
        level: _Level,
        packed: Array,
        splits: Splits,
        found: dict[str, Array],
        words: list[Array],
    ) -> _Level:
        """Part the rows of the nodes that split; fill in where their missing ones go."""
        split = splits.feature >= 0
        kept = split[level.node]
        rows, node = level.rows[kept], level.node[kept]
        goes = self._goes_left(rows, node, splits)
        left_weight = np.bincount(node[goes], packed[rows[goes], 0], len(level))
        heavier = 2.0 * left_weight >= found["weight"]
        undecided = split & (splits.missing_left < 0)
        found["missing_left"][undecided] = heavier[undecided]
        start = sum(map(len, words))
        for place in np.flatnonzero(split & (splits.feature >= self.examples.numbers)):
            words.append(_subset(splits.side[int(place)]))
            found["cut"][place] = start
            start += len(words[-1])
        number = np.cumsum(split) - 1
        child = 2 * number[node] + ~goes
        order = np.argsort(child, kind="stable")
        pair = np.arange(CHILD, CHILD + 2)
        key = draw(level.key[split][:, None], pair).ravel()
        least, most = self._bounds(level, splits)
        return _Level(rows[order], child[order], key, least, most)

    def _bounds(self, level: _Level, splits: Splits) -> tuple[Array, Array]:
        split = splits.feature >= 0
        least, most = np.repeat(level.least[split], 2), np.repeat(level.most[split], 2)
        if self.rules.monotonic is not None:
            sign, middle = self.rules.monotonic[splits.feature[split]], splits.middle[split]
            up, down = np.flatnonzero(sign > 0), np.flatnonzero(sign < 0)
            most[2 * up] = least[2 * up + 1] = middle[up]
            least[2 * down] = most[2 * down + 1] = middle[down]
        return least, most

    def _goes_left(self, rows: Array, node: Array, splits: Splits) -> Array:
        examples, feature = self.examples, splits.feature[node]
        goes = np.zeros(len(rows), bool)
        number = feature < examples.numbers
        bins = examples.bins[feature[number], rows[number]]
        missing = splits.missing_left[node[number]] > 0
        goes[number] = np.where(bins == MISSING_BIN, missing, bins <= splits.cut[node[number]])
        if not number.all():
            places = np.array(sorted(splits.side))
            sides = [splits.side[int(place)] for place in places]
            starts = np.zeros(len(splits.feature), np.int64)
            lengths = np.array([len(side) for side in sides])
            starts[places] = np.cumsum(lengths) - lengths
            others = ~number
            ids = examples.ids[feature[others] - examples.numbers, rows[others]]
            goes[others] = np.concatenate(sides)[starts[node[others]] + 1 + ids]
        return goes


def _subset(side: Array) -> Array:
    """Return a subset as words, without the last ids that go where missing ones go."""
    inside = side[1:]
    differ = np.flatnonzero(inside != side[0])
    inside = inside[: differ[-1] + 1] if len(differ) else inside[:0]
    padded = np.zeros(-(-len(inside) // 32) * 32, bool)
    padded[: len(inside)] = inside
    bits = np.packbits(padded, bitorder="little").view("<u4")
    return np.concatenate([np.array([len(inside)], np.uint32), bits]).view(np.int32)
