"""What becomes of a program: rewrites, kernels, memory, and where the time goes."""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InvalidType, InvalidValue
from .compiler.compiled import Compiled, CompiledExecution
from .compiler.indicators import without_indicators
from .compiler.operands import with_gathered_operands
from .compiler.profile import domain_text, kernel_text, ops_of, runs_text
from .compiler.source import Source
from .compiler.toolchain import find_toolchain, require_toolchain
from .feeds import Feeder
from .interpreter import Execution
from .plan import Plan, allocate, element_count
from .program import Program
from .simplify import KINDS, count_ops, simplify_once
from .step import Step
from .tensor import Tensor
from .text import shape_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Explanation", "explain"]

LONG_ENOUGH = 0.2  # seconds: timed runs are repeated until they have taken so long
MOST_RUNS = 20
# What becomes of products of matrices, in this order.
COMPILER_REWRITES: dict[str, Callable[[Step, Counter[str]], Step]] = {
    "indicators": without_indicators,
    "gathered feeds": with_gathered_operands,
}
WIDTH = 64  # characters of a kernel's ops that are printed


@dataclass(frozen=True, repr=False)
class Explanation:
    """What `explain` found; it prints, and a notebook shows it as tables.

    Attributes
    ----------
    program : Program
    rewrites : DataFrame
        For each rewrite that applied: how often (the compiler's own: to how many products), and
        the ops before and after it. `pass` counts the times that all rewrites were tried.
    kernels : DataFrame
        The C functions' loops in order: whether they run once, for each tile of rows, or once a
        step; what they loop over; the ops computed in them; and, with feeds, the microseconds a
        step takes there, in the quickest of several runs.
    ops : DataFrame
        The time of each op of the interpreter; empty unless it took part.
    memory : DataFrame
        Bytes at the batch size given: with values that share memory, and if none did.
    source : str
        The C text.
    engine : str
        What was timed: ``C``, ``interpreter``, or nothing.
    """

    program: Program
    rewrites: pd.DataFrame
    kernels: pd.DataFrame
    ops: pd.DataFrame
    memory: pd.DataFrame
    source: str
    engine: str

    def _tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        yield f"Rewrites: {self._ops_text()}", self.rewrites
        taken = f", timed as {self.engine}" if self.engine == "C" else ""
        yield f"Kernels: {len(self.kernels)} in C{taken}", self.kernels
        if len(self.ops):
            yield f"Ops: {len(self.ops)} kernels of the interpreter", self.ops
        yield "Memory", self.memory

    def _ops_text(self) -> str:
        now, origin = count_ops(self.program.roots), self.program.origin
        if origin is not None:
            return f"{count_ops(origin.roots)} ops as written, {now} now"
        fewer = count_ops(self.program.simplified().roots)
        return f"{now} ops" + (f"; program.simplified() has {fewer}" if fewer < now else "")

    def __str__(self) -> str:
        parts = []
        for title, frame in self._tables():
            body = _shortened(frame).to_string(index=False) if len(frame) else "none"
            parts.append(f"{title}\n{body}")
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return "".join(
            f"<h4>{html.escape(title)}</h4>"
            + (_shortened(frame).to_html(index=False, border=0) if len(frame) else "none")
            for title, frame in self._tables()
        )


def explain(
    program: Program,
    feeds: Mapping[str, Any] | None = None,
    *,
    values: Mapping[str, Any] | None = None,
    batch_size: int = 256,
    threads: int = 1,
    jit: bool | str = "auto",
) -> Explanation:
    """Return what becomes of a program on its way to C, and where its time goes.

    Parameters
    ----------
    program : Program
        Of an estimator: ``model.training_program_``, or ``model.model_.program``.
    feeds : mapping of str to array, optional
        What `Execution.run` takes. With feeds, the program is run and timed.
    values : mapping of str to array, optional
        The variables' values; the others are initialised.
    batch_size : int
        Rows a step.
    threads : int
        The most threads that C runs in; times of a kernel are added up over them.
    jit : bool or "auto"
        What to time: C, the interpreter, or C where there is a C compiler.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidType
        `program` is no `Program`.
    InvalidValue
        `batch_size` is not positive, or a feed is missing.
    MissingDependency
        ``jit=True`` with feeds, and there is no C compiler.

    Examples
    --------
    >>> from cannery.graph import Program, explain, log, mean, placeholder
    >>> x = placeholder("x", (None, 3))
    >>> found = explain(Program(outputs={"y": mean(log(x * 1.0 + 1.0))}).simplified())
    >>> found.rewrites[["rewrite", "applied", "before", "after"]].values.tolist()
    [['shapes', 1, 6, 6], ['algebra', 2, 6, 4]]
    >>> found.kernels["ops"].tolist()
    ['log1p, sum', 'count, divide']
    """
    if not isinstance(program, Program):
        todo = "for an estimator, give model.training_program_ or model.model_.program"
        raise InvalidType("explain", "must be a Program", type(program).__name__, todo)
    if batch_size < 1:
        raise InvalidValue("batch_size", "must be at least 1", batch_size)
    compiled = bool(jit) and feeds is not None
    if compiled and jit is True:
        require_toolchain()
    compiled = compiled and find_toolchain() is not None
    source = Source(program, profile=compiled)
    kernels, ops = _kernels(source), _table([])
    first = {**program.initial_values(), **(values or {})}
    if compiled:
        execution = CompiledExecution(Compiled(program, text=source), first, threads=threads)
        kernels = _with_times(kernels, _time(execution, execution.seconds, feeds, batch_size))
    elif feeds is not None:
        ops = _ops(program, first, feeds, batch_size)
    engine = "" if feeds is None else "C" if compiled else "interpreter"
    return Explanation(
        program=program,
        rewrites=_rewrites(program),
        kernels=kernels,
        ops=ops,
        memory=_memory(program, source, batch_size),
        source=source.text,
        engine=engine,
    )


