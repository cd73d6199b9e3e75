"""The C loop over steps: the phases in turn, sums over workers, and the checks before updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..aligned import ALIGNMENT
from ..code import C_TYPES, Code, times
from ..plan import element_count
from ..tensor import Tensor
from .kernel import Kernel
from .library import library
from .memory import Memory
from .phases import is_row

__all__ = ["Segment", "loop_text", "segments_of", "sum_functions"]

ARGUMENTS = "w, batch, done, step"
MEET = "meet(from, to);"


@dataclass
class Segment:
    """Kernels that run between two meetings of all workers.

    Attributes
    ----------
    phase : int
    kernels : list of Kernel
    name : str
        What the C function is called.
    stages : list of str
        The C functions that compute it, one after the other.
    checked : bool
        Whether feeds and outputs are checked before it: variables change from here on.
    """

    phase: int
    kernels: list[Kernel] = field(default_factory=list)
    name: str = ""
    stages: list[str] = field(default_factory=list)
    checked: bool = False

    @property
    def by_rows(self) -> bool:
        """Whether it takes a tile of rows at a time."""
        return self.phase % 2 == 1


def segments_of(kernels: Sequence[Kernel]) -> list[Segment]:
    """Cut the kernels of a step at phases, and before the first that changes a variable."""
    segments: list[Segment] = []
    changing = False
    for kernel in kernels:
        if kernel.once:
            continue
        first = kernel.writes_variables and not changing
        changing = changing or first
        if first or not segments or segments[-1].phase != kernel.phase:
            segments.append(Segment(kernel.phase, checked=first))
        segments[-1].kernels.append(kernel)
    for number, segment in enumerate(segments):
        segment.name = f"{'rows' if segment.by_rows else 'whole'}_{number + 1}"
    return segments


def sum_functions(memory: Memory) -> list[str]:
    """Return the C functions that add up what workers have summed."""
    kinds = {C_TYPES[node.dtype] for node in memory.sums.offsets}
    return [f"ADD_SUMS({kind})" for kind in sorted(kinds)]


def loop_text(
    segments: Sequence[Segment],
    memory: Memory,
    outputs: Mapping[str, Tensor],
    loads: bool,
    once: Sequence[str],
    fetched: Mapping[int, int],
) -> str:
    """Return the C function that runs many steps.

    Parameters
    ----------
    segments : sequence of Segment
    memory : Memory
    outputs : mapping of str to Tensor
    loads : bool
        Whether there are ragged feeds.
    once : sequence of str
        The functions that give the same at every step, and run before the first.
    fetched : mapping of int to int
        The bytes a row of feeds whose rows are visited in any order, by their numbers.
    """
    steps: list[str] = []
    if loads:
        steps += ["if (from->number == 0) load(from, batch, done);", MEET]
    for segment in segments:
        if segment.checked:
            steps += _check_lines(outputs)
        if segment.by_rows:
            steps += _row_lines(segment, memory, fetched if segment.phase == 1 else {})
        for stage in () if segment.by_rows else segment.stages:
            steps += [f"EACH {stage}({ARGUMENTS});", MEET]
    if not any(segment.checked for segment in segments):
        steps += _check_lines(outputs)
    elif steps[-1] == MEET:
        steps.pop()  # all meet at the end of a step
    body = "\n".join(f"    {line}" for line in steps)
    first = [
        f"  for (int64_t t = 0; t < r->threads; t++) {name}(workers + t, 0, 0, 0);" for name in once
    ]
    text = library("loop.h").replace("/* ONCE */", "\n".join(first))
    return text.replace("/* STEP */", body)


def _row_lines(segment: Segment, memory: Memory, fetched: Mapping[int, int]) -> list[str]:
    """Return the lines that take each worker's rows tile by tile, then add up the sums."""
    place = "const int64_t place = first + rows < high ? done + first + rows : done + batch + low;"
    sums = [n for n in memory.sums.offsets if memory.schedule.items[n][0].phase == segment.phase]
    lines = [
        "EACH {",
        "  const int64_t low = share_of_rows(w, batch, w->number);",
        "  const int64_t high = share_of_rows(w, batch, w->number + 1);",
        *(f"  {line}" for line in _clear(sums, memory)),
        "  for (int64_t first = low; first < high; first += r->tile) {",
        "    const int64_t rows = high - first < r->tile ? high - first : r->tile;",
        *([f"    {place}"] if fetched else []),
        *(f"    fetch(r, r->feeds[{n}], {size}, place, rows);" for n, size in fetched.items()),
        f"    {segment.name}({ARGUMENTS}, first, rows, first > low);",
        "  }",
        "}",
        MEET,
    ]
    if sums:
        lines += ["if (r->threads > 1) {", "  EACH {"]
        lines += [f"    {line}" for line in _merge(sums, memory)]
        lines += ["  }", f"  {MEET}", "}"]
    return lines


