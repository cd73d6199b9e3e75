"""Newton's method on the primal: exact for smooth losses, in numpy and scipy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .problem import Problem
from .solution import Solution

__all__ = ["DIRECT", "newton", "newton_step"]

Floats = npt.NDArray[np.float64]
DIRECT = 500  # equations that are solved directly, beyond it by conjugate gradients
ROUNDING = 1e-13
BLOCK = 1 << 20  # numbers of a dense matrix that are there at a time
STEPS = 50  # for one rounding of kinks; a handful does


def newton(problem: Problem, tol: float, max_iter: int) -> Solution:
    """Return a solution whose relative duality gap is at most `tol`, where `max_iter` suffices.

    The Hessian of a piecewise quadratic is that of the piece, so a full step that stays on its
    piece ends at the minimum itself (Keerthi and DeCoste 2005). A loss of lines is rounded at its
    kinks, ever less, until the gap of the problem as it was is small: the response of the rounded
    loss is a point of the same dual.

    Parameters
    ----------
    problem : Problem
        With the penalty ``"l2"``.
    tol : float
    max_iter : int
        The most Newton steps.
    """
    scale = max(float(np.abs(problem.target).max(initial=0.0)), 1e-300)
    width, made, best = scale, 0, None
    weights = np.zeros(problem.design.width)
    while True:
        smooth = _Smooth(problem, _rounded(problem, width))
        weights, steps = smooth.minimise(weights, tol, max_iter - made)
        made += steps
        found = smooth.solution(weights, made)
        best = found if best is None or found.relative_gap < best.relative_gap else best
        if problem.smooth or best.relative_gap <= tol or made >= max_iter:
            return best
        wanted = tol * abs(found.primal) / max(found.primal - found.dual, 1e-300)
        width *= min(max(wanted / 2, 0.2), 0.5)
        if width < ROUNDING * scale:
            return best


def _rounded(problem: Problem, width: float) -> Floats:
    """Return the curvature with which losses of lines take so much error to reach full slope."""
    if problem.smooth:
        return problem.curvature
    return width / np.maximum(np.maximum(problem.high, -problem.low), 1e-300)


class _Smooth:
    """A problem with a curvature everywhere."""

    def __init__(self, problem: Problem, curvature: Floats):
        self.problem, self.curvature = problem, curvature

    def minimise(self, weights: Floats, tol: float, most: int) -> tuple[Floats, int]:
        """Return weights and the steps made."""
        design = self.problem.design
        scores = design.scores(weights)
        first = np.inf
        most = most if self.problem.smooth else min(most, STEPS)
        for step in range(most):
            errors, values = self._at(scores)
            gradient = weights - design.pull(values)
            norm = float(np.linalg.norm(gradient))
            first = min(first, max(norm, 1e-300)) if step == 0 else first
            if norm <= ROUNDING * max(first, float(np.linalg.norm(weights))):
                return weights, step
            # Half the gradient's square is the gap, for responses sum to zero.
            if not self._exact and norm**2 / 2 <= tol * self._objective(weights, errors):
                return weights, step
            inner = self.problem.inner(errors, self.curvature)
            change, of_bias = self._direction(inner, gradient, min(0.1, norm / first))
            moved = design.scores(change) + of_bias
            length = self._length(weights, errors, change, moved)
            if length == 0.0:
                return weights, step
            weights = weights + length * change
            scores = design.scores(weights)
        return weights, most

    def solution(self, weights: Floats, made: int) -> Solution:
        """Return the solution of the problem as it was."""
        scores = self.problem.design.scores(weights)
        _, values = self._at(scores)
        return Solution.of(self.problem, weights, values, made, scores)

    @property
    def _exact(self) -> bool:
        """Whether the last step is cheap enough to be made without need."""
        design = self.problem.design
        return self.problem.smooth and min(len(design), design.width) <= DIRECT

    def _objective(self, weights: Floats, errors: Floats) -> float:
        share = 1.0 if self.problem.smooth else 0.1  # the rest is for the rounded kinks
        return share * abs(self.problem.primal(weights, errors))

    def _at(self, scores: Floats) -> tuple[Floats, Floats]:
        """Return errors and responses under the best bias."""
        bias = self.problem.best_bias(scores, self.curvature)
        errors = self.problem.target - scores - bias
        return errors, self.problem.responses(errors, self.curvature)

    def _direction(
        self, inner: npt.NDArray[np.bool_], gradient: Floats, accuracy: float
    ) -> tuple[Floats, float]:
        """Return Newton's step in weights and bias."""
        design = self.problem.design.take(np.flatnonzero(inner))
        stiff = 1.0 / self.curvature[inner]
        return newton_step(design, stiff, gradient, accuracy, self.problem.bias)

    def _length(self, weights: Floats, errors: Floats, change: Floats, moved: Floats) -> float:
        """Return where the slope along the step is zero, or one where the step ends well."""
        square, product = float(change @ change), float(weights @ change)

        def slope(length: float) -> float:
            values = self.problem.responses(errors - length * moved, self.curvature)
            return product + length * square - float(values @ moved)

        start = slope(0.0)
        return 0.0 if start >= 0 else _zero_of(slope, start)


