"""Adam."""

from __future__ import annotations

import math

from ...hyperparameters import Fraction, Positive, hyperparameters
from ..ops import cast, expm1, sqrt
from ..tensor import Tensor
from .optimizer import OPTIMIZERS, Optimizer
from .schedules import Rate

__all__ = ["Adam"]


def _correction(beta: float, steps: Tensor) -> Tensor:
    """Return ``1 - beta ** steps``, without cancellation while that is near zero."""
    # log(0) is refused; any beta this small leaves nothing after one step.
    return -expm1(steps * math.log(max(beta, 1e-30)))


@hyperparameters
class Adam(Optimizer):
    """Momentum divided by a running average of the gradient's size, both corrected for bias.

    At step ``t = 1, 2, ...``: ``m' = beta1 * m + (1 - beta1) * g``, ``v' = beta2 * v +
    (1 - beta2) * g ** 2`` and ``w' = w - learning_rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
    * m' / (sqrt(v') + epsilon)``. Kingma and Ba, "Adam: a method for stochastic optimization",
    2015, in the form before their section 2.1: `epsilon` is their "epsilon hat".

    With a sparse gradient, the moments of all rows fade and all rows move, as with a gradient
    that is zero elsewhere, so a step costs what the whole table costs. ``lazy=True`` touches only
    the rows that the gradient names: much faster for large tables, and another optimizer, since
    a row's moments then fade by its own steps while the bias correction counts all.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
    beta1 : float, default 0.9
    beta2 : float, default 0.999
    epsilon : float, default 1e-8
    lazy : bool, default False
        Leave rows that a sparse gradient does not name as they are, moments included.
    clip_value, clip_norm, global_clip_norm : float, optional
        See `Optimizer`.

    Examples
    --------
    >>> from cannery.graph.optimizers import Adam, trace
    >>> trace(Adam(learning_rate=0.5), [1.0], [[7.0]]).round(6).ravel().tolist()
    [0.5]
    """

    learning_rate: Rate = 0.001
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    lazy: bool = False

    def slots(self) -> dict[str, float]:
        """Return the two moments, zero at first."""
        return {"m": 0.0, "v": 0.0}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and moments."""
        m, v, beta1, beta2 = slots["m"], slots["v"], float(self.beta1), float(self.beta2)
        steps = cast(step, weight.dtype) + 1.0
        rate = sqrt(_correction(beta2, steps)) / _correction(beta1, steps) * rate
        m = m * beta1 + gradient * (1.0 - beta1)
        v = v * beta2 + gradient * gradient * (1.0 - beta2)
        return weight - m * rate / (sqrt(v) + float(self.epsilon)), {"m": m, "v": v}

    def skips_absent_rows(self) -> bool:
        """Return `lazy`."""
        return self.lazy


OPTIMIZERS.add("adam", Adam)
