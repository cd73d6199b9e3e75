"""What each kernel of a program computes, in words, and lines of C that take its time."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Iterator

import numpy as np

from ..tensor import Tensor
from .kernel import Item, Kernel
from .phases import Phases

__all__ = [
    "Profile",
    "by_scope",
    "domain_text",
    "kernel_text",
    "ops_of",
    "runs_text",
    "slots",
    "timed",
]


LINE = 8  # counters of one worker fill whole cache lines


def ops_of(kernel: Kernel, phases: Phases) -> list[Tensor]:
    """Return the ops that a kernel computes, inputs first, also those without memory."""
    return list(dict.fromkeys(node for item in kernel.items for node in _ops(item, phases)))


def _ops(item: Item, phases: Phases) -> list[Tensor]:
    """Return the ops that an item takes; none if it is a value from memory."""
    moved = not item.node.inputs or set(item.reads) == {item.node}
    return [] if moved else list(_walk(item.node, phases))


def _walk(node: Tensor, phases: Phases) -> Iterator[Tensor]:
    for source in node.inputs:
        if source not in phases.stored and not phases.is_leaf(source):
            yield from _walk(source, phases)
    if not node.op.view:
        yield node


def by_scope(names: Iterable[str]) -> str:
    """Return names in short: those of one scope that follow each other share its name.

    Examples
    --------
    >>> from cannery.graph.compiler.profile import by_scope
    >>> by_scope(["deep/matmul", "deep/relu", "mean"])
    'deep: matmul, relu; mean'
    """
    parts: list[tuple[str, list[str]]] = []
    for name in names:
        scope, _, word = name.rpartition("/")
        if not parts or parts[-1][0] != scope:
            parts.append((scope, []))
        parts[-1][1].append(word)
    return "; ".join((f"{scope}: " if scope else "") + ", ".join(ws) for scope, ws in parts)


def kernel_text(kernel: Kernel, phases: Phases) -> str:
    """Return what a kernel computes, by the names in the graph."""
    names = [node.name for node in ops_of(kernel, phases)]
    copied = dict.fromkeys(i.node.name for i in kernel.items if not _ops(i, phases))
    parts = [by_scope(names)] if names else []
    return "; ".join([*parts, *([f"copy {', '.join(copied)}"] if copied else [])])


def runs_text(kernel: Kernel) -> str:
    """Return when a kernel runs: once in all, or a step; or for each tile of rows."""
    return "once" if kernel.once else "rows" if kernel.phase % 2 else "whole"


def domain_text(kernel: Kernel) -> str:
    """Return what a kernel loops over."""
    sizes = ["batch" if size is None else str(size) for size in kernel.domain]
    return " x ".join(sizes) or "1"


def slots(kernels: int) -> int:
    """Return how many counters a worker has."""
    return -(-max(kernels, 1) // LINE) * LINE


def timed(number: int, lines: Iterable[str]) -> list[str]:
    """Return the lines of a kernel between two that read the clock."""
    return [
        f"  const int64_t begin_{number} = ticks();",
        *lines,
        f"  w->run->times[w->number * SLOTS + {number}] += ticks() - begin_{number};",
    ]


class Profile:
    """The time that the kernels of one execution take.

    Parameters
    ----------
    library : ctypes.CDLL
        The compiled program; ``ticks_now`` reads the clock of its kernels.
    run : ctypes.Structure
        What its function is told.
    kernels : int
    threads : int
    """

    def __init__(self, library: ctypes.CDLL, run: ctypes.Structure, kernels: int, threads: int):
        self._function, self._now = library.run, library.ticks_now
        self._now.restype = ctypes.c_int64
        self._times = np.zeros((threads, slots(kernels)), np.int64)
        run.times = self._times.ctypes.data
        self._kernels = kernels
        self._ticks = self._elapsed = 0.0

    def call(self, run: object, workers: object) -> int:
        """Run steps, which add to the times; how long a tick is comes from the runs themselves."""
        ticks, start = self._now(), time.perf_counter()
        stopped = int(self._function(run, workers))
        self._elapsed += time.perf_counter() - start
        self._ticks += self._now() - ticks
        return stopped

    def seconds(self) -> list[float]:
        """Return how long each kernel has taken since the last call, all threads together."""
        tick = self._elapsed / max(self._ticks, 1.0)
        found = [float(n) * tick for n in self._times.sum(0)[: self._kernels]]
        self._times[:] = 0
        self._ticks = self._elapsed = 0.0
        return found
