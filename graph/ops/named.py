"""Rows of a table that several tensors of ids name, of any sizes. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..code import Code, Index, Writer
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Dimension, Tensor, TensorLike
from .lookup import MORE_SAMPLE_IDS, SAMPLE_IDS, require_ids, within

__all__ = ["named_rows"]

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
        yield Sample((SAMPLE_IDS,), {"rows": 5})
        ids = (SAMPLE_IDS, MORE_SAMPLE_IDS, SAMPLE_IDS[:, 1].copy())
        yield Sample(ids, {"rows": 6}, batched=(0, 2))


_named_rows = _NamedRows()
OPS.add("named_rows", _named_rows)


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
