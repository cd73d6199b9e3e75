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
    trees: Sequence[Tree],
    edges: Sequence[npt.NDArray[np.float32]],
    ids: int,
    values: Sequence[Array],
) -> dict[str, Array]:
    """Return the tables of a forest, as `cannery.graph.tree_leaves` takes them.

    Parameters
    ----------
    trees : sequence of Tree
    edges : sequence of ndarray of float32
        What parts the bins of each number column.
    ids : int
        How many columns hold ids.
    values : sequence of ndarray, each of shape (nodes, width)
        What each tree's leaves say, in a row for every node.

    Returns
    -------
    dict of str to ndarray
        ``nodes``, ``subsets``, ``roots`` and ``leaf_values``.
    """
    roots = _starts(map(len, trees))
    words = _starts(len(tree.words) for tree in trees)
    leaves = _starts(np.count_nonzero(tree.feature < 0) for tree in trees)
    facts = [
        _facts(tree, edges, *starts)
        for tree, *starts in zip(trees, roots, words, leaves, strict=False)
    ]
    joined = {name: np.concatenate([fact[name] for fact in facts]) for name in facts[0]}
    nodes, subsets = tree_nodes(
        **joined,
        words=np.concatenate([tree.words for tree in trees]),
        numbers=len(edges),
        ids=ids,
    )
    said = [value[tree.feature < 0] for tree, value in zip(trees, values, strict=True)]
    return {
        "nodes": nodes,
        "subsets": subsets,
        "roots": np.array(roots[:-1], np.int32),
        "leaf_values": np.concatenate(said).astype(np.float32),
    }


def _starts(lengths: Iterable[Any]) -> list[int]:
    return list(itertools.accumulate(map(int, lengths), initial=0))


def _facts(tree: Tree, edges: Sequence[Array], root: int, word: int, leaf: int) -> dict[str, Array]:
    """Return what `tree_nodes` takes of a tree whose nodes, words and leaves start there."""
    feature, cut, inner = tree.feature, tree.cut, tree.feature >= 0
    is_number = inner & (feature < len(edges))
    firsts = np.array(_starts(map(len, edges)))
    # A cut after the last bin parts numbers from missing ones.
    joined = np.concatenate([*edges, np.array([np.inf], np.float32)])
    safe = np.where(is_number, feature, 0)
    inside = is_number.copy()
    inside[is_number] = cut[is_number] < np.diff(firsts)[feature[is_number]]
    return {
        "columns": feature,
        "thresholds": joined[np.where(inside, firsts[safe] + cut, len(joined) - 1)],
        "subsets": np.where(is_number, 0, cut + word),
        "left": np.where(inner, tree.left + root, leaf + np.cumsum(~inner) - 1),
        "missing_left": tree.missing_left,
    }


def leaves_and_mean(
    numbers: Tensor | None, ids: Tensor | None, tables: dict[str, Array]
) -> tuple[Tensor, Tensor]:
    """Return the leaf of each tree, and the mean of what these say: shape ``(batch, width)``."""
    made = {name: Variable(tables[name], name, trainable=False) for name in TABLES}
    leaves = tree_leaves(numbers, ids, made["nodes"], made["subsets"], made["roots"])
    return leaves, sum_rows(made["leaf_values"], leaves) / np.float32(len(tables["roots"]))
