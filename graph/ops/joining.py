"""Tensors cut into parts and joined again."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ShapeMismatch
from ..code import Code, Index, Writer, plus
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Tensor, TensorLike
from .shaping import SAMPLE_CUBE, axis_of, expand

__all__ = ["concat", "pad", "slice", "split", "stack", "tile"]


class _Slice(Op):
    """y[i] = x[starts + i]."""

    name = "slice"
    by_row = True
    view = True

    def infer(self, x: Tensor, *, starts: tuple[int, ...], stops: tuple[int | None, ...]) -> Spec:
        if not len(starts) == len(stops) == x.rank:
            raise self.refuse("needs a start and a stop for each axis", x)
        return Spec(tuple(map(self._size, [x] * x.rank, x.shape, starts, stops)), x.dtype)

    def _size(self, x: Tensor, size: Dimension, start: int, stop: int | None) -> Dimension:
        if start == 0 and stop is None:
            return size
        if not isinstance(size, int):
            raise self.refuse("cannot cut an axis of unknown size", x)
        end = size if stop is None else stop
        if not 0 <= start <= end <= size:
            raise self.refuse(f"cannot cut {start}:{stop}", x)
        return end - start

    def kernel(self, xp: Any, *, starts: tuple[int, ...], stops: tuple[int | None, ...]) -> Kernel:
        key = tuple(map(builtins.slice, starts, stops))
        return lambda x, out=None: x[key]

    def gradient(
        self,
        g: Tensor,
        y: Tensor,
        x: Tensor,
        *,
        starts: tuple[int, ...],
        stops: tuple[int | None, ...],
    ) -> Sequence[Tensor | None]:
        after = [
            0 if stop is None else size - stop  # type: ignore[operator]
            for size, stop in zip(x.shape, stops, strict=True)
        ]
        return (pad(g, starts, after),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        starts = y.attributes["starts"]
        axes = tuple(plus(axis, start) for axis, start in zip(index.axes, starts, strict=True))
        return c.read(y.inputs[0], Index(y.inputs[0].shape, axes))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE,), {"starts": (0, 1, 0), "stops": (None, 2, None)})
        yield Sample(
            (SAMPLE_CUBE,), {"starts": (0, 1, 1), "stops": (None, 3, 1)}, differentiable=False
        )
        yield Sample((SAMPLE_CUBE,), {"starts": (1, 0, 0), "stops": (3, 2, None)}, batched=())

    def __call__(self, *inputs: TensorLike, **attributes: Any) -> Tensor:
        # One block has one spelling, so that equal slices are the same tensor.
        x, stops = as_tensor(inputs[0]), attributes["stops"]
        if len(stops) == x.rank:
            ends = zip(x.shape, stops, strict=True)
            attributes["stops"] = tuple(None if stop == size else stop for size, stop in ends)
        return super().__call__(x, **attributes)


_slice = _Slice()
OPS.add("slice", _slice)


def slice(x: TensorLike, starts: Sequence[int], stops: Sequence[int | None]) -> Tensor:
    """Return the block of `x` from `starts` to `stops`; ``x[1:3, :, 0]`` says the same.

    Parameters
    ----------
    x : Tensor
    starts : sequence of int
        The first place of each axis.
    stops : sequence of int or None
        The place after the last, None for the end.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import placeholder, slice
    >>> slice(placeholder("x", (None, 5)), (0, 1), (None, 3)).shape
    (None, 2)
    """
    return _slice(x, starts=tuple(starts), stops=tuple(stops))


class _Pad(Op):
    """y[before + i] = x[i], and 0 elsewhere."""

    name = "pad"
    row_local = True
    random_access = (0,)

    def infer(self, x: Tensor, *, before: tuple[int, ...], after: tuple[int, ...]) -> Spec:
        if not len(before) == len(after) == x.rank or builtins.min(*before, *after, 0, 0) < 0:
            raise self.refuse(f"cannot pad by {before} and {after}", x)
        shape: list[Dimension] = []
        for size, low, high in zip(x.shape, before, after, strict=True):
            if not isinstance(size, int) and low + high:
                raise self.refuse("cannot pad an axis of unknown size", x)
            shape.append(size + low + high if isinstance(size, int) else size)
        return Spec(tuple(shape), x.dtype)

    def kernel(self, xp: Any, *, before: tuple[int, ...], after: tuple[int, ...]) -> Kernel:
        widths = tuple(zip(before, after, strict=True))
        inner = tuple(builtins.slice(low, -high if high else None) for low, high in widths)

        def compute(x: Array, out: Array | None = None) -> Array:
            if out is None:
                return xp.pad(x, widths)
            out.fill(0)
            out[inner] = x
            return out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, *, before: tuple[int, ...], after: tuple[int, ...]
    ) -> Sequence[Tensor | None]:
        stops = [-high if high else None for high in after]
        ends = [
            None if stop is None else size + stop  # type: ignore[operator]
            for size, stop in zip(g.shape, stops, strict=True)
        ]
        return (slice(g, before, ends),)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        (x,), before = y.inputs, y.attributes["before"]
        conditions, axes = list[str](), list[Code]()
        for axis, low, size, total in zip(index.axes, before, x.shape, y.shape, strict=True):
            axes.append(Code(f"{axis} - {low}", axis) if low else axis)
            conditions += [f"{axis} >= {low}"] if low else []
            conditions += [f"{axis} < {low + size}"] if size != total and low + size < total else []
        if 0 in x.shape:
            return Code("0")
        return c.choose(" && ".join(conditions), x, Index(x.shape, tuple(axes)))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE,), {"before": (0, 1, 0), "after": (0, 0, 3)})
        yield Sample((SAMPLE_CUBE,), {"before": (0, 0, 0), "after": (0, 0, 0)})


_pad = _Pad()
OPS.add("pad", _pad)


def pad(x: TensorLike, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Return `x` with zeros around it.

    Parameters
    ----------
    x : Tensor
    before, after : sequence of int
        The number of zeros on either side of each axis.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, pad
    >>> evaluate([pad([1.0, 2.0], [1], [0])])[0].tolist()
    [0.0, 1.0, 2.0]
    """
    x, low, high = as_tensor(x), tuple(before), tuple(after)
    return _pad(x, before=low, after=high) if any(low) or any(high) else x


