"""Decision trees: the leaf that each row ends in, for all trees of an ensemble at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue
from ..code import Writer, size_text
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .comparison import cast

__all__ = ["tree_leaves", "tree_nodes"]

WORDS = 4  # of a node: its test, its threshold or subset, its two children
ROWS = 256  # followed at a time by the array kernel: what they need stays in cache
STRAYS = "every test must lead to a node below"


class _TreeLeaves(Op):
    """y[i, t] = the leaf of tree t that row i ends in."""

    name = "tree_leaves"
    row_local = True
    random_access = (0, 1, 2, 3, 4)
    shares_tables = True
    libraries = ("trees.h", "trees_in_lanes.h")

    def infer(
        self, numbers: Tensor, ids: Tensor, nodes: Tensor, subsets: Tensor, roots: Tensor
    ) -> Spec:
        given = (numbers, ids, nodes, subsets, roots)
        if numbers.rank != 2 or ids.rank != 2 or numbers.shape[0] != ids.shape[0]:
            raise self.refuse("takes a row of numbers and one of ids for each row", *given)
        if numbers.dtype != np.float32:
            raise self.refuse("takes float32 numbers (use cast)", *given)
        if any(x.dtype != np.int32 for x in given[1:]):
            raise self.refuse("takes int32 ids, nodes, subsets and roots (use cast)", *given)
        if nodes.rank != 2 or nodes.shape[1] != WORDS or subsets.rank != 1 or roots.rank != 1:
            raise self.refuse(f"takes nodes (n, {WORDS}), subsets (words,), roots (trees,)", *given)
        known = (numbers.shape[1], ids.shape[1], nodes.shape[0], *subsets.shape, *roots.shape)
        if not all(isinstance(size, int) for size in known):
            raise self.refuse("takes trees and columns of known number", *given)
        return Spec((numbers.shape[0], roots.shape[0]), np.dtype("int32"))

    def kernel(self, xp: Any) -> Kernel:
        def compute(
            numbers: Array,
            ids: Array,
            nodes: Array,
            subsets: Array,
            roots: Array,
            out: Array | None = None,
        ) -> Array:
            trees = (nodes, subsets, roots)
            if xp is not np:
                return _leaves_anywhere(xp, numbers, ids, *trees)
            if out is None:
                out = np.empty((len(numbers), len(roots)), np.int32)
            for low in range(0, len(numbers), ROWS):
                rows = slice(low, low + ROWS)
                out[rows] = _leaves(numbers[rows], ids[rows], *trees)
            return out

        return compute

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        numbers, ids, nodes, subsets, roots = y.inputs
        where = c.check(self.name, STRAYS)
        c.line(f"leaves_of({c.pointer(nodes)}, {size_text(nodes.shape[0])},")
        c.line(f"    {c.pointer(subsets)}, {size_text(subsets.shape[0])},")
        c.line(f"    {c.pointer(roots)}, {size_text(roots.shape[0])},")
        for x in (numbers, ids):
            c.line(f"    {c.rows_of(x)}, {size_text(x.shape[1])},")
        c.line(f"    {c.size(y.shape[0])}, {c.pointer(y)}, bad, {where});")

    def samples(self) -> Iterable[Sample]:
        numbers = np.array([[0.5, 2], [0.25, -1], [1.5, 1], [-3, 0]], np.float32)
        ids = np.array([[0], [-1], [40], [2**31 - 1]], np.int32)
        nodes = tree_nodes(
            columns=[0, 1, 2, 1, 2],
            thresholds=[0.5, 1.0, 0, -0.0, 0],
            subsets=[0, 0, 0, 0, 3],
            left=[~0, ~1, 3, ~3, ~5],
            right=[1, ~2, 4, ~4, ~6],
            missing_left=[True, False, True, False, False],
            numbers=2,
        )
        subsets = np.array([41, 0b101, 1 << 8, 3, 0b001], np.int32)
        roots = np.array([0, 2, ~7], np.int32)
        trees = (nodes, subsets, roots)
        yield Sample((numbers, ids, *trees), batched=(0, 1), differentiable=False)
        many = np.repeat(ids, 3, 1)
        yield Sample((numbers, many, *trees), batched=(0, 1), differentiable=False)


_tree_leaves = _TreeLeaves()
OPS.add("tree_leaves", _tree_leaves)


def _leaves(numbers: Array, ids: Array, nodes: Array, subsets: Array, roots: Array) -> Array:
    """Return the leaves of some rows, following all of them level by level."""
    reached = np.tile(roots, len(numbers))
    place = np.flatnonzero(reached >= 0)
    node, row = reached[place], place // max(len(roots), 1)
    for _ in range(len(nodes) + 1):
        if not len(node):
            break
        if node.max() >= len(nodes):
            raise _stray(nodes, int(node.max()))
        child = _children(np, numbers, ids, nodes, subsets, node, row)
        on = child >= 0
        reached[place[~on]] = child[~on]
        place, node, row = place[on], child[on], row[on]
    if len(node):
        raise _stray(nodes, int(node[0]))
    return ~reached.reshape(len(numbers), len(roots))


def _stray(nodes: Array, node: int) -> InvalidValue:
    return InvalidValue("op 'tree_leaves'", f"{STRAYS} {len(nodes)}", node)


def _children(
    xp: Any, numbers: Array, ids: Array, nodes: Array, subsets: Array, node: Array, row: Array
) -> Array:
    """Return where each row goes on from its node; what is no test leads past the last node."""
    test, width = nodes[node, 0], numbers.shape[1]
    column, left = test >> 1, test & 1 > 0
    known = (column >= 0) & (column < width)
    if width:
        x = numbers[row, xp.where(known, column, 0)]
        left = xp.where(known & (x == x), x <= nodes.view("float32")[node, 1], left)
    if xp is not np or not known.all():
        chosen = column - width
        on_id = (chosen >= 0) & (chosen < ids.shape[1])
        if ids.shape[1] and len(subsets):
            number = ids[row, xp.where(on_id, chosen, 0)]
            known_id, seen, inside = _found(xp, subsets, nodes[node, 1], number)
            known = known | (on_id & known_id)
            left = xp.where(on_id & seen, inside, left)
    return xp.where(known, nodes[node, xp.where(left, 2, 3)], len(nodes))


def _found(xp: Any, subsets: Array, start: Array, number: Array) -> tuple[Array, Array, Array]:
    """Return whether there is a subset at `start`, whether it covers an id, whether it has it."""
    last = len(subsets) - 1
    known = (start >= 0) & (start <= last)
    start = xp.clip(start, 0, last)
    seen = (number >= 0) & (number < subsets[start])
    # In 64 bits, for a subset may claim more words than there are.
    word = start.astype("int64") + 1 + (number >> 5)
    bits = subsets[xp.clip(word, 0, last)] >> (number & 31)
    return known & ~(seen & (word > last)), seen, bits & 1 > 0


def _leaves_anywhere(
    xp: Any, numbers: Array, ids: Array, nodes: Array, subsets: Array, roots: Array
) -> Array:
    """Return what `_leaves` does, by functions that every array library has."""
    row = xp.repeat(xp.arange(len(numbers)), len(roots))
    node = xp.tile(roots, len(numbers))
    for _ in range(len(nodes) + 1):
        if not (node >= 0).any():
            break
        at = xp.clip(node, 0, len(nodes) - 1)
        child = _children(xp, numbers, ids, nodes, subsets, at, row)
        node = xp.where(node >= 0, child, node)
    return ~node.reshape(len(numbers), len(roots))


def tree_nodes(
    columns: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    subsets: npt.ArrayLike,
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    missing_left: npt.ArrayLike,
    numbers: int,
) -> npt.NDArray[np.int32]:
    """Return the table of nodes that `tree_leaves` takes, from one array for each fact.

    A node is four int32 words, 16 bytes that lie in one cache line:

    0. ``2 * column + missing_left``. Columns count the numbers first, then the ids.
    1. For a number the bits of its float32 threshold; for an id where its subset starts.
    2. The left child: the row of another node, or ``~leaf`` (negative) for a leaf.
    3. The right child.

    Leaves are no nodes, so a tree with n leaves has n - 1 nodes, and one leaf alone none at all.

    Parameters
    ----------
    columns : array-like of shape (nodes,)
        Which column each node tests; from `numbers` on they are columns of ids.
    thresholds : array-like of shape (nodes,)
        A number goes left where it is at most this, in float32. Any where an id is tested.
    subsets : array-like of shape (nodes,)
        Where the subset of ids starts among the words of all subsets. Any where a number is tested.
    left, right : array-like of shape (nodes,)
        Children, which come after their parent; ``~leaf`` for a leaf.
    missing_left : array-like of shape (nodes,)
        Whether missing numbers and ids go left.
    numbers : int
        How many columns are numbers.

    Returns
    -------
    ndarray of int32, shape (nodes, 4)

    Raises
    ------
    InvalidValue
        A column is negative, or a child does not come after its parent.

    Examples
    --------
    >>> from cannery.graph import tree_nodes
    >>> tree_nodes([0], [0.5], [0], [~0], [~1], [True], numbers=1).tolist()
    [[1, 1056964608, -1, -2]]
    """
    columns, left, right = (np.asarray(x, np.int64) for x in (columns, left, right))
    if len(columns) and columns.min() < 0:
        raise InvalidValue("tree nodes", "columns must be at least 0", int(columns.min()))
    nodes = np.empty((len(columns), WORDS), np.int32)
    nodes[:, 0] = 2 * columns + np.asarray(missing_left, bool)
    bits = np.asarray(thresholds, np.float32).view(np.int32)
    nodes[:, 1] = np.where(columns < numbers, bits, np.asarray(subsets, np.int32))
    nodes[:, 2], nodes[:, 3] = left, right
    _require_order(nodes)
    return nodes


def _require_order(nodes: Array) -> None:
    """Refuse children that are not below their parent: rows would walk in circles, or away."""
    children = nodes[:, 2:]
    wrong = (children >= 0) & (children <= np.arange(len(nodes))[:, None])
    wrong |= children >= len(nodes)
    if wrong.any():
        node = int(wrong.any(1).argmax())
        given = f"{nodes[node, 2:].tolist()} of node {node}, of {len(nodes)} nodes"
        raise InvalidValue("tree nodes", "children must come after their parent", given)


def tree_leaves(
    numbers: TensorLike | None,
    ids: TensorLike | None,
    nodes: TensorLike,
    subsets: TensorLike,
    roots: TensorLike,
) -> Tensor:
    """Return the leaf of every tree that each row ends in.

    At a node a row goes left where its number is at most the threshold, or where its id is in the
    subset, and otherwise right. A number that is NaN, a negative id, and an id that the subset does
    not cover are missing: they go where the node sends them. `tree_nodes` makes the table.

    Parameters
    ----------
    numbers : Tensor of float32, shape (batch, n), or None
    ids : Tensor of int32, shape (batch, m), or None
    nodes : Tensor of int32, shape (nodes, 4)
        Of all trees.
    subsets : Tensor of int32, shape (words,)
        Subsets of any size, one after the other: a word that says how many ids the subset covers,
        from 0 on, then their bits in words of 32, the lowest first. Nodes may share one.
    roots : Tensor of int32, shape (trees,)
        Where each tree begins: a row of `nodes`, or ``~leaf`` for a tree that is one leaf.

    Returns
    -------
    Tensor of int32, shape (batch, trees)
        The leaves, as they are numbered in `nodes`: over the whole ensemble, so that
        ``sum_rows(values, leaves)`` is the sum of their rows in one table. It has no gradient.

    Raises
    ------
    InvalidValue
        Constant trees that are none. When run: a test of a column or subset that is not there, or
        a child that is no node.

    Examples
    --------
    Two trees, of which the second is a single leaf:

    >>> from cannery.graph import evaluate, placeholder, tree_leaves, tree_nodes
    >>> nodes = tree_nodes([0], [0.5], [0], [~0], [~1], [True], numbers=1)
    >>> x = placeholder("x", (None, 1))
    >>> leaves = tree_leaves(x, None, nodes, [0], [0, ~2])
    >>> evaluate([leaves], {"x": [[0.25], [0.75], [float("nan")]]})[0].tolist()
    [[0, 2], [1, 2], [0, 2]]
    """
    if numbers is None and ids is None:
        raise InvalidValue("tree_leaves", "needs numbers or ids", None)
    # A column that is not there is none of those that nodes count.
    numbers = cast(as_tensor(ids)[:, :0], np.float32) if numbers is None else as_tensor(numbers)
    ids = cast(numbers[:, :0], np.int32) if ids is None else as_tensor(ids)
    table = as_tensor(nodes)
    if table.op.name == "constant":
        _require_order(table.attributes["value"])
    trees = (as_tensor(subsets, table), as_tensor(roots, table))
    return _tree_leaves(numbers, ids, table, *trees)
