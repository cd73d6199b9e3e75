"""Functions of one element at a time: arithmetic, the usual functions, activations."""

from __future__ import annotations

import importlib
import math
from functools import partial
from typing import Any

import numpy as np

from ..op import Array, Call, Op, as_tensor, elementwise
from ..tensor import Tensor, TensorLike
from .comparison import greater_equal, less_equal, logical_not, mask, where
from .filled import zeros

__all__ = [
    "abs",
    "add",
    "ceil",
    "clip",
    "cos",
    "divide",
    "elu",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "gelu",
    "leaky_relu",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "power",
    "reciprocal",
    "relu",
    "remainder",
    "round",
    "selu",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "square",
    "subtract",
    "swish",
    "tanh",
]

# Arithmetic.
add = elementwise("add", "add", "{0} + {1}", lambda g, y, a, b: (g, g), arity=2)
subtract = elementwise("subtract", "subtract", "{0} - {1}", lambda g, y, a, b: (g, -g), arity=2)
multiply = elementwise(
    "multiply", "multiply", "{0} * {1}", lambda g, y, a, b: (g * b, g * a), arity=2
)
divide = elementwise(
    "divide",
    "divide",
    "{0} / {1}",
    lambda g, y, a, b: (g / b, -(g / b) * y),
    arity=2,
    kinds="f",
    low=(-2, 0.5),
)
power = elementwise(
    "power",
    "power",
    "pow({0}, {1})",
    lambda g, y, a, b: (g * b * a ** (b - 1), g * y * log(where(a > 0, a, 1.0))),
    arity=2,
    kinds="f",
    low=(0.5, -2),
)
floor_divide = elementwise(
    "floor_divide", "floor_divide", "floor_divide({0}, {1})", arity=2, low=(-2, 0.5), kinds="f"
)
remainder = elementwise(
    "remainder",
    "remainder",
    "remainder({0}, {1})",
    lambda g, y, a, b: (g, -g * floor_divide(a, b)),
    arity=2,
    kinds="f",
    low=(0.05, 1.0),
    high=(0.9, 2.0),
)


# numpy takes no third array for these two by position, and with one size one it is slow.
def _maximum(xp: Any, a: Array, b: Array, out: Array | None = None) -> Array:
    return xp.maximum(a, b) if out is None else xp.maximum(a, b, out=out)


def _minimum(xp: Any, a: Array, b: Array, out: Array | None = None) -> Array:
    return xp.minimum(a, b) if out is None else xp.minimum(a, b, out=out)


