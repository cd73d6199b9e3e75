"""Which solver a problem gets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..engine import uses_c
from .ascent import ASCENT, ascend
from .newton import DIRECT, newton
from .problem import Problem
from .solution import Solution
from .sparse_penalty import descend

__all__ = ["Solution", "solve"]

SMALL = 20_000  # entries of a design that numpy goes through faster than a compiler starts
PRODUCTS = 2_000_000_000  # multiplications in a Newton step: a tenth of a second or so


def solve(
    problem: Problem,
    tol: float,
    max_iter: int,
    seed: int,
    jit: bool | str,
    start: npt.NDArray[np.float64] | None = None,
) -> Solution:
    """Return a solution of any problem; its gap says how good it is.

    Small problems with smooth losses are solved exactly by Newton's method, large ones by
    coordinate ascent in C, or where there is no C compiler by Newton's method too.

    Parameters
    ----------
    problem : Problem
    tol : float
        The relative duality gap to reach.
    max_iter : int
        The most passes, or Newton steps.
    seed : int
    jit : {"auto", True, False}
        Whether C may be used.
    start : ndarray of shape (n,), optional
        A dual point that may save work.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.svm import Design, Problem, solve
    >>> design = Design.of(dense=np.array([[0.0], [1.0], [2.0], [3.0]]))
    >>> problem = Problem.classification(design, np.array([-1, -1, 1, 1]), np.ones(4), True)
    >>> found = solve(problem, tol=1e-6, max_iter=100, seed=0, jit=False)
    >>> round(float(-found.bias / found.weights[0]), 6), found.relative_gap < 1e-6
    (1.5, True)
    """
    if problem.bias and not (problem.low.any() and problem.high.any()):
        # All errors are on one side: a bias alone makes them nothing.
        return Solution.of(
            problem, np.zeros(problem.design.width), np.zeros(len(problem.design)), 0
        )
    if problem.penalty == "l1":
        return descend(problem, tol, max_iter)
    if not _small(problem) and uses_c(jit, ASCENT):
        return ascend(problem, tol, max_iter, seed, start)
    return newton(problem, tol, max_iter)


def _small(problem: Problem) -> bool:
    """Whether Newton's method solves a problem about as soon as ascent, and then exactly."""
    design = problem.design
    if problem.smooth and design.width <= DIRECT:
        return len(design) * design.width**2 <= PRODUCTS
    entries = design.sparse.nnz + design.dense.size
    return bool(entries <= SMALL and min(len(design), design.width) <= DIRECT)
