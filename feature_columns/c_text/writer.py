"""Where columns write their C: one row's encoding, step by step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ...graph.compiler.ahead import ProgramText
from .library import piece_names
from .literals import identifier, static_table

__all__ = ["Looked", "Values", "Writer"]

# Which kinds of a raw cell may stand for the kinds of values that `learn` saw.
CELL_KINDS = {
    "missing": ("MISSING",),
    "number": ("NUMBER", "INTEGER"),
    "boolean": ("BOOLEAN",),
    "text": ("TEXT",),
    "date": ("TEXT",),
    "other": ("TEXT",),
}
# At most so many bytes, on any machine.
SIZES = {"float": 4, "int32_t": 4, "int64_t": 8, "uint64_t": 8, "size_t": 8, "value": 32}
SIZES |= {"unsigned char": 1, "bool": 1}
MOST_COMBINATIONS = 4096
T = TypeVar("T")


@dataclass(frozen=True)
class Values:
    """The values of a raw cell: C expressions for an array, how many it has and what is lost.

    Parameters
    ----------
    array, count, dropped : str
    capacity : int
        The most values that are kept.
    weights : str, optional
        An array of floats, one per value.
    """

    array: str
    count: str
    dropped: str
    capacity: int
    weights: str | None = None


@dataclass(frozen=True)
class Looked(Values):
    """The ids of a categorical column, with -1 for unseen and -2 for absent ones."""


class Writes(Protocol):
    """A categorical column that has C text."""

    @property
    def name(self) -> str:
        """The column's name."""

    def write_c(self, writer: Writer) -> Looked:
        """Write what finds the ids of a row."""


class Writer:
    """The C text of an encoder while columns write their parts.

    Parameters
    ----------
    keys : sequence of str
        The raw columns, in the order of a row's cells.
    max_values : int
        How many values of one cell are kept.
    strict : bool
        Whether values that `learn` did not see are refused.
    """

    def __init__(self, keys: Sequence[str], max_values: int, strict: bool = False):
        self.max_values, self.strict = max_values, strict
        self.tables: list[str] = []
        self.functions: list[str] = []
        self.fields: list[tuple[str, str, int]] = []
        self.calls: list[str] = []
        self.programs: list[ProgramText] = []
        self._places = {key: place for place, key in enumerate(keys)}
        self._names = set(piece_names())
        self._values: dict[tuple[str, bool, tuple[str, ...]], Values] = {}
        self._looked: dict[Writes, Looked] = {}
        self._once: dict[Hashable, Any] = {}

    def name(self, purpose: str, subject: str) -> str:
        """Return a new C name: ``name("ids", "native-country")`` is ``ids_native_country``."""
        wanted = found = f"{purpose}_{identifier(subject)}"
        number = 2
        while found in self._names:
            found, number = f"{wanted}_{number}", number + 1
        self._names.add(found)
        return found

    def cell(self, key: str) -> str:
        """Return the raw cell of a column."""
        return f"&row->cells[{self._places[key]}]"

    def array(self, kind: str, name: str, size: int) -> str:
        """Return a new array in the scratch memory."""
        self.fields.append((kind, name, size))
        return f"s->{name}"

    def table(self, kind: str, name: str, entries: Iterable[str]) -> str:
        """Return the name of a constant array."""
        self.tables.append(static_table(kind, name, entries))
        return name

    def function(self, head: str, body: Sequence[str]) -> None:
        """Write a static function: ``head`` is its type, name and parameters."""
        lines = "\n".join(f"    {line}" for line in body)
        self.functions.append(f"static {head}\n{{\n{lines}\n}}")

    def call(self, key: str, call: str) -> None:
        """Encode the next part of a row by a call whose negative result refuses the row.

        Parameters
        ----------
        key : str
            The raw column that is to blame then.
        call : str
        """
        self.calls.append(f"s->column = {self._places[key]};")
        self.calls.append(f"if ((status = {call}) < 0) return status;")

    def do(self, statement: str) -> None:
        """Encode the next part of a row by a statement that cannot fail."""
        self.calls.append(statement)

    def check(self, key: str, kinds: Iterable[str]) -> None:
        """Refuse, where the encoder is strict, kinds of values that `learn` did not see."""
        if self.strict:
            allowed = sorted({f"1u << MODEL_{cell}" for kind in kinds for cell in CELL_KINDS[kind]})
            self.call(key, f"check_kinds({self.cell(key)}, {' | '.join(allowed) or '0'})")

    def values(self, key: str, several: bool, kinds: Iterable[str]) -> Values:
        """Return the values of a raw cell, read once for all columns that need them."""
        kinds = tuple(kinds)
        if (key, several, kinds) not in self._values:
            self._values[key, several, kinds] = self._read_values(key, several)
            self.check(key, kinds)
        return self._values[key, several, kinds]

    def _read_values(self, key: str, several: bool) -> Values:
        name = self.name("values", key)
        array = self.array("value", name, self.max_values if several else 1)
        if not several:
            self.call(key, f"read_value({self.cell(key)}, {array})")
            return Values(array, "1", "0", 1)
        count, dropped = self._counts(name)
        self.call(
            key, f"read_values({self.cell(key)}, {self.max_values}, {array}, &{count}, &{dropped})"
        )
        self.do(f"s->dropped |= {dropped} > 0;")
        return Values(array, count, dropped, self.max_values)

    def _counts(self, name: str) -> tuple[str, str]:
        for purpose in ("count_of", "dropped_from"):
            self.fields.append(("size_t", f"{purpose}_{name}", 0))
        return f"s->count_of_{name}", f"s->dropped_from_{name}"

    def ids(self, name: str, like: Values | None = None, capacity: int = 0) -> Looked:
        """Return a new array of ids: as many as other values, or up to a capacity of their own."""
        found = self.name("ids", name)
        if like is not None:
            array = self.array("int64_t", found, like.capacity)
            return Looked(array, like.count, like.dropped, like.capacity)
        array = self.array("int64_t", found, capacity)
        if capacity == 1:
            return Looked(array, "1", "0", 1)
        return Looked(array, *self._counts(found), capacity)

    def lookup(self, column: Writes) -> Looked:
        """Return the ids of a categorical column, found once for all that need them."""
        if column not in self._looked:
            self._looked[column] = column.write_c(self)
        return self._looked[column]

    def once(self, key: Hashable, write: Callable[[], T]) -> T:
        """Return ``write()``, called once for each key."""
        if key not in self._once:
            self._once[key] = write()
        found: T = self._once[key]
        return found

    def scratch(self) -> tuple[str, int]:
        """Return the declarations of the scratch memory, and its size in bytes at most."""
        lines, size = [], 0
        for kind, name, length in sorted(self.fields, key=lambda field: -SIZES[field[0]]):
            lines.append(f"    {kind} {name}{f'[{length}]' if length else ''};")
            size += SIZES[kind] * max(1, length)
        return "\n".join(lines), size