class _Concat(Op):
    """y = x[0], x[1], ... one after the other along an axis."""

    name = "concat"
    by_row = True

    def infer(self, *xs: Tensor, axis: int) -> Spec:
        first = xs[0]
        self.require_axes(first, axis)
        for x in xs:
            others = [x.shape[:axis] + x.shape[axis + 1 :] for x in (first, x)]
            if x.rank <= axis or x.dtype != first.dtype or others[0] != others[1]:
                raise self.refuse(f"inputs may differ along axis {axis} only", *xs)
        sizes = [x.shape[axis] for x in xs]
        if len(xs) == 1:
            return Spec(first.shape, first.dtype)
        if not all(isinstance(size, int) for size in sizes):
            raise self.refuse("cannot join along an axis of unknown size", *xs)
        total = builtins.sum(sizes)  # type: ignore[arg-type]
        return Spec((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)

    def kernel(self, xp: Any, *, axis: int) -> Kernel:
        if xp is not np:
            return lambda *arrays: xp.concatenate(arrays[:-1], axis)
        return lambda *arrays: np.concatenate(arrays[:-1], axis, arrays[-1])

    def gradient(self, g: Tensor, y: Tensor, *xs: Tensor, axis: int) -> Sequence[Tensor | None]:
        return split(g, [x.shape[axis] for x in xs], axis) if len(xs) > 1 else (g,)

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_CUBE, SAMPLE_CUBE[:, :1]), {"axis": 1}, batched=(0, 1))
        yield Sample((SAMPLE_CUBE[0], SAMPLE_CUBE[1], SAMPLE_CUBE[2]), {"axis": 0}, batched=())
        yield Sample((SAMPLE_CUBE,), {"axis": 2})


