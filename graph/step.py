"""What a program is made of, as seen by the modules that `Program` itself imports."""

from __future__ import annotations

from typing import Protocol

from .tensor import Tensor
from .variables import Variable

__all__ = ["Step"]


class Step(Protocol):
    """Expressions to compute together, and the new value of each variable."""

    inputs: tuple[Tensor, ...]
    outputs: dict[str, Tensor]
    updates: dict[Variable, Tensor]
    nodes: list[Tensor]
    variables: tuple[Variable, ...]