def _table(rows: Sequence[Any], *columns: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=columns)


def _rewrites(program: Program) -> pd.DataFrame:
    """Simplify the program as written once more, and count.

    Within a pass all rewrites are tried on each node; what each contributes is what the pass does
    with it less what it does without it and those after it.
    """
    found: list[tuple[str, str, int, int, int]] = []
    current, final = (program.origin or program).roots, program.roots
    number, applied = 0, Counter[str]()
    while program.origin is not None and current != final:
        number, before = number + 1, count_ops(current)
        applied = Counter()
        simpler = simplify_once(current, KINDS, applied)
        if simpler == current:
            break
        for i, kind in enumerate(KINDS):
            after = count_ops(simplify_once(current, KINDS[: i + 1]))
            if applied[kind]:
                found.append((str(number), kind, applied[kind], before, after))
            before = after
        current = simpler
    step: Step = program
    for kind, rewrite in COMPILER_REWRITES.items():
        applied = Counter()
        later = rewrite(step, applied)
        if later is not step:
            counts = count_ops(step.roots), count_ops(later.roots)
            found.append(("compiler", kind, applied["products"], *counts))
        step = later
    return _table(found, "pass", "rewrite", "applied", "before", "after")


def _kernels(source: Source) -> pd.DataFrame:
    phases = source.schedule.phases
    rows = [
        (runs_text(k), domain_text(k), len(ops_of(k, phases)), kernel_text(k, phases))
        for k in source.kernels
    ]
    return _table(rows, "runs", "domain", "fused", "ops")


def _memory(program: Program, source: Source, batch: int) -> pd.DataFrame:
    memory = source.memory
    _, size, unshared = allocate(Plan(program.outputs.values(), program.updates), batch)
    rows = [
        ("C", f"a tile of {memory.tile_rows} rows, each thread", memory.tile, 1),
        ("C", "sums over the batch, each thread", memory.sums, 1),
        ("C", "values of all rows", memory.rows, batch),
        ("C", "values without rows", memory.whole, 1),
        *(("C", f"{name!r}, one value a row", r, batch) for name, r in memory.ragged.items()),
    ]
    found = [(engine, what, r.size * n, r.unshared * n) for engine, what, r, n in rows if r.size]
    found.append(("C", "all", sum(row[2] for row in found), sum(row[3] for row in found)))
    found.append(("interpreter", "all", size, unshared))
    count = sum(element_count(v.shape, 0) * v.dtype.itemsize for v in program.variables)
    found.append(("both", "variables", count, count))
    return _table(found, "engine", "memory", "bytes", "without reuse")


# Time.


def _time(
    execution: Any, seconds: Callable[[], list[float]], feeds: Any, batch_size: int
) -> list[float]:
    """Return the seconds a step of each kernel or op, each in its quickest of several runs.

    A run is often interrupted once, wherever it is at the time.
    """
    rows = Feeder(execution.program.inputs, feeds).rows
    steps = 1 if rows is None else max(1, -(-rows // batch_size))
    size = None if rows is None else batch_size
    execution.run(feeds, batch_size=size)
    seconds()
    found, start = list[list[float]](), time.perf_counter()
    while not found or (len(found) < MOST_RUNS and time.perf_counter() - start < LONG_ENOUGH):
        execution.run(feeds, batch_size=size)
        found.append(seconds())
    return [min(times) / steps for times in zip(*found, strict=True)]


def _with_times(frame: pd.DataFrame, seconds: list[float]) -> pd.DataFrame:
    times = np.array(seconds, float)
    added = {"microseconds": times * 1e6, "share": times / max(times.sum(), 1e-12)}
    return frame.assign(**added).round({"microseconds": 2, "share": 3})


def _ops(program: Program, values: Mapping[str, Any], feeds: Any, batch: int) -> pd.DataFrame:
    times: dict[Tensor, float] = {}

    def seconds() -> list[float]:
        found = list(times.values())
        times.update(dict.fromkeys(times, 0.0))
        return found

    execution = Execution(program, values, times=times)
    taken = _time(execution, seconds, feeds, batch)
    rows = [(node.name, node.op.name, shape_text(node.shape)) for node in times]
    return _with_times(_table(rows, "name", "op", "shape"), taken)


def _shortened(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table for printing: long lists of ops end in dots."""
    if "ops" not in frame:
        return frame
    short = [text if len(text) <= WIDTH else text[: WIDTH - 3] + "..." for text in frame["ops"]]
    return frame.assign(ops=short)
