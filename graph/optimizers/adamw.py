"""Adam with decoupled weight decay."""

from __future__ import annotations

from ...hyperparameters import NonNegative, hyperparameters
from ..tensor import Tensor
from .adam import Adam
from .optimizer import OPTIMIZERS

__all__ = ["AdamW"]


@hyperparameters
class AdamW(Adam):
    """Adam whose weights also shrink by ``learning_rate * weight_decay`` of themselves.

    ``w' = w - learning_rate * weight_decay * w`` minus Adam's step, which knows nothing of the
    decay. Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; the decay follows
    the learning rate's schedule.

    With a sparse gradient all rows of the table shrink; with ``lazy=True`` only the rows that the
    gradient names, so that rare rows shrink less often.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    beta1, beta2, epsilon, lazy
        See `Adam`.
    weight_decay : float, default 0.004
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import AdamW, trace
    >>> optimizer = AdamW(learning_rate=0.5, weight_decay=0.5)
    >>> trace(optimizer, [1.0], [[0.0]]).ravel().tolist()
    [0.75]
    """

    weight_decay: NonNegative = 0.004

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and moments."""
        shrunk = weight - weight * (rate * float(self.weight_decay))
        return super().update(shrunk, gradient, rate, step, **slots)


OPTIMIZERS.add("adamw", AdamW)
