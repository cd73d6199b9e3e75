"""A program as C for one row at a time, which needs nothing but itself.

The text is C99 and C++: no allocation, no input or output, no state. It computes what the program
computes for a batch of one row, from feeds that the caller has encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..code import C_TYPES, Code, c_number, identifier, size_text
from ..plan import element_count
from ..step import Step
from ..tensor import Tensor
from .kernel import Item, Kernel
from .library import library
from .loading import owner
from .memory import Place, is_ragged
from .nest import Nest
from .one_row import one_row
from .source import Source, Split
from .store import Store

__all__ = ["ProgramText", "program_c"]

Array = npt.NDArray[Any]
LEAST_VALUES = 64
_FUNCTION = re.compile(r"static inline \w+ \*?(\w+)\(")


@dataclass(frozen=True)
class Field:
    """A member of the structs that a program reads and writes.

    Attributes
    ----------
    field : str
        Its name in C; `name` is that of the placeholder or output.
    c_type : str
    width : int or None
        How many values; None for as many as the ragged feed has.
    """

    field: str
    name: str
    c_type: str
    width: int | None


@dataclass(frozen=True)
class ProgramText:
    """C text, and what goes in and out.

    Attributes
    ----------
    functions : tuple of str
        What it uses of the C library: programs of one file share them.
    body : str
        Types, weights and ``static void NAME_program(const NAME_feeds *feeds, const NAME_outputs
        *outputs, unsigned char *scratch)``.
    feeds, outputs : list of Field
    counts : dict of str to str
        For each ragged feed, the member ``int64_t`` that says how many values it has.
    scratch_bytes : int
    """

    functions: tuple[str, ...]
    body: str
    feeds: list[Field]
    outputs: list[Field]
    counts: dict[str, str]
    scratch_bytes: int

    @property
    def source(self) -> str:
        """All of it: a text of its own, but for its headers."""
        return "\n".join([*self.functions, self.body])


def program_c(
    program: Step,
    variables: Mapping[str, Array],
    name: str,
    most_values: Mapping[str, int] | None = None,
) -> ProgramText:
    """Return a program as C99.

    Parameters
    ----------
    program : Step
        Without updates.
    variables : mapping of str to array
        The values that become constants.
    name : str
        What the names of functions and structs begin with; a C identifier.
    most_values : mapping of str to int, optional
        Room for so many values of each ragged feed; 64 by default.

    Returns
    -------
    ProgramText
    """
    single, before = one_row(program, variables)
    most = {
        feed: LEAST_VALUES if most_values is None else most_values.get(old, LEAST_VALUES)
        for feed, old in before.items()
    }
    return _Ahead(single, variables, name, most, before).program_text()


class _Row(Nest):
    """Writes a row times a matrix so that zeros in the row cost nothing."""

    def write_kernel(self, kernel: Kernel, split: tuple[str, str] | None) -> None:
        self._alone = len(kernel.items) == 1
        super().write_kernel(kernel, split)

    def _stores(self, item: Item, counters: Sequence[Code]) -> list[Store]:
        stores = super()._stores(item, counters)
        product = item.kind == "push" and item.node.op.name == "matmul"
        if product and self._alone and len(counters) == 2 and self.source.finite:
            factor = stores[0].push.value.partition(" * ")[0]
            self.chain[-2].lines.append(f"if ({factor} == 0) continue;")
        return stores


class _Ahead(Source):
    """The C text of a program for one row."""

    ahead = True
    nest = _Row

    def __init__(
        self,
        program: Step,
        variables: Mapping[str, Array],
        name: str,
        most_values: Mapping[str, int],
        before: Mapping[str, str],
    ):
        self.name, self.values, self.before = name, variables, before
        # Rounded up, so that one array after the other lies on a multiple of sixteen bytes.
        self.most_values = {word: -(-most // 16) * 16 for word, most in most_values.items()}
        self.finite = all(np.isfinite(value).all() for value in variables.values())
        super().__init__(program)

    @property
    def independent(self) -> str:
        return ""

    def simd_sum(self, names: Sequence[str]) -> str:
        return ""

    def check(self, op: str, wanted: str) -> int:
        self._used["bad"] = "int64_t bad[3] = {0, 0, 0};"
        return 0

    def _field(self, node: Tensor) -> str:
        return identifier(node.name)

    def place(self, node: Tensor) -> Place | None:
        if node.op.name != "placeholder":
            return super().place(node)
        name, kind = self._name(node), C_TYPES[node.dtype]
        if node in self.loaded and not is_ragged(node):
            count = f"feeds->{identifier(owner(node))}_count"
            self._used[name] = f"const {kind} {name}[1] = {{({kind}){count}}};"
        else:
            self._used[name] = f"const {kind} *const {name} = feeds->{self._field(node)};"
        return Place(name)

    def _variable(self, node: Tensor) -> Place:
        self._used.setdefault(f"variable {node.name}", "")
        return Place(f"{self.name}_{self._name(node)}")

    def _constant(self, node: Tensor) -> str:
        if node not in self._constants:
            self._constants[node] = f"{self.name}_{self.memory.fresh(node.name)}"
        return self._constants[node]

    def _output(self, name: str) -> Place:
        node = self.program.outputs[name]
        kind, pointer = C_TYPES[node.dtype], self._output_name(name)
        self._used[pointer] = f"{kind} *const {pointer} = outputs->{identifier(name)};"
        return Place(pointer)

    def _declare(self, node: Tensor) -> None:
        name, kind = self.memory.names[node], C_TYPES[node.dtype]
        self._used[name] = f"{kind} *const {name} = ({kind} *)(scratch + {self._offset(node)});"

    def _offset(self, node: Tensor) -> int:
        start = self.memory.whole.size
        for word, region in self.memory.ragged.items():
            if node in region.offsets:
                return start + region.offsets[node] * self.most_values[word]
            start += region.size * self.most_values[word]
        return self.memory.whole.offsets[node]

    def _text(self) -> str:
        self._used = {}
        body: list[str] = []
        for kernel in self.schedule.kernels:
            body += self._kernel(kernel, None)
        for word in self._words():
            count = size_text(word)
            self._used[count] = f"const int64_t {count} = feeds->{identifier(word)}_count;"
        lines = [f"  {line}" for line in self._used.values() if line]
        unused = [f"  (void){name};" for name in ("feeds", "outputs", "scratch")]
        unused += [f"  (void){size_text(word)};" for word in self._words()]
        unused += ["  (void)bad;"] if "bad" in self._used else []
        signature = (
            f"static void {self.name}_program(const {self.name}_feeds *feeds, "
            f"const {self.name}_outputs *outputs, unsigned char *scratch) {{"
        )
        function = "\n".join([signature, *lines, *body, *unused, "}", ""])
        constants = self._constant_text() + self._weights()
        self.functions = tuple(needed_functions(function))
        return "\n".join([*self._structs(), *constants, "", function])

    def _loops(self, kernel: Kernel, split: Split | None, inside: bool) -> list[str]:
        return [line for line in super()._loops(kernel, split, inside) if line.strip()]

    def _words(self) -> list[str]:
        words = (is_ragged(node) for node in self.program.inputs)
        return list(dict.fromkeys(word for word in words if word))

    def _weights(self) -> list[str]:
        found = []
        for node in self.program.variables:
            if f"variable {node.name}" not in self._used:
                continue
            array = np.asarray(self.values[node.name], node.dtype).reshape(-1)
            name, kind = f"{self.name}_{self._name(node)}", C_TYPES[node.dtype]
            found.append(_table(kind, name, array))
        return found

    def _constant_text(self) -> list[str]:
        return [
            _table(C_TYPES[node.dtype], name, node.attributes["value"].reshape(-1))
            for node, name in self._constants.items()
        ]

    def _structs(self) -> list[str]:
        feeds = [f"  const {f.c_type} *{f.field};" for f in self._feed_fields()]
        feeds += [f"  int64_t {identifier(word)}_count;" for word in self._words()]
        outputs = [f"  {f.c_type} *{f.field};" for f in self._output_fields()]
        return [
            "typedef struct {",
            *feeds,
            f"}} {self.name}_feeds;",
            "",
            "typedef struct {",
            *outputs,
            f"}} {self.name}_outputs;",
            "",
        ]

    def _feed_fields(self) -> list[Field]:
        return [
            Field(
                self._field(node),
                self.before[node.name],
                C_TYPES[node.dtype],
                None if is_ragged(node) else element_count(node.shape, 1),
            )
            for node in self.program.inputs
            if is_ragged(node) or node not in self.loaded
        ]

    def _output_fields(self) -> list[Field]:
        return [
            Field(identifier(name), name, C_TYPES[node.dtype], element_count(node.shape, 1))
            for name, node in self.program.outputs.items()
        ]

    def program_text(self) -> ProgramText:
        """Return the text with what goes in and out."""
        ragged = sum(
            region.size * self.most_values[word] for word, region in self.memory.ragged.items()
        )
        return ProgramText(
            self.functions,
            self.text,
            self._feed_fields(),
            self._output_fields(),
            {self.before[word]: f"{identifier(word)}_count" for word in self._words()},
            max(1, self.memory.whole.size + ragged),
        )


def _table(kind: str, name: str, array: Array) -> str:
    numbers = [c_number(x) for x in array] or ["0"]
    rows = [", ".join(numbers[i : i + 12]) for i in range(0, len(numbers), 12)]
    text = ",\n  ".join(rows)
    return f"static const {kind} {name}[{len(numbers)}] = {{\n  {text}\n}};"


def library_functions() -> dict[str, str]:
    """Return the text of each function of the C library, by its name."""
    functions: dict[str, str] = {}
    name = ""
    for line in (library("elementary.h") + library("trees.h")).splitlines():
        found = _FUNCTION.match(line)
        if found:
            name = found[1]
            functions[name] = ""
        if name:
            functions[name] += line + "\n"
        if line.endswith("}") and (line == "}" or found):
            name = ""
    return functions


def needed_functions(text: str) -> list[str]:
    """Return the functions of the C library that a text calls, and those that these call."""
    functions = library_functions()
    wanted: set[str] = set()
    stack = [text]
    while stack:
        for word in set(re.findall(r"\w+", stack.pop())) & functions.keys() - wanted:
            wanted.add(word)
            stack.append(functions[word].split("{", 1)[1])
    return [functions[name] for name in functions if name in wanted]
