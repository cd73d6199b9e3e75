"""A program compiled to C, and its instances at work."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue, NonFinite
from ..feeds import Feeder, Results
from ..interpreter import DEFAULT_BATCH, allocate_variables
from ..step import Step
from .loading import owner
from .memory import is_ragged
from .source import Source
from .toolchain import load

__all__ = ["Compiled", "CompiledExecution"]

Array = npt.NDArray[Any]
ALIGNMENT = 64


class _Run(ctypes.Structure):
    """What the C function is told; see ``threads.h``."""

    _fields_ = [
        ("feeds", ctypes.c_void_p),
        ("variables", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p),
        ("order", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("batch_size", ctypes.c_int64),
        ("steps", ctypes.c_int64),
        ("guard", ctypes.c_int64),
        ("threads", ctypes.c_int64),
        ("tile", ctypes.c_int64),
        ("memory", ctypes.c_void_p),
        ("memory_of_rows", ctypes.c_void_p),
        ("capacity", ctypes.c_int64),
        ("ragged", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("found", ctypes.c_void_p),
        ("bad", ctypes.c_int64 * 3),
        ("stopped", ctypes.c_int64),
        ("product", ctypes.c_void_p),
        ("workers", ctypes.c_void_p),
        ("work", ctypes.c_void_p),
        ("work_size", ctypes.c_int64),
        ("arrived", ctypes.c_int64),
        ("left", ctypes.c_int64),
        ("ready", ctypes.c_int64),
    ]


class _Worker(ctypes.Structure):
    """One thread of a run; see ``threads.h``."""

    _fields_ = [
        ("run", ctypes.c_void_p),
        ("number", ctypes.c_int64),
        ("sense", ctypes.c_int64),
        ("own", ctypes.c_void_p),
        ("bad", ctypes.c_int64 * 3),
        ("padding", ctypes.c_char * 64),
    ]


class Compiled:
    """A program as machine code.

    Parameters
    ----------
    program : Step
    extra : tuple of str
        Arguments for the compiler beside its usual flags.

    Attributes
    ----------
    program : Step
    source : str
        The C text.
    """

    def __init__(self, program: Step, extra: tuple[str, ...] = ()):
        self.program = program
        self.text = Source(program)
        self.source = self.text.text
        self._library = load(self.source, extra)
        self.function = self._library.run
        self.function.restype = ctypes.c_int64
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]


def aligned(size: int) -> Array:
    """Return zeroed memory that starts at a cache line."""
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    return memory[-memory.ctypes.data % ALIGNMENT :]


class CompiledExecution:
    """A compiled program at work; the same face as `Execution`.

    Parameters
    ----------
    compiled : Compiled
    values : mapping of str to array
        The variables' first values.
    share : bool
        Use these arrays themselves where the program does not update them.
    threads : int
        The most threads to run in.
    """

    def __init__(
        self, compiled: Compiled, values: Mapping[str, Any], share: bool = False, threads: int = 1
    ):
        self.compiled, self.program, self.threads = compiled, compiled.program, threads
        source = self._source = compiled.text
        self._storage = allocate_variables(self.program, source.plan.arenas, values, share)
        self.variables = {v.name: self._storage[v] for v in self.program.variables}
        self._lock = threading.Lock()
        self._variables = _pointers([self._storage[node] for node in source.variables])
        self._memory = aligned(source.memory.whole.size)
        self._own = aligned((source.memory.tile.size + source.memory.sums.size) * threads)
        self._capacity = 0
        self._rows = aligned(0)

    def run(
        self,
        feeds: Mapping[str, Any] | None = None,
        rows: npt.ArrayLike | None = None,
        batch_size: int | None = None,
        finite: str | None = None,
    ) -> dict[str, Array]:
        """Run one step for each batch of rows; see `Execution.run`."""
        outputs = self._source.outputs
        if finite is not None and finite not in outputs:
            raise InvalidValue("finite", "must name an output", repr(finite))
        if batch_size is not None and batch_size < 1:
            raise InvalidValue("batch_size", "must be at least 1", batch_size)
        feeder = Feeder(self.program.inputs, feeds or {})
        if feeder.rows is None and rows is not None:
            raise InvalidValue("rows", "nothing that is fed has rows", todo="leave them out")
        order = np.arange(feeder.rows or 0) if rows is None else feeder.check_rows(rows)
        order = np.ascontiguousarray(order, np.int64)
        count = len(order)
        size = min(batch_size or DEFAULT_BATCH, max(count, 1))
        steps = 1 if feeder.rows is None else -(-count // size)
        results = Results(self.program.outputs, count, steps)
        with self._lock:
            guard = -1 if finite is None else outputs.index(finite)
            self._call(feeder, order, size if feeder.rows is not None else 0, steps, guard, results)
        if feeder.rows is None:
            return {name: array[0] for name, array in results.arrays.items()}
        return results.arrays

    def _call(
        self,
        feeder: Feeder,
        order: Array,
        size: int,
        steps: int,
        guard: int,
        results: Results,
    ) -> None:
        source, memory = self._source, self._source.memory
        if size > self._capacity:
            self._capacity = -(-size // ALIGNMENT) * ALIGNMENT
            self._rows = aligned(memory.rows.size * self._capacity)
        arrays = feeder.whole(source.feeds)
        ragged, counts = self._ragged(feeder, order, size, arrays)
        outputs = [results.arrays[name] for name in source.outputs]
        found = np.zeros(len(counts), np.int64)
        pointers = [_pointers(arrays), _pointers(outputs), _pointers(ragged)]
        own = memory.tile.size + memory.sums.size
        workers = (_Worker * self.threads)()
        for number in range(self.threads):
            workers[number].own = self._own.ctypes.data + number * own
        run = _Run(
            feeds=ctypes.addressof(pointers[0]),
            variables=ctypes.addressof(self._variables),
            outputs=ctypes.addressof(pointers[1]),
            order=order.ctypes.data,
            rows=len(order),
            batch_size=size,
            steps=steps,
            guard=guard,
            threads=self.threads,
            tile=memory.tile_rows,
            memory=self._memory.ctypes.data,
            memory_of_rows=self._rows.ctypes.data,
            capacity=self._capacity,
            ragged=ctypes.addressof(pointers[2]),
            counts=counts.ctypes.data,
            found=found.ctypes.data,
        )
        stopped = self.compiled.function(ctypes.byref(run), workers)
        if stopped >= 0:
            self._refuse(run, guard)

    def _ragged(
        self, feeder: Feeder, order: Array, size: int, arrays: list[Array]
    ) -> tuple[list[Array], Array]:
        """Return the memory for the values of ragged feeds, and how many fit; add their arrays."""
        memory, counts, regions = self._source.memory, list[int](), list[Array]()
        values = [node for node in self._source.loaded if is_ragged(node)]
        for name, region in memory.ragged.items():
            offsets = np.ascontiguousarray(feeder.owners[name].offsets, np.int64)
            arrays.append(offsets)
            lengths = offsets[1:][order] - offsets[:-1][order]
            starts = np.arange(0, len(order), max(size, 1))
            most = int(np.add.reduceat(lengths, starts).max()) if len(order) else 0
            counts.append(-(-max(most, 1) // ALIGNMENT) * ALIGNMENT)
            regions.append(aligned(region.size * counts[-1]))
        for node in values:
            feed = feeder.owners[owner(node)]
            given = feed.weights if node.name.endswith("/weights") else feed.ids
            arrays.append(np.ascontiguousarray(given, node.dtype))
        return regions, np.array(counts, np.int64)

    def _refuse(self, run: Any, guard: int) -> None:
        if run.bad[0] >= 0:
            name, limit = self._source.checks[run.bad[0]], run.bad[2]
            raise InvalidValue(f"op {name!r}", f"ids must be below {limit}", int(run.bad[1]))
        node = self.program.outputs[self._source.outputs[guard]]
        raise NonFinite(f"tensor {node.name!r}", "is not finite")


def _pointers(arrays: list[Array]) -> Any:
    """Return the addresses of arrays as a C array."""
    return (ctypes.c_void_p * max(len(arrays), 1))(*(array.ctypes.data for array in arrays))
