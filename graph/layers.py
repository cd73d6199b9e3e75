"""Layers: variables together with the expression that uses them."""

from __future__ import annotations

from collections.abc import Callable

from .initializers import glorot_uniform, ones, zeros
from .ops import (
    elu,
    gelu,
    leaky_relu,
    matmul,
    mean,
    relu,
    selu,
    sigmoid,
    softplus,
    sqrt,
    square,
    swish,
    tanh,
)
from .tensor import Tensor, name_scope
from .variables import Initializer, Variable

__all__ = ["ACTIVATIONS", "BatchNormalization", "Dense"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "elu": elu,
    "gelu": gelu,
    "leaky_relu": leaky_relu,
    "relu": relu,
    "selu": selu,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "swish": swish,
    "tanh": tanh,
}


class Dense:
    """``y = x @ kernel + bias``.

    Parameters
    ----------
    inputs, units : int
        The widths of ``x`` and ``y``.
    name : str
        The scope of the two variables.
    initializer : callable
        For the kernel; the bias starts at zero.

    Examples
    --------
    >>> from cannery.graph import placeholder
    >>> from cannery.graph.layers import Dense
    >>> Dense(3, 2, "hidden")(placeholder("x", (None, 3))).shape
    (None, 2)
    """

    def __init__(self, inputs: int, units: int, name: str, initializer: Initializer | None = None):
        with name_scope(name):
            start = initializer or glorot_uniform()
            self.kernel = Variable(start, "kernel", shape=(inputs, units))
            self.bias = Variable(zeros(), "bias", shape=(units,))

    def __call__(self, x: Tensor) -> Tensor:
        """Return the product with the kernel, plus the bias."""
        return matmul(x, self.kernel) + self.bias

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The kernel and the bias."""
        return self.kernel, self.bias


class BatchNormalization:
    """Shift and scale each unit to mean zero and variance one over the batch.

    While predicting, running averages of mean and variance stand in for the batch's.
    Ioffe and Szegedy, "Batch normalization", 2015.

    Parameters
    ----------
    units : int
    name : str
        The scope of the variables.
    momentum : float
        The weight of the old running average at each step.
    epsilon : float
        Added to the variance.
    """

    def __init__(self, units: int, name: str, momentum: float = 0.999, epsilon: float = 0.001):
        self.momentum, self.epsilon = momentum, epsilon
        with name_scope(name):
            self.gamma = Variable(ones(), "gamma", shape=(units,))
            self.beta = Variable(zeros(), "beta", shape=(units,))
            self.moving_mean = Variable(zeros(), "moving_mean", shape=(units,), trainable=False)
            self.moving_variance = Variable(
                ones(), "moving_variance", shape=(units,), trainable=False
            )

    def __call__(self, x: Tensor, updates: dict[Variable, Tensor] | None = None) -> Tensor:
        """Return the normalised `x`; while training, put the new averages into `updates`."""
        average: Tensor
        variance: Tensor
        if updates is None:
            average, variance = self.moving_mean, self.moving_variance
        else:
            average = mean(x, axis=0)
            variance = mean(square(x - average), axis=0)
            for moving, current in (
                (self.moving_mean, average),
                (self.moving_variance, variance),
            ):
                updates[moving] = moving + (current - moving) * (1 - self.momentum)
        return (x - average) / sqrt(variance + self.epsilon) * self.gamma + self.beta

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The learned scale and shift."""
        return self.gamma, self.beta
