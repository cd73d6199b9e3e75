"""Rewrites that look at attributes and shapes; `simplify` applies them.

Each is a function from a node to an equal node, or None where it does not apply.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import InvalidValue
from .op import OPS, as_tensor
from .ops import broadcast_like, concat, expand, pad, reshape, scatter_rows, squeeze, transpose
from .ops import slice as slice_
from .tensor import Tensor

__all__ = ["REWRITES", "Rewrite"]

Rewrite = Callable[[Tensor], Tensor | None]
REWRITES: dict[str, list[Rewrite]] = {}
FEW_COLUMNS = 4  # a product is cut where at most one in so many of its columns is used
FOLDED_SIZE = 1024  # elements; larger results cost more to keep than to compute
SAME_MEMORY = frozenset({"reshape", "expand", "squeeze"})
ELEMENTWISE = type(OPS["add"])


def rewrite(*names: str) -> Callable[[Rewrite], Rewrite]:
    """Register a rewrite for nodes of these ops."""

    def register(function: Rewrite) -> Rewrite:
        for name in names:
            REWRITES.setdefault(name, []).append(function)
        return function

    return register


def _is_elementwise(node: Tensor) -> bool:
    return isinstance(node.op, ELEMENTWISE) or node.op.name in ("mask", "where", "cast")


def _applied(node: Tensor, *inputs: Tensor) -> Tensor:
    """Return the op of a node applied to other inputs."""
    found: Tensor = node.op(*inputs, **node.attributes)
    return found


def fold(node: Tensor) -> Tensor | None:
    """Return the value of a node that depends on constants only."""
    if not node.inputs or any(source.op.name != "constant" for source in node.inputs):
        return None
    if any(not isinstance(size, int) for size in node.shape):
        return None
    if int(np.prod(node.shape, dtype=np.int64)) > FOLDED_SIZE:  # type: ignore[arg-type]
        return None
    arrays = [source.attributes["value"] for source in node.inputs]
    try:
        with np.errstate(all="ignore"):
            value = node.op.kernel(np, **node.attributes)(*arrays, None)
    except InvalidValue:
        return None  # it is raised when the program runs, if the node is ever reached
    return as_tensor(np.asarray(value, node.dtype))


def unspread(node: Tensor) -> Tensor | None:
    """f(broadcast_like(x, z), y) = f(x, y), if y has the shape already."""
    if not _is_elementwise(node):
        return None
    for i, source in enumerate(node.inputs):
        if source.op.name == "broadcast_like":
            inputs = (*node.inputs[:i], source.inputs[0], *node.inputs[i + 1 :])
            found = _applied(node, *inputs)
            if found.shape == node.shape:
                return found
    return None


@rewrite("cast")
def _cast(node: Tensor) -> Tensor | None:
    return node.inputs[0] if node.inputs[0].dtype == node.dtype else None


@rewrite("broadcast_like")
def _broadcast(node: Tensor) -> Tensor | None:
    x, like = node.inputs
    if x.shape == node.shape:
        return x
    if x.op.name == "broadcast_like":
        return broadcast_like(x.inputs[0], like)
    if like.op.name == "broadcast_like":
        return broadcast_like(x, like.inputs[1])
    return None


@rewrite("broadcast_like", "count")
def _like_source(node: Tensor) -> Tensor | None:
    """Take the shape from what an elementwise op was computed from, which may spare the op."""
    *others, like = node.inputs
    if not _is_elementwise(like):
        return None
    source = next((x for x in like.inputs if x.shape == like.shape), None)
    return None if source is None else _applied(node, *others, source)


@rewrite("transpose")
def _transpose(node: Tensor) -> Tensor | None:
    (x,), order = node.inputs, node.attributes["permutation"]
    if order == tuple(range(node.rank)):
        return x
    if x.op.name == "transpose":
        inner = x.attributes["permutation"]
        return transpose(x.inputs[0], [inner[i] for i in order])
    return None


@rewrite("reshape", "expand", "squeeze")
def _reshape(node: Tensor) -> Tensor | None:
    (x,) = node.inputs
    if node.shape == x.shape:
        return x
    if x.op.name not in SAME_MEMORY:
        return None
    source = x.inputs[0]
    if source.shape == node.shape:
        return source
    unknown = sum(not isinstance(size, int) for size in node.shape)
    return reshape(source, node.shape) if node.op.name == "reshape" and unknown < 2 else None


@rewrite("sum", "max", "min", "prod")
def _reduce(node: Tensor) -> Tensor | None:
    (x,), axes = node.inputs, node.attributes["axis"]
    if any(x.shape[i] != 1 for i in axes):
        return None
    return x if node.attributes["keepdims"] or not axes else squeeze(x, axes)


Bounds = list[tuple[int, int | None]]


def _bounds(node: Tensor) -> Bounds:
    return list(zip(node.attributes["starts"], node.attributes["stops"], strict=True))


def _cut(x: Tensor, bounds: Bounds) -> Tensor:
    return slice_(x, [start for start, _ in bounds], [stop for _, stop in bounds])


@rewrite("slice")
def _slice(node: Tensor) -> Tensor | None:
    (x,) = node.inputs
    if node.shape == x.shape:
        return x
    if x.op.name == "slice":
        joined: Bounds = []
        for (outer, _), size, (start, stop) in zip(_bounds(x), x.shape, _bounds(node), strict=True):
            end = size if stop is None else stop
            joined.append((outer + start, outer + end if isinstance(end, int) else None))
        return _cut(x.inputs[0], joined)
    if x.op.name == "concat":
        return _slice_of_concat(node, x, x.attributes["axis"])
    if x.op.name == "pad":
        return _slice_of_pad(node, x)
    return None


@rewrite("slice")
def _slice_of_product(node: Tensor) -> Tensor | None:
    """Return the product with a few columns only, where no others are asked for here."""
    (x,) = node.inputs
    if x.op.name != "matmul" or x.rank != 2 or x.inputs[1].rank != 2:
        return None
    columns, width = node.shape[1], x.shape[1]
    if node.shape[0] != x.shape[0] or not isinstance(columns, int) or not isinstance(width, int):
        return None
    if columns * FEW_COLUMNS > width:
        return None
    a, b = x.inputs
    product: Tensor = OPS["matmul"](a, _cut(b, [(0, None), _bounds(node)[1]]))
    return product


def _slice_of_concat(node: Tensor, x: Tensor, axis: int) -> Tensor | None:
    """Take only from the parts that a slice reaches."""
    bounds = _bounds(node)
    low, high = bounds[axis]
    size: Any = x.shape[axis]
    high, first, parts = size if high is None else high, 0, []
    for part in x.inputs:
        width: Any = part.shape[axis]
        start, stop = max(low - first, 0), min(high - first, width)
        if start < stop:
            parts.append(_cut(part, [*bounds[:axis], (start, stop), *bounds[axis + 1 :]]))
        first += width
    return concat(parts, axis) if 0 < len(parts) < len(x.inputs) else None


def _slice_of_pad(node: Tensor, x: Tensor) -> Tensor | None:
    """Cut the value that was padded, where the slice keeps clear of the zeros."""
    source, inner = x.inputs[0], Bounds()
    for (start, stop), size, whole, before in zip(
        _bounds(node), source.shape, x.shape, x.attributes["before"], strict=True
    ):
        if not isinstance(size, int):
            inner.append((0, None))
            continue
        after = (whole if stop is None else stop) - before
        if start < before or after > size:
            return None
        inner.append((start - before, after))
    return _cut(source, inner)


@rewrite("concat")
def _concat(node: Tensor) -> Tensor | None:
    """Join slices that lie side by side, and concats of the same axis."""
    axis, parts = node.attributes["axis"], list[Tensor]()
    for part in node.inputs:
        nested = part.op.name == "concat" and part.attributes["axis"] == axis
        for piece in part.inputs if nested else (part,):
            joined = _adjacent(parts[-1], piece, axis) if parts else None
            if joined is None:
                parts.append(piece)
            else:
                parts[-1] = joined
    return concat(parts, axis) if len(parts) < len(node.inputs) or parts != [*node.inputs] else None


def _adjacent(a: Tensor, b: Tensor, axis: int) -> Tensor | None:
    """Return the slice that two neighbouring slices of one tensor make."""
    if a.op.name != "slice" or b.op.name != "slice" or a.inputs != b.inputs:
        return None
    left, right = _bounds(a), _bounds(b)
    if left[axis][1] != right[axis][0]:
        return None
    if left[:axis] + left[axis + 1 :] != right[:axis] + right[axis + 1 :]:
        return None
    left[axis] = (left[axis][0], right[axis][1])
    return _cut(a.inputs[0], left)


@rewrite("pad")
def _pad(node: Tensor) -> Tensor | None:
    (x,), before, after = node.inputs, node.attributes["before"], node.attributes["after"]
    if not any(before) and not any(after):
        return x
    if x.op.name == "pad":
        outer = [low + more for low, more in zip(before, x.attributes["before"], strict=True)]
        return pad(
            x.inputs[0],
            outer,
            [low + more for low, more in zip(after, x.attributes["after"], strict=True)],
        )
    return None


@rewrite("add")
def _merge_addends(node: Tensor) -> Tensor | None:
    """Sum pads into a concat, and scatters into the same table into one scatter."""
    addends = _addends(node)
    if not all(x.shape == node.shape for x in addends):
        return None
    for a, b in itertools.permutations(range(len(addends)), 2):
        for merge in (_merge_pads, _merge_scatters):
            merged = merge(addends[a], addends[b])
            if merged is not None:
                rest = [x for i, x in enumerate(addends) if i not in (a, b)]
                return _total([merged, *rest])
    return None


def _addends(node: Tensor) -> list[Tensor]:
    """Return what is summed, looking through sums of pads and scatters."""
    found: list[Tensor] = []
    for source in node.inputs:
        through = source.op.name == "add" and any(
            x.op.name in ("pad", "add") or _is_scatter(x) for x in source.inputs
        )
        found.extend(_addends(source) if through else (source,))
    return found


def _total(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _merge_pads(a: Tensor, b: Tensor) -> Tensor | None:
    """pad(x) + pad(y) = pad(concat(x, y)), if y starts where x ends."""
    if a.op.name != "pad" or b.op.name != "pad":
        return None
    left, right = ([x.attributes["before"], x.attributes["after"]] for x in (a, b))
    differ = [i for i in range(a.rank) if (left[0][i], left[1][i]) != (right[0][i], right[1][i])]
    if len(differ) != 1:
        return None
    axis = differ[0]
    width: Any = a.inputs[0].shape[axis]
    if left[0][axis] + width != right[0][axis]:
        return None
    after = (*left[1][:axis], right[1][axis], *left[1][axis + 1 :])
    return pad(concat([a.inputs[0], b.inputs[0]], axis), left[0], after)


def _is_scatter(x: Tensor) -> bool:
    """Whether `x` scatters the values for a single tensor of ids."""
    return x.op.name == "scatter_rows" and len(x.inputs) == 2


def _merge_scatters(a: Tensor, b: Tensor) -> Tensor | None:
    """Scatter both lists of ids at once: scatter(i, x) + scatter(j, y)."""
    if not (_is_scatter(a) and _is_scatter(b)):
        return None
    pairs = []
    for ids, values in (a.inputs, b.inputs):
        if ids.rank == 1:
            ids, values = expand(ids, 1), expand(values, 1)
        pairs.append((ids, values))
    (i, x), (j, y) = pairs
    axis = i.rank - 1
    known = all(ids.rank and isinstance(ids.shape[-1], int) for ids in (i, j))
    if not known or i.shape[:-1] != j.shape[:-1] or i.dtype != j.dtype or x.dtype != y.dtype:
        return None
    return scatter_rows(concat([i, j], axis), concat([x, y], axis), a.attributes["rows"])
