"""RMSProp."""

from __future__ import annotations

from ...hyperparameters import Fraction, Positive, hyperparameters
from ..ops import sqrt
from ..tensor import Tensor
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["RMSProp"]


@hyperparameters
class RMSProp(Optimizer):
    """Divide the gradient by a running average of its size.

    ``s' = decay * s + (1 - decay) * g ** 2``, ``m' = momentum * m + learning_rate * g /
    sqrt(s' + epsilon)`` and ``w' = w - m'``, where ``s`` is one at first. `centered` takes
    ``s' - c' ** 2`` in place of ``s'``, with ``c' = decay * c + (1 - decay) * g``: the variance
    instead of the mean square. Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012; Graves,
    "Generating sequences with recurrent neural networks", 2013 (centered).

    Rows that a sparse gradient does not name stand still and their averages do not fade.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    decay : float, default 0.9
    momentum : float, default 0.0
    epsilon : float, default 1e-10
        Added inside the square root.
    centered : bool, default False
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import RMSProp, trace
    >>> trace(RMSProp(learning_rate=0.5, decay=0.75), [1.0], [[1.0]]).round(6).ravel().tolist()
    [0.5]
    """

    learning_rate: Rate = 0.001
    decay: Fraction = 0.9
    momentum: Fraction = 0.0
    epsilon: Positive = 1e-10
    centered: bool = False

    def slots(self) -> dict[str, float]:
        """Return the averages and, where they are used, the centre and the momentum."""
        slots = {"mean_square": 1.0}
        if self.centered:
            slots["mean_gradient"] = 0.0
        if self.momentum:
            slots["momentum"] = 0.0
        return slots

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and averages."""
        decay, fresh = float(self.decay), 1.0 - self.decay
        spread = slots["mean_square"] * decay + gradient * gradient * fresh
        new = {"mean_square": spread}
        if self.centered:
            new["mean_gradient"] = mean = slots["mean_gradient"] * decay + gradient * fresh
            spread = spread - mean * mean
        move = gradient * rate / sqrt(spread + float(self.epsilon))
        if self.momentum:
            new["momentum"] = move = slots["momentum"] * float(self.momentum) + move
        return weight - move, new


OPTIMIZERS.add("rmsprop", RMSProp)
