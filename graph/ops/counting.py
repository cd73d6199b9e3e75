"""How many elements there are, and means."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..code import C_TYPES, Code, Index, Writer, size_text, times
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Tensor, TensorLike
from .reduction import Axis, axes_of, require_fold, sum

__all__ = ["count", "mean"]


class _Count(Op):
    """y = the number of elements of x along some axes."""

    name = "count"
    of_shapes = True

    def infer(self, x: Tensor, *, axis: tuple[int, ...], dtype: str) -> Spec:
        require_fold(self, x, axis, False)
        return Spec((), np.dtype(dtype))

    def kernel(self, xp: Any, *, axis: tuple[int, ...], dtype: str) -> Kernel:
        def compute(x: Array, out: Array | None = None) -> Array:
            total = math.prod(x.shape[i] for i in axis)
            if out is None:
                return xp.asarray(total, dtype)
            out.fill(total)
            return out

        return compute

    def samples(self) -> Iterable[Sample]:
        x = np.ones((4, 3))
        yield Sample((x,), {"axis": (0, 1), "dtype": "float32"}, differentiable=False)
        yield Sample((x,), {"axis": (1,), "dtype": "int64"}, differentiable=False)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        total = Code("1")
        for i in y.attributes["axis"]:
            total = times(total, size_text(y.inputs[0].shape[i]))
        return Code(f"({C_TYPES[y.dtype]})({total})")


_count = _Count()
OPS.add("count", _count)


def count(x: TensorLike, axis: Axis = None, dtype: Any = "float32") -> Tensor:
    """Return the number of elements of `x` along some axes, such as the batch size.

    Parameters
    ----------
    x : Tensor
    axis : int or sequence of int, optional
        All axes by default.
    dtype : dtype
        Of the result.

    Returns
    -------
    Tensor
        A scalar.

    Examples
    --------
    >>> from cannery.graph import count, evaluate, placeholder
    >>> float(evaluate([count(placeholder("x", (None, 3)), 0)], {"x": [[1, 2, 3]]})[0])
    1.0
    """
    x = as_tensor(x)
    axes = axes_of(_count, x, axis)
    sizes = [x.shape[i] for i in axes]
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) == len(sizes):
        return as_tensor(np.asarray(math.prod(known), dtype))
    return _count(x, axis=axes, dtype=np.dtype(dtype).name)


def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the mean over some axes.

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
        NaN where there is nothing to take the mean of.

    Examples
    --------
    >>> from cannery.graph import evaluate, mean
    >>> evaluate([mean([[1.0, 2.0], [3.0, 4.0]], axis=0)])[0].tolist()
    [2.0, 3.0]
    """
    x = as_tensor(x)
    return sum(x, axis, keepdims) / count(x, axis, x.dtype)
