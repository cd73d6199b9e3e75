"""The softmax and its logarithm, without overflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..code import Code, Index, Writer
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .elementwise import exp, subtract
from .reduction import Axis, axes_of, fold, reduced, require_fold, restored

__all__ = ["log_softmax", "logsumexp", "softmax"]


class _LogSumExp(Op):
    """y[i] = log(exp(x[i, 0]) + exp(x[i, 1]) + ...), without overflow."""

    name = "logsumexp"
    row_local = True
    folds = True

    def infer(self, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
        if x.dtype.kind != "f":
            raise self.refuse("takes floating point", x)
        require_fold(self, x, axis, keepdims)
        return Spec(reduced(x.shape, axis, keepdims), x.dtype)

    def kernel(self, xp: Any, *, axis: tuple[int, ...], keepdims: bool) -> Kernel:
        def compute(x: Array, out: Array | None = None) -> Array:
            top = x.max(axis, keepdims=True, initial=-np.inf)
            top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
            y = xp.log(xp.exp(x - top).sum(axis, keepdims=True)) + top
            y = y if keepdims else xp.squeeze(y, axis)
            if out is None:
                return y
            xp.copyto(out, y)
            return out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool
    ) -> Sequence[Tensor | None]:
        g, y = (restored(t, axis, keepdims) for t in (g, y))
        return (g * exp(x - y),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        (x,) = y.inputs
        log_, exp_ = (c.function(name, y.dtype) for name in ("log", "exp"))
        top = fold(
            c,
            y,
            index,
            "-INFINITY",
            lambda place: c.read(x, place),
            lambda most, value: (
                f"{most} = {value} > {most} || {value} != {value} ? {value} : {most};"
            ),
        )
        safe = c.let(y.dtype, f"isfinite({top}) ? {top} : 0", top)
        total = fold(
            c,
            y,
            index,
            "0",
            lambda place: c.read(x, place),
            lambda total, value: f"{total} += {exp_}({value} - {safe});",
        )
        return Code(f"{log_}({total}) + {safe}", total, safe)

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(5).normal(size=(4, 3, 2))
        for axis, keepdims in (((1,), True), ((1, 2), False), ((0,), False)):
            yield Sample((x,), {"axis": axis, "keepdims": keepdims})


_logsumexp = _LogSumExp()
OPS.add("logsumexp", _logsumexp)


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return ``log(sum(exp(x)))`` over some axes, without overflow.

    Parameters
    ----------
    x : Tensor
    axis : int or sequence of int, optional
        All axes by default.
    keepdims : bool
        Whether the axes stay, at size one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, logsumexp
    >>> round(float(evaluate([logsumexp([1000.0, 1000.0])])[0]), 3)
    1000.693
    """
    x = as_tensor(x)
    return _logsumexp(x, axis=axes_of(_logsumexp, x, axis), keepdims=keepdims)


def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """Return the logarithm of `softmax`, exact for large logits too.

    Parameters
    ----------
    x : Tensor
    axis : int

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, log_softmax
    >>> evaluate([log_softmax([0.0, 1000.0])])[0].tolist()
    [-1000.0, 0.0]
    """
    return subtract(x, logsumexp(x, axis, keepdims=True))


def softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """Return ``exp(x) / sum(exp(x))`` along an axis, without overflow.

    Parameters
    ----------
    x : Tensor
    axis : int

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, softmax
    >>> evaluate([softmax([0.0, 0.0])])[0].tolist()
    [0.5, 0.5]
    """
    return exp(log_softmax(x, axis))
