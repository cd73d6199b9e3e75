"""Where centres start."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidType, InvalidValue, ShapeMismatch
from .compiled import Closer
from .points import Doubles, Floats, Points

__all__ = ["first_centers", "greedy_seeds"]

TINY = 1e-300  # what is no larger divides by nothing
STEP = 1 << 13  # points whose distances are added up together, and drawn from


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
    seeds = [int(generator.choice(len(points), p=share))]
    nearest = np.full(len(points), np.inf, np.float32)
    sums = _lower(points, nearest, _closer(points, seeds), points.shares(STEP))[:, 0]
    while len(seeds) < clusters:
        candidates = _drawn(points, nearest, seeds[-1], sums, generator.random(trials))
        closer = _closer(points, [seeds[-1], *candidates])
        found = _lower(points, nearest, closer, points.shares(STEP))
        best = int(np.argmin(found[:, 1:].sum(axis=0)))
        seeds.append(candidates[best])
        sums = found[:, 1 + best]
    return np.array(seeds, np.intp)


def _drawn(points: Points, nearest: Floats, seed: int, sums: Doubles, random: Doubles) -> list[int]:
    """Return a row for each random number, the likelier the farther it is from its seed.

    `sums` are those of all steps with the last seed; rows are added up in the steps that are hit.
    """
    steps, closer = np.cumsum(sums), _closer(points, [seed])
    found = []
    for place in random * steps[-1]:
        at = min(int(np.searchsorted(steps, place, side="right")), len(steps) - 1)
        part = (place - (steps[at - 1] if at else 0.0)) / max(float(sums[at]), TINY)
        rows = slice(at * STEP, (at + 1) * STEP)
        _lower(points, nearest, closer, [rows])
        each = nearest[rows]
        if points.weights is not None:
            each = each * points.weights[rows]
        inside = np.cumsum(each, dtype=np.float64)
        row = int(np.searchsorted(inside, part * inside[-1], side="right"))
        found.append(rows.start + min(row, len(inside) - 1))
    return found


def _closer(points: Points, seeds: list[int]) -> Closer | _Closer:
    """Return what looks at points with a seed, the first of some, and candidates for the next."""
    chosen = points.x[seeds]
    return Closer(chosen) if points.jit else _Closer(chosen)


def _lower(
    points: Points, nearest: Floats, closer: Closer | _Closer, blocks: list[slice]
) -> Doubles:
    """Lower squared distances to the nearest seed to those from one more, in blocks of rows.

    Return what they add up to in each step with that seed, and with each candidate added.
    """

    def work(rows: slice) -> Doubles:
        weights = None if points.weights is None else points.weights[rows]
        return closer.add(points.x[rows], weights, points.norms[rows], nearest[rows], STEP)

    return np.concatenate(points.in_blocks(work, blocks))


class _Closer:
    """What `Closer` does, by numpy."""

    def __init__(self, seeds: Floats):
        self._doubled = np.ascontiguousarray(-2 * seeds.T)
        self._norms = np.einsum("ij,ij->i", seeds, seeds)[:, None]

    def add(
        self, x: Floats, weights: Floats | None, norms: Floats, nearest: Floats, step: int
    ) -> Doubles:
        sums = []
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            block = np.ascontiguousarray((x[rows] @ self._doubled).T)
            block += norms[rows]
            block += self._norms
            np.maximum(block, 0, out=block)
            np.minimum(nearest[rows], block[0], out=nearest[rows])
            np.minimum(block, nearest[rows], out=block)
            sums.append(block.sum(axis=1) if weights is None else block @ weights[rows])
        return np.array(sums, np.float64)
