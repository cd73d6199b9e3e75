"""Sums over the stretches of a ragged axis, and their adjoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import Code, Index, Writer, size_text
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Tensor, TensorLike

__all__ = ["repeat_rows", "segment_sum"]

_LENGTHS = np.array([2, 0, 3, 0], np.int32)


def _require_lengths(op: Op, x: Tensor, lengths: Tensor) -> None:
    if lengths.rank != 1 or lengths.dtype not in (np.int32, np.int64) or not x.rank:
        raise op.refuse("lengths must be whole numbers, one a bag", x, lengths)


def _require_total(op: Op, total: int, wanted: Dimension) -> None:
    if total != wanted:
        raise InvalidValue(f"op {op.name!r}", f"lengths must add up to {wanted}", total)


class _Lengths:
    """Counts values bag by bag in C, never past the last one.

    Parameters
    ----------
    c : Writer
    op : Op
    lengths : Tensor
    count : Dimension
        What the lengths must add up to.
    """

    def __init__(self, c: Writer, op: Op, lengths: Tensor, count: Dimension):
        self.c, self.op, self.lengths, self.count = c, op, lengths, count
        self.place, self.total = c.local("int64_t", "0"), c.local("int64_t", "0")

    def of(self, i: Code) -> str:
        """Return the size of the loop over the values of bag `i`."""
        end = self.c.read(self.lengths, Index(self.lengths.shape, (i,)))
        self.c.line(f"{self.total} += {end} > 0 ? {end} : 0;")
        return f"{end} && {self.place} < {size_text(self.count)}, {self.place}++"

    def check(self) -> None:
        """Write the check that all values have been counted."""
        self.c.require(self.total, self.count, self.op.name)


class _SegmentSum(Op):
    """y[i] = sum of the lengths[i] rows of x that follow those of y[i - 1]."""

    name = "segment_sum"

    def infer(self, x: Tensor, lengths: Tensor) -> Spec:
        _require_lengths(self, x, lengths)
        return Spec((lengths.shape[0], *x.shape[1:]), x.dtype)

    def kernel(self, xp: Any) -> Kernel:
        if xp is not np:
            return lambda x, lengths, out: _segment_sum_by_matmul(xp, x, lengths)

        def compute(x: Array, lengths: Array, out: Array | None = None) -> Array:
            lengths = np.maximum(lengths, 0)
            ends = np.cumsum(lengths)
            total = int(ends[-1]) if len(ends) else 0
            _require_total(self, total, len(x))
            if out is None:
                out = np.zeros((len(lengths), *x.shape[1:]), x.dtype)
            else:
                out.fill(0)
            filled = lengths > 0  # reduceat would give an empty stretch its neighbour's row
            if total:
                out[filled] = np.add.reduceat(x, (ends - lengths)[filled], 0)
            return out

        return compute

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, lengths: Tensor) -> Sequence[Tensor | None]:
        return repeat_rows(g, lengths, x.shape[0]), None

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        x, lengths = y.inputs
        counted = _Lengths(c, self, lengths, x.shape[0])
        with c.loop(y.shape[0]) as i:
            with c.loops(y.shape[1:]) as inner:
                c.store(y, Index(y.shape, (i, *inner)), Code("0"))
            with c.repeat(counted.of(i)), c.loops(y.shape[1:]) as inner:
                value = c.read(x, Index(x.shape, (c.here(counted.place), *inner)))
                c.store(y, Index(y.shape, (i, *inner)), value, adds=True)
        counted.check()

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(16).normal(size=(5, 2))
        yield Sample((x, _LENGTHS), batched=())
        yield Sample((x[:, 0].copy(), _LENGTHS.astype("int64")), batched=())


def _segment_sum_by_matmul(xp: Any, x: Array, lengths: Array) -> Array:
    ends, place = xp.cumsum(lengths)[:, None], xp.arange(len(x))
    inside = (place < ends) & (place >= ends - lengths[:, None])
    return xp.tensordot(inside.astype(x.dtype), x, 1)


class _RepeatRows(Op):
    """y = lengths[0] copies of x[0], lengths[1] copies of x[1], ..."""

    name = "repeat_rows"

    def infer(self, x: Tensor, lengths: Tensor, *, count: Dimension) -> Spec:
        _require_lengths(self, x, lengths)
        if x.shape[0] != lengths.shape[0] or count is None:
            raise self.refuse("needs a length for each row", x, lengths)
        return Spec((count, *x.shape[1:]), x.dtype)

    def kernel(self, xp: Any, *, count: Dimension) -> Kernel:
        def compute(x: Array, lengths: Array, out: Array | None = None) -> Array:
            lengths = xp.maximum(lengths, 0)
            if xp is np and (isinstance(count, int) or out is not None):
                total = int(lengths.sum(dtype=np.int64))
                _require_total(self, total, count if out is None else len(out))
            y = xp.repeat(x, lengths, 0)
            if out is None:
                return y
            if len(y) != len(out):
                wrong = f"lengths must add up to {len(out)}"
                raise InvalidValue("op 'repeat_rows'", wrong, len(y))
            np.copyto(out, y)
            return out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, x: Tensor, lengths: Tensor, *, count: Dimension
    ) -> Sequence[Tensor | None]:
        return segment_sum(g, lengths), None

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        x, lengths = y.inputs
        counted = _Lengths(c, self, lengths, y.shape[0])
        with (
            c.loop(x.shape[0]) as i,
            c.repeat(counted.of(i)),
            c.loops(y.shape[1:]) as inner,
        ):
            value = c.read(x, Index(x.shape, (i, *inner)))
            c.store(y, Index(y.shape, (c.here(counted.place), *inner)), value)
        counted.check()

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(17).normal(size=(4, 2))
        yield Sample((x, _LENGTHS), {"count": 5}, batched=())
        yield Sample((x[:, 0].copy(), _LENGTHS), {"count": 5}, batched=())


_segment_sum = _SegmentSum()
_repeat_rows = _RepeatRows()
OPS.add("segment_sum", _segment_sum)
OPS.add("repeat_rows", _repeat_rows)


def segment_sum(x: TensorLike, lengths: TensorLike) -> Tensor:
    """Return the sum of each of the stretches that follow one another along axis 0.

    Parameters
    ----------
    x : Tensor of shape (values, ...)
    lengths : Tensor of shape (bags,)
        How many values each stretch has; they add up to all.

    Returns
    -------
    Tensor of shape (bags, ...)
        Zeros for an empty stretch.

    Raises
    ------
    InvalidValue
        When run: the lengths do not add up.

    Examples
    --------
    >>> from cannery.graph import evaluate, segment_sum
    >>> evaluate([segment_sum([1.0, 2.0, 3.0], [2, 0, 1])])[0].tolist()
    [3.0, 0.0, 3.0]
    """
    return _segment_sum(as_tensor(x), as_tensor(lengths))


def repeat_rows(x: TensorLike, lengths: TensorLike, count: Dimension) -> Tensor:
    """Return each row as many times as `lengths` says; the adjoint of `segment_sum`.

    Parameters
    ----------
    x : Tensor of shape (bags, ...)
    lengths : Tensor of shape (bags,)
    count : int or str
        What the lengths add up to: a number, or the name of the ragged feed.

    Returns
    -------
    Tensor of shape (count, ...)

    Examples
    --------
    >>> from cannery.graph import evaluate, repeat_rows
    >>> evaluate([repeat_rows([1.0, 2.0], [2, 1], 3)])[0].tolist()
    [1.0, 1.0, 2.0]
    """
    return _repeat_rows(as_tensor(x), as_tensor(lengths), count=count)
