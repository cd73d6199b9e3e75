"""Bags of ids: the rows of a table that a bag names, as one row. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import Code, Index, Push, Writer
from ..op import OPS, Array, Call, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Shape, Tensor, TensorLike
from .comparison import cast, where
from .elementwise import maximum, multiply, sqrt, square
from .filled import ones
from .linear import matrix_product
from .lookup import SAMPLE_IDS, SAMPLE_TABLE, require_ids, scatter_rows, take, within
from .reduction import sum
from .segments import segment_sum
from .shaping import expand

__all__ = ["clip_rows", "sum_rows"]


def _sum_rows_anywhere(xp: Any, table: Array, ids: Array, *weights: Array) -> Array:
    """Return what the kernel does, by functions that every array library has."""
    kept = ids >= 0
    picked = xp.where(kept[..., None], xp.take(table, xp.maximum(ids, 0), 0), 0)
    shares = xp.where(kept, weights[0] if weights else 1, 0).astype(table.dtype)
    return xp.matmul(shares[..., None, :], picked)[..., 0, :]


class _SumRows(Op):
    """y[i] = sum over k of weights[i, k] * table[ids[i, k]], or unweighted."""

    name = "sum_rows"
    ids = slice(1, 2)
    row_local = True
    random_access = (0,)
    folds = True

    def infer(self, table: Tensor, ids: Tensor, *weights: Tensor) -> Spec:
        require_ids(self, table, ids, *weights, ids=ids)
        if table.rank != 2 or table.shape[0] == 0 or not ids.rank:
            raise self.refuse("takes a table (rows, width) and ids (..., k)", table, ids)
        if any(w.shape != ids.shape or w.dtype != table.dtype for w in weights):
            raise self.refuse("needs a weight for each id", table, ids, *weights)
        return Spec((*ids.shape[:-1], table.shape[1]), table.dtype)

    def kernel(self, xp: Any) -> Kernel:
        if xp is not np:
            return lambda *arrays: _sum_rows_anywhere(xp, *arrays[:-1])

        def compute(table: Array, ids: Array, *rest: Array) -> Array:
            width, size = table.shape[1], ids.shape[-1]
            out = np.empty((*ids.shape[:-1], width), table.dtype) if rest[-1] is None else rest[-1]
            whole = within(ids, len(table), "sum_rows")
            if len(rest) == 1 and size == 1 and whole:
                return table.take(ids[..., 0], 0, out, "clip")
            if width == 1:
                picked = table.reshape(-1).take(ids, None, None, "clip")
            else:
                picked = table.take(ids, 0, None, "clip")
            weights = rest[0] if len(rest) == 2 else ones(size, table.dtype)
            if not whole:
                missing = ids < 0
                picked[missing] = 0
                weights = np.where(missing, table.dtype.type(0), weights)
            if width > 1:
                np.matmul(weights[..., None, :], picked, out[..., None, :])
                return out
            if weights.ndim > 1:
                picked *= weights
            each = ones(size, table.dtype)[:, None]
            return matrix_product(picked, each)(picked, each, out)

        return compute

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        table, ids, *weights = arrays
        if weights or not sure or table.shape[1] != 1 or not ids.flags.c_contiguous:
            return super().calls(y, arrays, out, sure)
        picked = np.empty(ids.shape, table.dtype)
        each = ones(ids.shape[-1], table.dtype)[:, None]
        return [
            partial(table.reshape(-1).take, ids, None, picked, "clip"),
            partial(matrix_product(picked, each), picked, each, out),
        ]

    def gradient(
        self, g: Tensor, y: Tensor, table: Tensor, ids: Tensor, *weights: Tensor
    ) -> Sequence[Tensor | None]:
        spread = expand(g, -2)
        if not weights:
            size = ids.shape[-1]
            values = spread if size == 1 else spread * as_tensor(np.ones((size, 1), g.dtype))
            return scatter_rows(ids, values, table.shape[0]), None
        values = spread * expand(weights[0], -1)
        slope = sum(take(table, ids) * spread, -1)
        return scatter_rows(ids, values, table.shape[0]), None, slope

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        ids = y.inputs[1]
        *lead, j = index.axes
        if ids.shape[-1] == 1 and len(y.inputs) == 2:
            return self._term(c, y, (*lead, Code("0")), j)
        with c.fold(y.dtype, "0", ids.shape[-1:], index.depth) as (total, (k,), add):
            add(f"{total} += {self._term(c, y, (*lead, k), j)};")
        return total

    def _term(self, c: Writer, y: Tensor, place: tuple[Code, ...], j: Code) -> Code:
        table, ids, *weights = y.inputs
        bag = Index(ids.shape, place)
        row = c.row(ids, bag, c.length(table), self.name)
        picked = c.choose(f"{row} >= 0", table, Index(table.shape, (row, j)))
        if not weights:
            return picked
        weight = c.read(weights[0], bag)
        # A weight that belongs to no id may be anything, NaN included.
        return Code(f"({row} >= 0 ? {weight} * {picked} : 0)", row, weight, picked)

    def push_shape(self, y: Tensor) -> Shape | None:
        # Row by row of the table, so that the inner loop runs along it.
        table, ids, *_ = y.inputs
        return (*ids.shape, table.shape[1]) if table.shape[1] != 1 != ids.shape[-1] else None

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        *lead, k, j = index.axes
        return Push(Index(y.shape, (*lead, j)), self._term(c, y, (*lead, k), j))

    def samples(self) -> Iterable[Sample]:
        weights = np.random.default_rng(13).normal(size=SAMPLE_IDS.shape)
        yield Sample((SAMPLE_TABLE, SAMPLE_IDS), batched=(1,))
        yield Sample((SAMPLE_TABLE[:, :1].copy(), SAMPLE_IDS), batched=(1,))
        yield Sample((SAMPLE_TABLE, np.maximum(SAMPLE_IDS, 0), weights), batched=(1, 2))
        yield Sample((SAMPLE_TABLE[:, :1].copy(), SAMPLE_IDS, weights), batched=(1, 2))
        yield Sample((SAMPLE_TABLE, SAMPLE_IDS[:, :1]), batched=(1,))


_sum_rows = _SumRows()
OPS.add("sum_rows", _sum_rows)


def clip_rows(rows: TensorLike, max_norm: float) -> Tensor:
    """Return `rows` with those longer than `max_norm` scaled down to it; gradients flow through.

    Parameters
    ----------
    rows : Tensor of shape (..., width)
    max_norm : float
        The largest L2 norm.

    Returns
    -------
    Tensor of shape (..., width)

    Examples
    --------
    >>> from cannery.graph import clip_rows, evaluate
    >>> evaluate([clip_rows([[3.0, 4.0], [0.0, 1.0]], 2.5)])[0].tolist()
    [[1.5, 2.0], [0.0, 1.0]]
    """
    if not max_norm > 0:
        raise InvalidValue("clip_rows", "max_norm must be positive", max_norm)
    # The square root of at least max_norm squared: its slope is finite at rows of zeros too.
    norm = sqrt(maximum(sum(square(rows), -1, keepdims=True), max_norm**2))
    return multiply(rows, max_norm / norm)


COMBINERS = ("sum", "mean", "sqrtn")


def sum_rows(
    table: TensorLike,
    ids: TensorLike,
    weights: TensorLike | None = None,
    lengths: Tensor | None = None,
    combiner: str = "sum",
    max_norm: float | None = None,
) -> Tensor:
    """Return one row for each bag of ids: the sum or a mean of the rows they name.

    With weights ``w`` and rows ``e``, ``sum`` is ``sum(w e)``, ``mean`` is ``sum(w e) / sum(w)``
    and ``sqrtn`` is ``sum(w e) / sqrt(sum(w^2))``; without, every weight is one. The last two leave
    out weights that are not positive, as TensorFlow does. A bag without ids gives zeros.

    Parameters
    ----------
    table : Tensor of shape (rows, width)
    ids : Tensor of shape (..., k), or (values,) with `lengths`
        int32 or int64; a negative id is skipped.
    weights : Tensor of the shape of `ids`, optional
    lengths : Tensor of shape (bags,), optional
        How many of the ids each bag has, one bag after the other.
    combiner : {"sum", "mean", "sqrtn"}
    max_norm : float, optional
        Scale longer rows down to this L2 norm first.

    Returns
    -------
    Tensor of shape (..., width), or (bags, width)

    Raises
    ------
    InvalidValue
        There is no such combiner. When run: an id is not below the number of rows.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, sum_rows
    >>> table = constant([[1.0], [2.0], [4.0]])
    >>> evaluate([sum_rows(table, [[0, 2], [1, -1]], combiner="mean")])[0].tolist()
    [[2.5], [2.0]]
    """
    table, ids = as_tensor(table), as_tensor(ids)
    weights = None if weights is None else as_tensor(weights, table)
    if combiner not in COMBINERS:
        raise InvalidValue("sum_rows", f"combiner must be one of {COMBINERS}", combiner)
    single = lengths is None and ids.shape[-1] == 1
    if combiner == "sum" or (single and weights is None):
        return _weighted(table, ids, weights, lengths, max_norm)
    if weights is not None:
        weights = where((ids >= 0) & (weights > 0), weights, 0.0)
    total = _weighted(table, ids, weights, lengths, max_norm)
    return total / expand(_norm(table, ids, weights, lengths, combiner), -1)


def _norm(
    table: Tensor, ids: Tensor, weights: Tensor | None, lengths: Tensor | None, combiner: str
) -> Tensor:
    """Return what each bag is divided by; 1 for an empty one."""
    shares = cast(ids >= 0, table.dtype) if weights is None else weights
    if combiner == "sqrtn" and weights is not None:
        shares = square(weights)
    total = sum(shares, -1) if lengths is None else segment_sum(shares, lengths)
    norm = maximum(total, 1.0) if weights is None else where(total > 0, total, 1.0)
    return sqrt(norm) if combiner == "sqrtn" else norm


def _weighted(
    table: Tensor,
    ids: Tensor,
    weights: Tensor | None,
    lengths: Tensor | None,
    max_norm: float | None,
) -> Tensor:
    """Return sum(w e) for each bag."""
    if lengths is None and max_norm is None:
        return _sum_rows(table, ids) if weights is None else _sum_rows(table, ids, weights)
    rows = take(table, ids)
    if max_norm is not None:
        rows = clip_rows(rows, max_norm)
    if weights is not None:
        rows = rows * expand(weights, -1)
    return sum(rows, -2) if lengths is None else segment_sum(rows, lengths)
