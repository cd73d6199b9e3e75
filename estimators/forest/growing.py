"""Forests: which rows each tree is grown from, and what rows left out say."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from .compiled import CompiledGrower
from .examples import Examples, Rules
from .levels import LevelGrower
from .scores import draw
from .tree import Tree

__all__ = ["Drawing", "Grown", "Leafed", "Nursery", "OutOfBag", "grow_forest"]

Array = npt.NDArray[Any]
NOTHING = np.empty(0, np.int32)


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


Leafed = tuple[Tree, Array, Array]


class Nursery:
    """What the trees of a forest are grown from, each by its number and in no order.

    Parameters
    ----------
    examples : Examples
    rules : Rules
    drawing : Drawing
    weights : ndarray of float64, shape (rows,)
    jit : bool
        Whether C grows the trees.
    out_of_bag : bool
        Whether to ask each tree about the rows that it was not grown from.
    """

    def __init__(
        self,
        examples: Examples,
        rules: Rules,
        drawing: Drawing,
        weights: npt.NDArray[np.float64],
        *,
        jit: bool = True,
        out_of_bag: bool = False,
    ):
        self.examples, self.rules, self.drawing = examples, rules, drawing
        self.weights, self.jit, self.out_of_bag = weights, jit, out_of_bag
        self._grower = CompiledGrower(examples, rules) if jit else LevelGrower(examples, rules)

    def grow(self, number: int) -> Leafed:
        """Return a tree, the rows that it was not grown from, and the nodes these end in.

        It follows from the seed and its number alone, to the last bit, whether C grows it or numpy.
        """
        drawing = self.drawing
        counts = drawing.counts(number, self.weights)
        key = int(draw(np.array([drawing.seed], np.uint64), number)[0])
        tree = self._grower.grow(counts * self.weights, key)
        if drawing.max_leaf_nodes is not None:
            tree = tree.with_most_leaves(drawing.max_leaf_nodes, self.examples.numbers)
        if not self.out_of_bag:
            return tree, NOTHING, NOTHING
        left_out = np.flatnonzero(counts == 0).astype(np.int32)
        return tree, left_out, self._grower.leaves(tree, left_out)

    def forest(self, trees: Iterable[Leafed]) -> Grown:
        """Return the forest of trees that come in the order of their numbers."""
        rows, outputs = self.examples.rows, self.examples.outputs
        found, grown = OutOfBag(np.zeros((rows, outputs)), np.zeros(rows)), []
        for tree, left_out, nodes in trees:
            grown.append(tree)
            found.sums[left_out] += tree.value[nodes]  # in the order of trees
            found.trees[left_out] += 1
        return Grown(tuple(grown), found if self.out_of_bag else None)


def grow_forest(nursery: Nursery, threads: int = 1, verbose: int = 0) -> Grown:
    """Grow a forest in this process: the same one whatever the number of threads.

    Parameters
    ----------
    nursery : Nursery
    threads : int
    verbose : int
        1 shows a progress bar.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.forest.examples import Examples, Rules
    >>> from cannery.estimators.forest.growing import Drawing, Nursery, grow_forest
    >>> bins, ids = np.arange(6, dtype=np.uint8)[None], np.zeros((0, 6), np.int32)
    >>> y = np.array([0, 0, 0, 1, 1, 1])
    >>> sizes, targets = np.zeros(0, np.int32), y[:, None].astype(float)
    >>> examples = Examples(bins, ids, sizes, 1, y.astype(np.int32), targets)
    >>> nursery = Nursery(examples, Rules(), Drawing(1, 0), np.ones(6), jit=False)
    >>> (tree,) = grow_forest(nursery).trees
    >>> tree.feature.tolist(), tree.cut[:1].tolist(), tree.value.ravel().tolist()
    ([0, -1, -1], [2], [0.5, 0.0, 1.0])
    """
    count = nursery.drawing.trees
    shown: Any = functools.partial(tqdm, total=count, unit=" trees", disable=verbose != 1)
    if threads == 1:
        return nursery.forest(shown(map(nursery.grow, range(count))))
    with ThreadPool(min(threads, count)) as pool:
        return nursery.forest(shown(pool.imap(nursery.grow, range(count))))
