"""Adagrad."""

from __future__ import annotations

from ...hyperparameters import Positive, hyperparameters
from ..ops import sqrt
from ..tensor import Tensor
from ..variables import Variable
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["Adagrad"]


@hyperparameters
class Adagrad(Optimizer):
    """Smaller steps for weights that have moved much, so that rare features learn as fast.

    ``a' = a + g ** 2`` and ``w' = w - learning_rate * g / sqrt(a')``. Duchi, Hazan and Singer,
    "Adaptive subgradient methods for online learning and stochastic optimization", 2011.

    Rows that a sparse gradient does not name stay as they are, accumulators included.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.05
    initial_accumulator_value : float, default 0.1
        The first ``a``.
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import Adagrad, trace
    >>> optimizer = Adagrad(learning_rate=1.0, initial_accumulator_value=7.0)
    >>> trace(optimizer, [1.0], [[3.0]]).ravel().tolist()
    [0.25]
    """

    learning_rate: Rate = 0.05
    initial_accumulator_value: Positive = 0.1

    additive = frozenset({"accumulator"})

    def slots(self) -> dict[str, float]:
        """Return the sum of squares, `initial_accumulator_value` at first."""
        return {"accumulator": float(self.initial_accumulator_value)}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and accumulator."""
        accumulator = slots["accumulator"] + gradient * gradient
        return weight - gradient * rate / sqrt(accumulator), {"accumulator": accumulator}

    def absorbs_zero(self, variable: Variable) -> bool:
        """Return True: both change by a multiple of the gradient."""
        return True


OPTIMIZERS.add("adagrad", Adagrad)
