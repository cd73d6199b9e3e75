"""What a step computes from feeds alone, row by row, taken out of the step.

Such values (ids shifted into a joint table, indicators, casts) are the same whichever batch a row
is in, so they are computed for thousands of rows at once, where a call costs little per row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .step import Step
from .tensor import Tensor, topological
from .variables import Variable, placeholder

__all__ = ["rowwise", "staged", "substitute"]

LEAVES = frozenset({"placeholder", "variable", "constant"})
# A view costs nothing in a step, and would be a copy if it were fed.
FREE = frozenset({"slice", "expand", "squeeze", "reshape"})


def staged(program: Step) -> dict[Tensor, bool]:
    """Return for each node whether its row i depends on row i of the feeds alone."""
    found: dict[Tensor, bool] = {}
    fixed: dict[Tensor, bool] = {}
    for node in program.nodes:
        known = all(isinstance(size, int) for size in node.shape)
        if node.op.name in LEAVES:
            found[node] = node.op.name == "placeholder" and node.shape[:1] == (None,)
            fixed[node] = known and not isinstance(node, Variable)
        else:
            found[node] = _by_row(node, found, fixed)
            fixed[node] = known and all(fixed[source] for source in node.inputs)
    return found


def _by_row(node: Tensor, staged: Mapping[Tensor, bool], fixed: Mapping[Tensor, bool]) -> bool:
    """Whether row i of `node` depends on row i of the feeds alone."""
    if node.shape[:1] != (None,) or any(not isinstance(size, int) for size in node.shape[1:]):
        return False
    if not node.op.by_row or not any(staged[source] for source in node.inputs):
        return False
    for source in node.inputs:
        if fixed[source]:
            if source.rank >= node.rank and source.shape[0] != 1:
                return False
        elif not staged[source] or (node.op.broadcasts and source.rank != node.rank):
            return False
    return True


def rowwise(program: Step) -> dict[Tensor, Tensor]:
    """Return the values to compute before the steps, and the placeholder that stands for each.

    Parameters
    ----------
    program : Program

    Returns
    -------
    dict of Tensor to Tensor
        Every fed tensor with rows that steps still need, computed ones and plain feeds alike;
        empty where nothing is worth computing beforehand.
    """
    fed = staged(program)
    users: dict[Tensor, list[Tensor]] = {}
    for node in program.nodes:
        for source in node.inputs:
            users.setdefault(source, []).append(node)
    roots = set(program.roots)

    def needed(node: Tensor) -> bool:
        late = any(not fed[user] for user in users.get(node, []))
        return fed[node] and (late or node in roots)

    found: dict[Tensor, Tensor] = {}
    for node in program.nodes:
        if not needed(node):
            continue
        source = node
        while source.op.name in FREE and fed[source.inputs[0]]:
            source = source.inputs[0]
        found.setdefault(source, source)
    if all(node.op.name == "placeholder" for node in found):
        return {}
    return {
        node: node
        if node.op.name == "placeholder"
        else placeholder(f"rowwise/{i}", node.shape, node.dtype)
        for i, node in enumerate(found)
    }


def substitute(roots: Sequence[Tensor], replacements: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """Return `roots` with some of the tensors they depend on replaced by others."""
    new: dict[Tensor, Tensor] = {}
    for node in topological(roots):
        if node in replacements:
            new[node] = replacements[node]
            continue
        inputs = tuple(new[source] for source in node.inputs)
        new[node] = node if inputs == node.inputs else node.op(*inputs, **node.attributes)
    return [new[root] for root in roots]
