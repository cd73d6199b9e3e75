"""The same step in the form numpy runs fastest: what lookups need is prepared from the feeds.

numpy takes and adds quickest at a vector of its own index type. Ids that feeds alone determine
are brought into that form, and checked, for thousands of rows at once instead of in every step.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .ops import broadcast_like, cast, concat, expand, reshape, scatter_all, squeeze
from .plan import FLAT_VIEWS, viewed
from .staging import staged
from .step import Step
from .tensor import Tensor, topological

__all__ = ["id_limits", "in_range", "lowered"]


def lowered(program: Step) -> Step:
    """Return a step of the same values, whose lookups take ids as numpy likes them.

    Parameters
    ----------
    program : Step

    Returns
    -------
    Step
    """
    fed = staged(program)
    new: dict[Tensor, Tensor] = {}
    for node in topological(program.roots):
        inputs = tuple(new[source] for source in node.inputs)
        ids = range(len(inputs))[node.op.ids]
        if ids and all(fed[node.inputs[place]] for place in ids):
            inputs = tuple(cast(x, "int64") if i in ids else x for i, x in enumerate(inputs))
            new[node] = _lookup(node, inputs)
        elif node.op.name == "concat" and node.attributes["axis"]:
            new[node] = _concat_of_fed(node, inputs, fed)
        else:
            same = inputs == node.inputs
            new[node] = node if same else node.op(*inputs, **node.attributes)
    return program.with_roots([new[root] for root in program.roots])


def _lookup(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    if node.op.name == "scatter_rows" and node.rank == 2:
        return _flat_scatter(node, inputs)
    found: Tensor = node.op(*inputs, **node.attributes)
    return found


def _flat_scatter(node: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """Scatter element by element; an id that is missing stays negative."""
    rows, width = node.shape
    assert isinstance(rows, int) and isinstance(width, int)
    flat = list[Tensor]()
    for ids, values in zip(inputs[::2], inputs[1::2], strict=True):
        if width != 1:
            places = np.arange(width).reshape((1,) * ids.rank + (width,))
            flat += [expand(ids, -1) * width + places, values]
        else:
            flat += [ids, broadcast_like(squeeze(_without_ones(values), -1), ids)]
    return reshape(scatter_all(flat[::2], flat[1::2], rows * width), (rows, width))


def _without_ones(values: Tensor) -> Tensor:
    """Return what was multiplied by ones to be repeated."""
    if values.op.name == "multiply":
        for x, ones in (values.inputs, values.inputs[::-1]):
            if ones.op.name == "constant" and (ones.attributes["value"] == 1).all():
                return x if x.rank == values.rank and x.shape[-1] == 1 else values
    return values


def _concat_of_fed(node: Tensor, inputs: Sequence[Tensor], fed: Mapping[Tensor, bool]) -> Tensor:
    """Join first what feeds alone determine and lies side by side."""
    axis, parts = node.attributes["axis"], list[Tensor]()
    pairs = zip(inputs, node.inputs, strict=True)
    for is_fed, group in itertools.groupby(pairs, lambda pair: fed[pair[1]]):
        members = [new for new, _ in group]
        parts += [concat(members, axis)] if is_fed else members
    return concat(parts, axis)


def id_limits(program: Step) -> dict[Tensor, int]:
    """Return, for fed ids, what they must be below for every lookup of them."""
    limits: dict[Tensor, int] = {}
    for node in program.nodes:
        for looked_up in node.inputs[node.op.ids]:
            ids = viewed(looked_up, FLAT_VIEWS)
            if ids.op.name == "placeholder" and ids.shape[:1] == (None,):
                limit = node.op.id_limit(node)
                limits[ids] = min(limit, limits.get(ids, limit))
    return limits


def in_range(
    limits: Mapping[Tensor, int], feeds: Mapping[str, npt.NDArray[Any]]
) -> frozenset[Tensor]:
    """Return the fed ids of which all are there and below their limit."""
    return frozenset(
        node
        for node, limit in limits.items()
        if (array := feeds[node.name]).size and array.min() >= 0 and array.max() < limit
    )
