"""Products with indicators, which are mostly zeros, become sums of a few rows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from ..op import OPS, as_tensor
from ..ops import concat, expand, matmul, scatter_rows, transpose
from ..ops import slice as slice_
from ..step import Step
from ..tensor import Tensor, name_scope, topological

__all__ = ["without_indicators"]

SPARSE = 3  # indicators are left out where they have so many times as many columns as ids


def without_indicators(program: Step, applied: Counter[str] | None = None) -> Step:
    """Return a program of the same values, whose matrix products skip the zeros of indicators.

    ``[x, multi_hot(ids)] @ W`` is ``x @ W[:n] + sum_rows(W[n:], ids)``, and the gradient for ``W``
    is a product on top of a `scatter_rows`. `applied` counts the products.
    """
    new: dict[Tensor, Tensor] = {}
    for node in topological(program.roots):
        inputs = tuple(new[source] for source in node.inputs)
        new[node] = node
        if inputs != node.inputs or node.op.name == "matmul":
            with name_scope(node.name[: node.name.rfind("/") + 1]):
                same = node if inputs == node.inputs else node.op(*inputs, **node.attributes)
                found = _rewritten(same)
            new[node] = same if found is None else found
            if applied is not None:
                applied["products"] += found is not None
    step = program.with_roots([new[root] for root in program.roots])
    step.inputs = program.inputs
    return step


def _rewritten(node: Tensor) -> Tensor | None:
    if node.op.name != "matmul" or node.rank != 2 or node.dtype != np.float32:
        return None
    a, b = node.inputs
    if a.rank == b.rank == 2 and _pieces(a) is not None and isinstance(b.shape[1], int):
        return _forward(a, b) if b.shape[1] > 1 else None
    turned = a.op.name == "transpose" and a.rank == 2 and a.shape[1] is None
    if turned and _pieces(a.inputs[0]) is not None and isinstance(b.shape[1], int):
        return _backward(a.inputs[0], b) if b.shape[1] > 1 else None
    return None


def _is_sparse(part: Tensor) -> bool:
    if part.op.name != "multi_hot" or part.rank != 2:
        return False
    depth, count = part.attributes["depth"], part.inputs[0].shape[1]
    return isinstance(count, int) and depth >= SPARSE * count


def _pieces(x: Tensor) -> list[Tensor] | None:
    """Return what lies side by side in `x`, if some of it is an indicator."""
    joined = x.op.name == "concat" and x.attributes["axis"] == 1
    parts = list(x.inputs) if joined else [x]
    return parts if x.rank == 2 and x.shape[0] is None and any(map(_is_sparse, parts)) else None


def _runs(parts: Sequence[Tensor]) -> Iterator[tuple[bool, list[Tensor], int, int]]:
    """Yield stretches of dense parts, and each sparse part: the columns from and to."""
    start = 0
    for sparse, group in itertools.groupby(parts, _is_sparse):
        for run in [[part] for part in group] if sparse else [list(group)]:
            width = sum(int(part.shape[1] or 0) for part in run)
            yield sparse, run, start, start + width
            start += width


def _forward(a: Tensor, b: Tensor) -> Tensor:
    dense: list[Tensor] = []
    rows: list[Tensor] = []
    found: list[Tensor] = []
    for sparse, run, start, stop in _runs(_pieces(a) or []):
        table = slice_(b, (start, 0), (stop, None))
        if sparse:
            ids, *weights = run[0].inputs
            found.append(OPS["sum_rows"](table, ids, *weights))
        else:
            dense += run
            rows.append(table)
    if dense:
        found.insert(0, matmul(concat(dense, 1), concat(rows, 0)))
    total = found[0]
    for part in found[1:]:
        total = total + part
    return total


def _backward(a: Tensor, g: Tensor) -> Tensor:
    runs = list(_runs(_pieces(a) or []))
    dense = [part for sparse, run, *_ in runs if not sparse for part in run]
    product = matmul(transpose(concat(dense, 1), (1, 0)), g) if dense else None
    parts, place = list[Tensor](), 0
    for sparse, run, start, stop in runs:
        if sparse:
            parts.append(_scattered(run[0], g, stop - start))
        else:
            assert product is not None
            parts.append(slice_(product, (place, 0), (place + stop - start, None)))
            place += stop - start
    return concat(parts, 0)


def _scattered(indicator: Tensor, g: Tensor, depth: int) -> Tensor:
    ids, *weights = indicator.inputs
    shares = expand(weights[0], 2) if weights else as_tensor(np.ones((ids.shape[1], 1), np.float32))
    return scatter_rows(ids, expand(g, 1) * shares, depth)
