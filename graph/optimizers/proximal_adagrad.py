"""Adagrad with regularisation by proximal steps."""

from __future__ import annotations

from ...hyperparameters import NonNegative, Positive, hyperparameters
from ..ops import maximum, minimum, sqrt
from ..tensor import Tensor
from ..variables import Variable
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["ProximalAdagrad"]


@hyperparameters
class ProximalAdagrad(Optimizer):
    """Adagrad, then shrinkage by L1 (to exact zeros) and L2 at the same adaptive rate.

    ``a' = a + g ** 2``, ``r = learning_rate / sqrt(a')``, ``p = w - r * g`` and
    ``w' = sign(p) * max(abs(p) - r * l1, 0) / (1 + r * l2)``. Duchi and Singer, "Efficient online
    and batch learning using forward backward splitting", 2009.

    Rows that a sparse gradient does not name stay as they are: they are not shrunk either.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.05
    initial_accumulator_value : float, default 0.1
        The first ``a``.
    l1_regularization_strength, l2_regularization_strength : float, default 0.0
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import ProximalAdagrad, trace
    >>> optimizer = ProximalAdagrad(
    ...     learning_rate=1.0, initial_accumulator_value=7.0, l1_regularization_strength=1.0
    ... )
    >>> trace(optimizer, [1.0, 0.1], [[3.0, 0.0]]).ravel().tolist()
    [0.0, 0.0]
    """

    learning_rate: Rate = 0.05
    initial_accumulator_value: Positive = 0.1
    l1_regularization_strength: NonNegative = 0.0
    l2_regularization_strength: NonNegative = 0.0

    additive = frozenset({"accumulator"})

    def slots(self) -> dict[str, float]:
        """Return the sum of squares, `initial_accumulator_value` at first."""
        return {"accumulator": float(self.initial_accumulator_value)}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and accumulator."""
        accumulator = slots["accumulator"] + gradient * gradient
        rates = rate / sqrt(accumulator)
        weight = weight - rates * gradient
        if self.l1_regularization_strength:
            limit = rates * float(self.l1_regularization_strength)
            weight = weight - minimum(maximum(weight, -limit), limit)
        if self.l2_regularization_strength:
            weight = weight / (rates * float(self.l2_regularization_strength) + 1.0)
        return weight, {"accumulator": accumulator}

    def absorbs_zero(self, variable: Variable) -> bool:
        """Return whether nothing shrinks the weights."""
        return not (self.l1_regularization_strength or self.l2_regularization_strength)


OPTIMIZERS.add("proximal_adagrad", ProximalAdagrad)