def _stretches(nodes: Sequence[Tensor], memory: Memory) -> list[tuple[str, int, int, str]]:
    """Return the memory of sums as few stretches: their type, start, bytes and names.

    The gaps between sums that begin at cache lines are part of them, and mean nothing.
    """
    found: list[tuple[str, int, int, str]] = []
    for node in sorted(nodes, key=lambda node: memory.sums.offsets[node]):
        kind, start = C_TYPES[node.dtype], memory.tile.size + memory.sums.offsets[node]
        end = start + memory.elements(node, 0) * node.dtype.itemsize
        if found:
            before, first, size, names = found[-1]
            if before == kind and start - (first + size) < ALIGNMENT:
                found[-1] = (kind, first, end - first, f"{names}, {memory.names[node]}")
                continue
        found.append((kind, start, end - start, memory.names[node]))
    return found


def _merge(nodes: Sequence[Tensor], memory: Memory) -> list[str]:
    """Return the lines that add up what all workers have summed."""
    sizes = {C_TYPES[node.dtype]: node.dtype.itemsize for node in nodes}
    return [
        f"add_sums_{kind}(w, {start}, {size // sizes[kind]});"
        for kind, start, size, _ in _stretches(nodes, memory)
    ]


def _clear(nodes: Sequence[Tensor], memory: Memory) -> list[str]:
    """Return the lines that set sums to zero; a product's first tile does so itself."""
    products = [node for node in nodes if memory.schedule.items[node][0].kind == "product"]
    others = [node for node in nodes if node not in products]
    lines = []
    for part, condition in ((others, ""), (products, "if (low == high) ")):
        for _, start, size, names in _stretches(part, memory):
            lines.append(f"/* {names} */")
            lines.append(f"{condition}memset(w->own + {start}, 0, {size});")
    return lines


def _check_lines(outputs: Mapping[str, Tensor]) -> list[str]:
    """Return the lines by which every thread sees for itself whether the step is refused."""
    return [
        "{",
        "  int64_t refused = has_bad_ids(r);",
        *(f"  {line}" for line in _guards(outputs)),
        "  if (refused) {",
        "    if (from->number == 0) refuse(r, step);",
        "    return;",
        "  }",
        "}",
    ]


def _guards(outputs: Mapping[str, Tensor]) -> list[str]:
    """Return the lines that look whether the watched output is finite."""
    lines = []
    for number, (name, node) in enumerate(outputs.items()):
        if node.dtype.kind != "f":
            continue
        offset, count = ("done", "batch") if is_row(node.shape) else ("step", "1")
        kind, size = C_TYPES[node.dtype], element_count(node.shape, 1)
        pointer = f"(const {kind} *)r->outputs[{number}] + {times(Code(offset), size)}"
        test = f"finite_f{8 * node.dtype.itemsize}({pointer}, {times(Code(count), size)})"
        lines.append(f"/* {name} */")
        lines.append(f"if (r->guard == {number} && !{test}) refused = 1;")
    return lines
