"""What a support vector machine minimises, its dual, and the gap between the two."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from .design import Design

__all__ = ["Problem"]

Floats = npt.NDArray[np.float64]
STEPS = 100  # of Newton's method in one dimension, which ends after a few


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise a penalty plus the losses of rows over weights and a bias without penalty.

    With the error ``r = target - score`` the loss of a row is the largest value of
    ``r v - margin |v| - curvature v^2 / 2`` over ``low <= v <= high``: the hinge loss of cost c is
    ``target = 1, low = 0, high = c`` (mirrored for the class -1), its square ``high = inf`` and
    ``curvature = 1 / (2 c)``; the epsilon-insensitive losses have the box on both sides and
    epsilon for their margin. So one dual serves all four (Hsieh et al. 2008; Ho and Lin 2012)::

        maximise sum(target v - margin |v| - curvature v^2 / 2) - |X' v|^2 / 2
        over low <= v <= high, sum(v) = 0

    where the last condition comes from the bias. With the penalty ``|w|_1`` the term ``|X' v|^2``
    gives way to the condition that no entry of ``X' v`` is above one.

    Parameters
    ----------
    design : Design
    target, low, high, curvature : ndarray of shape (n,)
    margin : float
    penalty : {"l2", "l1"}
    bias : bool
        Whether there is a bias; without one the dual has no condition on the sum.
    """

    design: Design
    target: Floats
    low: Floats
    high: Floats
    curvature: Floats
    margin: float = 0.0
    penalty: str = "l2"
    bias: bool = True

    @classmethod
    def classification(
        cls, design: Design, signs: Floats, costs: Floats, squared: bool, **options: Any
    ) -> Self:
        """Return the problem of telling 1 from -1, with a hinge loss or its square."""
        ends = np.full(len(signs), np.inf) if squared else costs
        low, high = np.where(signs < 0, -ends, 0.0), np.where(signs > 0, ends, 0.0)
        curvature = 0.5 / costs if squared else np.zeros(len(signs))
        return cls(design, np.asarray(signs, np.float64), low, high, curvature, **options)

    @classmethod
    def regression(
        cls,
        design: Design,
        target: Floats,
        costs: Floats,
        squared: bool,
        epsilon: float,
        **options: Any,
    ) -> Self:
        """Return the problem of predicting numbers, with an epsilon-insensitive loss."""
        ends = np.full(len(target), np.inf) if squared else costs
        curvature = 0.5 / costs if squared else np.zeros(len(target))
        return cls(design, target, -ends, ends, curvature, margin=epsilon, **options)

    def restricted(self, columns: npt.NDArray[np.intp]) -> Problem:
        """Return the problem with these columns alone."""
        return dataclasses.replace(self, design=self.design.columns(columns))

    def without(self, rows: npt.NDArray[np.bool_]) -> Problem:
        """Return the problem in which some rows cost nothing."""
        low, high = (np.where(rows, 0.0, end) for end in (self.low, self.high))
        return dataclasses.replace(self, low=low, high=high)

    @property
    def smooth(self) -> bool:
        """Whether the loss has a derivative everywhere."""
        return bool((self.curvature > 0).all())

    def losses(self, errors: Floats) -> Floats:
        """Return the loss of each row."""
        values = self.responses(errors)
        # A loss of lines is bounded by its box, which no infinite end has then.
        paid = values * (errors - self.curvature * values / 2)
        return np.asarray(paid - self.margin * np.abs(values), np.float64)

    def responses(self, errors: Floats, curvature: Any = None) -> Floats:
        """Return the derivative of each loss by the error, which is a dual point.

        Where a loss has a kink and no curvature is given, either end of it.
        """
        curvature = self.curvature if curvature is None else curvature
        over = np.maximum(np.abs(errors) - self.margin, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(over > 0, over / curvature, 0.0)
        return np.clip(np.copysign(steps, errors), self.low, self.high)

    def primal(self, weights: Floats, errors: Floats) -> float:
        """Return the objective of weights, whose errors are known."""
        l1 = self.penalty == "l1"
        penalty = np.abs(weights).sum() if l1 else weights @ weights / 2
        return float(penalty + self.losses(errors).sum())

    def best_bias(self, scores: Floats, curvature: Any = None) -> float:
        """Return the bias that minimises the losses of scores without one."""
        if not self.bias or not len(scores):
            return 0.0
        gaps = self.target - scores
        if curvature is None and not self.smooth:
            return self._crossing(gaps)
        return self._root(gaps, curvature)

    def _crossing(self, gaps: Floats) -> float:
        """Return where the slope of lines changes its sign: a weighted median of their kinks."""
        points = np.concatenate([gaps + self.margin, gaps - self.margin])
        # Each kink adds its end of the box to the slope, which begins at -sum(high).
        jumps = np.concatenate([-self.low, self.high])
        order = np.argsort(points, kind="stable")
        slopes = np.cumsum(jumps[order]) - self.high.sum()
        nothing = 1e-12 * (self.high.sum() - self.low.sum())
        place = min(int(np.searchsorted(slopes, -nothing)), len(points) - 1)
        found = points[order[place]]
        later = order[place + 1 :][jumps[order[place + 1 :]] > 0]
        if slopes[place] <= nothing and len(later):  # it is zero up to the next kink
            return float(found + points[later[0]]) / 2
        return float(found)

    def _root(self, gaps: Floats, curvature: Any = None) -> float:
        """Return where the sum of responses, which falls piece by piece, is zero."""
        curvature = self.curvature if curvature is None else curvature
        low, high = float(gaps.min()) - self.margin, float(gaps.max()) + self.margin
        if low + 2 * self.margin >= high - 2 * self.margin and self.margin:
            return (low + high) / 2  # no error costs anything
        bias = float(np.average(gaps, weights=1.0 / curvature))
        for _ in range(STEPS):
            errors = gaps - bias
            values = self.responses(errors, curvature)
            total = float(values.sum())
            low, high = (bias, high) if total > 0 else (low, bias)
            inner = (values != 0) & (values > self.low) & (values < self.high)
            steep = float((inner / curvature).sum())
            step = total / steep if steep > 0 else np.inf
            if abs(step) <= 1e-14 * max(1.0, abs(bias)):
                break
            before, bias = bias, bias + step
            if not low < bias < high:
                bias = (low + high) / 2
            if bias == before:
                break
        return bias

    def inner(self, errors: Floats, curvature: Any) -> npt.NDArray[np.bool_]:
        """Return the rows whose response changes with the error."""
        values = self.responses(errors, curvature)
        return (values != 0) & (values > self.low) & (values < self.high)

    def dual(self, values: Floats) -> float:
        """Return the dual objective of any values, made feasible first: a bound from below."""
        values = np.clip(values, self.low, self.high)
        if not self.bias:
            return self._feasible_dual(values)
        return max(map(self._feasible_dual, (self._scaled(values), self._shifted(values))))

    def feasible(self, values: Floats) -> Floats:
        """Return a dual point near to values: within the box, and of sum zero with a bias."""
        values = np.clip(values, self.low, self.high)
        return self._shifted(values) if self.bias else values

    def _scaled(self, values: Floats) -> Floats:
        """Return values whose sum is zero, the heavier side drawn in."""
        up, down = values.clip(min=0.0), values.clip(max=0.0)
        plus, minus = up.sum(), -down.sum()
        if min(plus, minus) == 0:
            return np.zeros_like(values)
        return np.asarray(up * min(1.0, minus / plus) + down * min(1.0, plus / minus), np.float64)

    def _shifted(self, values: Floats) -> Floats:
        """Return values whose sum is zero, moved where the box leaves room on both sides.

        Rows inside their box lie on the kink of their loss: moving them costs least.
        """
        total = float(values.sum())
        inside = (values > self.low) & (values < self.high) & (values != 0.0)
        distance = values - self.low if total > 0 else self.high - values
        room = np.where(inside, np.minimum(distance, np.abs(values)), 0.0)
        if room.sum() < abs(total):
            return self._scaled(values)
        moved = values - np.sign(total) * room * (abs(total) / room.sum() if total else 0.0)
        return self._scaled(np.clip(moved, self.low, self.high))

    def _feasible_dual(self, values: Floats) -> float:
        gains = float(self.target @ values - self.margin * np.abs(values).sum())
        pull = self.design.pull(values)
        spent = float(self.curvature @ values**2) / 2
        if self.penalty == "l2":
            return gains - spent - float(pull @ pull) / 2
        steepest = float(np.abs(pull).max(initial=0.0))
        most = 1.0 if steepest <= 1.0 else 1.0 / steepest
        # Any part of a feasible point is feasible too: the best is where a parabola peaks.
        best = min(most, gains / (2 * spent)) if spent > 0 else most
        return gains * max(best, 0.0) - spent * max(best, 0.0) ** 2
