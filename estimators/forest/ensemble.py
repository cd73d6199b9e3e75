"""From grown trees to the tensors of a predict program."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Tensor, Variable, sum_rows, tree_leaves, tree_nodes
from .tree import Tree

__all__ = ["TABLES", "ensemble_tables", "leaves_and_mean"]

Array = npt.NDArray[Any]
TABLES = ("nodes", "subsets", "roots", "leaf_values")


def ensemble_tables(
    trees: Sequence[Tree], edges: Sequence[npt.NDArray[np.float32]], values: Sequence[Array]
) -> dict[str, Array]:
    """Return the tables of a forest, as `cannery.graph.tree_leaves` takes them.

    Parameters
    ----------
    trees : sequence of Tree
    edges : sequence of ndarray of float32
        What parts the bins of each number column.
    values : sequence of ndarray, each of shape (nodes, width)
        What each tree's leaves say, in a row for every node.

    Returns
    -------
    dict of str to ndarray
        ``nodes``, ``subsets``, ``roots`` and ``leaf_values``.
    """
    starts = _starts(len(tree.words) for tree in trees)
    inner = [tree.feature >= 0 for tree in trees]
    nodes = _starts(np.count_nonzero(splits) for splits in inner)
    leaves = _starts(np.count_nonzero(~splits) for splits in inner)
    numbers = [
        np.where(splits, node + np.cumsum(splits) - 1, ~(leaf + np.cumsum(~splits) - 1))
        for splits, node, leaf in zip(inner, nodes, leaves, strict=False)
    ]
    facts = [
        _facts(tree, edges, number, start)
        for tree, number, start in zip(trees, numbers, starts, strict=False)
    ]
    joined = {name: np.concatenate([fact[name] for fact in facts]) for name in facts[0]}
    said = [value[~splits] for value, splits in zip(values, inner, strict=True)]
    # A constant of no words would have no address in C.
    subsets = np.concatenate([*(tree.words for tree in trees), np.zeros(1, np.int32)])
    return {
        "nodes": tree_nodes(**joined, numbers=len(edges)),
        "subsets": subsets,
        "roots": np.array([number[0] for number in numbers], np.int32),
        "leaf_values": np.concatenate(said).astype(np.float32),
    }


def _starts(lengths: Iterable[Any]) -> list[int]:
    return list(itertools.accumulate(map(int, lengths), initial=0))


def _facts(tree: Tree, edges: Sequence[Array], number: Array, start: int) -> dict[str, Array]:
    """Return what `tree_nodes` takes of the nodes that split; `number` is that of each node."""
    at = np.flatnonzero(tree.feature >= 0)
    feature, cut, left = tree.feature[at], tree.cut[at], tree.left[at]
    is_number = feature < len(edges)
    firsts = np.array(_starts(map(len, edges)))
    # A cut after the last bin parts numbers from missing ones.
    joined = np.concatenate([*edges, np.array([np.inf], np.float32)])
    safe = np.where(is_number, feature, 0)
    inside = is_number.copy()
    inside[is_number] = cut[is_number] < np.diff(firsts)[feature[is_number]]
    return {
        "columns": feature,
        "thresholds": joined[np.where(inside, firsts[safe] + cut, len(joined) - 1)],
        "subsets": np.where(is_number, 0, cut + start),
        "left": number[left],
        "right": number[left + 1],
        "missing_left": tree.missing_left[at],
    }


def leaves_and_mean(
    numbers: Tensor | None, ids: Tensor | None, tables: dict[str, Array]
) -> tuple[Tensor, Tensor]:
    """Return the leaf of each tree, and the mean of what these say: shape ``(batch, width)``."""
    made = {name: Variable(tables[name], name, trainable=False) for name in TABLES}
    leaves = tree_leaves(numbers, ids, made["nodes"], made["subsets"], made["roots"])
    return leaves, sum_rows(made["leaf_values"], leaves) / np.float32(len(tables["roots"]))
