"""Where centres start."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidType, InvalidValue, ShapeMismatch
from .points import Doubles, Floats, Points

__all__ = ["first_centers", "greedy_seeds"]

TINY = 1e-300  # what is no larger divides by nothing


def first_centers(
    points: Points, init: Any, clusters: int, generator: np.random.Generator, origin: Floats
) -> Doubles:
    """Return centres to start from.

    Parameters
    ----------
    points : Points
    init : {"k-means++", "random"}, array of shape (clusters, d) or callable
        A callable is given the points, the number of clusters and a ``RandomState``, as
        scikit-learn does it.
    clusters : int
    generator : numpy.random.Generator
    origin : ndarray of shape (d,)
        What was subtracted from the points: arrays and callables know nothing of it.

    Raises
    ------
    InvalidValue
        Fewer points than clusters, or centres that are not finite.
    ShapeMismatch
        Centres of another shape.
    """
    if len(points) < clusters:
        wrong = f"n_samples={len(points)} should be >= n_clusters={clusters}"
        raise InvalidValue("n_clusters", wrong, todo="ask for fewer clusters")
    if isinstance(init, str) and init == "k-means++":
        return points.x[greedy_seeds(points, clusters, generator)].astype(np.float64)
    if isinstance(init, str) and init == "random":
        share = None if points.weights is None else _shares(points.weights)
        chosen = generator.choice(len(points), clusters, replace=False, p=share)
        return points.x[chosen].astype(np.float64)
    if callable(init):
        state = np.random.RandomState(int(generator.integers(2**31)))
        init = init(points.x + origin, clusters, random_state=state)
    given = _checked(init, (clusters, points.x.shape[1]))
    return points.onto_sphere(given - origin)


def _checked(init: Any, shape: tuple[int, int]) -> Doubles:
    try:
        given = np.array(init, np.float64)
    except (TypeError, ValueError):
        wanted = "must be 'k-means++', 'random', an array or a callable"
        raise InvalidType("init", wanted, repr(init)) from None
    if given.shape != shape:
        wanted = f"must have shape {shape}: clusters and numbers of an encoded row"
        raise ShapeMismatch("init", wanted, given.shape)
    if not np.isfinite(given).all():
        raise InvalidValue("init", "contains NaN or infinity", todo="give finite centres")
    return given


def _shares(weights: Floats) -> Doubles:
    wide = weights.astype(np.float64)
    shares: Doubles = wide / wide.sum()
    return shares


def greedy_seeds(
    points: Points, clusters: int, generator: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return the rows of far-apart points, by greedy k-means++.

    Each next seed is the best of ``2 + log(clusters)`` candidates, which are drawn with
    probabilities that grow with the squared distance to the nearest seed: Arthur and Vassilvitskii,
    "k-means++: the advantages of careful seeding", 2007.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0], [0.1], [9.0], [9.1]], np.float32)
    >>> sorted((greedy_seeds(Points(x), 2, np.random.default_rng(0)) // 2).tolist())
    [0, 1]
    """
    trials = 2 + int(np.log(clusters))
    share = None if points.weights is None else _shares(points.weights)
    chosen = [int(generator.choice(len(points), p=share))]
    nearest = np.full(len(points), np.inf, np.float32)
    candidates = np.array(chosen)
    while True:
        closer, shares = _closer(points, nearest, candidates)
        best = int(np.argmin(shares.sum(axis=0)))
        chosen[-1], nearest = int(candidates[best]), closer[best]
        if len(chosen) == clusters:
            return np.array(chosen, np.intp)
        np.maximum(nearest, 0, out=nearest)
        candidates = _drawn(points, nearest, shares[:, best], generator.random(trials))
        chosen.append(-1)


def _drawn(
    points: Points, nearest: Floats, shares: Doubles, random: Doubles
) -> npt.NDArray[np.intp]:
    """Return a row for each random number, the likelier the farther it is from its seed.

    Rows are added up in the blocks that are hit alone; `shares` are the sums of all blocks.
    """
    blocks = points.blocks(points.x.shape[1])
    steps = np.cumsum(np.maximum(shares, 0.0))
    found = []
    for place in random * steps[-1]:
        at = min(int(np.searchsorted(steps, place, side="right")), len(blocks) - 1)
        part = (place - (steps[at - 1] if at else 0.0)) / max(float(shares[at]), TINY)
        each = nearest[blocks[at]]
        if points.weights is not None:
            each = each * points.weights[blocks[at]]
        inside = np.cumsum(each, dtype=np.float64)
        row = int(np.searchsorted(inside, part * inside[-1], side="right"))
        found.append(blocks[at].start + min(row, len(inside) - 1))
    return np.array(found, np.intp)


def _closer(
    points: Points, nearest: Floats, candidates: npt.NDArray[np.intp]
) -> tuple[Floats, Doubles]:
    """Return squared distances to the nearest seed with each candidate added, and their sums.

    Sums have a row for each block of points, and a column for each candidate.
    """
    found = np.empty((len(candidates), len(points)), np.float32)
    doubled = np.ascontiguousarray(-2 * points.x[candidates].T)
    norms = points.norms[candidates, None]

    def work(rows: slice) -> Any:
        block = found[:, rows]
        block[:] = (points.x[rows] @ doubled).T
        block += points.norms[rows]
        block += norms
        np.minimum(block, nearest[rows], out=block)
        if points.weights is None:
            return block.sum(axis=1)
        return block @ points.weights[rows]

    # The points themselves pass through the cache as well.
    return found, np.array(points.in_blocks(work, points.x.shape[1]), np.float64)
