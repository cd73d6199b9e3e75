"""Where all workers must meet within a phase: before what one of them reads of another's."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor
from .kernel import Kernel

__all__ = ["Meetings"]

ALONE = ("one", 0)  # how the first worker computes a kernel by itself


class Meetings:
    """The values that workers have written and read since they last met.

    Parameters
    ----------
    memory_of : callable
        Gives all nodes that share a variable's memory.
    """

    def __init__(self, memory_of: Callable[[Tensor], set[Tensor]]):
        self._memory_of = memory_of
        self._written: dict[Tensor, object] = {}
        self._read: dict[Tensor, set[object]] = {}

    def due(self, kernel: Kernel, how: object) -> bool:
        """Whether workers must meet before a kernel, which is then noted as run.

        Parameters
        ----------
        kernel : Kernel
        how : object
            Who computes it; kernels with an equal one are divided in the same way.
        """
        due = self._must_meet(kernel, how)
        if due:
            self._written.clear()
            self._read.clear()
        self._note(kernel, how)
        return due

    def _must_meet(self, kernel: Kernel, how: object) -> bool:
        written = self._written
        reads = {source for item in kernel.items for source in item.reads}
        if any(written.get(node, how) != how for node in reads):
            return True
        if any(written.get(node) == how and how != ALONE for node in reads):
            # The same range, but not at the same place.
            modes = [item.reads[n] for item in kernel.items for n in item.reads if n in written]
            if any(mode != {"same"} for mode in modes):
                return True
        changed = [item.variable for item in kernel.items if item.variable is not None]
        memory = {node for variable in changed for node in self._memory_of(variable)}
        return any(self._read.get(node, {how}) != {how} for node in memory)

    def _note(self, kernel: Kernel, how: object) -> None:
        for item in kernel.items:
            for source in item.reads:
                self._read.setdefault(source, set()).add(how)
            if item.home is not None:
                same = self._written.setdefault(item.home, how) == how
                self._written[item.home] = how if same else object()
            if item.variable is not None:
                for node in self._memory_of(item.variable):
                    self._written[node] = how
