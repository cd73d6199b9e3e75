"""Functions that run along an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import C_TYPES, Code, Index, Writer, size_text
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .reduction import axes_of, reduced

__all__ = ["argmax", "cumsum"]


class _ArgMax(Op):
    """y[i] = the first j with the largest x[i, j]."""

    name = "argmax"
    row_local = True
    folds = True

    def infer(self, x: Tensor, *, axis: int) -> Spec:
        self.require_axes(x, axis)
        if x.shape[axis] == 0:
            raise self.refuse("needs at least one element", x)
        return Spec(reduced(x.shape, (axis,), False), np.dtype("int64"))

    def kernel(self, xp: Any, *, axis: int) -> Kernel:
        def compute(x: Array, out: Array | None = None) -> Array:
            if not x.shape[axis]:
                raise InvalidValue("op 'argmax'", "needs at least one element", x.shape)
            return x.argmax(axis) if out is None else x.argmax(axis, out)

        return compute

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        (x,), axis = y.inputs, y.attributes["axis"]
        top = c.local(C_TYPES[x.dtype], "0", index.depth)
        with c.fold(y.dtype, "0", [x.shape[axis]], index.depth) as (best, (k,), add):
            place = (*index.axes[:axis], k, *index.axes[axis:])
            value = c.read(x, Index(x.shape, place))
            # The first NaN is largest.
            larger = f"{value} > {top} || ({value} != {value} && {top} == {top})"
            add(f"if ({k} == 0 || {larger}) {{ {top} = {value}; {best} = {k}; }}")
        return best

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(3).permutation(24).reshape(4, 3, 2) / 8 - 1.3
        for axis in (1, 2):
            yield Sample((x,), {"axis": axis}, differentiable=False)


_argmax = _ArgMax()
OPS.add("argmax", _argmax)


def argmax(x: TensorLike, axis: int = -1) -> Tensor:
    """Return where the largest element of an axis is; the first of equal ones, or of NaNs.

    Parameters
    ----------
    x : Tensor
    axis : int

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> from cannery.graph import argmax, evaluate
    >>> evaluate([argmax([[1.0, 3.0, 2.0]])])[0].tolist()
    [1]
    """
    x = as_tensor(x)
    return _argmax(x, axis=axes_of(_argmax, x, axis)[0])


class _CumulativeSum(Op):
    """y[j] = x[0] + ... + x[j], or x[j] + ... + x[n - 1] when reversed."""

    name = "cumsum"

    def infer(self, x: Tensor, *, axis: int, reverse: bool) -> Spec:
        self.require_axes(x, axis)
        if x.dtype.kind not in "fiu":
            raise self.refuse("takes numbers (use cast)", x)
        return Spec(x.shape, x.dtype)

    def kernel(self, xp: Any, *, axis: int, reverse: bool) -> Kernel:
        back = (slice(None),) * axis + (slice(None, None, -1),)

        def compute(x: Array, out: Array | None = None) -> Array:
            if not reverse:
                return xp.cumsum(x, axis, x.dtype, out)
            y = xp.cumsum(x[back], axis, x.dtype, None if out is None else out[back])
            return y[back] if out is None else out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, axis: int, reverse: bool
    ) -> Sequence[Tensor | None]:
        return (self(g, axis=axis, reverse=not reverse),)

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        (x,), axis, size = y.inputs, y.attributes["axis"], size_text(y.shape[y.attributes["axis"]])
        with c.loops([1 if i == axis else n for i, n in enumerate(y.shape)]) as outer:
            total = c.local(C_TYPES[y.dtype], "0")
            with c.loop(y.shape[axis]) as n:
                k = Code(f"{size} - 1 - {n}", n) if y.attributes["reverse"] else n
                place = Index(y.shape, (*outer[:axis], k, *outer[axis + 1 :]))
                value = c.read(x, place)
                c.line(f"{total} = {n} == 0 ? {value} : {total} + {value};")
                c.store(y, place, total)

    def samples(self) -> Iterable[Sample]:
        x = np.linspace(-2, 2, 24).reshape(4, 3, 2)
        for axis, reverse in ((1, False), (2, True), (0, False)):
            yield Sample((x,), {"axis": axis, "reverse": reverse})


_cumsum = _CumulativeSum()
OPS.add("cumsum", _cumsum)


def cumsum(x: TensorLike, axis: int = -1, reverse: bool = False) -> Tensor:
    """Return the running sum along an axis.

    Parameters
    ----------
    x : Tensor
    axis : int
    reverse : bool
        Run from the end to the front.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import cumsum, evaluate
    >>> evaluate([cumsum([1.0, 2.0, 3.0])])[0].tolist()
    [1.0, 3.0, 6.0]
    """
    x = as_tensor(x)
    return _cumsum(x, axis=axes_of(_cumsum, x, axis)[0], reverse=reverse)
