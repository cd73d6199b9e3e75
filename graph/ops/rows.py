"""Updates of the few rows of a table that a batch touches. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..code import Code, Index, Push, Writer, count_text, size_text
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Shape, Tensor, TensorLike
from .lookup import require_ids, scatter, take, within
from .shaping import zeros_like

__all__ = ["group_ids", "group_rows", "replace_rows", "sum_groups"]

_IDS = np.array([[7, 2, 7], [2, -1, 0], [-1, 7, 9], [0, 0, 0]], np.int32)
_GROUPS = np.array([[2, 1, 2], [1, -1, 0], [-1, 2, 3], [0, 0, 0]], np.int32)


def _put(xp: Any, y: Array, index: Array, values: Array) -> Array:
    """Return `y` with `values` at the places `index` counts in row-major order."""
    if xp is not np:
        return y.reshape(-1).at[index].set(values).reshape(y.shape)
    y.reshape(-1)[index] = values
    return y


class _GroupRows(Op):
    """y[p] = the rank of ids[p] among the distinct ids, -1 where there is none."""

    name = "group_rows"

    def infer(self, ids: Tensor) -> Spec:
        require_ids(self, ids, ids=ids)
        return Spec(ids.shape, np.dtype("int32"))

    def kernel(self, xp: Any) -> Kernel:
        def compute(ids: Array, out: Array | None = None) -> Array:
            flat = ids.reshape(-1)
            order = flat.argsort()
            ordered = xp.maximum(flat[order], -1)
            # -1 in front makes the first rank -1 where there are missing ids, and 0 where not.
            before = xp.concatenate((xp.full(1, -2, flat.dtype), ordered[:-1]))
            rank = xp.cumsum(ordered != before, 0, xp.int32) - 1
            rank = rank - (ordered[:1] < 0)
            y = xp.empty(ids.shape, xp.int32) if out is None else out
            return _put(xp, y, order, rank)

        return compute

    def writes(self, y: Tensor) -> bool:
        return True

    def write(self, c: Writer, y: Tensor) -> None:
        (ids,) = y.inputs
        size = " * ".join(map(size_text, y.shape)) or "1"
        pairs = c.local("struct pair *const", f"pairs_for(w, {size})")
        kept, largest = c.local("int64_t", "0"), c.local("uint64_t", "0")
        with c.loops(y.shape) as place:
            index = Index(y.shape, place)
            c.store(y, index, Code("-1"))
            found = c.read(ids, index)
            c.line(f"{kept} = keep_id({pairs}, {kept}, {found}, {index.ravel()}, &{largest});")
        c.line(f"rank_pairs({pairs}, {size}, {kept}, {largest}, {c.pointer(y)});")

    def samples(self) -> Iterable[Sample]:
        yield Sample((_IDS,))
        yield Sample((np.abs(_IDS).astype("int64"),))


class _GroupIds(Op):
    """y[groups[p]] = ids[p] in the flat result, -1 everywhere else."""

    name = "group_ids"
    initial = -1

    def infer(self, ids: Tensor, groups: Tensor) -> Spec:
        require_ids(self, ids, ids=ids)
        if groups.shape != ids.shape or groups.dtype != np.int32:
            raise self.refuse("takes the groups of these ids", ids, groups)
        return Spec(ids.shape, ids.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(ids: Array, groups: Array, out: Array | None = None) -> Array:
            if out is None:
                out = xp.full(ids.shape, -1, ids.dtype)
            else:
                out.fill(-1)
            if xp is np:
                within(groups, groups.size, "group_ids")
            # Group -1 is the last place, which is free where any id is missing.
            values = xp.maximum(ids.reshape(-1), -1)
            return _put(xp, out, groups.reshape(-1), values)

        return compute

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        ids, groups = y.inputs
        group = c.row(groups, index, count_text(groups.shape), self.name)
        place = Index(y.shape, c.unravel(group, y.shape), group)
        return Push(place, c.read(ids, index), Code(f"{group} >= 0", group), adds=False)

    def samples(self) -> Iterable[Sample]:
        yield Sample((_IDS, _GROUPS), batched=(0, 1))


class _SumGroups(Op):
    """y[k] = sum of values[p] over the places p with groups[p] == k."""

    name = "sum_groups"

    def infer(self, groups: Tensor, values: Tensor) -> Spec:
        require_ids(self, groups, values, ids=groups)
        if values.shape[: groups.rank] != groups.shape:
            raise self.refuse("needs a value for each group", groups, values)
        return Spec(values.shape, values.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(groups: Array, values: Array, out: Array | None = None) -> Array:
            if out is None:
                out = xp.zeros(values.shape, values.dtype)
            else:
                out.fill(0)
            rows = out.reshape(groups.size, *values.shape[groups.ndim :])
            total = scatter(xp, groups, values, rows, "sum_groups")
            return out if xp is np else total.reshape(values.shape)

        return compute

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        groups, values = y.inputs
        group = c.row(groups, index.head(groups.shape), count_text(groups.shape), self.name)
        lead = c.unravel(group, groups.shape)
        place = Index(y.shape, (*lead, *index.axes[groups.rank :]))
        return Push(place, c.read(values, index), Code(f"{group} >= 0", group))

    def samples(self) -> Iterable[Sample]:
        values = np.random.default_rng(18).normal(size=(4, 3, 2))
        yield Sample((_GROUPS, values), batched=(0, 1), differentiable=False)
        yield Sample((_GROUPS, values[..., 0].copy()), batched=(0, 1), differentiable=False)


class _ReplaceRows(Op):
    """y = table with y[ids[p]] = rows[p]; the ids are distinct."""

    name = "replace_rows"
    overwrites = slice(0, 1)

    def infer(self, table: Tensor, ids: Tensor, rows: Tensor) -> Spec:
        require_ids(self, table, ids, rows, ids=ids)
        if rows.dtype != table.dtype or rows.shape != (*ids.shape, *table.shape[1:]):
            raise self.refuse("needs a row for each id", table, ids, rows)
        return Spec(table.shape, table.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(table: Array, ids: Array, rows: Array, out: Array | None = None) -> Array:
            flat, parts = ids.reshape(-1), rows.reshape(-1, *table.shape[1:])
            if xp is not np:  # an index past the end is dropped there
                flat = xp.where(flat < 0, len(table), flat)
                return table.at[flat].set(parts, mode="drop")
            if not within(flat, len(table), "replace_rows"):
                kept = flat >= 0
                flat, parts = flat[kept], parts[kept]
            if out is None:
                out = table.copy()
            elif not np.may_share_memory(out, table):
                np.copyto(out, table)
            out[flat] = parts
            return out

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, table: Tensor, ids: Tensor, rows: Tensor
    ) -> Sequence[Tensor | None]:
        return self(g, ids, zeros_like(rows)), None, take(g, ids)

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.inputs[2].shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        _, ids, rows = y.inputs
        row = c.row(ids, index.head(ids.shape), y.shape[0], self.name)
        place = Index(y.shape, (row, *index.axes[ids.rank :]))
        return Push(place, c.read(rows, index), Code(f"{row} >= 0", row), adds=False)

    def samples(self) -> Iterable[Sample]:
        generator = np.random.default_rng(19)
        table, rows = generator.normal(size=(6, 2)), generator.normal(size=(3, 2))
        ids = np.array([4, -1, 0], np.int32)
        yield Sample((table, ids, rows), batched=(1, 2))
        yield Sample((table[:, 0].copy(), ids.astype("int64"), rows[:, 0].copy()), batched=(1, 2))


_group_rows = _GroupRows()
_group_ids = _GroupIds()
_sum_groups = _SumGroups()
_replace_rows = _ReplaceRows()
OPS.add("group_rows", _group_rows)
OPS.add("group_ids", _group_ids)
OPS.add("sum_groups", _sum_groups)
OPS.add("replace_rows", _replace_rows)


def group_rows(ids: TensorLike) -> Tensor:
    """Return the rank of each id among the distinct ids; -1 where an id is negative.

    Parameters
    ----------
    ids : Tensor of int32 or int64

    Returns
    -------
    Tensor of int32
        The groups that `group_ids` and `sum_groups` take.

    Examples
    --------
    >>> from cannery.graph import evaluate, group_rows
    >>> evaluate([group_rows([7, 2, -1, 7])])[0].tolist()
    [1, 0, -1, 1]
    """
    return _group_rows(as_tensor(ids))


def group_ids(ids: TensorLike, groups: TensorLike) -> Tensor:
    """Return the distinct ids in increasing order, then -1 for as many places as are left.

    Parameters
    ----------
    ids : Tensor of int32 or int64
    groups : Tensor
        ``group_rows(ids)``.

    Returns
    -------
    Tensor of the shape of `ids`

    Examples
    --------
    >>> from cannery.graph import constant, evaluate, group_ids, group_rows
    >>> ids = constant([7, 2, -1, 7])
    >>> evaluate([group_ids(ids, group_rows(ids))])[0].tolist()
    [2, 7, -1, -1]
    """
    return _group_ids(as_tensor(ids), as_tensor(groups))


def sum_groups(groups: TensorLike, values: TensorLike) -> Tensor:
    """Return the sum of the values of each group, in the order of `group_ids`.

    Parameters
    ----------
    groups : Tensor
        ``group_rows(ids)``.
    values : Tensor of shape groups.shape + (...)

    Returns
    -------
    Tensor of the shape of `values`

    Examples
    --------
    >>> from cannery.graph import evaluate, group_rows, sum_groups
    >>> evaluate([sum_groups(group_rows([7, 2, -1, 7]), [1.0, 2.0, 3.0, 4.0])])[0].tolist()
    [2.0, 5.0, 0.0, 0.0]
    """
    return _sum_groups(as_tensor(groups), as_tensor(values))


def replace_rows(table: TensorLike, ids: TensorLike, rows: TensorLike) -> Tensor:
    """Return `table` with new rows where `ids` say.

    Parameters
    ----------
    table : Tensor of shape (n, ...)
    ids : Tensor of int32 or int64
        Distinct, but for negative ones, which are skipped.
    rows : Tensor of shape ids.shape + (...)

    Returns
    -------
    Tensor of shape (n, ...)

    Raises
    ------
    InvalidValue
        When run: an id is not below ``n``.

    Examples
    --------
    >>> from cannery.graph import evaluate, replace_rows
    >>> evaluate([replace_rows([1.0, 2.0, 3.0], [2, -1], [9.0, 8.0])])[0].tolist()
    [1.0, 2.0, 9.0]
    """
    return _replace_rows(as_tensor(table), as_tensor(ids), as_tensor(rows))