def _zero_of(slope: Callable[[float], float], start: float) -> float:
    """Return about where a slope that rises from `start` below zero is zero."""
    low, high, at_low = 0.0, 1.0, start
    at_high = slope(high)
    for _ in range(60):
        if at_high >= 0.1 * start:
            break
        low, at_low, high = high, at_high, 2 * high
        at_high = slope(high)
    if abs(at_high) <= 0.1 * -start:
        return high
    for _ in range(60):
        middle = low + (high - low) * min(max(at_low / (at_low - at_high), 0.1), 0.9)
        at = slope(middle)
        if abs(at) <= 0.01 * -start:
            return middle
        if at < 0:
            low, at_low = middle, at
        else:
            high, at_high = middle, at
    return low


def newton_step(
    design: Any, stiff: Floats, gradient: Floats, accuracy: float, bias: bool, ridge: float = 1.0
) -> tuple[Floats, float]:
    """Return the step in weights and bias of Newton's method.

    Parameters
    ----------
    design : Design
        The rows on the curved part of their loss.
    stiff : ndarray
        The second derivative of their losses.
    gradient : ndarray
        By the weights; that by the bias is zero.
    accuracy : float
        Where the equations are too many to be solved directly.
    bias : bool
        Whether there is one.
    ridge : float
        The second derivative of the penalty.
    """
    free = bias and bool(len(stiff))
    if min(len(design), design.width) > DIRECT:
        return _conjugate_gradients(design, stiff, gradient, accuracy, free, ridge)
    if design.width <= len(design):
        matrix, border = ridge * np.eye(design.width), np.zeros(design.width)
        step = max(1, BLOCK // max(design.width, 1))
        for start in range(0, len(design), step):
            part = slice(start, start + step)
            rows = design.take(part).array()
            heavy = rows * stiff[part, None]
            matrix += rows.T @ heavy
            border += heavy.sum(axis=0)
        return _bordered(matrix, border, stiff.sum(), -gradient, free)
    rows = design.array()
    # (1 / stiff + X X' / ridge) u - bias = -X g / ridge, sum(u) = 0: one for each row.
    matrix = np.diag(1.0 / stiff) + rows @ rows.T / ridge
    border = -np.ones(len(stiff))
    pulls, of_bias = _bordered(matrix, border, 0.0, -rows @ gradient / ridge, free)
    return -(gradient + rows.T @ pulls) / ridge, of_bias


def _bordered(
    matrix: Floats, border: Floats, corner: float, right: Floats, free: bool
) -> tuple[Floats, float]:
    """Solve ``[[matrix, border], [border', corner]] [x, y] = [right, 0]``, y is 0 if not free."""
    factor = scipy.linalg.cho_factor(matrix, check_finite=False) if len(matrix) else None
    if factor is None:
        return right, 0.0
    solved = scipy.linalg.cho_solve(factor, np.stack([right, border], axis=1), check_finite=False)
    if not free:
        return solved[:, 0], 0.0
    rest = corner - float(border @ solved[:, 1])
    of_bias = -float(border @ solved[:, 0]) / rest if rest else 0.0
    return solved[:, 0] - of_bias * solved[:, 1], of_bias


def _conjugate_gradients(
    design: Any, stiff: Floats, gradient: Floats, accuracy: float, free: bool, ridge: float
) -> tuple[Floats, float]:
    """Solve Newton's equations to an accuracy, preconditioned by their diagonal."""
    total = float(stiff.sum()) if free else 1.0
    diagonal = np.append(ridge + design.squares(stiff), total)
    residual = np.append(-gradient, 0.0)
    found = np.zeros_like(residual)
    reduced = residual / diagonal
    direction, size = reduced, float(residual @ reduced)
    enough = accuracy**2 * size
    for _ in range(len(residual)):
        pulled = stiff * (design.scores(direction[:-1]) + direction[-1] * free)
        product = np.append(ridge * direction[:-1], 0.0)
        product += np.append(design.pull(pulled), pulled.sum() if free else 0.0)
        along = float(direction @ product)
        if along <= 0:
            break
        found += size / along * direction
        residual = residual - size / along * product
        reduced = residual / diagonal
        before, size = size, float(residual @ reduced)
        if size <= enough:
            break
        direction = reduced + size / before * direction
    return found[:-1], float(found[-1]) if free else 0.0
