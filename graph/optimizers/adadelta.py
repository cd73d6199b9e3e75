"""Adadelta."""

from __future__ import annotations

from ...hyperparameters import Fraction, Positive, hyperparameters
from ..ops import sqrt
from ..tensor import Tensor
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["Adadelta"]


@hyperparameters
class Adadelta(Optimizer):
    """Steps as long as the last ones were, in the units of the weight.

    ``s' = rho * s + (1 - rho) * g ** 2``, ``d = g * sqrt(u + epsilon) / sqrt(s' + epsilon)``,
    ``u' = rho * u + (1 - rho) * d ** 2`` and ``w' = w - learning_rate * d``. Zeiler, "ADADELTA:
    an adaptive learning rate method", 2012, whose learning rate is 1.

    Rows that a sparse gradient does not name stand still and their averages do not fade.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    rho : float, default 0.95
    epsilon : float, default 1e-8
        Added inside the square roots.
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import Adadelta, trace
    >>> optimizer = Adadelta(learning_rate=1.0, rho=0.75, epsilon=1.0)
    >>> round(trace(optimizer, [1.0], [[2.0]]).item(), 4)
    -0.4142
    """

    learning_rate: Rate = 0.001
    rho: Fraction = 0.95
    epsilon: Positive = 1e-8

    def slots(self) -> dict[str, float]:
        """Return the mean squares of gradients and of steps, zero at first."""
        return {"mean_square": 0.0, "mean_square_step": 0.0}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and averages."""
        rho, epsilon = float(self.rho), float(self.epsilon)
        square = slots["mean_square"] * rho + gradient * gradient * (1.0 - rho)
        past = slots["mean_square_step"]
        move = sqrt((past + epsilon) / (square + epsilon)) * gradient
        past = past * rho + move * move * (1.0 - rho)
        return weight - move * rate, {"mean_square": square, "mean_square_step": past}


OPTIMIZERS.add("adadelta", Adadelta)
