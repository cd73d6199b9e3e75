"""What splits are worth, by the operations of the C text in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .examples import Rules

__all__ = ["Nodes", "child_score", "cut_scores", "draw", "gain_by_chance"]

Array = npt.NDArray[Any]
UINT = np.uint64
PRIOR_ROWS = 300


def draw(key: Array, number: Array | int) -> Array:
    """Return random bits that follow from `key` and `number` alone (splitmix64)."""
    step = (np.atleast_1d(number).astype(UINT) + UINT(1)) * UINT(0x9E3779B97F4A7C15)
    x = key + step
    x = (x ^ (x >> UINT(30))) * UINT(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> UINT(27))) * UINT(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> UINT(31)))


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of a level that are being split, with a row of sums each.

    Parameters
    ----------
    total : ndarray of float64, shape (nodes, 1 + outputs)
        The weight of a node and its sums.
    second : ndarray of float64, shape (nodes,)
        The weighted sum of squared targets.
    count : ndarray of int64, shape (nodes,)
    key : ndarray of uint64, shape (nodes,)
    least, most : ndarray of float64, shape (nodes,)
        What monotonic constraints leave for the node's mean.
    """

    total: Array
    second: Array
    count: Array
    key: Array
    least: Array
    most: Array

    def take(self, places: Array) -> Nodes:
        """Return some of the nodes."""
        return Nodes(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def _logarithm(x: Array) -> Array:
    fraction, exponent = np.frexp(x)
    low = fraction < 0.70710678118654752440
    fraction = np.where(low, fraction + fraction, fraction)
    exponent = exponent - low
    t = (fraction - 1.0) / (fraction + 1.0)
    u, series = t * t, np.zeros_like(t)
    for k in range(23, 0, -2):
        series = series * u + 1.0 / k
    return exponent * 0.69314718055994530942 + 2.0 * t * series


def _entropy_term(x: Array) -> Array:
    positive = x > 0
    safe = np.where(positive, x, 1.0)
    return np.where(positive, safe * _logarithm(safe), 0.0)


def child_score(criterion: str, sums: Array) -> Array:
    """Return what a child with sums ``[..., 1 + outputs]`` adds to the score of a split."""
    weight, found = sums[..., 0], np.zeros(sums.shape[:-1])
    for q in range(1, sums.shape[-1]):
        x = sums[..., q]
        if criterion == "squares":
            found += x * x
            continue
        found += _entropy_term(x)
        if criterion == "entropy of outputs":
            found += _entropy_term(weight - x)
            found -= _entropy_term(weight)
    if criterion == "squares":
        return found / weight
    return found - _entropy_term(weight) if criterion == "entropy of classes" else found


def gain_by_chance(criterion: str, nodes: Nodes, sums: Array, squares: Array, node: Array) -> Array:
    """Return what the order of categories gains of chance alone: see categories.h.

    Parameters
    ----------
    criterion : str
    nodes : Nodes
    sums : ndarray of float64, shape (groups, 1 + outputs)
        Of each category in each node.
    squares : ndarray of float64, shape (groups,)
        The sums of squared weights.
    node : ndarray of int, shape (groups,)
        The node of each group.
    """
    weight, count = nodes.total[:, 0], len(nodes.total)
    second = nodes.second if criterion == "squares" else np.zeros(count)
    whole = second - child_score(criterion, nodes.total)
    between = np.bincount(node, child_score(criterion, sums), count)
    freedom = np.bincount(node, sums[:, 0] - squares / sums[:, 0], count)
    roots = np.bincount(node, np.sqrt(squares), count)
    more = PRIOR_ROWS * weight / nodes.count.astype(np.float64)
    variance = (second - between + more * whole / weight) / (freedom + more)
    return np.where(variance > 0, variance, 0.0) * (roots * roots / weight - 1.0)


def cut_scores(
    rules: Rules,
    nodes: Nodes,
    left: Array,
    left_count: Array,
    possible: Array,
    sign: Array,
) -> tuple[Array, Array]:
    """Return the score of each cut of each node, and what lies between the means of its sides.

    Parameters
    ----------
    rules : Rules
    nodes : Nodes
    left : ndarray of float64, shape (nodes, cuts, 1 + outputs)
        The sums to the left of each cut.
    left_count : ndarray of int64, shape (nodes, cuts)
        The rows to the left.
    possible : ndarray of bool, shape (nodes, cuts)
    sign : ndarray of int, shape (nodes,)
        Which way the mean may go.

    Returns
    -------
    scores, middles : ndarray of float64, shape (nodes, cuts)
        Minus infinity where the rules forbid the cut.
    """
    right = nodes.total[:, None] - left
    right_count = nodes.count[:, None] - left_count
    least = max(rules.min_weight_leaf, np.finfo(np.float64).tiny)
    allowed = possible & (left_count >= rules.min_samples_leaf)
    allowed &= (right_count >= rules.min_samples_leaf) & (left[..., 0] >= least)
    allowed &= right[..., 0] >= least
    middle = np.zeros(allowed.shape)
    with np.errstate(all="ignore"):
        if rules.monotonic is not None:
            low, high = left[..., 1] / left[..., 0], right[..., 1] / right[..., 0]
            for mean in (low, high):
                outside = (mean < nodes.least[:, None]) | (mean > nodes.most[:, None])
                allowed &= ~outside
            allowed &= ~(sign[:, None] * (high - low) < 0)
            middle = (low + high) / 2
        scores = child_score(rules.criterion, left) + child_score(rules.criterion, right)
    return np.where(allowed & ~np.isnan(scores), scores, -np.inf), middle
