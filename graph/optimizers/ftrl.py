"""Follow the regularised leader."""

from __future__ import annotations

import math
import numbers
from typing import Annotated

import numpy as np

from ...hyperparameters import Allowed, NonNegative, Positive, hyperparameters
from ..ops import cast, clip, sqrt
from ..tensor import Tensor
from ..variables import Variable, constant
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["Ftrl"]

NonPositive = Annotated[
    float,
    Allowed(
        "a number of at most 0",
        lambda v: isinstance(v, numbers.Real) and not isinstance(v, bool) and -math.inf < v <= 0,
    ),
]


@hyperparameters
class Ftrl(Optimizer):
    """Follow the regularised leader, one coordinate at a time; L1 gives weights of exactly zero.

    With ``r(n) = n ** -learning_rate_power / learning_rate``: ``n' = n + g ** 2``,
    ``z' = z + g + 2 * shrinkage * w - (r(n') - r(n)) * w`` and
    ``w' = (clip(z', -l1, l1) - z') / (r(n') + 2 * l2)``. McMahan et al., "Ad click prediction: a
    view from the trenches", 2013; the shrinkage is that of McMahan, "A survey of algorithms and
    analysis for adaptive online learning", 2017.

    A weight is a function of ``n`` and ``z`` once it has had a gradient: its first value fades at
    its own first step. Rows that a sparse gradient does not name stay as they are, slots included.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.2
    learning_rate_power : float, default -0.5
        At most 0; at 0 the rate does not fall.
    initial_accumulator_value : float, default 0.1
        The first ``n``.
    l1_regularization_strength, l2_regularization_strength : float, default 0.0
        Penalties on the weights, part of what is minimised.
    l2_shrinkage_regularization_strength : float, default 0.0
        A penalty on the size of each step: it pulls weights towards zero at steps in which they
        have a gradient, and does not add to ``n``.
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import Ftrl, trace
    >>> optimizer = Ftrl(
    ...     learning_rate=1.0, initial_accumulator_value=7.0, l1_regularization_strength=1.0
    ... )
    >>> trace(optimizer, [0.0, 0.0], [[3.0, 0.5]]).ravel().tolist()
    [-0.5, -0.0]
    """

    learning_rate: Rate = 0.2
    learning_rate_power: NonPositive = -0.5
    initial_accumulator_value: Positive = 0.1
    l1_regularization_strength: NonNegative = 0.0
    l2_regularization_strength: NonNegative = 0.0
    l2_shrinkage_regularization_strength: NonNegative = 0.0

    additive = frozenset({"accumulator", "linear"})

    def slots(self) -> dict[str, float]:
        """Return ``n``, `initial_accumulator_value` at first, and ``z``, zero at first."""
        return {"accumulator": float(self.initial_accumulator_value), "linear": 0.0}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight, accumulator and linear term."""
        accumulator = slots["accumulator"] + gradient * gradient
        grown, before = self._root(accumulator), self._root(slots["accumulator"])
        if self.l2_shrinkage_regularization_strength:
            shrinkage = 2.0 * self.l2_shrinkage_regularization_strength
            gradient = gradient + weight * shrinkage
        linear = slots["linear"] + (gradient - (grown - before) / rate * weight)
        # (clip(z', -l1, l1) - z') / (r(n') + 2 l2), with both parts times the rate.
        scale, outside = grown, linear
        if self.l2_regularization_strength:
            scale = grown + rate * (2.0 * self.l2_regularization_strength)
        if self.l1_regularization_strength:
            limit = float(self.l1_regularization_strength)
            outside = linear - clip(linear, -limit, limit)
        weight = outside * -rate / scale
        return weight, {"accumulator": accumulator, "linear": linear}

    def _root(self, accumulator: Tensor) -> Tensor:
        if self.learning_rate_power == -0.5:
            return sqrt(accumulator)
        power = constant(-self.learning_rate_power, accumulator.dtype)
        # The difference of two near powers is used, of which float32's power leaves few digits.
        return cast(cast(accumulator, "float64") ** cast(power, "float64"), accumulator.dtype)

    def absorbs_zero(self, variable: Variable) -> bool:
        """Return whether nothing shrinks `variable` and it is zero at first.

        A first value other than zero fades at a zero gradient too, and only rows that have a
        gradient may forget theirs.
        """
        if self.l2_shrinkage_regularization_strength:
            return False
        return not variable.initialize(np.random.default_rng(0)).any()


OPTIMIZERS.add("ftrl", Ftrl)
