"""Shapes: reorder, cut, join and repeat elements without changing any."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..code import ZERO, Code, Index, Writer
from ..op import OPS, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Shape, Tensor, TensorLike, broadcast_shapes

__all__ = [
    "broadcast_like",
    "expand",
    "ones_like",
    "reshape",
    "squeeze",
    "transpose",
    "zeros_like",
]

SAMPLE_CUBE = np.linspace(-2, 2, 24).reshape(4, 3, 2)


def _known(shape: Shape) -> tuple[int, list[Dimension]]:
    """Return the product of the known sizes, and the unknown ones."""
    product, unknown = 1, list[Dimension]()
    for size in shape:
        if isinstance(size, int):
            product *= size
        else:
            unknown.append(size)
    return product, unknown


def axis_of(op: Op, x: Tensor, axis: int, rank: int | None = None) -> int:
    """Return an axis counted from the front."""
    rank = x.rank if rank is None else rank
    if not -rank <= axis < rank:
        raise op.refuse(f"has no axis {axis}", x)
    return axis % rank


class _Reshape(Op):
    """The elements of x in row-major order, under another shape."""

    name = "reshape"
    by_row = True
    view = True

    def infer(self, x: Tensor, *, shape: Shape) -> Spec:
        (count, unknown), (wanted, open_) = _known(x.shape), _known(shape)
        if not unknown and len(open_) == 1 and wanted and count % wanted == 0:
            size = count // wanted
            return Spec(tuple(size if d is open_[0] else d for d in shape), x.dtype)
        if unknown != open_ or len(open_) > 1 or count != wanted:
            raise self.refuse(f"cannot take the shape {shape}", x)
        return Spec(shape, x.dtype)

    def kernel(self, xp: Any, *, shape: Shape) -> Kernel:
        target = tuple(size if isinstance(size, int) else -1 for size in shape)
        return lambda x, out=None: x.reshape(target)

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, *, shape: Shape) -> Sequence[Tensor | None]:
        return (reshape(g, x.shape),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        return c.read(y.inputs[0], index.reshape(y.inputs[0].shape))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE,), {"shape": (None, 6)})
        yield Sample((SAMPLE_CUBE,), {"shape": (2, None, 3)})


_reshape = _Reshape()
OPS.add("reshape", _reshape)


def reshape(x: TensorLike, shape: Sequence[Dimension]) -> Tensor:
    """Return the elements in row-major order under another shape.

    Parameters
    ----------
    x : Tensor
    shape : sequence of int or None
        One size may be -1: whatever is left, which may be the batch.

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeMismatch
        The number of elements would change.

    Examples
    --------
    >>> from cannery.graph import placeholder, reshape
    >>> reshape(placeholder("x", (None, 2, 3)), (-1, 6)).shape
    (None, 6)
    """
    x, wanted = as_tensor(x), tuple(shape)
    if wanted.count(-1) == 1:
        count, unknown = _known(x.shape)
        rest = _known(tuple(size for size in wanted if size != -1))[0]
        left = unknown[0] if unknown else count // builtins.max(rest, 1)
        wanted = tuple(left if size == -1 else size for size in wanted)
    return x if wanted == x.shape else _reshape(x, shape=wanted)


class _Transpose(Op):
    """y's axis i is x's axis permutation[i]."""

    name = "transpose"
    view = True

    def infer(self, x: Tensor, *, permutation: tuple[int, ...]) -> Spec:
        if sorted(permutation) != list(range(x.rank)):
            raise self.refuse(f"cannot order axes as {permutation}", x)
        return Spec(tuple(x.shape[i] for i in permutation), x.dtype)

    def kernel(self, xp: Any, *, permutation: tuple[int, ...]) -> Kernel:
        return lambda x, out=None: x.transpose(permutation)

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, permutation: tuple[int, ...]
    ) -> Sequence[Tensor | None]:
        return (transpose(g, [permutation.index(i) for i in range(x.rank)]),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        permutation = y.attributes["permutation"]
        axes = tuple(index.axes[permutation.index(i)] for i in range(y.rank))
        return c.read(y.inputs[0], Index(y.inputs[0].shape, axes))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE,), {"permutation": (2, 0, 1)})
        yield Sample((SAMPLE_CUBE,), {"permutation": (0, 2, 1)})


_transpose = _Transpose()
OPS.add("transpose", _transpose)


def transpose(x: TensorLike, permutation: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in another order.

    Parameters
    ----------
    x : Tensor
    permutation : sequence of int, optional
        The axes of `x` in their new order; reversed by default.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import placeholder, transpose
    >>> transpose(placeholder("x", (2, 3, 4)), (2, 0, 1)).shape
    (4, 2, 3)
    """
    x = as_tensor(x)
    axes = range(x.rank)[::-1] if permutation is None else permutation
    return _transpose(x, permutation=tuple(axis_of(_transpose, x, i) for i in axes))


