"""Gradient descent."""

from __future__ import annotations

from ...hyperparameters import hyperparameters
from ..tensor import Tensor
from ..variables import Variable
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["SGD"]


@hyperparameters
class SGD(Optimizer):
    """Stochastic gradient descent: ``w' = w - learning_rate * g``.

    Rows that a sparse gradient does not name stay as they are.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import SGD, trace
    >>> trace(SGD(learning_rate=0.5), [1.0], [[1.0], [2.0]]).ravel().tolist()
    [0.5, -0.5]
    """

    learning_rate: Rate = 0.01

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight."""
        return weight - gradient * rate, {}

    def absorbs_zero(self, variable: Variable) -> bool:
        """Return True: the weight moves by a multiple of the gradient."""
        return True


OPTIMIZERS.add("sgd", SGD)
