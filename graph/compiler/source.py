"""The C text of a program: one function a phase, and the loop over steps around them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from ..code import C_TYPES, Code, c_number, identifier, plus, size_text, times
from ..plan import Plan, element_count
from ..step import Step
from ..tensor import Tensor
from ..variables import Variable
from .fetching import fetch_lines, fetched_feeds, fetched_tables
from .indicators import without_indicators
from .kernel import Item, Kernel
from .library import library
from .loading import load_lines, loaded_feeds
from .loop import loop_text, segments_of, sum_functions
from .masked import walk_of, walk_size
from .meetings import Meetings
from .memory import Memory, Place, is_ragged
from .nest import Nest
from .operands import with_gathered_operands
from .phases import is_row, is_whole
from .products import is_large, is_transposed, operand, operand_behind, product_call, transpose_call
from .profile import kernel_text, slots, timed
from .schedule import Schedule

__all__ = ["Source", "Split"]

SPLIT = 1024  # elements: below, dividing a loop among workers costs more than it saves
PARAMETERS = ("struct worker *w", *(f"const int64_t {name}" for name in ("batch", "done", "step")))
PARAMETERS_OF_ROWS = ("const int64_t first", "const int64_t rows", "const int again")
WHEN = {
    "once": "Before the first step.",
    "rows": "For each tile of rows.",
    "whole": "Once a step.",
    "load": "Copy the values of this step's rows together.",
}
_WORD = re.compile(r"\w+")

Split = tuple[str, str]  # where the outer loop of a worker begins and ends


class Source:
    """A program's C text and the memory it needs.

    Parameters
    ----------
    program : Step
    plan : Plan, optional
    profile : bool
        Whether each kernel's time is taken.

    Attributes
    ----------
    text : str
    memory : Memory
    feeds, variables, outputs : list
        What the pointers handed to the C function are, in order.
    kernels : list of Kernel
        In the order of the text; a profile counts them in this order.
    checks : list of str
        The ops that check ids, by the number that the C code reports.
    """

    ahead = False
    nest: type[Nest] = Nest

    def __init__(self, program: Step, plan: Plan | None = None, profile: bool = False):
        if not self.ahead:
            program = with_gathered_operands(without_indicators(program))
        self.program, self.profile = program, profile
        self.plan = plan or Plan(program.outputs.values(), program.updates)
        self.schedule = Schedule(program, self.plan, products=not self.ahead)
        self.loaded = loaded_feeds(program.inputs)
        self.feeds = [node for node in program.inputs if node not in self.loaded]
        self.memory = Memory.suited(self.schedule, self.loaded)
        self.variables: list[Tensor] = [*program.variables, *self.plan.arenas]
        self.outputs = list(program.outputs)
        self.checks: list[tuple[str, str]] = []
        self.kernels: list[Kernel] = []
        self._constants: dict[Tensor, str] = {}
        self._names: dict[Tensor, str] = {}
        self._used: dict[str, str] = {}
        self._by_rows, self._phase = False, 0
        self._tables = fetched_tables(program)
        products = self.schedule.phases.is_product
        self.large_products = any(map(is_large, filter(products, program.nodes)))
        self.segments = segments_of(self.schedule.kernels)
        self.text = self._text()

    # What the nests ask for.

    @property
    def independent(self) -> str:
        """The pragma for a loop whose iterations do not depend on one another."""
        return "INDEPENDENT"

    def simd_sum(self, names: Sequence[str]) -> str:
        """Return the pragma that lets sums be taken in any order."""
        return f"#pragma omp simd reduction(+ : {', '.join(names)})"

    def is_leaf(self, node: Tensor) -> bool:
        """Whether a value is there before the step."""
        return self.schedule.phases.is_leaf(node)

    def use(self, name: str) -> None:
        """Note that the function being written uses the order of the rows."""
        first = " + first" if self._by_rows else ""
        self._used[name] = f"const int64_t *const order = w->run->order + done{first};"

    def check(self, op: str, wanted: str) -> int:
        """Return the number of what an op checks."""
        if (op, wanted) not in self.checks:
            self.checks.append((op, wanted))
        self._used["bad"] = "int64_t *const bad = w->bad;"
        return self.checks.index((op, wanted))

    def place(self, node: Tensor) -> Place | None:
        """Return where a value is in memory; None if it has none."""
        if node in self.plan.arenas or isinstance(node, Variable):
            return self._variable(node)
        if node.op.name == "constant":
            return Place(self._constant(node))
        if node.op.name == "placeholder" and node not in self.loaded:
            return self._feed(node)
        if node in self.schedule.stored or node in self.loaded:
            home = self.schedule.inside.get(node, (node, 0))[0]
            self._declare(home)
            return self.memory.place(node)
        return None

    def targets(self, item: Item) -> list[Place]:
        """Return where an item is written."""
        found = []
        if item.home is not None and (item.variable is None or item.replaced is None):
            found.append(self._target(item))
        if item.variable is not None:
            found.append(self._variable(item.variable))
        return found + [self._output(name) for name in item.outputs]

    def _target(self, item: Item) -> Place:
        home, place = self.memory.item_place(item)
        self._declare(home)
        return place

    # Pointers.

    def _name(self, node: Tensor) -> str:
        if node not in self._names:
            scope = node.name.rpartition("/")[0]
            arena = node in self.plan.arenas  # all the variables that an optimizer changes at once
            self._names[node] = self.memory.fresh(f"{scope}/variables" if arena else node.name)
        return self._names[node]

    def _variable(self, node: Tensor) -> Place:
        name, kind = self._name(node), C_TYPES[node.dtype]
        number = self.variables.index(node)
        self._used[name] = f"{kind} *const {name} = ({kind} *)w->run->variables[{number}];"
        return Place(name)

    def _feed(self, node: Tensor) -> Place:
        name, kind = self._name(node), C_TYPES[node.dtype]
        number = self.feeds.index(node)
        self._used[name] = (
            f"const {kind} *const restrict {name} = (const {kind} *)w->run->feeds[{number}];"
        )
        return Place(name)

    def _output(self, name: str) -> Place:
        node = self.program.outputs[name]
        kind, pointer = C_TYPES[node.dtype], self._output_name(name)
        first = " + first" if self._by_rows else ""
        by_row = is_row(node.shape)
        size = element_count(node.shape, 1)
        offset = times(Code(f"done{first}" if by_row else "step"), size)
        number = self.outputs.index(name)
        self._used[pointer] = (
            f"{kind} *const restrict {pointer} = ({kind} *)w->run->outputs[{number}] + {offset};"
        )
        return Place(pointer)

    def _output_name(self, name: str) -> str:
        return f"output_{identifier(name)}_{self.outputs.index(name)}"

    def _constant(self, node: Tensor) -> str:
        if node not in self._constants:
            self._constants[node] = self.memory.fresh(node.name)
        return self._constants[node]

    def _declare(self, node: Tensor) -> None:
        """Note the pointer to a stored value."""
        name, kind = self.memory.names[node], C_TYPES[node.dtype]
        address = plus(*self._address(node))
        self._used[name] = f"{kind} *const restrict {name} = ({kind} *)({address});"

    def _address(self, node: Tensor) -> tuple[Code, Code]:
        """Return the memory that a value lives in, and how many bytes from its start."""
        memory, where = self.memory, self.memory.kind[node]
        if where == "tile":
            return Code("w->own"), Code(str(memory.tile.offsets[node]))
        if where == "sums":
            # The first worker holds the total once all have met; until then each has its own part.
            adding = any(item.phase == self._phase for item in self.schedule.items[node])
            worker = "w" if self._by_rows and adding else "w->run->workers"
            return Code(f"{worker}->own"), Code(str(memory.tile.size + memory.sums.offsets[node]))
        if where == "rows":
            start = times(Code("w->run->capacity"), memory.rows.offsets[node])
            if self._by_rows:
                width = memory.elements(node, 1) * node.dtype.itemsize
                start = plus(start, times(Code("first"), width))
            return Code("w->run->memory_of_rows"), start
        if where == "pairs":
            capacity = Code("w->run->capacity")
            start = times(times(capacity, capacity), memory.pairs.offsets[node])
            return Code("w->run->memory_of_rows"), plus(times(capacity, memory.rows.size), start)
        if where == "whole":
            return Code("w->run->memory"), Code(str(memory.whole.offsets[node]))
        word = where.removeprefix("ragged ")
        number = list(memory.ragged).index(word)
        start = times(Code(f"w->run->counts[{number}]"), memory.ragged[word].offsets[node])
        return Code(f"w->run->ragged[{number}]"), start

    # Functions.

    def _text(self) -> str:
        once = [kernel for kernel in self.schedule.kernels if kernel.once]
        functions = self._whole("once", once)
        first = list(functions)
        for segment in self.segments:
            write = self._rows if segment.by_rows else self._whole
            stages = write(segment.name, segment.kernels)
            segment.stages = list(stages)
            functions |= stages
        parts = [
            library("start.h"),
            library("elementary.h"),
            library("products.h"),
            library("blas.h") if self.large_products else "",
            library("threads.h"),
            library("grouping.h"),
            library("profile.h") if self.profile else "",
            *map(library, sorted({part for n in self.program.nodes for part in n.op.libraries})),
            *self._sizes(),
            *self._constant_text(),
            *sum_functions(self.memory),
            *functions.values(),
            self._load_text(),
            self._loop_text(first),
        ]
        return "\n".join(part for part in parts if part)

    def _load_text(self) -> str:
        if not self.loaded:
            return ""
        self._used, self._by_rows = {}, False
        self.use("order")
        for node in self.loaded:
            self._declare(node)
        lines = load_lines(self.loaded, self.memory, len(self.feeds))
        return self._function("load", PARAMETERS[:3], lines)

    def _loop_text(self, once: Sequence[str]) -> str:
        loads, fetched = (
            bool(self.loaded),
            fetched_feeds(self.feeds) if self.program.updates else {},
        )
        return loop_text(self.segments, self.memory, self.program.outputs, loads, once, fetched)

    def _sizes(self) -> list[str]:
        timed = f", SLOTS = {slots(len(self.kernels))}" if self.profile else ""
        return [f"enum {{ TILE = {self.memory.tile_rows}{timed} }};", ""]

    def _constant_text(self) -> list[str]:
        found = []
        for node, name in self._constants.items():
            values = ", ".join(c_number(x) for x in node.attributes["value"].reshape(-1))
            kind, size = C_TYPES[node.dtype], max(1, node.attributes["value"].size)
            found.append(f"static const {kind} {name}[{size}] = {{{values or '0'}}};")
        return found

    def _function(self, name: str, parameters: Sequence[str], body: Iterable[str]) -> str:
        lines = [*(f"  {line}" for line in self._used.values()), *body]
        text = "\n".join(lines)
        words = [_WORD.findall(parameter)[-1] for parameter in parameters]
        unused = [word for word in words if not re.search(rf"\b{word}\b", text)]
        if unused:
            lines.append(f"  {', '.join(f'(void){word}' for word in unused)};")
        opening = _wrapped(f"static void {name}({', '.join(parameters)}) {{", 100, " " * 8)
        opening.insert(0, f"/* {WHEN[name.partition('_')[0]]} */")
        return "\n".join([*opening, *lines, "}", ""])

    def _counts(self, kernels: Iterable[Kernel]) -> None:
        """Declare the number of values that ragged feeds have in this step."""
        words = {
            word
            for kernel in kernels
            for item in kernel.items
            for node in (item.node, *item.node.inputs)
            if (word := is_ragged(node)) is not None
        }
        for number, word in enumerate(self.memory.ragged):
            if word in words:
                name = size_text(word)
                self._used[name] = f"const int64_t {name} = w->run->found[{number}];"

    def _rows(self, name: str, kernels: list[Kernel]) -> dict[str, str]:
        """Return the function that follows some rows through a phase, by name."""
        self._used, self._by_rows, self._phase = {}, True, kernels[0].phase
        body = [line for kernel in kernels for line in self._kernel(kernel, None)]
        return {name: self._function(name, [*PARAMETERS, *PARAMETERS_OF_ROWS], body)}

    def _whole(self, name: str, kernels: list[Kernel]) -> dict[str, str]:
        """Return the functions of a phase by name, in order; all workers meet in between."""
        stages: list[list[tuple[int, Kernel]]] = []
        meetings = Meetings(self.schedule.memory_of)
        for number, kernel in enumerate(kernels):
            # What is not divided is the first worker's, but copies of weights take turns.
            split, owner = self._range(kernel), number if kernel.copies else 0
            how: object = ("one", owner) if split is None else ("split", walk_of(kernel))
            if meetings.due(kernel, how) or not stages:
                stages.append([])
            stages[-1].append((owner, kernel))
        names = [name if len(stages) == 1 else f"{name}_{n + 1}" for n in range(len(stages))]
        return {name: self._stage(name, stage) for name, stage in zip(names, stages, strict=True)}

    def _stage(self, name: str, kernels: list[tuple[int, Kernel]]) -> str:
        """Return the function that computes kernels, each by its owner or by all in parts."""
        self._used, self._by_rows = {}, False
        self._counts(kernel for _, kernel in kernels)
        body: list[str] = []
        for owner, kernel in kernels:
            split = self._range(kernel)
            lines = [f"  {line}" for line in self._kernel(kernel, split, inside=True)]
            if split is None:
                turn = f"{owner} % w->run->threads" if owner else "0"
                body += [f"  if (w->number == {turn}) {{", *lines, "  }"]
            else:
                size = walk_size(kernel, self)
                low = f"    const int64_t low = share(w, {size}, w->number);"
                high = f"    const int64_t high = share(w, {size}, w->number + 1);"
                body += ["  {", low, high, *lines, "  }"]
        return self._function(name, PARAMETERS, body)

    def _range(self, kernel: Kernel) -> Split | None:
        """Return the range of the outer loop for one worker, if the kernel is worth dividing."""
        shape = kernel.domain
        if not shape or not is_whole(shape) or kernel.items[0].kind != "assign":
            return None
        if any(item.kind != "assign" for item in kernel.items) or is_transposed(kernel, self.place):
            return None
        many = element_count(shape, 0) >= SPLIT and int(shape[0] or 0) >= 64
        return ("low", "high") if many else None

    def _kernel(self, kernel: Kernel, split: Split | None, inside: bool = False) -> list[str]:
        """Return the lines of a kernel; `inside` braces, it needs none of its own."""
        self.kernels.append(kernel)
        words = kernel_text(kernel, self.schedule.phases)
        comment = _wrapped(f"/* {words}", 93, "   ")
        comment[-1] += " */"
        lines = [*self._loops(kernel, split, inside), *self._fetch(kernel)]
        if self.profile:
            lines = timed(len(self.kernels) - 1, lines)
        return [*(f"  {line}" for line in comment), *lines]

    def _fetch(self, kernel: Kernel) -> list[str]:
        """Return the lines that fetch rows of large tables whose ids the kernel has found."""
        tables: list[tuple[Tensor, str, str, int]] = []
        for item in kernel.items if self._tables else ():
            place = self.place(item.node) if item.node in self._tables else None
            if place is None:
                continue
            for table in self._tables[item.node]:
                width = element_count(table.shape[1:], 1) * table.dtype.itemsize
                tables.append((item.node, place.name, self._variable(table).name, width))
        return fetch_lines(kernel, tables)

    def _loops(self, kernel: Kernel, split: Split | None, inside: bool) -> list[str]:
        item = kernel.items[0]
        if item.kind == "product":
            operands = [operand(node, self.place) for node in item.node.inputs]
            target = self._target(item)
            return [f"  {product_call(item, operands, target, self._by_rows)}"]
        if is_transposed(kernel, self.place):
            shown = operand_behind(item.node, self.place)
            return [f"  {transpose_call(item.node, shown, self._target(item))}"]
        nest = self.nest(self)
        if item.kind == "statement":
            nest.write_statement(item)
        else:
            nest.write_kernel(kernel, split)
        if inside or not nest.top.declares:
            return list(nest.top.text(1))
        return ["  {", *nest.top.text(2), "  }"]


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    return [text] if len(text) <= width else textwrap.wrap(text, width, subsequent_indent=indent)
