"""One value to compute, and the values that one loop nest computes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..tensor import Shape, Tensor
from .phases import is_whole

__all__ = ["Item", "Kernel"]


@dataclass(eq=False)
class Item:
    """One value to compute, and where it goes.

    Attributes
    ----------
    node : Tensor
    kind : str
        assign: element by element. push: each element of a domain changes one of the result.
        product: a matrix product. statement: an op that writes its own loops.
    phase : int
    domain : tuple
        What is looped over, without axes of size one.
    home : Tensor, optional
        The node whose memory it is written to: its own, or the concat it is a part of.
    start : int
        Where a part starts in its concat.
    variable : Tensor, optional
        The variable, or arena of variables, whose new value it is.
    outputs : list of str
        The outputs it is.
    reads : dict of Tensor to set
        What it reads from memory, and how: at the same place of the domain, at places that the
        given ids name, or elsewhere.
    """

    node: Tensor
    kind: str
    phase: int
    domain: Shape
    home: Tensor | None = None
    start: int = 0
    variable: Tensor | None = None
    outputs: list[str] = field(default_factory=list)
    reads: dict[Tensor, set[object]] = field(default_factory=dict)

    @property
    def accumulates(self) -> bool:
        """Whether it is a sum to which each row of the batch adds."""
        return self.phase % 2 == 1 and is_whole(self.node.shape) and self.replaced is None

    @property
    def replaced(self) -> Tensor | None:
        """The table of which it changes some rows."""
        return self.node.inputs[0] if self.node.op.name == "replace_rows" else None


@dataclass(eq=False)
class Kernel:
    """Items computed in one loop nest, or one that is a nest of its own."""

    phase: int
    items: list[Item]
    once: bool = False

    @property
    def copies(self) -> bool:
        """Whether it does no more than copy what views show."""
        return all(item.node.op.view and item.home is item.node for item in self.items)

    @property
    def domain(self) -> Shape:
        """What is looped over."""
        return self.items[0].domain

    @property
    def writes_variables(self) -> bool:
        """Whether variables change here."""
        return any(item.variable is not None for item in self.items)
