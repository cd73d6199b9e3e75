"""A solution and the certificate that comes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from .problem import Problem

__all__ = ["Solution"]

Floats = npt.NDArray[np.float64]
NOTHING = 1e-15  # an objective whose targets are about one


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights and a bias, and how far they can be from the best.

    Attributes
    ----------
    weights : ndarray
    bias : float
    values : ndarray of shape (n,)
        The dual point.
    primal, dual : float
        The objective, and a bound from below that a feasible dual point proves.
    iterations : int
        Newton steps, or passes over the rows or columns.
    """

    weights: Floats
    bias: float
    values: Floats
    primal: float
    dual: float
    iterations: int

    @classmethod
    def of(
        cls,
        problem: Problem,
        weights: Floats,
        values: Floats,
        iterations: int,
        scores: Floats | None = None,
    ) -> Self:
        """Return the solution of weights and a dual point, with the best bias for the weights."""
        if scores is None:
            scores = problem.design.scores(weights)
        bias = problem.best_bias(scores)
        primal = problem.primal(weights, problem.target - scores - bias)
        return cls(weights, bias, values, primal, problem.dual(values), iterations)

    @property
    def gap(self) -> float:
        """How much lower than `primal` the best objective can be at most; rounding is no gap."""
        return max(self.primal - self.dual, 0.0)

    @property
    def relative_gap(self) -> float:
        """The gap as a part of the objective, which may be zero but for rounding."""
        return self.gap / max(self.primal, NOTHING)
