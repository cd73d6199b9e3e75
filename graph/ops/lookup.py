"""Rows of tables picked by id, and the adjoints that add to them. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...errors import InvalidValue, ShapeMismatch
from ..code import Code, Index, Push, Writer
from ..op import OPS, Array, Call, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Shape, Tensor, TensorLike
from .filled import arange

__all__ = ["scatter_all", "scatter_rows", "take"]

SAMPLE_IDS = np.array([[0, 2, -1], [4, 4, 4], [-1, -1, -1], [3, 1, 0]], np.int32)
MORE_SAMPLE_IDS = np.array([4, -1, 4, 4, 0], np.int64)
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
    ids = slice(1, 2)
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

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        table, ids = arrays
        return (
            [partial(table.take, ids, 0, out, "clip")]
            if sure
            else super().calls(y, arrays, out, sure)
        )

    def gradient(self, g: Tensor, y: Tensor, table: Tensor, ids: Tensor) -> Sequence[Tensor | None]:
        return scatter_rows(ids, g, table.shape[0]), None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        table, ids = y.inputs
        row = c.row(ids, index.head(ids.shape), c.length(table), self.name)
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
    """y[r] = sum of values[k][p] over all k and the places p with ids[k][p] == r."""

    name = "scatter_rows"
    ids = slice(None, None, 2)

    def infer(self, *pairs: Tensor, rows: Dimension) -> Spec:
        ids, values = pairs[::2], pairs[1::2]
        if not ids or len(ids) != len(values) or rows is None:
            raise self.refuse("needs values for all ids and the number of rows", *pairs)
        specs = set()
        for named, given in zip(ids, values, strict=True):
            require_ids(self, *pairs, ids=named)
            if given.shape[: named.rank] != named.shape:
                raise self.refuse("needs a value for each id", *pairs)
            specs.add((given.shape[named.rank :], given.dtype))
        if len(specs) > 1:
            raise self.refuse("needs rows of one shape and dtype", *pairs)
        shape, dtype = specs.pop()
        return Spec((rows, *shape), dtype)

    def kernel(self, xp: Any, *, rows: int) -> Kernel:
        def compute(*arrays: Array) -> Array:
            *pairs, out = arrays
            if out is None:
                out = xp.zeros((rows, *pairs[1].shape[pairs[0].ndim :]), pairs[1].dtype)
            else:
                out.fill(0)
            for ids, values in zip(pairs[::2], pairs[1::2], strict=True):
                out = scatter(xp, ids, values, out, self.name)
            return out

        return compute

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        ids, values = arrays[::2], arrays[1::2]
        straight = out.size == len(out) and all(named.flags.c_contiguous for named in ids)
        if not sure or not straight:
            return super().calls(y, arrays, out, sure)
        flat = out.reshape(-1)
        found: list[Call] = [partial(flat.fill, 0)]
        for named, given in zip(ids, values, strict=True):
            parts = given
            if not given.flags.c_contiguous:
                parts = np.empty(given.shape, given.dtype)
                found.append(partial(np.copyto, parts, given))
            found.append(partial(np.add.at, flat, named.reshape(-1), parts.reshape(-1)))
        return found

    def id_limit(self, y: Tensor) -> int:
        return int(y.attributes["rows"])

    def gradient(self, g: Tensor, y: Tensor, *pairs: Tensor, rows: int) -> Sequence[Tensor | None]:
        return [slope for ids in pairs[::2] for slope in (None, take(g, ids))]

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.inputs[1].shape if len(y.inputs) == 2 else None

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        ids, values = y.inputs
        row = c.row(ids, index.head(ids.shape), y.shape[0], self.name)
        place = Index(y.shape, (row, *index.axes[ids.rank :]))
        return Push(place, c.read(values, index), Code(f"{row} >= 0", row))

    def writes(self, y: Tensor) -> bool:
        return len(y.inputs) > 2

    def write(self, c: Writer, y: Tensor) -> None:
        ids, values = y.inputs[::2], y.inputs[1::2]
        if c.reads_only_named(y, ids):
            for named in ids:
                self._write_rows(c, y, named, None)
        else:
            with c.loops(y.shape) as place:
                c.store(y, Index(y.shape, place), Code("0"))
        for named, given in zip(ids, values, strict=True):
            self._write_rows(c, y, named, given)

    def _write_rows(self, c: Writer, y: Tensor, ids: Tensor, values: Tensor | None) -> None:
        """Write that the rows which `ids` name are zero, or that values are added to them."""
        with c.loops(ids.shape) as place:
            row = c.row(ids, Index(ids.shape, place), y.shape[0], self.name)
            with c.loops(y.shape[1:]) as inner:
                to, change = Index(y.shape, (row, *inner)).ravel(), "= 0"
                if values is not None:
                    change = f"+= {c.read(values, Index(values.shape, (*place, *inner)))}"
                c.line(f"if ({row} >= 0) {c.pointer(y)}[{to}] {change};")

    def samples(self) -> Iterable[Sample]:
        generator = np.random.default_rng(12)
        values, more = generator.normal(size=(4, 3, 2)), generator.normal(size=(5, 2))
        flat, column = values[..., 0].copy(), SAMPLE_IDS[:, 0].copy()
        yield Sample((SAMPLE_IDS, values), {"rows": 5}, batched=(0, 1))
        yield Sample((SAMPLE_IDS, flat), {"rows": 6}, batched=(0, 1))
        yield Sample((column.astype("int64"), values[:, 0]), {"rows": 5}, batched=(0, 1))
        yield Sample((SAMPLE_IDS, values, MORE_SAMPLE_IDS, more), {"rows": 5}, batched=(0, 1))
        every = (SAMPLE_IDS, flat, column, flat[:, 0].copy())
        yield Sample(every, {"rows": 7}, batched=(0, 1, 2, 3))


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


def scatter_all(ids: Sequence[TensorLike], values: Sequence[TensorLike], rows: Dimension) -> Tensor:
    """Return the sum of ``scatter_rows(ids[k], values[k], rows)`` over all ``k``, as one op.

    Parameters
    ----------
    ids : sequence of Tensor of int32 or int64
        A negative id is skipped.
    values : sequence of Tensor
        For each tensor of ids one of shape ``ids.shape + (...)``, with rows of one shape.
    rows : int
        The number of rows of the table.

    Returns
    -------
    Tensor of shape (rows, ...)

    Raises
    ------
    ShapeMismatch
        Ids have no values, or rows differ in shape or dtype.

    Examples
    --------
    >>> from cannery.graph import evaluate, scatter_all
    >>> evaluate([scatter_all([[2, -1], [2]], [[1.0, 9.0], [3.0]], 4)])[0].tolist()
    [0.0, 0.0, 4.0, 0.0]
    """
    if len(ids) != len(values):
        raise ShapeMismatch("op 'scatter_rows'", "needs values for all ids", len(values))
    pairs = zip(map(as_tensor, ids), map(as_tensor, values), strict=True)
    return _scatter_rows(*(x for pair in pairs for x in pair), rows=rows)
