"""The contents of a step, as the modules see it that `Program` is built upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .tensor import Tensor, topological
from .variables import Variable

__all__ = ["Step"]


class Step:
    """Expressions to compute together, and the new value of each variable.

    Parameters
    ----------
    outputs : mapping of str to Tensor
    updates : mapping of Variable to Tensor
    """

    def __init__(self, outputs: Mapping[str, Tensor], updates: Mapping[Variable, Tensor]):
        self.outputs: dict[str, Tensor] = dict(outputs)
        self.updates: dict[Variable, Tensor] = dict(updates)
        self.nodes = topological([*self.outputs.values(), *self.updates, *self.updates.values()])
        self.inputs: tuple[Tensor, ...] = tuple(
            node for node in self.nodes if node.op.name == "placeholder"
        )
        self.variables: tuple[Variable, ...] = tuple(
            node for node in self.nodes if isinstance(node, Variable)
        )

    @property
    def roots(self) -> list[Tensor]:
        """What is computed: the outputs, then the new values of variables."""
        return [*self.outputs.values(), *self.updates.values()]

    def with_roots(self, roots: Sequence[Tensor]) -> Step:
        """Return the step that computes others in their places, or itself if they are the same."""
        if list(roots) == self.roots:
            return self
        count = len(self.outputs)
        outputs = dict(zip(self.outputs, roots[:count], strict=True))
        return Step(outputs, dict(zip(self.updates, roots[count:], strict=True)))
