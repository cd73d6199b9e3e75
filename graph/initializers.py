"""First values of variables: each initializer is a small frozen object that draws an array."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue
from ..registry import Registry
from .aligned import aligned
from .variables import Initializer

__all__ = [
    "INITIALIZERS",
    "constant_value",
    "get_initializer",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "truncated_normal",
    "uniform",
    "zeros",
]

Array = npt.NDArray[np.float32]
Shape = tuple[int, ...]
AT_ONCE = 1 << 18  # numbers drawn at a time
CUT = 2.0  # a truncated normal reaches this many standard deviations
# The standard deviation that is left of one after the cut; He et al.'s variance is meant after it.
CUT_DEVIATION = 0.87962566103423978


def _drawn(shape: Shape, draw: Callable[[int], Any]) -> Array:
    """Return an array of what `draw` gives, in double precision a part at a time."""
    found = aligned((math.prod(shape),), np.float32)
    for low in range(0, found.size, AT_ONCE):
        part = found[low : low + AT_ONCE]
        part[...] = draw(part.size)
    return found.reshape(shape)


@dataclass(frozen=True)
class _Constant:
    value: float

    def __call__(self, generator: np.random.Generator, shape: Shape) -> Array:
        found = aligned(shape, np.float32)
        found[...] = self.value
        return found


@dataclass(frozen=True)
class _Uniform:
    low: float
    high: float

    def __call__(self, generator: np.random.Generator, shape: Shape) -> Array:
        return _drawn(shape, lambda size: generator.uniform(self.low, self.high, size))


@dataclass(frozen=True)
class _Normal:
    mean: float
    deviation: float

    def __call__(self, generator: np.random.Generator, shape: Shape) -> Array:
        return _drawn(shape, lambda size: generator.normal(self.mean, self.deviation, size))


@dataclass(frozen=True)
class _TruncatedNormal:
    mean: float
    deviation: float

    def __call__(self, generator: np.random.Generator, shape: Shape) -> Array:
        from scipy.special import ndtr, ndtri

        # The inverse of the distribution function needs one draw a number, with no resampling.
        low, high = ndtr(-CUT), ndtr(CUT)
        return _drawn(
            shape,
            lambda size: self.mean + self.deviation * ndtri(generator.uniform(low, high, size)),
        )


@dataclass(frozen=True)
class _VarianceScaling:
    """Variance `scale` over the fan: the inputs, or the mean of inputs and outputs."""

    scale: float
    both_fans: bool
    gaussian: bool

    def __call__(self, generator: np.random.Generator, shape: Shape) -> Array:
        fan_in, fan_out = _fans(shape)
        fan = (fan_in + fan_out) / 2 if self.both_fans else fan_in
        variance = self.scale / max(1.0, fan)
        if self.gaussian:
            draw = _TruncatedNormal(0.0, math.sqrt(variance) / CUT_DEVIATION)
            return draw(generator, shape)
        limit = math.sqrt(3 * variance)
        return _Uniform(-limit, limit)(generator, shape)


def _fans(shape: Shape) -> tuple[int, int]:
    """Return how many numbers each output is made of, and each input goes into."""
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


INITIALIZERS: Registry[Callable[..., Initializer]] = Registry("initializer")


def _real(name: str, value: Any, positive: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise InvalidType(f"initializer {name}", "must be a number", repr(value))
    if not math.isfinite(value) or (positive and value < 0):
        wanted = "must be at least 0" if positive else "must be finite"
        raise InvalidValue(f"initializer {name}", wanted, repr(value))
    return float(value)


def zeros() -> Initializer:
    """Return the initializer that gives zeros.

    Examples
    --------
    >>> from cannery.graph import Variable
    >>> from cannery.graph.initializers import zeros
    >>> Variable(zeros(), "bias", shape=(2,)).shape
    (2,)
    """
    return _Constant(0.0)


def ones() -> Initializer:
    """Return the initializer that gives ones."""
    return _Constant(1.0)


def constant_value(value: float) -> Initializer:
    """Return the initializer that gives `value` everywhere.

    Parameters
    ----------
    value : float

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.graph.initializers import constant_value
    >>> constant_value(0.1)(np.random.default_rng(0), (2,)).tolist()
    [0.10000000149011612, 0.10000000149011612]
    """
    return _Constant(_real("constant_value", value))


def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """Return the initializer that draws evenly from ``[low, high)``.

    Parameters
    ----------
    low, high : float

    Raises
    ------
    InvalidValue
        `low` is above `high`.
    """
    low, high = _real("uniform", low), _real("uniform", high)
    if low > high:
        raise InvalidValue("initializer uniform", "low must not be above high", f"{low}, {high}")
    return _Uniform(low, high)


def normal(mean: float = 0.0, deviation: float = 0.05) -> Initializer:
    """Return the initializer that draws from a normal distribution.

    Parameters
    ----------
    mean, deviation : float
    """
    return _Normal(_real("normal", mean), _real("normal", deviation, positive=True))


def truncated_normal(mean: float = 0.0, deviation: float = 0.05) -> Initializer:
    """Return the initializer that draws from a normal distribution cut at two deviations.

    Parameters
    ----------
    mean, deviation : float
        Of the distribution before it is cut.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.graph.initializers import truncated_normal
    >>> drawn = truncated_normal(0.0, 1.0)(np.random.default_rng(0), (1000,))
    >>> bool(abs(drawn).max() <= 2)
    True
    """
    name = "truncated_normal"
    return _TruncatedNormal(_real(name, mean), _real(name, deviation, positive=True))


def glorot_uniform() -> Initializer:
    """Return the initializer with variance 2 / (inputs + outputs), drawn evenly.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.graph.initializers import glorot_uniform
    >>> drawn = glorot_uniform()(np.random.default_rng(0), (40, 20))
    >>> bool(abs(drawn).max() <= (6 / (40 + 20)) ** 0.5)
    True
    """
    return _VarianceScaling(1.0, both_fans=True, gaussian=False)


def glorot_normal() -> Initializer:
    """Return the initializer with variance 2 / (inputs + outputs), from a truncated normal.

    Glorot and Bengio, 2010.
    """
    return _VarianceScaling(1.0, both_fans=True, gaussian=True)


def he_uniform() -> Initializer:
    """Return the initializer with variance 2 / inputs, drawn evenly.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
    """
    return _VarianceScaling(2.0, both_fans=False, gaussian=False)


def he_normal() -> Initializer:
    """Return the initializer with variance 2 / inputs, from a truncated normal.

    He, Zhang, Ren and Sun, 2015.
    """
    return _VarianceScaling(2.0, both_fans=False, gaussian=True)


def lecun_uniform() -> Initializer:
    """Return the initializer with variance 1 / inputs, drawn evenly.

    LeCun, Bottou, Orr and Müller, "Efficient backprop", 1998.
    """
    return _VarianceScaling(1.0, both_fans=False, gaussian=False)


def lecun_normal() -> Initializer:
    """Return the initializer with variance 1 / inputs, from a truncated normal.

    LeCun, Bottou, Orr and Müller, 1998.
    """
    return _VarianceScaling(1.0, both_fans=False, gaussian=True)


for _function in (
    zeros,
    ones,
    constant_value,
    uniform,
    normal,
    truncated_normal,
    glorot_uniform,
    glorot_normal,
    he_uniform,
    he_normal,
    lecun_uniform,
    lecun_normal,
):
    INITIALIZERS.add(_function.__name__, _function)


def get_initializer(initializer: str | Initializer) -> Initializer:
    """Return the initializer of this name with its defaults, or the one given.

    Parameters
    ----------
    initializer : str or callable

    Raises
    ------
    NotFound
        No initializer has this name.
    InvalidType
        Neither a name nor ``f(generator, shape)``.

    Examples
    --------
    >>> from cannery.graph.initializers import get_initializer, he_normal
    >>> get_initializer("he_normal") == he_normal()
    True
    """
    if isinstance(initializer, str):
        return INITIALIZERS[initializer]()
    if callable(initializer):
        return initializer
    raise InvalidType("initializer", "must be a name or f(generator, shape)", repr(initializer))
