"""Lloyd's iterations, over all points at once or over batches of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.cluster import KMeans as Lloyd
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from ..shuffling import shuffled
from .points import Assigned, Doubles, Points
from .stream import Stream

__all__ = ["SOLVERS", "Found", "held_to", "lloyd", "mini_batch"]

WINDOW = 50  # batches that are judged together
PATIENCE = 4  # windows without an improvement
LEAST_LEFT = 1e-9  # of a cluster's weight: less is what rounding leaves of nothing


@dataclass(frozen=True, eq=False)
class Found:
    """Centres, and what finding them took.

    Attributes
    ----------
    centers : ndarray of float64, shape (k, d)
    weights : ndarray of float64, shape (k,)
        The weight of the points that each centre is the mean of.
    inertia : float
        The weighted sum of squared distances to the nearest centre.
    iterations : int
        Passes over the points.
    """

    centers: Doubles
    weights: Doubles
    inertia: float
    iterations: int


def lloyd(points: Points, centers: Doubles, settings: Any, generator: np.random.Generator) -> Found:
    """Move centres to the means of their points until they rest.

    Without a C compiler and a pool, scikit-learn's engine does it for squared distances. A cluster
    that loses all its points starts anew at the point farthest from its centre. On the sphere it is
    the algorithm of Dhillon and Modha, "Concept decompositions", 2001.

    Parameters
    ----------
    points : Points
    centers : ndarray of shape (k, d)
        Where to start.
    settings : KMeans
        For ``max_iter`` and ``tol``; the latter, times the mean variance, is the squared movement
        of all centres that counts as rest.
    generator : numpy.random.Generator
        Not used.
    """
    if points.unit or points.jit or points.divided:
        return _iterated(points, centers, settings)
    engine = Lloyd(
        len(centers),
        init=centers.astype(np.float32),
        n_init=1,
        max_iter=settings.max_iter,
        tol=settings.tol,
        algorithm="lloyd",
        copy_x=False,
    )
    with config_context(assume_finite=True):  # as `Space.points` has seen to
        engine.fit(points.x, sample_weight=points.weights)
    weights = np.bincount(engine.labels_, points.weights, minlength=len(centers))
    found = engine.cluster_centers_.astype(np.float64)
    return Found(found, weights.astype(np.float64), float(engine.inertia_), int(engine.n_iter_))


def _iterated(points: Points, centers: Doubles, settings: Any) -> Found:
    rest, iterations = settings.tol * points.variance, 0
    before = found = None
    while iterations < settings.max_iter:
        iterations += 1
        found = points.assign(centers)
        if before is not None and _alike(found, before):
            break
        means = _means(points, centers, found)
        moved = float(((means - centers) ** 2).sum())
        centers, before = means, found
        if moved <= rest:
            break
    if found is None or found is before:  # by which the centres have moved once more
        found = points.assign(centers)
    _warn_of_empty(found)
    return Found(centers, found.weights, found.inertia, iterations)


def _alike(one: Assigned, other: Assigned) -> bool:
    """Return whether no point has gone over to another centre."""
    same = np.array_equal(one.weights, other.weights)
    return same and np.array_equal(one.sums, other.sums)


def _means(points: Points, centers: Doubles, assigned: Assigned) -> Doubles:
    """Return the centre of each cluster; empty ones go where points are farthest from theirs."""
    sums, weights = assigned.sums.copy(), assigned.weights.copy()
    empty = np.flatnonzero(weights == 0)
    if len(empty):
        far = points.farthest(centers, len(empty))
        moved = far.weights[:, None] * far.x
        np.subtract.at(sums, far.labels, moved)
        np.subtract.at(weights, far.labels, far.weights)
        sums[empty[: len(moved)]], weights[empty[: len(moved)]] = moved, far.weights
    # A cluster that gave its last point away stays where it is, as one does that found no point.
    left = weights > LEAST_LEFT * assigned.weights
    means = points.onto_sphere(sums / np.where(left, weights, 1.0)[:, None])
    means[~left] = centers[~left]
    if points.unit and len(lost := np.flatnonzero(~means.any(axis=1))):  # points that cancel out
        far = points.farthest(centers, len(lost))
        means[lost[: len(far.x)]] = far.x
    return means


def mini_batch(
    points: Points, centers: Doubles, settings: Any, generator: np.random.Generator
) -> Found:
    """Move centres towards the means of shuffled batches: Sculley, "Web-scale k-means", 2010.

    It ends after ``max_iter`` passes, or once the mean squared distance in `WINDOW` batches has
    not fallen for `PATIENCE` windows.
    """
    stream = Stream(centers, np.zeros(len(centers)))
    size, seen, steps = min(settings.batch_size, len(points)), [], 0
    best, waited, passes = np.inf, 0, 0
    while passes < settings.max_iter and waited < PATIENCE:
        passes += 1
        order = shuffled(len(points), generator)
        for start in range(0, len(points), size):
            seen.append(stream.step(points.take(order[start : start + size])))
            steps += 1
            if steps % WINDOW:
                continue
            mean = sum(total for total, _ in seen) / sum(weight for _, weight in seen)
            seen.clear()
            # What falls by less than `tol` has come to rest.
            waited = 0 if mean < best * (1 - settings.tol) else waited + 1
            best = min(best, mean)
            if waited == PATIENCE:
                break
    assigned = points.assign(stream.centers)
    _warn_of_empty(assigned)
    return Found(stream.centers, assigned.weights, assigned.inertia, passes)


def _warn_of_empty(assigned: Assigned) -> None:
    full = np.count_nonzero(assigned.weights)
    if full < len(assigned.weights):
        warnings.warn(
            f"Number of distinct clusters ({full}) found smaller than n_clusters "
            f"({len(assigned.weights)}). Possibly due to duplicate points in X.",
            ConvergenceWarning,
            stacklevel=4,
        )


def held_to(threads: int) -> Any:
    """Hold scikit-learn's loops to so many threads, and each matrix product to one."""
    return threadpool_limits(limits={"openmp": threads, "blas": 1})


SOLVERS: dict[str, Callable[..., Found]] = {"lloyd": lloyd, "mini_batch": mini_batch}
