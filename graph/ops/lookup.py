"""Rows of tables picked by id, and the adjoints that add to them. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import InvalidValue
from ..code import Code, Index, Push, Writer
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Shape, Tensor, TensorLike
from .filled import arange
from .shaping import expand

__all__ = [
    "gather",
    "multi_hot",
    "one_hot",
    "scatter_rows",
    "take",
]

SAMPLE_IDS = np.array([[0, 2, -1], [4, 4, 4], [-1, -1, -1], [3, 1, 0]], np.int32)
SAMPLE_TABLE = np.random.default_rng(11).normal(size=(5, 2))
_UNSIGNED = {np.dtype("int32"): np.dtype("uint32"), np.dtype("int64"): np.dtype("uint64")}
_maximum = np.maximum.reduce
LARGEST_INT32 = 2**31 - 1


def within(ids: Array, size: int, name: str) -> bool:
    """Whether all ids are at least zero; refuse any that are not below `size`."""
    # Seen as unsigned, a negative id is a huge one: one pass answers both questions.
    if not ids.size or _maximum(ids.view(_UNSIGNED[ids.dtype]), None) < size:
        return True
    if ids.max() >= size:
        raise InvalidValue(f"op {name!r}", f"ids must be below {size}", int(ids.max()))
    return False


def add_at(xp: Any, target: Array, index: Array, values: Array) -> Array:
    """Return `target` with `values` added at `index`, where an index may come many times."""
    if xp is not np:
        return target.at[index].add(values)
    np.add.at(target, index, values)
    return target


def scatter(xp: Any, ids: Array, values: Array, y: Array, name: str) -> Array:
    """Return `y`, which is zero, with each row of `values` added to the row its id names."""
    rows, flat = len(y), ids.reshape(-1)
    parts = values.reshape(len(flat), *y.shape[1:])
    if xp is np and not within(flat, rows, name):
        kept = flat >= 0
        flat, parts = flat[kept], parts[kept]
    width = y.size // rows if rows else 1
    if width != 1:
        # One index an element: numpy adds at those much faster than at whole rows.
        if flat.itemsize == 4 and y.size > LARGEST_INT32:
            flat = flat.astype(np.int64)
        flat = (flat[:, None] * width + arange(width, flat.dtype)).reshape(-1)
    total = add_at(xp, y.reshape(-1), flat, parts.reshape(-1))
    return y if xp is np else total.reshape(y.shape)


def require_ids(op: Op, *inputs: Tensor, ids: Tensor) -> None:
    if ids.dtype not in (np.int32, np.int64):
        raise op.refuse("ids must be int32 or int64", *inputs)


class _Take(Op):
    """y[i] = table[ids[i]], or zero where there is none."""

    name = "take"
    row_local = True
    random_access = (0,)

    def infer(self, table: Tensor, ids: Tensor) -> Spec:
        require_ids(self, table, ids, ids=ids)
        if table.rank < 1 or table.shape[0] == 0:
            raise self.refuse("needs a table with rows", table, ids)
        return Spec((*ids.shape, *table.shape[1:]), table.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(table: Array, ids: Array, out: Array | None = None) -> Array:
            y = table.take(ids, 0, out, "clip")
            if xp is np:
                if not within(ids, len(table), "take"):
                    y[ids < 0] = 0
                return y
            missing = (ids < 0).reshape(ids.shape + (1,) * (table.ndim - 1))
            return xp.where(missing, xp.zeros((), y.dtype), y)

        return compute

    def gradient(self, g: Tensor, y: Tensor, table: Tensor, ids: Tensor) -> Sequence[Tensor | None]:
        return scatter_rows(ids, g, table.shape[0]), None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        table, ids = y.inputs
        row = c.row(ids, index.head(ids.shape), table.shape[0], self.name)
        return c.choose(f"{row} >= 0", table, Index(table.shape, (row, *index.axes[ids.rank :])))

    def samples(self) -> Iterable[Sample]:
        yield Sample((SAMPLE_TABLE, SAMPLE_IDS), batched=(1,))
        yield Sample((SAMPLE_TABLE, SAMPLE_IDS[:, 0].astype("int64")), batched=(1,))
        yield Sample((SAMPLE_TABLE[:, 0].copy(), SAMPLE_IDS), batched=(1,))


_take = _Take()
OPS.add("take", _take)


def take(table: TensorLike, ids: TensorLike) -> Tensor:
    """Return the rows of a table that `ids` name; zeros where an id is negative.

    Parameters
    ----------
    table : Tensor of shape (rows, ...)
    ids : Tensor of int32 or int64

    Returns
    -------
    Tensor of shape ids.shape + (...)
        Its gradient is an unexecuted `scatter_rows`.

    Raises
    ------
    InvalidValue
        When run: an id is not below the number of rows.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, take
    >>> table = constant([[1.0, 2.0], [3.0, 4.0]])
    >>> evaluate([take(table, [1, -1])])[0].tolist()
    [[3.0, 4.0], [0.0, 0.0]]
    """
    return _take(as_tensor(table), as_tensor(ids))


class _ScatterRows(Op):
    """y[r] = sum of values[p] over the places p with ids[p] == r."""

    name = "scatter_rows"

    def infer(self, ids: Tensor, values: Tensor, *, rows: int) -> Spec:
        require_ids(self, ids, values, ids=ids)
        if values.shape[: ids.rank] != ids.shape:
            raise self.refuse("needs a value for each id", ids, values)
        return Spec((rows, *values.shape[ids.rank :]), values.dtype)

    def kernel(self, xp: Any, *, rows: int) -> Kernel:
        def compute(ids: Array, values: Array, out: Array | None = None) -> Array:
            if out is None:
                out = xp.zeros((rows, *values.shape[ids.ndim :]), values.dtype)
            else:
                out.fill(0)
            return scatter(xp, ids, values, out, "scatter_rows")

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, ids: Tensor, values: Tensor, *, rows: int
    ) -> Sequence[Tensor | None]:
        return None, take(g, ids)

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.inputs[1].shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        ids, values = y.inputs
        row = c.row(ids, index.head(ids.shape), y.shape[0], self.name)
        place = Index(y.shape, (row, *index.axes[ids.rank :]))
        return Push(place, c.read(values, index), Code(f"{row} >= 0", row))

    def samples(self) -> Iterable[Sample]:
        values = np.random.default_rng(12).normal(size=(4, 3, 2))
        yield Sample((SAMPLE_IDS, values), {"rows": 5}, batched=(0, 1))
        yield Sample((SAMPLE_IDS, values[..., 0].copy()), {"rows": 6}, batched=(0, 1))
        yield Sample((SAMPLE_IDS[:, 0].astype("int64"), values[:, 0]), {"rows": 5}, batched=(0, 1))


_scatter_rows = _ScatterRows()
OPS.add("scatter_rows", _scatter_rows)


def scatter_rows(ids: TensorLike, values: TensorLike, rows: Dimension) -> Tensor:
    """Return a table whose rows are the sums of the values given their id.

    This is the adjoint of `take`: optimizers match it and touch only the rows that `ids` name.

    Parameters
    ----------
    ids : Tensor of int32 or int64
        A negative id is skipped.
    values : Tensor of shape ids.shape + (...)
    rows : int
        The number of rows of the table.

    Returns
    -------
    Tensor of shape (rows, ...)

    Examples
    --------
    >>> from cannery.graph import evaluate, scatter_rows
    >>> evaluate([scatter_rows([2, 0, 2, -1], [1.0, 2.0, 3.0, 4.0], 3)])[0].tolist()
    [2.0, 0.0, 4.0]
    """
    return _scatter_rows(as_tensor(ids), as_tensor(values), rows=rows)


class _Gather(Op):
    """y[i, k] = x[i, ids[i, k]], or zero where there is none."""

    name = "gather"
    row_local = True
    random_access = (0,)

    def infer(self, x: Tensor, ids: Tensor) -> Spec:
        require_ids(self, x, ids, ids=ids)
        if not x.rank or x.rank != ids.rank or x.shape[:-1] != ids.shape[:-1]:
            raise self.refuse("takes values (..., n) and ids (..., k)", x, ids)
        return Spec(ids.shape, x.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(x: Array, ids: Array, out: Array | None = None) -> Array:
            width = x.shape[-1]
            if xp is not np:
                y = xp.take_along_axis(x, xp.maximum(ids, 0), -1)
                return xp.where(ids < 0, xp.zeros((), y.dtype), y)
            if not x.size:
                return np.zeros(ids.shape, x.dtype) if out is None else out
            y = x.reshape(-1).take(_flat(np, ids, width), None, out, "clip")
            if not within(ids, width, "gather"):
                y[ids < 0] = 0
            return y

        return compute

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, ids: Tensor) -> Sequence[Tensor | None]:
        return _multi_hot(ids, g, depth=x.shape[-1], dtype=g.dtype.name), None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        x, ids = y.inputs
        row = c.row(ids, index, x.shape[-1], self.name)
        return c.choose(f"{row} >= 0", x, Index(x.shape, (*index.axes[:-1], row)))

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(14).normal(size=(4, 5))
        yield Sample((x, SAMPLE_IDS), batched=(0, 1))
        yield Sample((x, np.maximum(SAMPLE_IDS[:, :1], 0)), batched=(0, 1))


_gather = _Gather()
OPS.add("gather", _gather)


def _flat(xp: Any, ids: Array, width: int) -> Array:
    """Return where x[i, ids[i, k]] is in x laid out flat, x being `width` wide."""
    first = xp.arange(0, ids[..., 0].size * width, width).reshape(*ids.shape[:-1], 1)
    return ids + first


def gather(x: TensorLike, ids: TensorLike) -> Tensor:
    """Return elements of the last axis; zeros where an id is negative.

    Parameters
    ----------
    x : Tensor of shape (..., n)
    ids : Tensor of shape (..., k)
        int32 or int64.

    Returns
    -------
    Tensor of shape (..., k)

    Raises
    ------
    InvalidValue
        When run: an id is not below ``n``.

    Examples
    --------
    >>> from cannery.graph import evaluate, gather
    >>> evaluate([gather([[1.0, 2.0], [3.0, 4.0]], [[1], [0]])])[0].tolist()
    [[2.0], [3.0]]
    """
    return _gather(as_tensor(x), as_tensor(ids))


class _MultiHot(Op):
    """y[i, r] = sum of weights[i, k] over the k with ids[i, k] == r."""

    name = "multi_hot"
    by_row = True

    def infer(self, ids: Tensor, *weights: Tensor, depth: int, dtype: str) -> Spec:
        require_ids(self, ids, *weights, ids=ids)
        wrong = any(w.shape != ids.shape or w.dtype != np.dtype(dtype) for w in weights)
        if not ids.rank or wrong:
            raise self.refuse("takes ids (..., k) and a weight for each", ids, *weights)
        return Spec((*ids.shape[:-1], depth), np.dtype(dtype))

    def kernel(self, xp: Any, *, depth: int, dtype: str) -> Kernel:
        one = xp.ones((), dtype)

        def compute(ids: Array, *rest: Array) -> Array:
            out = rest[-1]
            if out is None:
                out = xp.zeros((*ids.shape[:-1], depth), dtype)
            else:
                out.fill(0)
            index = _flat(xp, ids, depth).reshape(-1)
            weights = rest[0].reshape(-1) if len(rest) == 2 else one
            if xp is not np:
                weights = xp.where(ids.reshape(-1) < 0, xp.zeros((), dtype), weights)
            elif not within(ids, depth, "multi_hot"):
                kept = ids.reshape(-1) >= 0
                index, weights = index[kept], weights[kept] if weights.ndim else one
            if xp is np and ids.shape[-1] == 1:  # nothing comes twice
                out.reshape(-1)[index] = weights
                return out
            y = add_at(xp, out.reshape(-1), index, weights)
            return out if xp is np else y.reshape(out.shape)

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, ids: Tensor, *weights: Tensor, depth: int, dtype: str
    ) -> Sequence[Tensor | None]:
        return (None, gather(g, ids)) if weights else (None,)

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.inputs[0].shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        ids, *weights = y.inputs
        row = c.row(ids, index, y.shape[-1], self.name)
        value = c.read(weights[0], index) if weights else Code("1")
        place = Index(y.shape, (*index.axes[:-1], row))
        return Push(place, value, Code(f"{row} >= 0", row))

    def samples(self) -> Iterable[Sample]:
        weights = np.random.default_rng(15).normal(size=SAMPLE_IDS.shape)
        attributes = {"depth": 5, "dtype": "float64"}
        yield Sample((SAMPLE_IDS, weights), attributes, batched=(0, 1))
        yield Sample((SAMPLE_IDS,), attributes)
        yield Sample((SAMPLE_IDS[:, :1].astype("int64"),), {"depth": 7, "dtype": "float32"})


_multi_hot = _MultiHot()
OPS.add("multi_hot", _multi_hot)


def multi_hot(
    ids: TensorLike, depth: int, weights: TensorLike | None = None, dtype: Any = "float32"
) -> Tensor:
    """Return how often each id occurs in a bag, or the sum of its weights there.

    Parameters
    ----------
    ids : Tensor of shape (..., k)
        int32 or int64; a negative id is skipped.
    depth : int
        The number of different ids.
    weights : Tensor of shape (..., k), optional
    dtype : dtype
        Of the result where there are no weights.

    Returns
    -------
    Tensor of shape (..., depth)

    Raises
    ------
    InvalidValue
        When run: an id is not below `depth`.

    Examples
    --------
    >>> from cannery.graph import evaluate, multi_hot
    >>> evaluate([multi_hot([[0, 2, 2], [1, -1, -1]], 3)])[0].tolist()
    [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    """
    ids = as_tensor(ids)
    if weights is None:
        return _multi_hot(ids, depth=depth, dtype=np.dtype(dtype).name)
    weights = as_tensor(weights)
    return _multi_hot(ids, weights, depth=depth, dtype=weights.dtype.name)


def one_hot(ids: TensorLike, depth: int, dtype: Any = "float32") -> Tensor:
    """Return a row of zeros with a one at each id; only zeros where an id is negative.

    Parameters
    ----------
    ids : Tensor of int32 or int64
    depth : int
        The number of different ids.
    dtype : dtype
        Of the result.

    Returns
    -------
    Tensor of shape ids.shape + (depth,)

    Raises
    ------
    InvalidValue
        When run: an id is not below `depth`.

    Examples
    --------
    >>> from cannery.graph import evaluate, one_hot
    >>> evaluate([one_hot([1, -1], 3)])[0].tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return multi_hot(expand(ids, -1), depth, dtype=dtype)
