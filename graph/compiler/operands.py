"""Feeds that products of matrices read, copied together in the order of the batch."""

from __future__ import annotations

from collections import Counter

from ..op import OPS
from ..step import Step
from ..tensor import Tensor, name_scope, topological
from .phases import is_product, is_row

__all__ = ["with_gathered_operands"]


def with_gathered_operands(program: Step, applied: Counter[str] | None = None) -> Step:
    """Return a program of the same values whose products read rows that follow each other.

    A feed holds the rows of the whole data set, of which a batch takes some in any order.
    `applied` counts the products.
    """
    new: dict[Tensor, Tensor] = {}
    for node in topological(program.roots):
        inputs = tuple(new[source] for source in node.inputs)
        if is_product(node):
            gathered = tuple(_gathered(source) for source in inputs)
            if applied is not None:
                applied["products"] += gathered != inputs
            inputs = gathered
        new[node] = node
        if inputs != node.inputs:
            with name_scope(node.name[: node.name.rfind("/") + 1]):
                new[node] = node.op(*inputs, **node.attributes)
    step = program.with_roots([new[root] for root in program.roots])
    step.inputs = program.inputs
    return step


def _gathered(operand: Tensor) -> Tensor:
    """Return an operand, copied if it is a feed or a view that strides cannot describe."""
    if operand.op.name in ("transpose", "slice"):
        inner = _gathered(operand.inputs[0])
        same = inner is operand.inputs[0]
        turned: Tensor = operand if same else operand.op(inner, **operand.attributes)
        return turned
    elsewhere = operand.op.view or operand.op.name == "placeholder"
    if not elsewhere or operand.rank != 2 or not is_row(operand.shape):
        return operand
    found: Tensor = OPS["concat"](operand, axis=1)
    return found
