"""The penalty of absolute values, which sets weights to zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize

from .problem import Problem
from .solution import Solution

__all__ = ["descend"]

Floats = npt.NDArray[np.float64]
ROUND = 100  # steps between two choices of columns
FIRST = 1000  # columns that are chosen at once, or as many as have weights already


def descend(problem: Problem, tol: float, max_iter: int) -> Solution:
    """Return a solution whose relative duality gap is at most `tol`, where `max_iter` suffices.

    By L-BFGS-B on the positive and the negative parts of the weights (Byrd et al. 1995), over the
    columns that have a weight or whose slope exceeds the penalty; few of many have, and the others
    are looked at from time to time. Columns of one feature add up to the bias, which steps along
    one column at a time take long to agree on.

    Parameters
    ----------
    problem : Problem
        With the penalty ``"l1"`` and a smooth loss.
    tol : float
    max_iter : int
        The most steps of L-BFGS-B.
    """
    design, made, best = problem.design, 0, None
    weights = np.zeros(design.width)
    while True:
        scores = design.scores(weights)
        bias = problem.best_bias(scores)
        values = problem.responses(problem.target - scores - bias)
        found = Solution.of(problem, weights, values, made, scores)
        best = found if best is None or found.primal < best.primal else best
        if found.relative_gap <= tol or made >= max_iter:
            return found if found.relative_gap <= tol else best
        chosen = _chosen(weights, np.abs(design.pull(values)))
        if not len(chosen):
            return found
        part = problem.restricted(chosen)
        weights = np.zeros(design.width)
        steps = min(ROUND, max_iter - made)
        weights[chosen], nit = _by_halves(part, found.weights[chosen], bias, steps)
        made += max(nit, 1)


def _chosen(weights: Floats, slopes: Floats) -> npt.NDArray[np.intp]:
    """Return the columns with weights, and those that most want one."""
    has = weights != 0
    wanting = np.flatnonzero(~has & (slopes > 1.0))
    most = max(FIRST, int(np.count_nonzero(has)))
    if len(wanting) > most:
        wanting = wanting[np.argpartition(-slopes[wanting], most)[:most]]
    return np.union1d(np.flatnonzero(has), wanting)


def _by_halves(problem: Problem, weights: Floats, bias: float, max_iter: int) -> tuple[Floats, int]:
    width = problem.design.width
    bounds: Any = [(0, None)] * (2 * width) + [(None, None) if problem.bias else (0, 0)]

    def objective(point: Floats) -> tuple[float, Floats]:
        weights = point[:width] - point[width:-1]
        errors = problem.target - problem.design.scores(weights) - point[-1]
        values = problem.responses(errors)
        pull = problem.design.pull(values)
        slopes = np.concatenate([1.0 - pull, 1.0 + pull, [-values.sum()]])
        return float(point[:-1].sum() + problem.losses(errors).sum()), slopes

    point = np.concatenate([weights.clip(min=0), -weights.clip(max=0), [bias]])
    options = {"maxiter": max_iter, "maxfun": 10**9, "ftol": 1e-15, "gtol": 1e-14, "maxcor": 30}
    done = scipy.optimize.minimize(
        objective, point, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return done.x[:width] - done.x[width:-1], int(done.nit)
