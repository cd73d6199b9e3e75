"""Decision trees: the leaf that each row ends in, for all trees of an ensemble at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import Code, Index, Writer, size_text
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .comparison import cast
from .joining import concat
from .tree_table import (
    INLINE,
    jump_bits,
    order_of,
    require_children,
    tree_nodes,
    with_far_jumps,
)

__all__ = ["tree_leaves"]

ROWS = 256  # followed at a time by the array kernel: what they need stays in cache
STRAYS = "every test must lead to a node below"


class _FloatOrder(Op):
    """y = a whole number in the order of the float32 numbers, of which NaN is the least."""

    name = "float_order"
    by_row = True
    libraries = ("trees.h",)

    def infer(self, x: Tensor) -> Spec:
        if x.dtype != np.float32:
            raise self.refuse("takes float32 numbers (use cast)", x)
        return Spec(x.shape, np.dtype("int32"))

    def kernel(self, xp: Any) -> Kernel:
        def compute(x: Array, out: Array | None = None) -> Array:
            found = order_of(x, xp)
            if out is None:
                return found
            out[...] = found
            return out

        return compute

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        x = c.read(y.inputs[0], index)
        return Code(f"order_of({x})", x)

    def samples(self) -> Iterable[Sample]:
        x = np.array([[0.5, -0.5], [0.0, -0.0], [1e-40, -2.0]], np.float32)
        yield Sample((x,), batched=(0,), differentiable=False)


class _TreeLeaves(Op):
    """y[i, t] = the leaf of tree t that row i ends in."""

    name = "tree_leaves"
    row_local = True
    random_access = (0, 1, 2, 3)
    shares_tables = True
    libraries = ("trees.h", "trees_in_lanes.h")

    def infer(
        self, cells: Tensor, nodes: Tensor, subsets: Tensor, roots: Tensor, numbers: int
    ) -> Spec:
        given = (cells, nodes, subsets, roots)
        if any(x.dtype != np.int32 for x in given):
            raise self.refuse("takes int32 ids, nodes, subsets and roots (use cast)", *given)
        words = nodes.shape[1] if nodes.rank == 2 else None
        if cells.rank != 2 or words not in (2, 3) or subsets.rank != 1 or roots.rank != 1:
            wrong = "takes rows of columns, nodes (n, 2 or 3), subsets (words,), roots (trees,)"
            raise self.refuse(wrong, *given)
        width, known = cells.shape[1], (nodes.shape[0], *subsets.shape, *roots.shape)
        if not isinstance(width, int) or not all(isinstance(size, int) for size in known):
            raise self.refuse("takes trees and columns of known number", *given)
        ids = width - numbers
        if ids < 0 or (words == 2 and jump_bits(numbers, ids) > 30):
            raise self.refuse(f"takes nodes of so many columns, {numbers} of numbers", *given)
        return Spec((cells.shape[0], roots.shape[0]), np.dtype("int32"))

    def kernel(self, xp: Any, numbers: int = 0) -> Kernel:
        def compute(
            cells: Array, nodes: Array, subsets: Array, roots: Array, out: Array | None = None
        ) -> Array:
            if xp is not np:
                return _leaves_anywhere(xp, cells, nodes, subsets, roots, numbers)
            if out is None:
                out = np.empty((len(cells), len(roots)), np.int32)
            for low in range(0, len(cells), ROWS):
                rows = slice(low, low + ROWS)
                out[rows] = _leaves(cells[rows], nodes, subsets, roots, numbers)
            return out

        return compute

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        cells, nodes, subsets, roots = y.inputs
        width, numbers = cells.shape[1], y.attributes["numbers"]
        where, bits = c.check(self.name, STRAYS), jump_bits(numbers, width - numbers)
        c.line(f"leaves_of({c.pointer(nodes)}, {c.length(nodes)},")
        c.line(f"    {size_text(nodes.shape[1])}, {bits},")
        c.line(f"    {c.pointer(subsets)}, {c.length(subsets)},")
        c.line(f"    {c.pointer(roots)}, {size_text(roots.shape[0])},")
        c.line(f"    {c.rows_of(cells)}, {numbers}, {width - numbers},")
        c.line(f"    {c.size(y.shape[0])}, {c.pointer(y)}, bad, {where});")

    def samples(self) -> Iterable[Sample]:
        numbers = np.array([[0.5, 2], [0.25, -1], [1.5, 1], [-3, np.nan]], np.float32)
        ids = np.array([[0], [-1], [40], [2**31 - 1]], np.int32)
        # Trees of one test, of four, and of a leaf alone.
        nodes, subsets = tree_nodes(
            columns=[0, -1, -1, 1, 2, -1, 1, 2, -1, -1, -1, -1, -1],
            thresholds=[0.5, 0, 0, 1.0, 0, 0, -0.0, 0, 0, 0, 0, 0, 0],
            subsets=[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0],
            left=[1, 0, 1, 4, 6, 2, 8, 10, 3, 4, 5, 6, 7],
            missing_left=[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            words=[41, 0b101, 1 << 8, 3, 0b001],
            numbers=2,
            ids=1,
        )
        cells = np.concatenate([order_of(numbers), ids], axis=1)
        roots = np.array([0, 3, 12], np.int32)
        for table in (nodes, with_far_jumps(nodes, jump_bits(2, 1))):
            arrays = (cells, table, subsets, roots)
            yield Sample(arrays, {"numbers": 2}, batched=(0,), differentiable=False)


_float_order, _tree_leaves = _FloatOrder(), _TreeLeaves()
OPS.add("float_order", _float_order)
OPS.add("tree_leaves", _tree_leaves)


def _leaves(cells: Array, nodes: Array, subsets: Array, roots: Array, numbers: int) -> Array:
    """Return the leaves of some rows, following all of them level by level."""
    leaves = np.empty(len(cells) * len(roots), np.int32)
    place, node = np.arange(len(leaves)), np.tile(roots, len(cells))
    while len(node):
        if node.min() < 0 or node.max() >= len(nodes):
            stray = node.min() if node.min() < 0 else node.max()
            raise InvalidValue("op 'tree_leaves'", f"{STRAYS} {len(nodes)}", int(stray))
        link = nodes[node, 1]
        leaves[place[link < 0]] = ~link[link < 0]
        place, node = place[link >= 0], node[link >= 0]
        row = place // max(len(roots), 1)
        node = _children(np, cells, nodes, subsets, node, row, numbers)
    return leaves.reshape(len(cells), len(roots))


def _children(
    xp: Any, cells: Array, nodes: Array, subsets: Array, node: Array, row: Array, numbers: int
) -> Array:
    """Return where each row goes on from its node; what is no test leads past the last node."""
    bound, link, width = nodes[node, 0], nodes[node, 1], cells.shape[1]
    bits = jump_bits(numbers, width - numbers)
    jump = link >> bits if nodes.shape[1] == 2 else nodes[node, 2]
    test = link & (1 << bits) - 1 if nodes.shape[1] == 2 else link
    column, missing_right = test >> 1, test & 1
    large = column >= width
    column = column - xp.where(large, width - numbers, 0)
    known = (jump >= 0) & (column >= 0) & (column < width)
    x = cells[row, xp.where(known, column, 0)]
    right = xp.where(x - missing_right > bound, 1, 0)  # see order_of
    if numbers < width:
        inline = xp.where((x >= 0) & (x < INLINE), bound >> (x & 31) & 1, missing_right)
        right = xp.where(column < numbers, right, inline)
    if len(subsets):
        found, inside = _in_subset(xp, subsets, bound, x, missing_right)
        known, right = known & (found | ~large), xp.where(large, inside, right)
    else:
        known = known & ~large
    on = node.astype("int64") + jump + right + 1
    return xp.where(known & (on < len(nodes)), on, len(nodes)).astype("int32")


def _in_subset(
    xp: Any, subsets: Array, start: Array, number: Array, missing_right: Array
) -> tuple[Array, Array]:
    """Return whether there is a subset at `start`, and whether an id goes right of it."""
    last = len(subsets) - 1
    known = (start >= 0) & (start <= last)
    start = xp.clip(start, 0, last)
    seen = (number >= 0) & (number < subsets[start])
    # In 64 bits, for a subset may claim more words than there are.
    word = start.astype("int64") + 1 + (number >> 5)
    bits = subsets[xp.clip(word, 0, last)] >> (number & 31)
    return known & ~(seen & (word > last)), xp.where(seen, 1 - (bits & 1), missing_right)


def _leaves_anywhere(
    xp: Any, cells: Array, nodes: Array, subsets: Array, roots: Array, numbers: int
) -> Array:
    """Return what `_leaves` does, by functions that every array library has."""
    row = xp.repeat(xp.arange(len(cells)), len(roots))
    node = xp.tile(roots, len(cells))
    for _ in range(len(nodes)):
        going = nodes[node, 1] >= 0
        if not going.any():
            break
        child = _children(xp, cells, nodes, subsets, node, row, numbers)
        node = xp.where(going, xp.clip(child, 0, len(nodes) - 1), node)
    return ~nodes[node, 1].reshape(len(cells), len(roots))


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
    not cover are missing: they go where the node sends them. `tree_nodes` makes the tables.

    Parameters
    ----------
    numbers : Tensor of float32, shape (batch, n), or None
    ids : Tensor of int32, shape (batch, m), or None
    nodes : Tensor of int32, shape (nodes, 2) or (nodes, 3)
        Of all trees.
    subsets : Tensor of int32, shape (words,)
        The subsets of ids that do not fit into a node.
    roots : Tensor of int32, shape (trees,)
        The row of `nodes` that each tree begins with.

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
    >>> nodes, subsets = tree_nodes(
    ...     columns=[0, -1, -1, -1],
    ...     thresholds=[0.5, 0, 0, 0],
    ...     subsets=[0, 0, 0, 0],
    ...     left=[1, 0, 1, 2],
    ...     missing_left=[True, False, False, False],
    ...     numbers=1,
    ... )
    >>> x = placeholder("x", (None, 1))
    >>> leaves = tree_leaves(x, None, nodes, subsets, [0, 3])
    >>> evaluate([leaves], {"x": [[0.25], [0.75], [float("nan")]]})[0].tolist()
    [[0, 2], [1, 2], [0, 2]]
    """
    if numbers is None and ids is None:
        raise InvalidValue("tree_leaves", "needs numbers or ids", None)
    # A column that is not there is none of those that nodes count.
    numbers = cast(as_tensor(ids)[:, :0], np.float32) if numbers is None else as_tensor(numbers)
    ids = cast(numbers[:, :0], np.int32) if ids is None else as_tensor(ids)
    if numbers.rank != 2 or ids.rank != 2 or numbers.shape[0] != ids.shape[0]:
        wrong = "takes a row of numbers and one of ids for each row"
        raise _tree_leaves.refuse(wrong, numbers, ids)
    width, others, table = numbers.shape[1], ids.shape[1], as_tensor(nodes)
    if not isinstance(width, int) or not isinstance(others, int):
        raise _tree_leaves.refuse("takes columns of known number", numbers, ids)
    # Whole numbers side by side: each test reads one, whatever it is of.
    cells = concat([_float_order(numbers), ids], axis=1)
    trees = (as_tensor(subsets, table), as_tensor(roots, table))
    leaves = _tree_leaves(cells, table, *trees, numbers=width)
    if table.op.name == "constant":
        require_children(table.attributes["value"], jump_bits(width, others))
    return leaves
