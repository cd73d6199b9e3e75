"""A program compiled to C, and its instances at work."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue, NonFinite
from ..feeds import Feeder, Results, check_outputs
from ..interpreter import DEFAULT_BATCH, allocate_variables
from ..step import Step
from ..tensor import Tensor
from .blas import find_gemm
from .cost import step_work
from .library import without_comments
from .loading import owner
from .memory import is_ragged
from .phases import is_row
from .profile import Profile
from .source import Source
from .structures import Run, Worker
from .toolchain import load

__all__ = ["Compiled", "CompiledExecution"]

Array = npt.NDArray[Any]
ALIGNMENT = 64
FEW = 64  # rows: copying them costs less than looking up where they are
SPAN = 16384  # rows predicted between two looks at signals
ROWS_A_THREAD = 512  # fewer are not worth starting a thread for
MOST_WORKERS = 64  # what loop.h has room for
ROWS_A_WORKER = 16  # rows of a step: with fewer there is no whole block of a product to do
NUMBER, PRODUCT = 1e-10, 2e-11  # seconds that a compiled step takes for one, about
SECONDS_A_WORKER = 6e-5  # with less to do, meeting and reading what others wrote eat up the gain


class Compiled:
    """A program as machine code.

    Parameters
    ----------
    program : Step
    extra : tuple of str
        Arguments for the compiler beside its usual flags.
    text : Source, optional
        The program's, where it is there already.

    Attributes
    ----------
    program : Step
    source : str
        The C text.
    """

    def __init__(self, program: Step, extra: tuple[str, ...] = (), text: Source | None = None):
        check_outputs(program.outputs)
        self.program = program
        self.text = text or Source(program)
        self.source = self.text.text
        self._library = load(without_comments(self.source), extra)
        gemm = find_gemm(np.dtype("float32")) if self.text.large_products else None
        if gemm is not None:
            self._library.use_library(ctypes.c_void_p(gemm.address), gemm.integer_bits)
        self.function = self._library.run
        self.function.restype = ctypes.c_int64
        self.function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def profile(self, run: ctypes.Structure, threads: int) -> Profile | None:
        """Return what takes the time of the kernels of a run, if that was asked for."""
        wanted = self.text.profile
        return Profile(self._library, run, len(self.text.kernels), threads) if wanted else None


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
        The most threads to run in. A step's rows are divided among as many workers, where there
        is enough to do for them; how many threads do their work is found out by the clock.
    """

    def __init__(
        self,
        compiled: Compiled,
        values: Mapping[str, Any],
        share: bool = False,
        threads: int = 1,
        adopt: bool = False,
    ):
        self.compiled, self.program = compiled, compiled.program
        self.threads = threads = min(threads, MOST_WORKERS)
        source = self._source = compiled.text
        self._storage = allocate_variables(self.program, source.plan.arenas, values, share, adopt)
        self.variables = {v.name: self._storage[v] for v in self.program.variables}
        self._lock = threading.Lock()
        stored = [self._storage[node] for node in source.variables]
        self._variables = _pointers(stored)
        self._lengths = np.array([len(array) if array.ndim else 1 for array in stored], np.int64)
        self._memory = aligned(source.memory.whole.size)
        own = source.memory.tile.size + source.memory.sums.size
        self._own = aligned(own * threads)
        self._workers = (Worker * threads)()
        for number in range(threads):
            self._workers[number].own = self._own.ctypes.data + number * own
        self._paces: dict[int, Array] = {}
        self._rows = aligned(0)
        self._run = Run(
            variables=ctypes.addressof(self._variables),
            lengths=self._lengths.ctypes.data,
            tile=source.memory.tile_rows,
            memory=self._memory.ctypes.data,
        )
        # Where nothing is added up over the batch, rows do not care who computes them.
        self._divisible = not (self.program.updates or source.memory.sums.size)
        self._ascending = np.arange(0, dtype=np.int64)
        self._profile = compiled.profile(self._run, threads)
        self._few = None if source.loaded else FewRows(source)
        self._room_for(FEW)
        _EXECUTIONS.add(self)

    def prepare(self, feeds: Mapping[str, Any]) -> Feeder:
        """Return feeds that `run` takes unchecked; see `Execution.prepare`."""
        return Feeder(self.program.inputs, feeds)

    def run(
        self,
        feeds: Mapping[str, Any] | Feeder | None = None,
        rows: npt.ArrayLike | None = None,
        batch_size: int | None = None,
        finite: str | None = None,
    ) -> dict[str, Array]:
        """Run one step for each batch of rows; see `Execution.run`."""
        plain = rows is None and batch_size is None and finite is None
        if plain and feeds and not isinstance(feeds, Feeder) and self._few is not None:
            with self._lock:
                count = self._few.load(feeds)
                if count:
                    return self._few_rows(self._few, count)
        outputs = self._source.outputs
        if finite is not None and finite not in outputs:
            raise InvalidValue("finite", "must name an output", repr(finite))
        if batch_size is not None and batch_size < 1:
            raise InvalidValue("batch_size", "must be at least 1", batch_size)
        feeder = Feeder.of(self.program.inputs, feeds)
        if feeder.rows is None and rows is not None:
            raise InvalidValue("rows", "nothing that is fed has rows", todo="leave them out")
        order = None if rows is None else np.ascontiguousarray(feeder.check_rows(rows), np.int64)
        count = (feeder.rows or 0) if order is None else len(order)
        size = min(batch_size or DEFAULT_BATCH, max(count, 1))
        steps = 1 if feeder.rows is None else -(-count // size)
        results = Results(self.program.outputs, count, steps)
        with self._lock:
            guard = -1 if finite is None else outputs.index(finite)
            self._steps(feeder, order, size if feeder.rows is not None else 0, guard, results)
        if feeder.rows is None:
            return {name: array[0] for name, array in results.arrays.items()}
        return results.arrays

    def _steps(
        self, feeder: Feeder, order: Array | None, size: int, guard: int, results: Results
    ) -> None:
        """Run all steps: at once in the order given, or by and by over the rows as they come."""
        source = self._source
        self._room_for(size)
        arrays = feeder.whole(source.feeds)
        ragged, counts = self._ragged(feeder, order, size, arrays)
        moves = [is_row(node.shape) for node in source.feeds] + [True] * len(ragged)
        moves += [False] * (len(arrays) - len(moves))  # the values of ragged feeds
        found = np.zeros(len(counts), np.int64)
        regions = _pointers(ragged)
        run = self._run
        run.ragged, run.guard, run.batch_size = ctypes.addressof(regions), guard, size
        run.counts, run.found = counts.ctypes.data, found.ctypes.data
        outputs = [results.arrays[name] for name in source.outputs]
        by_row = [is_row(self.program.outputs[name].shape) for name in source.outputs]
        count = (feeder.rows or 0) if order is None else len(order)
        # A step without rows is one step; a run without rows is none.
        span = max(1, count) if order is not None or not size else size * max(1, SPAN // size)
        threads = self._threads(size)
        for low in range(0, count if size else 1, span):
            part, first = min(span, count - low), low // max(size, 1)
            places = order if order is not None else self._upwards(part)
            starts = [low if moved else 0 for moved in moves]
            pointers = _pointers(arrays, starts)
            written = _pointers(outputs, [low if rows else first for rows in by_row])
            run.feeds, run.outputs = ctypes.addressof(pointers), ctypes.addressof(written)
            run.order, run.rows = places.ctypes.data, part
            self._start(1 if not size else -(-part // size), threads)

    def _few_rows(self, few: FewRows, count: int) -> dict[str, Array]:
        run = self._run
        run.feeds, run.outputs, run.order = few.addresses
        run.rows = run.batch_size = count
        run.guard = -1
        self._start(1, self._threads(count))
        return few.take(count)

    def _room_for(self, size: int) -> None:
        """Have memory for the values of so many rows."""
        if size > self._run.capacity:
            self._run.capacity = -(-size // ALIGNMENT) * ALIGNMENT
            memory, capacity = self._source.memory, self._run.capacity
            self._rows = aligned(memory.rows.size * capacity + memory.pairs.size * capacity**2)
            self._run.memory_of_rows = self._rows.ctypes.data

    def _threads(self, size: int) -> int:
        """Return among how many workers a step is divided; the same whatever the clock says."""
        if self._divisible:
            return max(1, min(self.threads, size // ROWS_A_THREAD))
        _, numbers, products = step_work(self.program, size)
        most = min(self.threads, int((numbers * NUMBER + products * PRODUCT) / SECONDS_A_WORKER))
        return max(1, min(most, size // ROWS_A_WORKER) if size else most)

    def _upwards(self, count: int) -> Array:
        """Return the numbers from 0 on, made once."""
        if len(self._ascending) < count:
            self._ascending = np.arange(count, dtype=np.int64)
        return self._ascending

    def _start(self, steps: int, threads: int) -> None:
        """Run so many steps, with what the run has been told."""
        run = self._run
        run.steps, run.threads = steps, threads
        if threads > 1:
            run.pace = self._paces.setdefault(run.batch_size, np.zeros(4)).ctypes.data
        function = self.compiled.function if self._profile is None else self._profile.call
        if function(ctypes.byref(run), self._workers) >= 0:
            self._refuse(run)

    def seconds(self) -> list[float]:
        """Return how long each kernel has taken since the last call, all threads together.

        Returns
        -------
        list of float
            A number for each of the text's `kernels`; empty where no profile is taken.
        """
        return [] if self._profile is None else self._profile.seconds()

    def _ragged(
        self, feeder: Feeder, order: Array | None, size: int, arrays: list[Array]
    ) -> tuple[list[Array], Array]:
        """Return the memory for the values of ragged feeds, and how many fit; add their arrays."""
        memory, counts, regions = self._source.memory, list[int](), list[Array]()
        values = [node for node in self._source.loaded if is_ragged(node)]
        for name, region in memory.ragged.items():
            offsets = np.ascontiguousarray(feeder.owners[name].offsets, np.int64)
            arrays.append(offsets)
            lengths = np.diff(offsets) if order is None else offsets[order + 1] - offsets[order]
            starts = np.arange(0, len(lengths), max(size, 1))
            most = int(np.add.reduceat(lengths, starts).max()) if len(lengths) else 0
            counts.append(-(-max(most, 1) // ALIGNMENT) * ALIGNMENT)
            regions.append(aligned(region.size * counts[-1]))
        for node in values:
            feed = feeder.owners[owner(node)]
            given = feed.weights if node.name.endswith("/weights") else feed.ids
            arrays.append(np.ascontiguousarray(given, node.dtype))
        return regions, np.array(counts, np.int64)

    def _refuse(self, run: Any) -> None:
        if run.bad[0] >= 0:
            name, wanted = self._source.checks[run.bad[0]]
            raise InvalidValue(f"op {name!r}", f"{wanted} {run.bad[2]}", int(run.bad[1]))
        node = self.program.outputs[self._source.outputs[run.guard]]
        raise NonFinite(f"tensor {node.name!r}", "is not finite")


class FewRows:
    """Memory for a few rows' feeds and outputs, whose addresses are looked up once.

    Parameters
    ----------
    source : Source
        Without ragged feeds.

    Attributes
    ----------
    addresses : tuple of int
        Of the feeds, the outputs and the order of the rows.
    """

    def __init__(self, source: Source):
        self._nodes = source.feeds
        self._outputs = {name: source.program.outputs[name] for name in source.outputs}
        self._fed = [_several(node, FEW) for node in self._nodes]
        self._written = [_several(node, FEW) for node in self._outputs.values()]
        self._order = np.arange(FEW, dtype=np.int64)
        self._pointers = _pointers(self._fed), _pointers(self._written)
        self.addresses = (*map(ctypes.addressof, self._pointers), self._order.ctypes.data)
        self._leading = next((node.name for node in self._nodes if is_row(node.shape)), None)
        self._parts: dict[int, tuple[list[Any], list[Any]]] = {}

    def load(self, feeds: Mapping[str, Any]) -> int:
        """Copy the feeds and return the number of rows; 0 where they are not quite as needed."""
        leading = feeds.get(self._leading) if self._leading else None
        if type(leading) is not np.ndarray or not 0 < leading.shape[0] <= FEW:
            return 0
        count = int(leading.shape[0])
        if count not in self._parts:
            self._parts[count] = self._part(count)
        for name, shape, dtype, memory in self._parts[count][0]:
            array = feeds.get(name)
            if type(array) is not np.ndarray or array.shape != shape or array.dtype != dtype:
                return 0
            memory[...] = array
        return count

    def take(self, count: int) -> dict[str, Array]:
        """Return copies of the outputs."""
        return {name: memory.copy() for name, memory in self._parts[count][1]}

    def _part(self, count: int) -> tuple[list[Any], list[Any]]:
        fed, written = list[Any](), list[Any]()
        for node, memory in zip(self._nodes, self._fed, strict=True):
            shape: Any = (count, *node.shape[1:]) if is_row(node.shape) else node.shape
            part = memory[:count].reshape(shape)
            fed.append((node.name, part.shape, part.dtype, part))
        for (name, node), memory in zip(self._outputs.items(), self._written, strict=True):
            written.append((name, memory[: count if is_row(node.shape) else 1]))
        return fed, written


def _several(node: Tensor, rows: int) -> Array:
    """Return memory for the values of so many rows, or for one value of a step."""
    by_row = is_row(node.shape)
    shape: Any = (rows, *node.shape[1:]) if by_row else (1, *node.shape)
    return np.zeros(shape, node.dtype)


def _pointers(arrays: Sequence[Array], starts: Sequence[int] | None = None) -> Any:
    """Return the addresses of arrays as a C array, from some place of their first axis on."""
    addresses = [array.ctypes.data for array in arrays]
    if starts is not None:
        strides = [array.strides[0] if array.ndim else 0 for array in arrays]
        addresses = [a + n * s for a, n, s in zip(addresses, starts, strides, strict=True)]
    return (ctypes.c_void_p * max(len(arrays), 1))(*addresses)


def _unlock() -> None:
    """Make a forked process forget the locks of threads that it has not inherited."""
    for execution in list(_EXECUTIONS):
        execution._lock = threading.Lock()


_EXECUTIONS: weakref.WeakSet[CompiledExecution] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
