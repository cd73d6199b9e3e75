"""Gradient descent with momentum."""

from __future__ import annotations

from ...hyperparameters import Fraction, hyperparameters
from ..tensor import Tensor
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["Momentum"]


@hyperparameters
class Momentum(Optimizer):
    """Gradient descent that keeps some of its last step's direction.

    ``m' = momentum * m + g`` and ``w' = w - learning_rate * m'``; with `use_nesterov`,
    ``w' = w - learning_rate * (g + momentum * m')``. Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964; Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013.

    Rows that a sparse gradient does not name stand still and their momentum does not fade.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    momentum : float, default 0.9
    use_nesterov : bool, default False
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import Momentum, trace
    >>> optimizer = Momentum(learning_rate=0.5, momentum=0.5)
    >>> trace(optimizer, [1.0], [[1.0], [0.0]]).ravel().tolist()
    [0.5, 0.25]
    """

    learning_rate: Rate = 0.01
    momentum: Fraction = 0.9
    use_nesterov: bool = False

    def slots(self) -> dict[str, float]:
        """Return the momentum, zero at first."""
        return {"momentum": 0.0}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and momentum."""
        momentum = slots["momentum"] * float(self.momentum) + gradient
        direction = gradient + momentum * float(self.momentum) if self.use_nesterov else momentum
        return weight - direction * rate, {"momentum": momentum}


OPTIMIZERS.add("momentum", Momentum)