class _Expand(Op):
    """x with a new axis of size one."""

    name = "expand"
    by_row = True
    view = True

    def infer(self, x: Tensor, *, axis: int) -> Spec:
        if not 0 <= axis <= x.rank:
            raise self.refuse(f"cannot add an axis {axis}", x)
        return Spec((*x.shape[:axis], 1, *x.shape[axis:]), x.dtype)

    def kernel(self, xp: Any, *, axis: int) -> Kernel:
        key = (builtins.slice(None),) * axis + (None,)
        return lambda x, out=None: x[key]

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, *, axis: int) -> Sequence[Tensor | None]:
        return (squeeze(g, axis),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        axis = y.attributes["axis"]
        axes = index.axes[:axis] + index.axes[axis + 1 :]
        return c.read(y.inputs[0], Index(y.inputs[0].shape, axes, index.flat))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE,), {"axis": 1})
        yield Sample((SAMPLE_CUBE,), {"axis": 3})


_expand = _Expand()
OPS.add("expand", _expand)


def expand(x: TensorLike, axis: int) -> Tensor:
    """Return `x` with a new axis of size one.

    Parameters
    ----------
    x : Tensor
    axis : int
        Where the new axis is in the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import expand, placeholder
    >>> expand(placeholder("x", (None, 3)), -1).shape
    (None, 3, 1)
    """
    x = as_tensor(x)
    return _expand(x, axis=axis_of(_expand, x, axis, x.rank + 1))


class _Squeeze(Op):
    """x without some axes of size one."""

    name = "squeeze"
    by_row = True
    view = True

    def infer(self, x: Tensor, *, axes: tuple[int, ...]) -> Spec:
        self.require_axes(x, *axes)
        if any(x.shape[i] != 1 for i in axes):
            raise self.refuse(f"axes {axes} must have size 1", x)
        return Spec(tuple(size for i, size in enumerate(x.shape) if i not in axes), x.dtype)

    def kernel(self, xp: Any, *, axes: tuple[int, ...]) -> Kernel:
        return lambda x, out=None: x.squeeze(axes)

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, axes: tuple[int, ...]
    ) -> Sequence[Tensor | None]:
        for axis in sorted(axes):
            g = expand(g, axis)
        return (g,)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        (x,), axes = y.inputs, list(index.axes)
        for axis in sorted(y.attributes["axes"]):
            axes.insert(axis, ZERO)
        return c.read(x, Index(x.shape, tuple(axes), index.flat))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE[:, :1],), {"axes": (1,)})
        yield Sample((SAMPLE_CUBE[:, :1, :1],), {"axes": (1, 2)})


_squeeze = _Squeeze()
OPS.add("squeeze", _squeeze)


def squeeze(x: TensorLike, axes: int | Sequence[int] | None = None) -> Tensor:
    """Return `x` without some axes of size one.

    Parameters
    ----------
    x : Tensor
    axes : int or sequence of int, optional
        All axes of size one by default.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import placeholder, squeeze
    >>> squeeze(placeholder("x", (None, 1)), 1).shape
    (None,)
    """
    x = as_tensor(x)
    if axes is None:
        axes = [i for i, size in enumerate(x.shape) if size == 1]
    given = (axes,) if isinstance(axes, int) else axes
    chosen = tuple(sorted({axis_of(_squeeze, x, i) for i in given}))
    return _squeeze(x, axes=chosen) if chosen else x


class _BroadcastLike(Op):
    """y[i] = x[i], repeated to the shape of another tensor."""

    name = "broadcast_like"
    view = True

    def infer(self, x: Tensor, like: Tensor) -> Spec:
        if broadcast_shapes("op 'broadcast_like'", x.shape, like.shape) != like.shape:
            raise self.refuse("cannot be repeated to that shape", x, like)
        return Spec(like.shape, x.dtype)

    def kernel(self, xp: Any) -> Kernel:
        return lambda x, like, out=None: xp.broadcast_to(x, like.shape)

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Sequence[Tensor | None]:
        return g, None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        return c.read(y.inputs[0], index.broadcast(y.inputs[0].shape))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE[0, :, :1], SAMPLE_CUBE), batched=(1,))
        yield Sample((SAMPLE_CUBE[:, :, :1], SAMPLE_CUBE), batched=(0, 1))


_broadcast_like = _BroadcastLike()
OPS.add("broadcast_like", _broadcast_like)


def broadcast_like(x: TensorLike, like: Tensor) -> Tensor:
    """Return `x` repeated to the shape of another tensor.

    Parameters
    ----------
    x : Tensor or number
    like : Tensor
        Only its shape counts.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import broadcast_like, placeholder
    >>> broadcast_like(1.0, placeholder("x", (None, 3))).shape
    (None, 3)
    """
    x = as_tensor(x, like)
    return x if x.shape == like.shape else _broadcast_like(x, like)


def zeros_like(x: Tensor) -> Tensor:
    """Return zeros of the shape and dtype of `x`.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, zeros_like
    >>> evaluate([zeros_like(constant([1.0, 2.0]))])[0].tolist()
    [0.0, 0.0]
    """
    return broadcast_like(as_tensor(np.zeros((), x.dtype)), x)


def ones_like(x: Tensor) -> Tensor:
    """Return ones of the shape and dtype of `x`.

    Parameters
    ----------
    x : Tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, ones_like
    >>> evaluate([ones_like(constant([1.0, 2.0]))])[0].tolist()
    [1.0, 1.0]
    """
    return broadcast_like(as_tensor(np.ones((), x.dtype)), x)
