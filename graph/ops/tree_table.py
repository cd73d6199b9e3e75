"""The table of nodes that decision trees are followed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue
from ..op import Array

__all__ = ["INLINE", "jump_bits", "order_of", "require_children", "tree_nodes", "with_far_jumps"]

INLINE = 32  # ids: a subset of so many fits into its node
LEAST = -(2**31)  # stands for NaN


def order_of(x: Array, xp: Any = np) -> Array:
    """Return whole numbers in the order of float32 numbers; NaN is the least of all.

    A test can then send NaN to either side without a look at it: `x` goes right where
    ``x - missing_right`` is greater than a bound that has been lowered as much. What is less than
    the least number wraps around and is the greatest.
    """
    bits = (x + np.float32(0)).view("int32")  # -0.0 becomes 0.0
    return xp.where(x == x, bits ^ (bits >> 31 & np.int32(2**31 - 1)), np.int32(LEAST))


def jump_bits(numbers: int, ids: int) -> int:
    """Return how many bits of a node's second word come before its jump."""
    return max(numbers + 2 * ids - 1, 1).bit_length() + 1


def tree_nodes(
    columns: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    subsets: npt.ArrayLike,
    left: npt.ArrayLike,
    missing_left: npt.ArrayLike,
    words: npt.ArrayLike = (),
    *,
    numbers: int,
    ids: int = 0,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the tables that `tree_leaves` takes, from one array for each fact about nodes.

    Leaves are nodes too, and the right child of a node comes next to the left one: what follows a
    test is then read from one place in memory. A node is two int32 words:

    0. For a number its threshold, as a whole number in the order of floats, less `missing_right`;
       for an id the subset itself, bit i telling whether id i goes right, or where it starts among
       the subsets, if it covers more than 32 ids.
    1. From the lowest bit on `missing_right`; the column; how many nodes there are between this
       one and its left child. Columns count the numbers first, then the ids, then the ids again
       for subsets that do not fit into the node. Of a leaf, ``~leaf``, which is negative.

    Where a column and a jump do not fit into one word, all jumps have a third.

    Parameters
    ----------
    columns : array-like of shape (nodes,)
        Which column each node tests, -1 in a leaf; from `numbers` on they are columns of ids.
    thresholds : array-like of shape (nodes,)
        A number goes left where it is at most this, in float32. Any where no number is tested.
    subsets : array-like of shape (nodes,)
        Where the subset that goes left starts in `words`. Any where no id is tested.
    left : array-like of shape (nodes,)
        The left child, which comes after its parent, the right one next to it; of a leaf, what
        `tree_leaves` calls it.
    missing_left : array-like of shape (nodes,)
        Whether missing numbers and ids go left.
    words : array-like of int32
        Subsets of any size, one after the other: a word that says how many ids the subset covers,
        from 0 on, then their bits in words of 32, the lowest first. Nodes may share one.
    numbers, ids : int
        How many columns are numbers, and how many ids.

    Returns
    -------
    nodes : ndarray of int32, shape (nodes, 2) or (nodes, 3)
    subsets : ndarray of int32
        The words of those subsets that do not fit into a node; a zero where there are none.

    Raises
    ------
    InvalidValue
        There is no such column or subset, or a child does not come after its parent.

    Examples
    --------
    >>> from cannery.graph import tree_nodes
    >>> facts = {"columns": [0, -1, -1], "thresholds": [0.5, 0, 0], "subsets": [0, 0, 0]}
    >>> nodes, _ = tree_nodes(**facts, left=[1, 0, 1], missing_left=[1, 0, 0], numbers=1)
    >>> nodes.tolist()
    [[1056964608, 0], [0, -1], [0, -2]]
    """
    columns, left = np.asarray(columns, np.int64), np.asarray(left, np.int64)
    words, inner = np.asarray(words, np.int32), np.flatnonzero(columns >= 0)
    column, missing_right = columns[inner], ~np.asarray(missing_left, bool)[inner]
    if len(inner) and column.max() >= numbers + ids:
        wrong = f"columns must be below {numbers + ids}"
        raise InvalidValue("tree nodes", wrong, int(column.max()))
    jump = left[inner] - inner - 1
    _require_order(inner, jump, len(columns))
    threshold = np.asarray(thresholds, np.float32)[inner]
    # No number is at most NaN, so it stands below all numbers.
    bound = np.where(np.isnan(threshold), np.int32(LEAST + 1), order_of(threshold))
    bound -= missing_right
    on_id = np.flatnonzero(column >= numbers)
    starts = np.asarray(subsets, np.int64)[inner[on_id]]
    _require_subsets(words, starts)
    large = words[starts] > INLINE
    kept, bound[on_id[large]] = _large_subsets(words, starts[large])
    bound[on_id[~large]] = _inline_subsets(words, starts[~large], missing_right[on_id[~large]])
    column[on_id[large]] += ids
    bits = jump_bits(numbers, ids)
    far = bits > 30 or (jump >> (31 - bits)).any()
    nodes = np.zeros((len(columns), 3 if far else 2), np.int32)
    nodes[:, 1] = ~left
    nodes[inner, 0] = bound
    nodes[inner, 1] = 2 * column + missing_right
    if far:
        nodes[inner, 2] = jump
    else:
        nodes[inner, 1] |= (jump << bits).astype(np.int32)
    return nodes, kept


def _require_order(inner: Array, jump: Array, nodes: int) -> None:
    """Refuse children that are not below their parent: rows would walk in circles, or away."""
    wrong = (jump < 0) | (inner + jump + 2 >= nodes)
    if wrong.any():
        node = int(inner[wrong][0])
        child = node + int(jump[wrong][0]) + 1
        given = f"{[child, child + 1]} of node {node}, of {nodes} nodes"
        raise InvalidValue("tree nodes", "children must come after their parent", given)


def _require_subsets(words: Array, starts: Array) -> None:
    wrong = (starts < 0) | (starts >= len(words))
    if not wrong.any():
        sizes = words[starts].astype(np.int64)
        wrong = (sizes < 0) | (starts + 1 + (sizes + 31) // 32 > len(words))
    if wrong.any():
        given = f"one from {int(starts[wrong][0])} on, of {len(words)} words"
        raise InvalidValue("tree nodes", "subsets must lie within the words", given)


def _inline_subsets(words: Array, starts: Array, missing_right: Array) -> Array:
    """Return the bits of ids that go right, of subsets that cover at most 32."""
    sizes = words[starts].astype(np.int64)
    covered = (1 << sizes) - 1
    inside = np.where(sizes > 0, words[np.minimum(starts + 1, len(words) - 1)], 0)
    right = np.where(missing_right, ~covered, 0) | (~inside & covered)
    return (right & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def _large_subsets(words: Array, starts: Array) -> tuple[Array, Array]:
    """Return the words of these subsets alone, and where each starts there."""
    if not len(starts):
        return np.zeros(1, np.int32), starts  # a table of no words would have no address in C
    once, places = np.unique(starts, return_inverse=True)
    lengths = 1 + (words[once].astype(np.int64) + 31) // 32
    ends = np.cumsum(lengths)
    kept = words[np.repeat(once - (ends - lengths), lengths) + np.arange(ends[-1])]
    return kept, (ends - lengths)[places]


def require_children(nodes: Array, bits: int) -> None:
    """Refuse a table that rows would never leave, or leave by a node that is not there."""
    inner = np.flatnonzero(nodes[:, 1] >= 0)
    table = nodes[inner].astype(np.int64)
    _require_order(inner, table[:, 2] if table.shape[1] == 3 else table[:, 1] >> bits, len(nodes))


def with_far_jumps(nodes: Array, bits: int) -> Array:
    """Return a table of two words a node as one of three."""
    inner, link = nodes[:, 1] >= 0, nodes[:, 1]
    test = np.where(inner, link & (1 << bits) - 1, link)
    return np.stack([nodes[:, 0], test, np.where(inner, link >> bits, 0)], axis=1)
