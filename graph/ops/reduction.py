"""Functions that fold an axis into one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..code import ZERO, Code, Index, Push, Writer, c_number
from ..op import OPS, Array, Call, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Shape, Tensor, TensorLike
from .comparison import cast, equal, where
from .filled import ones

__all__ = ["max", "min", "prod", "sum"]

Axis = int | Sequence[int] | None


def axes_of(op: Op, x: Tensor, axis: Axis) -> tuple[int, ...]:
    """Return the axes meant, sorted and counted from the front."""
    given = range(x.rank) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    if any(not isinstance(i, int | np.integer) or not -x.rank <= i < x.rank for i in given):
        raise op.refuse(f"has no axis {axis}", x)
    return tuple(sorted({int(i) % x.rank for i in given}))


def require_fold(op: Op, x: Tensor, axis: Any, keepdims: Any) -> None:
    """Refuse what are no axes of `x` to fold."""
    if not isinstance(axis, tuple) or not isinstance(keepdims, bool):
        raise op.refuse(f"cannot fold the axes {axis}", x)
    op.require_axes(x, *axis)


def reduced(shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Shape:
    kept: list[Dimension] = []
    for i, size in enumerate(shape):
        if i not in axis:
            kept.append(size)
        elif keepdims:
            kept.append(1)
    return tuple(kept)


def fold(
    c: Writer,
    y: Tensor,
    index: Index,
    start: str,
    value: Callable[[Index], Code],
    update: Callable[[Code, Code], str],
) -> Code:
    """Return the name of a C variable that folds the reduced axes of the input of `y`."""
    (x,), axis = y.inputs, y.attributes["axis"]
    kept = list(index.axes)
    if y.attributes["keepdims"]:
        kept = [code for i, code in enumerate(kept) if i not in axis]
    with c.fold(y.dtype, start, [x.shape[i] for i in axis], index.depth) as (total, inner, add):
        rest, folded = iter(kept), iter(inner)
        places = tuple(next(folded) if i in axis else next(rest) for i in range(x.rank))
        add(update(total, value(Index(x.shape, places))))
    return total


def restored(t: Tensor, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    """Return `t` with the reduced axes back, at size one."""
    if not keepdims:
        for i in axis:
            t = OPS["expand"](t, axis=i)
    return t


class _Reduction(Op):
    """y[i] = x[i, j] folded over all j, by a ufunc."""

    row_local = True
    folds = True

    def __init__(self, name: str, ufunc: str, kinds: str):
        self.name, self._ufunc, self._kinds = name, ufunc, kinds

    def infer(self, x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Spec:
        if x.dtype.kind not in self._kinds:
            raise self.refuse("takes numbers (use cast)", x)
        require_fold(self, x, axis, keepdims)
        return Spec(reduced(x.shape, axis, keepdims), x.dtype)

    def kernel(self, xp: Any, *, axis: tuple[int, ...], keepdims: bool) -> Kernel:
        if xp is not np:
            function = getattr(xp, self.name)
            return lambda x, out: function(x, axis=axis, keepdims=keepdims).astype(x.dtype)
        reduce = getattr(np, self._ufunc).reduce
        where_to = axis[0] if len(axis) == 1 else axis

        def compute(x: Array, out: Array | None = None) -> Array:
            if not x.size:
                start = self._identity(x.dtype)
                return reduce(x, where_to, x.dtype, out, keepdims, start)
            return reduce(x, where_to, x.dtype, out, keepdims)

        return compute

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        (x,), axis = arrays, y.attributes["axis"]
        if not x.size:
            return super().calls(y, arrays, out, sure)
        where_to = axis[0] if len(axis) == 1 else axis
        reduce = getattr(np, self._ufunc).reduce
        return [partial(reduce, x, where_to, x.dtype, out, y.attributes["keepdims"])]

    def _identity(self, dtype: np.dtype[Any]) -> Any:
        """Return the result for no elements at all, such as an empty batch."""
        if self.name in ("sum", "prod"):
            return int(self.name == "prod")
        sign = -1 if self.name == "max" else 1
        return sign * np.inf if dtype.kind == "f" else sign * np.iinfo(dtype).max

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, axis: tuple[int, ...], keepdims: bool
    ) -> Sequence[Tensor | None]:
        g, y = (restored(t, axis, keepdims) for t in (g, y))
        return (self._spread(g, y, x, axis),)

    def _spread(self, g: Tensor, y: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
        raise NotImplementedError

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        (x,) = y.inputs
        return fold(c, y, index, self._start(y.dtype), lambda place: c.read(x, place), self._update)

    def _start(self, dtype: np.dtype[Any]) -> str:
        if dtype.kind == "f" or self.name in ("sum", "prod"):
            return c_number(np.asarray(self._identity(dtype), dtype))
        return f"INT{dtype.itemsize * 8}_{'MIN' if self.name == 'max' else 'MAX'}"

    def _update(self, total: Code, value: Code) -> str:
        """Return the C statement that takes in one more value; NaN wins over any other."""
        if self.name in ("sum", "prod"):
            return f"{total} {'+' if self.name == 'sum' else '*'}= {value};"
        sign = ">" if self.name == "max" else "<"
        return f"{total} = {value} {sign} {total} || {value} != {value} ? {value} : {total};"

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(3).permutation(24).reshape(4, 3, 2) / 8 - 1.3
        for axis, keepdims in (((0, 1, 2), False), ((0,), True), ((1,), False), ((0, 2), False)):
            yield Sample((x,), {"axis": axis, "keepdims": keepdims})
        yield Sample((x.astype("int32"),), {"axis": (1, 2), "keepdims": True})


class _Sum(_Reduction):
    """y[i] = x[i, 0] + x[i, 1] + ..."""

    def kernel(self, xp: Any, *, axis: tuple[int, ...], keepdims: bool) -> Kernel:
        fold = super().kernel(xp, axis=axis, keepdims=keepdims)
        if xp is not np or len(axis) != 1:
            return fold

        def compute(x: Array, out: Array | None = None) -> Array:
            if x.ndim != 2 or x.dtype.kind != "f":
                return fold(x, out)
            # A product with ones gives the same sums several times as fast as a fold.
            total = None if out is None else out.reshape(-1)
            one = ones(x.shape[axis[0]], x.dtype)
            total = np.dot(one, x, total) if axis == (0,) else np.dot(x, one, total)
            return np.expand_dims(total, axis) if keepdims and out is None else total

        return compute

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        (x,), axis = arrays, y.attributes["axis"]
        if x.ndim != 2 or x.dtype.kind != "f" or len(axis) != 1:
            return super().calls(y, arrays, out, sure)
        one = ones(x.shape[axis[0]], x.dtype)
        pair = (one, x) if axis == (0,) else (x, one)
        return [partial(np.dot, *pair, out.reshape(-1))]

    def _spread(self, g: Tensor, y: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
        return OPS["broadcast_like"](g, x)  # type: ignore[no-any-return]

    def push_shape(self, y: Tensor) -> Shape | None:
        # Over the batch, each row adds to the sum while it is at hand.
        (x,) = y.inputs
        return x.shape if x.shape[0] is None and 0 in y.attributes["axis"] else None

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        axis, keepdims = y.attributes["axis"], y.attributes["keepdims"]
        places = [
            ZERO if i in axis else code
            for i, code in enumerate(index.axes)
            if keepdims or i not in axis
        ]
        return Push(Index(y.shape, tuple(places)), c.read(y.inputs[0], index))


class _Extreme(_Reduction):
    """y[i] = the largest, or smallest, of x[i, 0], x[i, 1], ...; ties share the gradient."""

    def _spread(self, g: Tensor, y: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
        reached = cast(equal(x, y), x.dtype)
        return reached * (g / sum(reached, axis, keepdims=True))


class _Product(_Reduction):
    """y[i] = x[i, 0] * x[i, 1] * ...

    The slope at x[i, j] is the product of the others, which division gives unless one is zero.
    """

    def _spread(self, g: Tensor, y: Tensor, x: Tensor, axis: tuple[int, ...]) -> Tensor:
        zero = equal(x, 0.0)
        zeros = sum(cast(zero, x.dtype), axis, keepdims=True)
        rest = where(zero, 1.0, x)
        product = prod(rest, axis, keepdims=True)
        slope = where(zero, where(zeros > 1, 0.0, product), where(zeros > 0, 0.0, product / rest))
        return g * slope


OPS.add("sum", _Sum("sum", "add", "fiu"))
OPS.add("max", _Extreme("max", "maximum", "fi"))
OPS.add("min", _Extreme("min", "minimum", "fi"))
OPS.add("prod", _Product("prod", "multiply", "fiu"))


def _fold(name: str, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    axes = axes_of(OPS[name], x, axis)
    if any(x.shape[i] == 0 for i in axes) and name in ("max", "min"):
        raise OPS[name].refuse("needs at least one element", x)
    return OPS[name](x, axis=axes, keepdims=keepdims) if axes else x  # type: ignore[no-any-return]


def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the sum over some axes.

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
    >>> from cannery.graph import evaluate, sum
    >>> evaluate([sum([[1.0, 2.0], [3.0, 4.0]], axis=0)])[0].tolist()
    [4.0, 6.0]
    """
    return _fold("sum", x, axis, keepdims)


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the largest element over some axes; equal ones share the gradient.

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
    >>> from cannery.graph import evaluate, max
    >>> evaluate([max([[1.0, 2.0], [3.0, 4.0]], axis=0)])[0].tolist()
    [3.0, 4.0]
    """
    return _fold("max", x, axis, keepdims)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element over some axes; equal ones share the gradient.

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
    >>> from cannery.graph import evaluate, min
    >>> evaluate([min([[1.0, 2.0], [3.0, 4.0]], axis=0)])[0].tolist()
    [1.0, 2.0]
    """
    return _fold("min", x, axis, keepdims)


def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Return the product over some axes.

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
        Its gradient is right at zeros too; its second derivative is not.

    Examples
    --------
    >>> from cannery.graph import evaluate, prod
    >>> evaluate([prod([[1.0, 2.0], [3.0, 4.0]], axis=0)])[0].tolist()
    [3.0, 8.0]
    """
    return _fold("prod", x, axis, keepdims)
