"""The C text of a program: one function a phase, and the loop over steps around them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources

from ..code import C_TYPES, c_number, identifier, size_text
from ..plan import Plan, element_count
from ..step import Step
from ..tensor import Tensor
from ..variables import Variable
from .indicators import without_indicators
from .memory import TILE, Memory, Place, is_ragged
from .nest import Nest
from .phases import is_row, is_whole
from .schedule import Item, Kernel, Schedule

__all__ = ["Source", "library"]

SPLIT = 1024  # elements: below, dividing a loop among workers costs more than it saves
SIGNATURE = "struct worker *w, const int64_t batch, const int64_t done, const int64_t step"


@functools.cache
def library(name: str) -> str:
    """Return a part of the C library that is compiled with every program."""
    return (resources.files(__package__) / "c" / name).read_text(encoding="utf-8")


@dataclass
class Segment:
    """Kernels that run between two meetings of all workers."""

    phase: int
    kernels: list[Kernel] = field(default_factory=list)
    name: str = ""

    @property
    def by_rows(self) -> bool:
        """Whether it takes a tile of rows at a time."""
        return self.phase % 2 == 1


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
    checks : list of str
        The ops that check ids, by the number that the C code reports.
    """

    ahead = False

    def __init__(self, program: Step, plan: Plan | None = None, profile: bool = False):
        if not self.ahead:
            program = without_indicators(program)
        self.program, self.profile = program, profile
        self.plan = plan or Plan(program.outputs.values(), program.updates)
        self.schedule = Schedule(program, self.plan, products=not self.ahead)
        self.loaded = [node for node in program.inputs if self._is_loaded(node)]
        self.feeds = [node for node in program.inputs if node not in self.loaded]
        self.memory = Memory(self.schedule, TILE, self.loaded)
        self.variables: list[Tensor] = [*program.variables, *self.plan.arenas]
        self.outputs = list(program.outputs)
        self.checks: list[str] = []
        self.profiled: list[Kernel] = []
        self._constants: dict[Tensor, str] = {}
        self._names: dict[Tensor, str] = {}
        self._used: dict[str, str] = {}
        self._by_rows = False
        self.segments = self._segments()
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

    def check(self, op: str) -> int:
        """Return the number of an op that checks ids."""
        if op not in self.checks:
            self.checks.append(op)
        self._used["bad"] = "int64_t *const bad = w->bad;"
        return self.checks.index(op)

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
            home, place = self.memory.item_place(item)
            self._declare(home)
            found.append(place)
        if item.variable is not None:
            found.append(self._variable(item.variable))
        return found + [self._output(name) for name in item.outputs]

    # Pointers.

    def _name(self, node: Tensor) -> str:
        if node not in self._names:
            self._names[node] = self.memory.fresh(node.name)
        return self._names[node]

    def _variable(self, node: Tensor) -> Place:
        name, kind = self._name(node), C_TYPES[node.dtype.name]
        number = self.variables.index(node)
        self._used[name] = f"{kind} *const {name} = ({kind} *)w->run->variables[{number}];"
        return Place(name)

    def _feed(self, node: Tensor) -> Place:
        name, kind = self._name(node), C_TYPES[node.dtype.name]
        number = self.feeds.index(node)
        self._used[name] = (
            f"const {kind} *const restrict {name} = (const {kind} *)w->run->feeds[{number}];"
        )
        return Place(name)

    def _output(self, name: str) -> Place:
        node = self.program.outputs[name]
        kind, pointer = C_TYPES[node.dtype.name], self._output_name(name)
        first = " + first" if self._by_rows else ""
        by_row = is_row(node.shape)
        size = element_count(node.shape, 1)
        offset = f"(done{first}) * {size}" if by_row else f"step * {size}"
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
        """Note the pointer to a stored value, which depends on where it lives."""
        name, kind = self.memory.names[node], C_TYPES[node.dtype.name]
        where = self.memory.kind[node]
        if where == "tile":
            base = f"w->own + {self.memory.tile.offsets[node]}"
        elif where == "sums":
            start = self.memory.tile.size + self.memory.sums.offsets[node]
            base = f"{'w' if self._by_rows else 'w->run->workers'}->own + {start}"
        elif where == "rows":
            base = f"w->run->memory_of_rows + {self.memory.rows.offsets[node]} * w->run->capacity"
            if self._by_rows:
                width = self.memory.elements(node, 1) * node.dtype.itemsize
                base += f" + first * {width}"
        elif where == "whole":
            base = f"w->run->memory + {self.memory.whole.offsets[node]}"
        else:
            word = where[7:]
            number = list(self.memory.ragged).index(word)
            offset = self.memory.ragged[word].offsets[node]
            base = f"w->run->ragged[{number}] + {offset} * w->run->counts[{number}]"
        self._used[name] = f"{kind} *const restrict {name} = ({kind} *)({base});"

    def _is_loaded(self, node: Tensor) -> bool:
        """Whether a feed is copied together at each step, having several values a row."""
        if is_ragged(node):
            return True
        owner = node.name.removesuffix("/lengths")
        words = {is_ragged(other) for other in self.program.inputs}
        return owner != node.name and owner in words

    # Functions.

    def _segments(self) -> list[Segment]:
        """Cut the kernels at phases, and before the first that changes a variable."""
        segments: list[Segment] = []
        self.check_before: int | None = None
        for kernel in self.schedule.kernels:
            if kernel.once:
                continue
            fresh = not segments or segments[-1].phase != kernel.phase
            if kernel.writes_variables and self.check_before is None:
                fresh, self.check_before = True, len(segments)
            if fresh:
                segments.append(Segment(kernel.phase))
            segments[-1].kernels.append(kernel)
        if self.check_before is None:
            self.check_before = len(segments)
        for number, segment in enumerate(segments):
            segment.name = f"{'rows' if segment.by_rows else 'whole'}_{number + 1}"
        return segments

    def _text(self) -> str:
        once = [kernel for kernel in self.schedule.kernels if kernel.once]
        functions = [self._whole("once", once)] if once else []
        for segment in self.segments:
            write = self._rows if segment.by_rows else self._whole
            functions.append(write(segment.name, segment.kernels))
        parts = [
            library("start.h"),
            library("elementary.h"),
            library("products.h"),
            library("threads.h"),
            library("grouping.h"),
            *self._sizes(),
            *self._constant_text(),
            *self._sum_functions(),
            *functions,
            *self._load_text(),
            self._loop(bool(once)),
        ]
        return "\n".join(part for part in parts if part)

    def _sizes(self) -> list[str]:
        return [f"enum {{ TILE = {TILE} }};", ""]

    def _constant_text(self) -> list[str]:
        found = []
        for node, name in self._constants.items():
            values = ", ".join(c_number(x) for x in node.attributes["value"].reshape(-1))
            kind, size = C_TYPES[node.dtype.name], max(1, node.attributes["value"].size)
            found.append(f"static const {kind} {name}[{size}] = {{{values or '0'}}};")
        return found

    def _comment(self, kernel: Kernel) -> str:
        names = list(dict.fromkeys(item.node.name for item in kernel.items))
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        return f"  /* {shown} */"

    def _function(self, name: str, signature: str, body: Iterable[str]) -> str:
        lines = [f"static void {name}({signature}) {{"]
        lines += [f"  {line}" for line in self._used.values()]
        return "\n".join([*lines, *body, "}", ""])

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

    def _rows(self, name: str, kernels: list[Kernel]) -> str:
        self._used, self._by_rows = {}, True
        body = [line for kernel in kernels for line in self._kernel(kernel, None)]
        signature = f"{SIGNATURE}, const int64_t first, const int64_t rows, const int again"
        body.append("  (void)batch, (void)done, (void)step, (void)first, (void)rows, (void)again;")
        return self._function(name, signature, body)

    def _whole(self, name: str, kernels: list[Kernel]) -> str:
        self._used, self._by_rows = {}, False
        self._counts(kernels)
        body: list[str] = []
        written: dict[Tensor, object] = {}
        read: dict[Tensor, set[object]] = {}
        for number, kernel in enumerate(kernels):
            split = self._range(kernel)
            how: object = (
                ("split", kernel.domain) if split else ("one", self._owner(kernel, number))
            )
            if self._must_meet(kernel, how, written, read):
                body.append("  barrier(w);")
                written.clear()
                read.clear()
            self._note(kernel, how, written, read)
            if split is None:
                body.append(
                    f"  if (w->number == {self._owner(kernel, number)} % w->run->threads) {{"
                )
                body += ["  " + line for line in self._kernel(kernel, None)]
                body.append("  }")
            else:
                size = kernel.domain[0]
                body.append("  {")
                body.append(f"    const int64_t low = share(w, {size}, w->number);")
                body.append(f"    const int64_t high = share(w, {size}, w->number + 1);")
                body += ["  " + line for line in self._kernel(kernel, split)]
                body.append("  }")
        body.append("  (void)batch, (void)done, (void)step;")
        return self._function(name, SIGNATURE, body)

    def _owner(self, kernel: Kernel, number: int) -> int:
        """Return the worker of a kernel that is not divided: copies of weights take turns."""
        views = all(item.node.op.view and item.home is item.node for item in kernel.items)
        return number if views else 0

    def _range(self, kernel: Kernel) -> tuple[str, str] | None:
        """Return the range of the outer loop for one worker, if the kernel is worth dividing."""
        shape = kernel.domain
        if not shape or not is_whole(shape) or kernel.items[0].kind != "assign":
            return None
        if any(item.kind != "assign" for item in kernel.items) or self._transposed(kernel):
            return None
        many = element_count(shape, 0) >= SPLIT and int(shape[0] or 0) >= 64
        return ("low", "high") if many else None

    def _must_meet(
        self,
        kernel: Kernel,
        how: object,
        written: dict[Tensor, object],
        read: dict[Tensor, set[object]],
    ) -> bool:
        """Whether all workers must be done with what came before."""
        reads = {source for item in kernel.items for source in item.reads}
        if any(written.get(node, how) != how for node in reads):
            return True
        if any(written.get(node) == how and how != ("one", 0) for node in reads):
            # The same range, but not at the same place.
            modes = [item.reads[n] for item in kernel.items for n in item.reads if n in written]
            if any(mode != {"same"} for mode in modes):
                return True
        memory = {m for item in kernel.items if item.variable is not None for m in self._near(item)}
        return any(read.get(node, {how}) != {how} for node in memory)

    def _near(self, item: Item) -> set[Tensor]:
        assert item.variable is not None
        return self.schedule._memory(item.variable)

    def _note(
        self,
        kernel: Kernel,
        how: object,
        written: dict[Tensor, object],
        read: dict[Tensor, set[object]],
    ) -> None:
        for item in kernel.items:
            for source in item.reads:
                read.setdefault(source, set()).add(how)
            if item.home is not None:
                same = written.setdefault(item.home, how) == how
                written[item.home] = how if same else object()
            if item.variable is not None:
                for node in self._near(item):
                    written[node] = how

    def _kernel(self, kernel: Kernel, split: tuple[str, str] | None) -> list[str]:
        lines = [self._comment(kernel)]
        item = kernel.items[0]
        if item.kind == "product":
            return [*lines, f"  {self._product(item)}"]
        if self._transposed(kernel):
            return [*lines, f"  {self._transpose(item)}"]
        nest = Nest(self)
        if item.kind == "statement":
            nest.write_statement(item)
        else:
            nest.write_kernel(kernel, split)
        return [*lines, "  {", *(f"{line}" for line in nest.top.text(2)), "  }"]

    # Matrix products.

    def _operand(self, node: Tensor) -> tuple[str, str, str]:
        """Return the address of a matrix and its strides."""
        place = self.place(node)
        if place is not None:
            width = str(node.shape[1])
            return (place.name, *(place.strides or (width, "1")))  # type: ignore[return-value]
        name, row, column = self._operand(node.inputs[0])
        if node.op.name == "transpose":
            return name, column, row
        if node.op.name == "slice":
            starts = node.attributes["starts"]
            offset = " + ".join(
                f"{n} * {s}" for n, s in zip(starts, (row, column), strict=True) if n
            )
            return (f"({name} + {offset})" if offset else name), row, column
        raise AssertionError(f"{node!r} is no operand")

    def _product(self, item: Item) -> str:
        a, b = item.node.inputs
        (pa, a_row, a_column), (pb, b_row, b_column) = self._operand(a), self._operand(b)
        assert b_column == "1"
        _, place = self.memory.item_place(item)
        self._declare(item.node)
        sums = item.accumulates
        rows = (
            "rows"
            if self._by_rows and item.node.shape[0] is None
            else size_text(item.node.shape[0])
        )
        inner = "rows" if sums else size_text(a.shape[1])
        assert place.strides is not None
        sizes = f"{rows}, {size_text(item.node.shape[1])}, {inner}"
        operands = f"{pa}, {a_row}, {a_column}, {pb}, {b_row}, {place.name}, {place.strides[0]}"
        return f"multiply({sizes}, {operands}, {'again' if sums else '0'});"

    def _transposed(self, kernel: Kernel) -> bool:
        """Whether a kernel copies a matrix whose columns lie side by side."""
        item = kernel.items[0]
        if len(kernel.items) > 1 or not item.node.op.view or item.home is not item.node:
            return False
        if item.node.rank != 2 or item.node.dtype != "float32" or not is_whole(item.node.shape):
            return False
        node, turned = item.node, False
        while node.op.view and node.op.name in ("transpose", "slice"):
            turned ^= node.op.name == "transpose"
            node = node.inputs[0]
        return turned and node.rank == 2 and self.place(node) is not None

    def _transpose(self, item: Item) -> str:
        node = item.node
        saved = node in self.schedule.stored
        self.schedule.stored.discard(node)
        name, _, column = self._operand(node)
        if saved:
            self.schedule.stored.add(node)
        _, place = self.memory.item_place(item)
        self._declare(node)
        assert place.strides is not None
        rows, columns = node.shape
        return f"transpose({columns}, {rows}, {name}, {column}, {place.name}, {place.strides[0]});"

    # Around the phases.

    def _sum_functions(self) -> list[str]:
        kinds = {C_TYPES[node.dtype.name] for node in self.memory.sums.offsets}
        return [f"ADD_SUMS({kind})" for kind in sorted(kinds)]

    def _sums_of(self, phase: int) -> list[Tensor]:
        items = self.schedule.items
        return [n for n in self.memory.sums.offsets if items[n][0].phase == phase]

    def _merge(self, phase: int) -> list[str]:
        """Return the lines that add up what all workers have summed."""
        lines = []
        for node in self._sums_of(phase):
            kind, start = C_TYPES[node.dtype.name], self.memory.sums.offsets[node]
            size = self.memory.elements(node, 0)
            lines.append(f"add_sums_{kind}(w, {self.memory.tile.size + start}, {size});")
        return lines

    def _clear(self, phase: int) -> list[str]:
        """Return the lines that set sums to zero; a product's first tile does so itself."""
        lines = []
        for node in self._sums_of(phase):
            size = self.memory.elements(node, 0) * node.dtype.itemsize
            start = self.memory.tile.size + self.memory.sums.offsets[node]
            product = self.schedule.items[node][0].kind == "product"
            condition = "if (low == high) " if product else ""
            lines.append(f"{condition}memset(w->own + {start}, 0, {size});")
        return lines

    def _load_text(self) -> list[str]:
        """Return the function that copies the values of ragged feeds together."""
        if not self.loaded:
            return []
        self._used, self._by_rows = {}, False
        self.use("order")
        body: list[str] = []
        for number, word in enumerate(self.memory.ragged):
            nodes = [node for node in self.loaded if owner(node) == word]
            for node in nodes:
                self._declare(node)
            first = len(self.feeds) + len(self.memory.ragged)
            sizes, values = list[str](), list[str]()
            for node in nodes:
                name, kind = self.memory.names[node], C_TYPES[node.dtype.name]
                if not is_ragged(node):
                    sizes.append(f"    {name}[i] = ({kind})size;")
                    continue
                place = first + [n for n in self.loaded if is_ragged(n)].index(node)
                source = f"(const {kind} *)w->run->feeds[{place}] + offsets[order[i]]"
                values.append(
                    f"    memcpy({name} + found, {source}, (size_t)size * sizeof *{name});"
                )
            body += [
                "  {",
                f"  const int64_t *const offsets = w->run->feeds[{len(self.feeds) + number}];",
                "  int64_t found = 0;",
                "  for (int64_t i = 0; i < batch; i++) {",
                "    const int64_t size = offsets[order[i] + 1] - offsets[order[i]];",
                *sizes,
                *values,
                "    found += size;",
                "  }",
                f"  w->run->found[{number}] = found;",
                "  }",
            ]
        signature = "struct worker *w, const int64_t batch, const int64_t done"
        return [self._function("load", signature, body)]

    def _guards(self) -> list[str]:
        """Return the lines that look whether the watched output is finite."""
        lines = []
        for number, (name, node) in enumerate(self.program.outputs.items()):
            if node.dtype.kind != "f":
                continue
            by_row = is_row(node.shape)
            size = element_count(node.shape, 1)
            offset, count = ("done", "batch") if by_row else ("step", "1")
            kind = C_TYPES[node.dtype.name]
            pointer = f"(const {kind} *)r->outputs[{number}] + {offset} * {size}"
            test = f"finite_f{8 * node.dtype.itemsize}({pointer}, {count} * {size})"
            lines.append(f"if (r->guard == {number} && !{test}) r->stopped = step;  /* {name} */")
        return lines

    def _loop(self, once: bool) -> str:
        steps: list[str] = []
        arguments = "w, batch, done, step"
        if self.loaded:
            steps += ["if (w->number == 0) load(w, batch, done);", "barrier(w);"]
        for number, segment in enumerate(self.segments):
            if number == self.check_before:
                steps += self._check_lines()
            if not segment.by_rows:
                steps += [f"{segment.name}({arguments});", "barrier(w);"]
                continue
            steps.append("low = share_of_rows(w, batch, w->number);")
            steps.append("high = share_of_rows(w, batch, w->number + 1);")
            steps += self._clear(segment.phase)
            steps.append("for (int64_t first = low; first < high; first += r->tile) {")
            steps.append("  const int64_t rows = high - first < r->tile ? high - first : r->tile;")
            steps.append(f"  {segment.name}({arguments}, first, rows, first > low);")
            steps += ["}", "barrier(w);"]
            merge = self._merge(segment.phase)
            if merge:
                steps += [
                    "if (r->threads > 1) {",
                    *(f"  {line}" for line in merge),
                    "  barrier(w);",
                ]
                steps.append("}")
        if self.check_before == len(self.segments):
            steps += self._check_lines()
        body = "\n".join(f"    {line}" for line in steps)
        first = "  once(w, 0, 0, 0);\n  barrier(w);\n" if once else ""
        return library("loop.h").replace("/* ONCE */\n", first).replace("/* STEP */", body)

    def _check_lines(self) -> list[str]:
        return [
            "if (w->number == 0) {",
            *(f"  {line}" for line in self._guards()),
            "  note_bad_ids(r, step);",
            "}",
            "barrier(w);",
            "if (r->stopped >= 0) break;",
        ]


def owner(node: Tensor) -> str:
    """Return the ragged feed that a placeholder shows a part of."""
    return node.name.removesuffix("/lengths").removesuffix("/weights")
