"""Rows of a table that several tensors of ids name, of any sizes. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...errors import ShapeMismatch
from ..code import Code, Index, Writer
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Tensor, TensorLike
from .lookup import require_ids, scatter, take, within

__all__ = ["named_rows", "scatter_all"]

_IDS = np.array([[0, 2, -1], [4, 4, 4], [-1, -1, -1], [3, 2, 0]], np.int32)
_MORE_IDS = np.array([4, -1, 4, 4, 0], np.int64)
MOST_ROWS = 2**31 - 1  # C lists them as int32


class _NamedRows(Op):
    """y[r] = whether any of the ids is r."""

    name = "named_rows"

    def infer(self, *ids: Tensor, rows: int) -> Spec:
        if not ids or not isinstance(rows, int) or rows > MOST_ROWS:
            raise self.refuse(f"needs ids and a number of at most {MOST_ROWS} rows", *ids)
        for one in ids:
            require_ids(self, *ids, ids=one)
        return Spec((rows,), np.dtype(bool))

    def kernel(self, xp: Any, *, rows: int) -> Kernel:
        def compute(*arrays: Array) -> Array:
            *ids, out = arrays
            if xp is not np:  # an index past the end is dropped there
                y = xp.zeros(rows, bool)
                for one in ids:
                    y = y.at[xp.where(one < 0, rows, one)].set(True, mode="drop")
                return y
            y = np.empty(rows, bool) if out is None else out
            y.fill(False)
            for one in ids:
                y[one if within(one, rows, self.name) else one[one >= 0]] = True
            return y

        return compute

    def writes(self, y: Tensor) -> bool:
        return True

    def beside(self, y: Tensor) -> int:
        # Up to the next cache line; the number of rows; all rows, and one that is named again.
        return -int(y.shape[0]) % 64 + 4 * (2 + int(y.shape[0]))  # type: ignore[arg-type]

    def write(self, c: Writer, y: Tensor) -> None:
        mask = c.pointer(y)
        names = c.local("int32_t *const", f"rows_named({mask}, {y.shape[0]})")
        if c.is_kept(y):
            c.line(f"forget_rows({mask}, {names});")
        else:
            with c.loops(y.shape) as place:
                c.store(y, Index(y.shape, place), Code("0"))
        count = c.local("int32_t", "0")
        for ids in y.inputs:
            with c.loops(ids.shape) as place:
                row = c.row(ids, Index(ids.shape, place), y.shape[0], self.name)
                c.line(f"{count} = name_row({mask}, {names}, {count}, {row});")
        c.line(f"{names}[0] = {count};")

    def samples(self) -> Iterable[Sample]:
        yield Sample((_IDS,), {"rows": 5})
        yield Sample((_IDS, _MORE_IDS, _IDS[:, 1].copy()), {"rows": 6}, batched=(0, 2))


class _ScatterAll(Op):
    """y[r] = sum of values[k][p] over all k and the places p with ids[k][p] == r."""

    name = "scatter_all"

    def infer(self, *pairs: Tensor, rows: int) -> Spec:
        ids, values = pairs[::2], pairs[1::2]
        if not ids or len(ids) != len(values) or not isinstance(rows, int):
            raise self.refuse("needs values for all ids and the number of rows", *pairs)
        shapes = set()
        for named, given in zip(ids, values, strict=True):
            require_ids(self, *pairs, ids=named)
            if given.shape[: named.rank] != named.shape:
                raise self.refuse("needs a value for each id", *pairs)
            shapes.add((given.shape[named.rank :], given.dtype))
        if len(shapes) > 1:
            raise self.refuse("needs rows of one shape and dtype", *pairs)
        shape, dtype = shapes.pop()
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

    def gradient(self, g: Tensor, y: Tensor, *pairs: Tensor, rows: int) -> Sequence[Tensor | None]:
        return [slope for ids in pairs[::2] for slope in (None, take(g, ids))]

    def writes(self, y: Tensor) -> bool:
        return True

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
        generator = np.random.default_rng(20)
        values, more = generator.normal(size=(4, 3, 2)), generator.normal(size=(5, 2))
        yield Sample((_IDS, values), {"rows": 5}, batched=(0, 1))
        yield Sample((_IDS, values, _MORE_IDS, more), {"rows": 5}, batched=(0, 1))
        flat = (_IDS, values[..., 0].copy(), _IDS[:, 1].copy(), values[:, 0, 0].copy())
        yield Sample(flat, {"rows": 7}, batched=(0, 1, 2, 3))


_named_rows = _NamedRows()
_scatter_all = _ScatterAll()
OPS.add("named_rows", _named_rows)
OPS.add("scatter_all", _scatter_all)


def named_rows(ids: Sequence[TensorLike], rows: Dimension) -> Tensor:
    """Return which rows of a table any of several tensors of ids name.

    Parameters
    ----------
    ids : sequence of Tensor of int32 or int64
        Of any shapes; a negative id is skipped.
    rows : int
        The number of rows of the table.

    Returns
    -------
    Tensor of bool of shape (rows,)

    Examples
    --------
    >>> from cannery.graph import evaluate, named_rows
    >>> evaluate([named_rows([[2, -1], [0]], 4)])[0].tolist()
    [True, False, True, False]
    """
    return _named_rows(*map(as_tensor, ids), rows=rows)


def scatter_all(ids: Sequence[TensorLike], values: Sequence[TensorLike], rows: Dimension) -> Tensor:
    """Return the sum of ``scatter_rows(ids[k], values[k], rows)`` over all ``k``.

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
        raise ShapeMismatch("op 'scatter_all'", "needs values for all ids", len(values))
    pairs = zip(map(as_tensor, ids), map(as_tensor, values), strict=True)
    return _scatter_all(*(x for pair in pairs for x in pair), rows=rows)
