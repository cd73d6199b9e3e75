"""Learning rates that depend on the step, as graph expressions."""

from __future__ import annotations

import math
import numbers
from typing import Annotated, Any

import numpy as np
from sklearn.base import BaseEstimator

from ...errors import NotFound
from ...hyperparameters import (
    Allowed,
    Fraction,
    NonNegative,
    Positive,
    PositiveInt,
    check,
    hyperparameters,
)
from ..ops import cast, ceil, cos, floor, maximum, minimum
from ..tensor import Tensor

__all__ = [
    "ConstantSchedule",
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "PolynomialDecay",
    "Rate",
    "Schedule",
    "WarmUp",
    "rate_at",
]


@hyperparameters
class Schedule(BaseEstimator):
    """A learning rate as a function of the step, which is 0 at first.

    A subclass writes `rate`. The result is part of the graph, so it costs a few operations on
    single numbers at each step and is saved and compiled with the program.
    """

    def rate(self, step: Tensor) -> Tensor:
        """Return the rate at `step`, a float32 scalar."""
        raise NotFound(f"schedule {type(self).__name__}", "has no rate")

    def __call__(self, step: Tensor) -> Tensor:
        """Return the rate at `step`, an integer scalar, as a float32 scalar.

        Raises
        ------
        InvalidValue, InvalidType
            A hyperparameter is out of its range.
        """
        check(self)
        return self.rate(cast(step, "float32"))


def _is_rate(value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return isinstance(value, Schedule) or (real and 0 < value < math.inf)


Rate = Annotated[float | Schedule, Allowed("a number above 0 or a schedule", _is_rate)]


def rate_at(rate: float | Schedule, step: Tensor, dtype: np.dtype[Any]) -> Tensor | float:
    """Return the learning rate at `step`: the number itself, or the schedule's tensor."""
    return cast(rate(step), dtype) if isinstance(rate, Schedule) else float(rate)


@hyperparameters
class ConstantSchedule(Schedule):
    """``rate = learning_rate``.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import ConstantSchedule
    >>> evaluate([ConstantSchedule(learning_rate=0.5)(constant(7))])[0].item()
    0.5
    """

    learning_rate: Positive

    def rate(self, step: Tensor) -> Tensor:
        """Return the constant."""
        return step * 0.0 + float(self.learning_rate)


@hyperparameters
class ExponentialDecay(Schedule):
    """``rate = initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool, default False
        Round ``step / decay_steps`` down, so that the rate falls in steps.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import ExponentialDecay
    >>> schedule = ExponentialDecay(initial_learning_rate=1.0, decay_steps=10, decay_rate=0.5)
    >>> evaluate([schedule(constant(20))])[0].item()
    0.25
    """

    initial_learning_rate: Positive
    decay_steps: PositiveInt
    decay_rate: Positive
    staircase: bool = False

    def rate(self, step: Tensor) -> Tensor:
        """Return the decayed rate."""
        periods = step / float(self.decay_steps)
        if self.staircase:
            periods = floor(periods)
        return float(self.decay_rate) ** periods * float(self.initial_learning_rate)


@hyperparameters
class InverseTimeDecay(Schedule):
    """``rate = initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool, default False
        Round ``step / decay_steps`` down, so that the rate falls in steps.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import InverseTimeDecay
    >>> schedule = InverseTimeDecay(initial_learning_rate=1.0, decay_steps=10, decay_rate=1.5)
    >>> evaluate([schedule(constant(20))])[0].item()
    0.25
    """

    initial_learning_rate: Positive
    decay_steps: PositiveInt
    decay_rate: NonNegative
    staircase: bool = False

    def rate(self, step: Tensor) -> Tensor:
        """Return the decayed rate."""
        periods = step / float(self.decay_steps)
        if self.staircase:
            periods = floor(periods)
        return float(self.initial_learning_rate) / (periods * float(self.decay_rate) + 1.0)


@hyperparameters
class PolynomialDecay(Schedule):
    """From ``initial_learning_rate`` to ``end_learning_rate`` in `decay_steps` steps.

    ``rate = (initial - end) * (1 - min(step, decay_steps) / decay_steps) ** power + end``.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    end_learning_rate : float, default 0.0001
    power : float, default 1.0
        One decays along a line.
    cycle : bool, default False
        Once `decay_steps` are over, begin again at a higher rate: with `decay_steps` replaced by
        its next multiple.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import PolynomialDecay
    >>> schedule = PolynomialDecay(initial_learning_rate=1.0, decay_steps=10, end_learning_rate=0.5)
    >>> evaluate([schedule(constant(5))])[0].item()
    0.75
    """

    initial_learning_rate: Positive
    decay_steps: PositiveInt
    end_learning_rate: NonNegative = 0.0001
    power: Positive = 1.0
    cycle: bool = False

    def rate(self, step: Tensor) -> Tensor:
        """Return the decayed rate."""
        steps, end = float(self.decay_steps), float(self.end_learning_rate)
        if self.cycle:
            rounds = maximum(ceil(step / steps), 1.0)
            left = 1.0 - step / (rounds * steps)
        else:
            left = 1.0 - minimum(step, steps) / steps
        if self.power != 1:
            left = left ** float(self.power)
        return left * (self.initial_learning_rate - end) + end


@hyperparameters
class CosineDecay(Schedule):
    """Half a cosine wave, from ``initial_learning_rate`` to ``alpha`` times that.

    ``rate = initial * ((1 - alpha) * (1 + cos(pi * min(step, decay_steps) / decay_steps)) / 2
    + alpha)``. Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts",
    2017 (without the restarts).

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    alpha : float, default 0.0
        The last rate as a fraction of the first.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import CosineDecay
    >>> schedule = CosineDecay(initial_learning_rate=1.0, decay_steps=10)
    >>> round(evaluate([schedule(constant(5))])[0].item(), 6)
    0.5
    """

    initial_learning_rate: Positive
    decay_steps: PositiveInt
    alpha: Fraction = 0.0

    def rate(self, step: Tensor) -> Tensor:
        """Return the decayed rate."""
        steps = float(self.decay_steps)
        wave = cos(minimum(step, steps) * (math.pi / steps)) * 0.5 + 0.5
        return (wave * (1.0 - self.alpha) + float(self.alpha)) * float(self.initial_learning_rate)


@hyperparameters
class WarmUp(Schedule):
    """Grow to a rate or schedule over the first steps, then follow it.

    ``rate = learning_rate(step) * min(1, (step + 1) / warmup_steps) ** power``. Goyal et al.,
    "Accurate, large minibatch SGD", 2017. The first step is taken at the first fraction, not at
    a rate of zero, and the inner schedule counts its steps from the very first.

    Parameters
    ----------
    learning_rate : float or Schedule
    warmup_steps : int
    power : float, default 1.0
        One grows along a line.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import WarmUp
    >>> schedule = WarmUp(learning_rate=1.0, warmup_steps=4)
    >>> [evaluate([schedule(constant(step))])[0].item() for step in (0, 1, 3, 9)]
    [0.25, 0.5, 1.0, 1.0]
    """

    learning_rate: Rate
    warmup_steps: PositiveInt
    power: Positive = 1.0

    def rate(self, step: Tensor) -> Tensor:
        """Return the rate, scaled while warming up."""
        part = minimum((step + 1.0) / float(self.warmup_steps), 1.0)
        if self.power != 1:
            part = part ** float(self.power)
        return part * rate_at(self.learning_rate, step, step.dtype)
