"""Comparisons, logic on their results, and choosing between values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..code import C_TYPES, Code, Index, Writer
from ..op import DTYPES, OPS, Kernel, Op, Sample, Spec, as_tensor, elementwise
from ..tensor import Tensor, TensorLike, broadcast_shapes

__all__ = [
    "cast",
    "equal",
    "greater",
    "greater_equal",
    "is_finite",
    "is_nan",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "mask",
    "not_equal",
    "where",
]


def _comparison(name: str, c: str) -> Op:
    return elementwise(name, name, c, arity=2, result="bool", kinds="fiub", overwrites=False)


less = _comparison("less", "{0} < {1}")
less_equal = _comparison("less_equal", "{0} <= {1}")
greater = _comparison("greater", "{0} > {1}")
greater_equal = _comparison("greater_equal", "{0} >= {1}")
equal = _comparison("equal", "{0} == {1}")
not_equal = _comparison("not_equal", "{0} != {1}")

logical_and = elementwise("logical_and", "logical_and", "{0} && {1}", arity=2, kinds="b")
logical_or = elementwise("logical_or", "logical_or", "{0} || {1}", arity=2, kinds="b")
logical_xor = elementwise("logical_xor", "logical_xor", "{0} != {1}", arity=2, kinds="b")
logical_not = elementwise("logical_not", "logical_not", "!{0}", kinds="b")

is_finite = elementwise(
    "is_finite", "isfinite", "isfinite({0})", result="bool", kinds="f", overwrites=False
)
is_nan = elementwise("is_nan", "isnan", "isnan({0})", result="bool", kinds="f", overwrites=False)


class _Cast(Op):
    """y[i] = x[i] as another dtype."""

    name = "cast"
    by_row = True

    def infer(self, x: Tensor, *, dtype: str) -> Spec:
        return Spec(x.shape, np.dtype(dtype))

    def kernel(self, xp: Any, *, dtype: str) -> Kernel:
        def compute(x: Any, out: Any = None) -> Any:
            if out is None:
                return x.astype(dtype)
            xp.copyto(out, x, "unsafe")
            return out

        return compute

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, *, dtype: str) -> Sequence[Tensor | None]:
        return (cast(g, x.dtype) if x.dtype.kind == y.dtype.kind == "f" else None,)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        x = c.read(y.inputs[0], index)
        if y.dtype == bool:
            return Code(f"{x} != 0", x)
        if y.dtype.kind in "iu" and y.inputs[0].dtype.kind == "f":
            return Code(f"{y.dtype.name}_of({x})", x)
        return Code(f"({C_TYPES[y.dtype]}){x}", x)

    def samples(self) -> Iterable[Sample]:
        x = np.linspace(-2, 2, 12).reshape(4, 3)
        yield Sample((x,), {"dtype": "float64"})
        yield Sample((x,), {"dtype": "int32"})
        yield Sample((x > 0,), {"dtype": "float32"})


_cast = _Cast()
OPS.add("cast", _cast)


def cast(x: TensorLike, dtype: npt.DTypeLike) -> Tensor:
    """Return `x` as another dtype; fractions are cut off towards zero.

    Parameters
    ----------
    x : Tensor
    dtype : dtype
        float32, float64, int32, int64, uint64 or bool.

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeMismatch
        The dtype is none of these.

    Examples
    --------
    >>> from cannery.graph import cast, evaluate
    >>> evaluate([cast([1.7, -1.7], "int32")])[0].tolist()
    [1, -1]
    """
    x, wanted = as_tensor(x), np.dtype(dtype)
    if wanted not in DTYPES:
        raise _cast.refuse(f"does not know the dtype {wanted}", x)
    return x if x.dtype == wanted else _cast(x, dtype=wanted.name)


class _Mask(Op):
    """y[i] = x[i] where kept[i], otherwise zero times x[i]."""

    name = "mask"
    by_row = True
    broadcasts = True
    overwrites = slice(0, 1)

    def infer(self, x: Tensor, kept: Tensor) -> Spec:
        if kept.dtype != bool or x.dtype == bool:
            raise self.refuse("takes numbers and a condition", x, kept)
        return Spec(broadcast_shapes("op 'mask'", x.shape, kept.shape), x.dtype)

    def kernel(self, xp: Any) -> Kernel:
        return xp.multiply if xp is np else lambda x, kept, out: xp.multiply(x, kept)

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, kept: Tensor) -> Sequence[Tensor | None]:
        return mask(g, kept), None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        x, kept = (c.read(source, index.broadcast(source.shape)) for source in y.inputs)
        return Code(f"{x} * {kept}", x, kept)

    def samples(self) -> Iterable[Sample]:
        x = np.linspace(-2, 2, 12).reshape(4, 3)
        yield Sample((x, x > 0), batched=(0, 1))
        yield Sample((x, x[:1] > 0))


_mask = _Mask()
OPS.add("mask", _mask)


def mask(x: TensorLike, kept: Tensor) -> Tensor:
    """Return `x` with the elements that are not kept multiplied by zero.

    Parameters
    ----------
    x : Tensor
    kept : Tensor of bool

    Returns
    -------
    Tensor
        NaN and infinities become NaN where they are not kept; `where` drops them.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, mask
    >>> x = constant([1.0, -2.0])
    >>> evaluate([mask(x, x > 0)])[0].tolist()
    [1.0, -0.0]
    """
    return _mask(x, kept)


class _Where(Op):
    """y[i] = a[i] where condition[i], otherwise b[i]."""

    name = "where"
    by_row = True
    broadcasts = True
    overwrites = slice(1, 3)

    def infer(self, condition: Tensor, a: Tensor, b: Tensor) -> Spec:
        if condition.dtype != bool or a.dtype != b.dtype:
            raise self.refuse("takes a condition and two values of one dtype", condition, a, b)
        return Spec(broadcast_shapes("op 'where'", condition.shape, a.shape, b.shape), a.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(condition: Any, a: Any, b: Any, out: Any = None) -> Any:
            y = xp.where(condition, a, b)
            if out is None:
                return y
            xp.copyto(out, y)
            return out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, condition: Tensor, a: Tensor, b: Tensor
    ) -> Sequence[Tensor | None]:
        return None, where(condition, g, 0.0), where(condition, 0.0, g)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        parts = [c.read(source, index.broadcast(source.shape)) for source in y.inputs]
        return Code("{} ? {} : {}".format(*parts), *parts)

    def samples(self) -> Iterable[Sample]:
        x = np.linspace(-2, 2, 12).reshape(4, 3)
        yield Sample((x > 0, x, x * x), batched=(0, 1, 2))
        yield Sample((x[:, :1] > 0, x, x[0]), batched=(0, 1))

    def __call__(self, *inputs: TensorLike, **attributes: Any) -> Tensor:
        condition, a, b = inputs
        like = next((x for x in (a, b) if isinstance(x, Tensor)), None)
        return super().__call__(condition, as_tensor(a, like), as_tensor(b, like))


_where = _Where()
OPS.add("where", _where)


def where(condition: TensorLike, a: TensorLike, b: TensorLike) -> Tensor:
    """Return `a` where `condition` holds and `b` elsewhere.

    Parameters
    ----------
    condition : Tensor of bool
    a, b : Tensor or number

    Returns
    -------
    Tensor
        Both values are computed everywhere. The gradient of the one not chosen is zero, but zero
        times an infinite slope is NaN: keep the argument of ``log`` or ``/`` in range beforehand.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, where
    >>> x = constant([1.0, -2.0])
    >>> evaluate([where(x > 0, x, 0.0)])[0].tolist()
    [1.0, 0.0]
    """
    return _where(condition, a, b)
