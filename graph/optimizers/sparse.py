"""Row-sparse gradients: `scatter_rows` nodes that nobody has executed, and sums of them."""

from __future__ import annotations

from ..ops import (
    concat,
    expand,
    group_ids,
    group_rows,
    named_rows,
    scatter_all,
    scatter_rows,
    sum_groups,
)
from ..tensor import Tensor

__all__ = ["distinct_rows", "is_sparse", "touched_rows"]


def _parts(gradient: Tensor) -> list[Tensor]:
    """Return the tensors that `gradient` is the sum of."""
    if gradient.op.name != "add":
        return [gradient]
    return [part for source in gradient.inputs for part in _parts(source)]


def _pairs(gradient: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the tensors of ids, and the values for them, that a sparse `gradient` is made of."""
    inputs = [source for part in _parts(gradient) for source in part.inputs]
    return list(zip(inputs[::2], inputs[1::2], strict=True))


def is_sparse(gradient: Tensor) -> bool:
    """Whether `gradient` is zero outside the rows that a batch names."""
    return all(part.op.name == "scatter_rows" for part in _parts(gradient))


def _merged(gradient: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return ids and values of one `scatter_rows` equal to the sum, or None if sizes forbid it."""
    parts = _pairs(gradient)
    if len(parts) == 1:
        return parts[0]
    # A batch of ids cannot follow another along the batch, but can beside it.
    parts = [(expand(i, 1), expand(v, 1)) if i.rank == 1 else (i, v) for i, v in parts]
    alike = len({(i.shape[:1], i.shape[2:], i.dtype) for i, _ in parts}) == 1
    known = all(isinstance(size, int) for i, _ in parts for size in i.shape[1:])
    if not (alike and known and parts[0][0].rank):
        return None
    return concat([i for i, _ in parts], axis=1), concat([v for _, v in parts], axis=1)


def distinct_rows(gradient: Tensor) -> Tensor | None:
    """Return an equal `scatter_rows` that names no row twice.

    None where `gradient` is dense, or a sum over feeds whose sizes cannot be joined.
    """
    if not is_sparse(gradient):
        return None
    merged = _merged(gradient)
    if merged is None:
        return None
    ids, values = merged
    if ids.op.name == "group_ids":
        return gradient
    groups = group_rows(ids)
    return scatter_rows(group_ids(ids, groups), sum_groups(groups, values), rows=gradient.shape[0])


def touched_rows(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Return which rows a sparse `gradient` names, and an equal gradient.

    The first is boolean and broadcasts over the table; the second is a single sum.
    """
    ids, values = zip(*_pairs(gradient), strict=True)
    rows = gradient.shape[0]
    touched = named_rows(ids, rows)
    for axis in range(1, gradient.rank):
        touched = expand(touched, axis)
    return touched, scatter_all(ids, values, rows)
