"""Random numbers that depend on a seed, the step and the place alone: nothing is remembered.

The generator is Squares: Widynski, "Squares: a fast counter-based RNG", arXiv 2004.06278, 2022.
The counter of a block of 64 bits is ``step * 2**32 + block``; blocks follow the row-major order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import Code, Index, Writer, c_number
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .elementwise import cos, log, sqrt

__all__ = ["dropout", "normal", "uniform"]

_WORD = 2**64 - 1
_LIKE = np.zeros((4, 3))
_STEP = np.array(7)


def key(seed: int) -> int:
    """Return an odd number with well mixed bits for a seed, by splitmix64."""
    z = (seed + 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return (z ^ (z >> 31)) | 1


def _drawer(xp: Any, seed: int, lanes: int) -> Kernel:
    """Return ``f(step, size)``: that many random whole numbers of ``64 / lanes`` bits."""
    factor = key(seed)
    half = xp.asarray(32, xp.uint64)
    stride = xp.asarray((factor << 32) & _WORD, xp.uint64)
    kind = {2: "<u4", 4: "<u2"}[lanes]

    @functools.lru_cache(maxsize=2)
    def products(size: int) -> Array:
        return xp.arange(-(-size // lanes), dtype=xp.uint64) * xp.asarray(factor, xp.uint64)

    def swapped(x: Array) -> Array:
        y = x >> half
        x <<= half
        x |= y
        return x

    def draw(step: Array, size: int) -> Array:
        y = products(size) + xp.asarray(step, xp.uint64).reshape(1) * stride
        z = y + xp.asarray(factor, xp.uint64)
        x = y
        for addend in (y, z, y):
            x = x * x
            x += addend
            x = swapped(x)
        x *= x
        x += z
        last = swapped(x + 0)
        last *= last
        last += y
        last >>= half
        x ^= last
        return x.astype("<u8", copy=False).view(kind)[:size]

    return draw


class _Random(Op):
    """A random number for each element of the first input."""

    row_local = True

    def infer(self, like: Tensor, step: Tensor, *, seed: Any = None, rate: Any = 0.0) -> Spec:
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
            raise self.refuse(f"cannot draw with the seed {seed!r}", like)
        if not isinstance(rate, float) or not 0 <= rate < 1:
            raise self.refuse(f"cannot drop at the rate {rate!r}", like)
        if like.dtype.kind != "f" or step.shape or step.dtype != np.int64:
            raise self.refuse("takes floating point and a step (int64, scalar)", like, step)
        return Spec(like.shape, like.dtype)

    def _bits(self, c: Writer, y: Tensor, index: Index, lanes: int) -> Code:
        """Return ``64 / lanes`` random bits for one element."""
        step = c.read(y.inputs[1], Index((), ()))
        place = c.let("uint64", c.place_in_batch(y, index), index.ravel())
        width, shift = 64 // lanes, {2: 1, 4: 2}[lanes]
        block = f"((uint64_t){step} << 32) + ({place} >> {shift})"
        word = c.let("uint64", f"squares({key(y.attributes['seed'])}u, {block})", step, place)
        part = f"({word} >> (({place} & {lanes - 1}) * {width})) & {2**width - 1}u"
        return c.let("uint64", part, word, place)


class _Uniform(_Random):
    """y[i] is uniform over the multiples of 2**-24 in [0, 1)."""

    name = "uniform"

    def kernel(self, xp: Any, *, seed: int) -> Kernel:
        draw = _drawer(xp, seed, 2)

        def compute(like: Array, step: Array, out: Array | None = None) -> Array:
            bits = (draw(step, like.size) >> 8).reshape(like.shape)
            unit = xp.asarray(2.0**-24, like.dtype)
            if out is None:
                return bits.astype(like.dtype) * unit
            np.copyto(out, bits.view(np.int32), "same_kind")  # signed converts faster
            return np.multiply(out, unit, out)

        return compute

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        bits = self._bits(c, y, index, 2)
        unit = c_number(np.asarray(2.0**-24, y.dtype))
        return Code(f"(int32_t)({bits} >> 8) * {unit}", bits)

    def samples(self) -> Iterable[Sample]:
        yield Sample((_LIKE, _STEP), {"seed": 3}, differentiable=False)
        yield Sample((_LIKE[:, 0].astype("float32"), _STEP), {"seed": 0}, differentiable=False)


class _DropoutMask(_Random):
    """y[i] is 0 with probability `rate`, otherwise 1 / (1 - rate)."""

    name = "dropout_mask"

    def kernel(self, xp: Any, *, rate: float, seed: int) -> Kernel:
        draw = _drawer(xp, seed, 4)
        threshold = xp.asarray(round(rate * 2**16), xp.uint16)

        def compute(like: Array, step: Array, out: Array | None = None) -> Array:
            kept = (draw(step, like.size) >= threshold).reshape(like.shape)
            scale = xp.asarray(1 / (1 - rate), like.dtype)
            return kept * scale if out is None else np.multiply(kept, scale, out)

        return compute

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        bits, rate = self._bits(c, y, index, 4), y.attributes["rate"]
        scale = c_number(np.asarray(1 / (1 - rate), y.dtype))
        return Code(f"{bits} >= {round(rate * 2**16)} ? {scale} : 0", bits)

    def samples(self) -> Iterable[Sample]:
        yield Sample((_LIKE, _STEP), {"rate": 0.3, "seed": 3}, differentiable=False)
        yield Sample(
            (_LIKE[:1, 0], _STEP), {"rate": 0.5, "seed": 0}, batched=(0,), differentiable=False
        )


_uniform = _Uniform()
_dropout_mask = _DropoutMask()
OPS.add("uniform", _uniform)
OPS.add("dropout_mask", _dropout_mask)


def _sources(like: Tensor | tuple[int, ...], seed: int, step: TensorLike) -> tuple[Tensor, Tensor]:
    if not 0 <= seed < 2**63:
        raise InvalidValue("random numbers", "seed must be at least 0 and below 2**63", seed)
    if not isinstance(like, Tensor):
        like = as_tensor(np.zeros(like, np.float32))
    return like, step if isinstance(step, Tensor) else as_tensor(np.int64(step))


def uniform(like: Tensor | tuple[int, ...], seed: int, step: TensorLike) -> Tensor:
    """Return numbers drawn evenly from [0, 1).

    Parameters
    ----------
    like : Tensor or tuple of int
        What gives the shape and dtype, or a shape.
    seed : int
        Equal seeds draw equal numbers: give each use its own.
    step : Tensor of int64, or int
        The number of the step; each draws other numbers.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, uniform
    >>> first, again = (evaluate([uniform((2, 3), seed=1, step=5)])[0] for _ in range(2))
    >>> bool((first == again).all() and 0 <= first.min() and first.max() < 1)
    True
    """
    return _uniform(*_sources(like, seed, step), seed=seed)


def normal(like: Tensor | tuple[int, ...], seed: int, step: TensorLike) -> Tensor:
    """Return numbers drawn from the standard normal distribution.

    Parameters
    ----------
    like : Tensor or tuple of int
        What gives the shape and dtype, or a shape.
    seed : int
        Equal seeds draw equal numbers: give each use its own.
    step : Tensor of int64, or int
        The number of the step; each draws other numbers.

    Returns
    -------
    Tensor

    References
    ----------
    Box and Muller, "A note on the generation of random normal deviates", 1958.

    Examples
    --------
    >>> from cannery.graph import evaluate, normal
    >>> evaluate([normal((2, 3), seed=1, step=5)])[0].shape
    (2, 3)
    """
    other = key(seed) >> 1
    radius = sqrt(log(1.0 - uniform(like, seed, step)) * -2)
    return radius * cos(uniform(like, other, step) * (2 * math.pi))


def dropout(x: TensorLike, rate: float, seed: int, step: TensorLike) -> Tensor:
    """Return `x` with elements set to zero at random, and the others scaled to keep the mean.

    Parameters
    ----------
    x : Tensor
    rate : float
        The probability of zero, to a multiple of 2**-16; at least 0 and below 1.
    seed : int
        Equal seeds drop equal places: give each layer its own.
    step : Tensor of int64, or int
        The number of the step; each drops other places.

    Returns
    -------
    Tensor
        The gradient passes where the value did.

    Raises
    ------
    InvalidValue
        The rate is out of range.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", 2014.

    Examples
    --------
    >>> from cannery.graph import dropout, evaluate
    >>> sorted(set(evaluate([dropout([1.0] * 20, 0.5, seed=1, step=0)])[0].tolist()))
    [0.0, 2.0]
    """
    if not 0 <= rate < 1:
        raise InvalidValue("dropout", "rate must be at least 0 and below 1", rate)
    like, number = _sources(as_tensor(x), seed, step)
    return like * _dropout_mask(like, number, rate=float(rate), seed=seed) if rate else like
