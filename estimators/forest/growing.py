"""Forests: which rows each tree is grown from, in threads, and what rows left out say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import numpy.typing as npt

from .compiled import CompiledGrower
from .examples import Examples, Rules
from .levels import LevelGrower
from .scores import draw
from .tree import Tree

__all__ = ["Drawing", "Grown", "OutOfBag", "grow_forest"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Drawing:
    """Which rows a tree is grown from.

    Parameters
    ----------
    trees : int
    seed : int
        What every tree's draws follow from, together with its number.
    draws : int
        How many rows are drawn with replacement; 0 to take each row once.
    max_leaf_nodes : int, optional
    """

    trees: int
    seed: int
    draws: int = 0
    max_leaf_nodes: int | None = None

    def counts(self, tree: int, weights: Array) -> Array:
        """Return how often each row is drawn; rows without weight never are."""
        kept = np.flatnonzero(weights > 0)
        counts = np.zeros(len(weights))
        if not self.draws:
            counts[kept] = 1.0
            return counts
        drawn = np.random.default_rng((self.seed, tree)).integers(len(kept), size=self.draws)
        counts[kept] = np.bincount(drawn, minlength=len(kept))
        return counts


@dataclass(eq=False)
class OutOfBag:
    """For each row the sum of what the trees say that were grown without it, and their number."""

    sums: Array
    trees: Array

    def means(self) -> Array:
        """Return the mean over these trees; NaN where every tree has seen the row."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.sums / self.trees[:, None])


@dataclass(frozen=True, eq=False)
class Grown:
    """The trees of a forest, and its rows out of bag where they were asked for."""

    trees: tuple[Tree, ...]
    out_of_bag: OutOfBag | None


def grow_forest(
    examples: Examples,
    rules: Rules,
    drawing: Drawing,
    weights: npt.NDArray[np.float64],
    *,
    threads: int = 1,
    jit: bool = True,
    out_of_bag: bool = False,
) -> Grown:
    """Grow a forest.

    Each tree follows from the seed and its number, so the forest is the same to the last bit
    whatever the number of threads, and whether C grows it or numpy.

    Parameters
    ----------
    examples : Examples
    rules : Rules
    drawing : Drawing
    weights : ndarray of float64, shape (rows,)
    threads : int
    jit : bool
        Whether C grows the trees.
    out_of_bag : bool
        Whether to add up what each tree says of the rows it was not grown from.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.forest.examples import Examples, Rules
    >>> from cannery.estimators.forest.growing import Drawing, grow_forest
    >>> bins, ids = np.arange(6, dtype=np.uint8)[None], np.zeros((0, 6), np.int32)
    >>> y = np.array([0, 0, 0, 1, 1, 1])
    >>> sizes, targets = np.zeros(0, np.int32), y[:, None].astype(float)
    >>> examples = Examples(bins, ids, sizes, 1, y.astype(np.int32), targets)
    >>> (tree,) = grow_forest(examples, Rules(), Drawing(1, 0), np.ones(6), jit=False).trees
    >>> tree.feature.tolist(), tree.cut[:1].tolist(), tree.value.ravel().tolist()
    ([0, -1, -1], [2], [0.5, 0.0, 1.0])
    """
    grower = CompiledGrower(examples, rules) if jit else LevelGrower(examples, rules)

    def grow(number: int) -> tuple[Tree, Array, Array]:
        counts = drawing.counts(number, weights)
        key = int(draw(np.array([drawing.seed], np.uint64), number)[0])
        tree = grower.grow(counts * weights, key)
        if drawing.max_leaf_nodes is not None:
            tree = tree.with_most_leaves(drawing.max_leaf_nodes, examples.numbers)
        left_out = np.flatnonzero(counts == 0).astype(np.int32) if out_of_bag else None
        if left_out is None:
            return tree, np.empty(0, np.int32), tree.value[:0]
        return tree, left_out, tree.value[grower.leaves(tree, left_out)]

    found = OutOfBag(np.zeros((examples.rows, examples.outputs)), np.zeros(examples.rows))
    trees = []
    for tree, rows, values in _in_threads(grow, drawing.trees, threads):
        trees.append(tree)
        found.sums[rows] += values  # in the order of trees
        found.trees[rows] += 1
    return Grown(tuple(trees), found if out_of_bag else None)


def _in_threads(function: Any, count: int, threads: int) -> Iterator[Any]:
    if threads == 1:
        yield from map(function, range(count))
        return
    with ThreadPool(min(threads, count)) as pool:
        yield from pool.imap(function, range(count))