_concat = _Concat()
OPS.add("concat", _concat)


def concat(xs: Sequence[TensorLike], axis: int = -1) -> Tensor:
    """Return tensors one after the other along an axis.

    Parameters
    ----------
    xs : sequence of Tensor
    axis : int

    Returns
    -------
    Tensor

    Raises
    ------
    ShapeMismatch
        There are none, or they differ in more than the size of that axis.

    Examples
    --------
    >>> from cannery.graph import concat, evaluate
    >>> evaluate([concat([[1.0], [2.0, 3.0]])])[0].tolist()
    [1.0, 2.0, 3.0]
    """
    like = next((x for x in xs if isinstance(x, Tensor)), None)
    tensors = [as_tensor(x, like) for x in xs]
    if not tensors:
        raise ShapeMismatch("op 'concat'", "needs at least one input")
    if len(tensors) == 1:
        return tensors[0]
    return _concat(*tensors, axis=axis_of(_concat, tensors[0], axis))


def split(x: TensorLike, sizes: int | Sequence[Dimension], axis: int = -1) -> list[Tensor]:
    """Return the parts of `x` along an axis, as `concat` would join them.

    Parameters
    ----------
    x : Tensor
    sizes : int or sequence of int
        The number of equal parts, or the size of each.
    axis : int

    Returns
    -------
    list of Tensor

    Raises
    ------
    ShapeMismatch
        The sizes do not add up.

    Examples
    --------
    >>> from cannery.graph import evaluate, split
    >>> [part.tolist() for part in evaluate(split([1.0, 2.0, 3.0], [1, 2]))]
    [[1.0], [2.0, 3.0]]
    """
    x = as_tensor(x)
    axis = axis_of(_slice, x, axis)
    total = x.shape[axis]
    if isinstance(sizes, int):
        sizes = [total // sizes if isinstance(total, int) else None] * sizes
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) != len(sizes) or builtins.sum(known) != total:
        raise ShapeMismatch(f"split of {x.name!r}", f"parts must add up to {total}", list(sizes))
    parts, start = [], 0
    for size in known:
        starts, stops = [0] * x.rank, [None] * x.rank
        starts[axis], stops[axis] = start, start + size  # type: ignore[call-overload]
        parts.append(slice(x, starts, stops))
        start += size
    return parts


def stack(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Return tensors of one shape side by side along a new axis.

    Parameters
    ----------
    xs : sequence of Tensor
    axis : int
        Where the new axis is.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, stack
    >>> evaluate([stack([[1.0, 2.0], [3.0, 4.0]], axis=1)])[0].tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """
    like = next((x for x in xs if isinstance(x, Tensor)), None)
    tensors = [as_tensor(x, like) for x in xs]
    axis = axis_of(_concat, tensors[0], axis, tensors[0].rank + 1) if tensors else axis
    return concat([expand(x, axis) for x in tensors], axis)


def tile(x: TensorLike, repeats: Sequence[int]) -> Tensor:
    """Return copies of `x` side by side.

    Parameters
    ----------
    x : Tensor
    repeats : sequence of int
        The number of copies along each axis; 1 along the batch.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import evaluate, tile
    >>> evaluate([tile([1.0, 2.0], [2])])[0].tolist()
    [1.0, 2.0, 1.0, 2.0]
    """
    tiled = as_tensor(x)
    if len(repeats) != tiled.rank or any(number < 1 for number in repeats):
        raise ShapeMismatch(f"tile of {tiled.name!r}", "needs one count of copies an axis", repeats)
    for axis, number in enumerate(repeats):
        tiled = concat([tiled] * number, axis)
    return tiled
