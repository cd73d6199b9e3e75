"""Machines with the Gaussian kernel itself: libsvm solves, and its solution is certified here."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC, SVR

from .problem import Problem
from .solution import Solution

__all__ = ["Gram", "scale_of", "solve_kernel"]

Floats = npt.NDArray[np.float64]
BLOCK = 1 << 22  # numbers of the matrix of kernels that are there at a time
CACHE = 500  # megabytes for libsvm


@dataclasses.dataclass(frozen=True, eq=False)
class Gram:
    """The Gaussian kernel between points, in place of a design: a weight for each of them."""

    points: Floats
    gamma: float

    def __len__(self) -> int:
        return len(self.points)

    @property
    def width(self) -> int:
        """The number of weights."""
        return len(self.points)

    def take(self, rows: Any) -> Gram:
        """Return some of the rows."""
        return Gram(self.points[rows], self.gamma)

    def products(self, points: Floats, weights: Floats) -> Floats:
        """Return the kernels between points and those of the fit, times weights."""
        chosen = np.flatnonzero(weights)
        if not len(chosen):
            return np.zeros(len(points))
        step = max(1, BLOCK // len(chosen))
        parts = [
            rbf_kernel(points[i : i + step], self.points[chosen], self.gamma) @ weights[chosen]
            for i in range(0, len(points), step)
        ]
        return np.concatenate(parts)


def scale_of(gamma: str | float, points: npt.NDArray[Any]) -> float:
    """Return gamma; "scale" is one over the number of columns and their common variance."""
    if gamma == "scale":
        spread = float(points.var(dtype=np.float64))
        return 1.0 / (points.shape[1] * spread) if spread > 0 else 1.0
    return 1.0 / points.shape[1] if gamma == "auto" else float(gamma)


def solve_kernel(problem: Problem, costs: Floats, tol: float, max_iter: int) -> Solution:
    """Return libsvm's solution; its dual point makes the gap.

    Parameters
    ----------
    problem : Problem
        Whose design is a `Gram`, with a loss of lines.
    costs : ndarray
        What an error of one costs in each row.
    tol : float
        The relative duality gap to reach; libsvm's own tolerance falls until it does.
    max_iter : int
        The most of libsvm's iterations, a thousand times over.
    """
    gram: Any = problem.design
    sided = bool((problem.low == 0).any() or (problem.high == 0).any())
    if sided and len(np.unique(problem.target)) < 2:
        bias = float(problem.target[0]) if len(problem.target) else 0.0
        zeros = np.zeros(len(gram))
        return Solution(zeros, bias, zeros, 0.0, 0.0, 0)
    limit = max_iter * 1000
    accuracy, best = 1e-3, None
    while True:
        settings = {"gamma": gram.gamma, "tol": accuracy, "cache_size": CACHE, "max_iter": limit}
        machine: Any = SVC(**settings) if sided else SVR(epsilon=problem.margin, **settings)
        machine.fit(gram.points, problem.target, sample_weight=costs)
        values = np.zeros(len(gram))
        values[machine.support_] = machine.dual_coef_.ravel()
        found = _certified(problem, gram, values, int(np.max(machine.n_iter_)))
        best = found if best is None or found.relative_gap < best.relative_gap else best
        if best.relative_gap <= tol or accuracy < 1e-7 or found.iterations >= limit:
            return best
        accuracy /= 10


def _certified(problem: Problem, gram: Gram, values: Floats, made: int) -> Solution:
    """Return the solution of a dual point, which the weights of the primal are as well."""
    values = problem.feasible(values)
    scores = gram.products(gram.points, values)
    square = float(values @ scores)
    bias = problem.best_bias(scores)
    primal = square / 2 + float(problem.losses(problem.target - scores - bias).sum())
    gains = float(problem.target @ values - problem.margin * np.abs(values).sum())
    return Solution(values, bias, values, primal, gains - square / 2, made)