def _split_at(chosen: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    return mask(g, chosen), mask(g, logical_not(chosen))


# The slope of a tie goes to the first; of 0.0 and -0.0 numpy gives the second.
maximum = elementwise(
    "maximum",
    _maximum,
    "{0} > {1} || {0} != {0} ? {0} : {1}",
    lambda g, y, a, b: _split_at(greater_equal(a, b), g),
    arity=2,
)
minimum = elementwise(
    "minimum",
    _minimum,
    "{0} < {1} || {0} != {0} ? {0} : {1}",
    lambda g, y, a, b: _split_at(less_equal(a, b), g),
    arity=2,
)

# Functions.
negative = elementwise("negative", "negative", "-{0}", lambda g, y, x: (-g,))
abs = elementwise("abs", "absolute", "fabs({0})", lambda g, y, x: (g * sign(x),), low=0.5)
sign: Op = elementwise("sign", "sign", "{0} != {0} ? {0} : ({0} > 0) - ({0} < 0)", low=0.5)
square = elementwise("square", "square", "{0} * {0}", lambda g, y, x: (g * x * 2,))
sqrt = elementwise("sqrt", "sqrt", "sqrt({0})", lambda g, y, x: (g / (y * 2),), low=0.5, kinds="f")
reciprocal = elementwise(
    "reciprocal", "reciprocal", "1 / {0}", lambda g, y, x: (-g * square(y),), low=0.5, kinds="f"
)
exp = elementwise("exp", "exp", "exp({0})", lambda g, y, x: (g * y,), kinds="f")
expm1 = elementwise("expm1", "expm1", "expm1({0})", lambda g, y, x: (g * (y + 1),), kinds="f")
log: Op = elementwise("log", "log", "log({0})", lambda g, y, x: (g / x,), low=0.5, kinds="f")
log1p = elementwise(
    "log1p", "log1p", "log1p({0})", lambda g, y, x: (g / (x + 1),), low=-0.5, kinds="f"
)
sin = elementwise("sin", "sin", "sin({0})", lambda g, y, x: (g * cos(x),), kinds="f")
cos: Op = elementwise("cos", "cos", "cos({0})", lambda g, y, x: (-g * sin(x),), kinds="f")
tanh = elementwise("tanh", "tanh", "tanh({0})", lambda g, y, x: (g - g * square(y),), kinds="f")
floor = elementwise("floor", "floor", "floor({0})", kinds="f")
ceil = elementwise("ceil", "ceil", "ceil({0})", kinds="f")
round = elementwise("round", "rint", "rint({0})", kinds="f")


def _erf(xp: Any, x: Array, out: Array | None = None) -> Array:
    if xp is np:
        return importlib.import_module("scipy.special").erf(x, out)
    return xp.erf(x)


erf = elementwise(
    "erf",
    _erf,
    "erf({0})",
    lambda g, y, x: (g * exp(-square(x)) * (2 / math.sqrt(math.pi)),),
    kinds="f",
)


# Activations.
def _relu(xp: Any, x: Array, out: Array | None = None) -> Array:
    # numpy compares with an array three times as fast as with a number.
    return xp.maximum(x, 0) if out is None else xp.maximum(x, zeros(x.shape, x.dtype), out=out)


def _relu_calls(x: Array, out: Array) -> list[Call]:
    return [partial(np.maximum, x, zeros(x.shape, x.dtype), out=out)]


relu = elementwise(
    "relu",
    _relu,
    "{0} <= 0 ? 0 : {0}",
    lambda g, y, x: (mask(g, y > 0),),
    low=0.5,
    calls=_relu_calls,
)


def _sigmoid(xp: Any, x: Array, out: Array | None = None) -> Array:
    # exp overflows to infinity for very negative x, and 1 / infinity is the 0 wanted.
    y = xp.negative(x, out)
    y = xp.exp(y, out)
    y = xp.add(y, 1, out)
    return xp.reciprocal(y, out)


def _sigmoid_calls(x: Array, out: Array) -> list[Call]:
    one = np.ones((), x.dtype)
    return [
        partial(np.negative, x, out),
        partial(np.exp, out, out),
        partial(np.add, out, one, out),
        partial(np.reciprocal, out, out),
    ]


sigmoid = elementwise(
    "sigmoid",
    _sigmoid,
    "1 / (1 + exp(-{0}))",
    lambda g, y, x: (g * (y - square(y)),),
    kinds="f",
    calls=_sigmoid_calls,
)


def _softplus(xp: Any, x: Array, out: Array | None = None) -> Array:
    y = xp.absolute(x, out)
    y = xp.negative(y, out)
    y = xp.exp(y, out)
    y = xp.log1p(y, out)
    return xp.add(y, xp.maximum(x, 0), out)


softplus = elementwise(
    "softplus",
    _softplus,
    "({0} < 0 ? 0 : {0}) + log1p(exp(-fabs({0})))",
    lambda g, y, x: (g * sigmoid(x),),
    kinds="f",
    overwrites=False,
)


def clip(x: TensorLike, low: TensorLike, high: TensorLike) -> Tensor:
    """Return `x` limited to the range from `low` to `high`.

    Parameters
    ----------
    x, low, high : Tensor or number

    Returns
    -------
    Tensor
        Its gradient is zero outside the range.

    Examples
    --------
    >>> from cannery.graph import clip, evaluate
    >>> evaluate([clip([-3.0, 0.5, 3.0], -1.0, 1.0)])[0].tolist()
    [-1.0, 0.5, 1.0]
    """
    return maximum(minimum(x, high), low)


def leaky_relu(x: TensorLike, slope: float = 0.2) -> Tensor:
    """Return `x` where positive and ``slope * x`` elsewhere.

    Parameters
    ----------
    x : Tensor
    slope : float
        At most 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, leaky_relu
    >>> evaluate([leaky_relu([2.0, -2.0], 0.5)])[0].tolist()
    [2.0, -1.0]
    """
    x = as_tensor(x)
    return maximum(x, x * slope)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return the exponential linear unit: `x` where positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Parameters
    ----------
    x : Tensor
    alpha : float

    Returns
    -------
    Tensor

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", 2016.

    Examples
    --------
    >>> from cannery.graph import elu, evaluate
    >>> evaluate([elu([2.0, -1.0])])[0].round(3)
    array([ 2.   , -0.632], dtype=float32)
    """
    x = as_tensor(x)
    # The minimum keeps exp finite: an infinity would make the gradient NaN where x is large.
    below = expm1(minimum(x, 0.0))
    return relu(x) + (below if alpha == 1.0 else below * alpha)


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu(x: TensorLike) -> Tensor:
    """Return the scaled exponential linear unit, which keeps mean 0 and variance 1.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> from cannery.graph import evaluate, selu
    >>> evaluate([selu([1.0, 0.0])])[0].round(3)
    array([1.051, 0.   ], dtype=float32)
    """
    return elu(x, SELU_ALPHA) * SELU_SCALE


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """Return the Gaussian error linear unit: `x` times the normal distribution function at `x`.

    Parameters
    ----------
    x : Tensor
    approximate : bool
        Use the tanh form, which is off by less than 0.0005.

    Returns
    -------
    Tensor

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> from cannery.graph import evaluate, gelu
    >>> evaluate([gelu([1.0, -1.0])])[0].round(3)
    array([ 0.841, -0.159], dtype=float32)
    """
    x = as_tensor(x)
    if approximate:
        inner = (x + square(x) * x * 0.044715) * math.sqrt(2 / math.pi)
        return multiply(x, tanh(inner) + 1) * 0.5
    return multiply(x, erf(x * math.sqrt(0.5)) + 1) * 0.5


def swish(x: TensorLike) -> Tensor:
    """Return ``x * sigmoid(x)``, also called SiLU.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor

    References
    ----------
    Ramachandran, Zoph and Le, "Searching for activation functions", 2017.

    Examples
    --------
    >>> from cannery.graph import evaluate, swish
    >>> evaluate([swish([0.0, 1.0])])[0].round(3)
    array([0.   , 0.731], dtype=float32)
    """
    return multiply(x, sigmoid(x))
