"""Where the values of a compiled step live, and how C names an element of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import CompileError
from ..aligned import ALIGNMENT
from ..code import Code, Index, identifier, plus, size_text, times
from ..plan import element_count
from ..tensor import Dimension, Shape, Tensor
from ..variables import Variable
from .kernel import Item
from .phases import is_row, is_whole
from .schedule import Schedule

__all__ = ["TILE", "Memory", "Place", "lay_out"]

TILE = 64  # rows taken at a time: what they need stays in the second-level cache
MOST_TILES, LARGE_TILE = 64, 2**22  # tiles in a large one, and the bytes it may need at most
# What ends in a number is a variable inside a loop; the others are functions and types of C.
TAKEN = re.compile(r"_\d+$|_[fiu]\d\d$|_t$|_of$")
# What C, its library or ours call by these names.
RESERVED = frozenset(
    "auto bool break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "asm typeof linux unix union unsigned void volatile while class new delete this template "
    "typename namespace private public protected true false operator friend virtual try catch "
    "throw and or not xor "
    "multiply transpose share meet workspace memset memcpy row_of squares order bad w batch "
    "done step first rows again low high feeds outputs scratch run work worker isfinite isnan "
    "i j k l m n o p q r s lanes eight block product".split()
)
PADDING = 16  # numbers: rows of matrices end at the widest vector register


@dataclass(frozen=True)
class Place:
    """The memory of a value, as C sees it.

    Parameters
    ----------
    base : str
        A pointer.
    strides : tuple of str, optional
        How far apart the elements of each axis are; in row-major order without gaps by default.
    start : str
        How many elements after the pointer the first one is.
    """

    base: str
    strides: tuple[str, ...] | None = None
    start: str = "0"

    @property
    def name(self) -> str:
        """A pointer to the first element."""
        return self.base if self.start == "0" else f"({self.base} + {self.start})"

    def at(self, index: Index) -> Code:
        """Return the C text of one element."""
        if self.strides is None:
            total = index.ravel()
        else:
            total = Code("0")
            for axis, stride in zip(index.axes, self.strides, strict=True):
                total = plus(total, times(axis, stride))
        return Code(f"{self.base}[{plus(total, self.start)}]", *index.axes)


@dataclass(frozen=True)
class Region:
    """Memory of one kind, and the offset of each value in it."""

    offsets: dict[Tensor, int]
    size: int
    unshared: int


def lay_out(intervals: Sequence[tuple[Tensor, int, int, int]]) -> Region:
    """Place values, given as (value, first use, last use, bytes), by first fit over free gaps."""
    offsets: dict[Tensor, int] = {}
    live: list[tuple[int, int, int]] = []  # start, end, last use
    top = 0
    for node, first, last, size in sorted(intervals, key=lambda entry: entry[1]):
        size = -(-max(size, 1) // ALIGNMENT) * ALIGNMENT
        live = sorted(entry for entry in live if entry[2] >= first)
        start = 0
        for begin, end, _ in live:
            if begin - start >= size:
                break
            start = max(start, end)
        offsets[node] = start
        live.append((start, start + size, last))
        top = max(top, start + size)
    return Region(offsets, top, sum(-(-max(i[3], 1) // ALIGNMENT) * ALIGNMENT for i in intervals))


class Memory:
    """The memory of every stored value of a schedule.

    Attributes
    ----------
    tile : Region
        Values of the rows at hand: each worker has its own.
    sums : Region
        Sums over the batch, after `tile` in the same memory.
    rows : Region
        Values of all rows of a step, in bytes a row.
    pairs : Region
        Values of all pairs of rows of a step, after `rows` in the same memory, in bytes a pair.
    whole : Region
        Values without a batch axis.
    ragged : dict of str to Region
        Values as many as a ragged feed has, in bytes a value.
    """

    def __init__(self, schedule: Schedule, tile: int | None = TILE, loaded: Sequence[Tensor] = ()):
        self.schedule, self.loaded = schedule, loaded
        self.tile_rows = tile
        self.kind: dict[Tensor, str] = {}
        self._names = set(RESERVED)
        self.names: dict[Tensor, str] = {}
        uses = self._uses()
        for node in uses:
            self.kind[node] = self._kind(node, uses[node])
            self.names[node] = self.fresh(node.name)
        self._uses_of = uses
        self.tile = lay_out(self._intervals("tile", tile or 1))
        self.whole = lay_out([(n, 0, 0, s) for n, _, _, s in self._intervals("whole", 0)])
        self.rows = lay_out(self._phase_intervals())
        self.pairs = lay_out([(n, 0, 0, s) for n, _, _, s in self._intervals("pairs", 0)])
        self.sums = lay_out([(n, 0, 0, s) for n, _, _, s in self._intervals("sums", 0)])
        self.ragged = {
            name: lay_out([(n, 0, 0, s) for n, _, _, s in self._intervals(f"ragged {name}", 0)])
            for name in dict.fromkeys(k[7:] for k in self.kind.values() if k.startswith("ragged "))
        }

    def fresh(self, name: str) -> str:
        """Return an identifier that no other value has."""
        base = identifier(name)
        base = base if base[:1].isalpha() else f"x{base}"
        if base.isupper() and len(base) > 1:
            base = base.lower()  # capitals are macros
        found, number = base, 0
        while found in self._names or TAKEN.search(found):
            number += 1
            found = f"{base}_{_letters(number)}"
        self._names.add(found)
        return found

    @classmethod
    def suited(cls, schedule: Schedule, loaded: Sequence[Tensor]) -> Memory:
        """Return the memory for tiles of as many rows as suit the ops."""
        memory = cls(schedule, TILE, loaded)
        if not any(node.op.shares_tables for node in schedule.program.nodes):
            return memory
        fit = min(MOST_TILES, LARGE_TILE // max(1, memory.tile.size))
        return cls(schedule, TILE * max(1, fit), loaded)

    def _uses(self) -> dict[Tensor, list[tuple[int, int]]]:
        """Return the positions and phases in which each stored value is written and read."""
        uses: dict[Tensor, list[tuple[int, int]]] = {}
        inside = self.schedule.inside
        for node in self.loaded:
            uses[node] = [(0, 0), (len(self.schedule.kernels), self.schedule.phases.last)]
        for place, kernel in enumerate(self.schedule.kernels):
            for item in kernel.items:
                if item.home is not None:
                    home = inside.get(item.home, (item.home, 0))[0]
                    uses.setdefault(home, []).append((place, kernel.phase))
                for source in item.reads:
                    source = inside.get(source, (source, 0))[0]
                    if source in self.schedule.stored:
                        uses.setdefault(source, []).append((place, kernel.phase))
        return uses

    def _kind(self, node: Tensor, uses: Iterable[tuple[int, int]]) -> str:
        items = self.schedule.items.get(node, [])
        if any(item.accumulates and item.home is node for item in items):
            return "sums"
        if is_whole(node.shape):
            return "whole"
        unknown = [size for size in node.shape if not isinstance(size, int)]
        if unknown == [None, None]:
            return "pairs"
        if len(unknown) > 1:
            raise CompileError(
                f"value {node.name!r}",
                "has several sizes that depend on the feeds",
                node.shape,
                "run the program without jit",
            )
        if unknown[0] is not None:
            return f"ragged {unknown[0]}"
        phases = {phase for _, phase in uses}
        if node in self.loaded:
            return "rows"
        one = len(phases) == 1 and phases.pop() % 2 == 1
        return "tile" if one and is_row(node.shape) and self.tile_rows else "rows"

    def strides(self, node: Tensor) -> tuple[str, ...] | None:
        """Return the strides of a value whose rows are padded."""
        if not self._padded(node):
            return None
        width = node.shape[1]
        assert isinstance(width, int)
        return (str(-(-width // PADDING) * PADDING), "1")

    def _padded(self, node: Tensor) -> bool:
        if node.rank != 2 or node.dtype != "float32" or not isinstance(node.shape[1], int):
            return False
        products = self.schedule.phases.is_product
        users = self.schedule.phases.users.get(node, [])
        read = any(products(user) for user, _ in users)
        return products(node) or node.op.view or (read and is_row(node.shape))

    def elements(self, node: Tensor, batch: int) -> int:
        """Return how many elements a value's memory has room for."""
        strides = self.strides(node)
        if strides is not None:
            rows = batch if node.shape[0] is None else node.shape[0]
            return int(rows) * int(strides[0])
        shape = tuple(1 if isinstance(size, str) else size for size in node.shape)
        return element_count(shape, batch)

    def _intervals(self, kind: str, batch: int) -> list[tuple[Tensor, int, int, int]]:
        found = []
        for node, uses in self._uses_of.items():
            if self.kind[node] == kind:
                places = [place for place, _ in uses]
                size = self.elements(node, batch or 1) * node.dtype.itemsize
                size += node.op.beside(node)
                found.append((node, min(places), max(places), size))
        # Sums that start from zero lie together, before those that products write first.
        order = {"push": 0, "product": 1}
        items = self.schedule.items
        if kind == "sums":
            found.sort(key=lambda f: (order[items[f[0]][0].kind], str(f[0].dtype)))
        return found

    def _phase_intervals(self) -> list[tuple[Tensor, int, int, int]]:
        found = []
        for node, uses in self._uses_of.items():
            if self.kind[node] == "rows":
                phases = [phase for _, phase in uses]
                size = self.elements(node, 1) * node.dtype.itemsize
                found.append((node, min(phases), max(phases), size))
        return found

    def place(self, node: Tensor) -> Place:
        """Return the place of a stored value."""
        home, start = self.schedule.inside.get(node, (node, 0))
        return self._inside(node, home, start)

    def _inside(self, node: Tensor, home: Tensor, start: int) -> Place:
        """Return the place of a value in the memory of what it is a part of, or its own."""
        name, strides = self.names[home], self.strides(home)
        if home is not node and strides is None:
            strides = _strides(home.shape)
        return Place(name, strides, str(start))

    def item_place(self, item: Item) -> tuple[Tensor, Place]:
        """Return whose memory an item is written to, and where in it the item starts."""
        assert item.home is not None
        home, start = self.schedule.inside.get(item.home, (item.home, 0))
        if item.home is item.node:
            return home, self._inside(item.node, home, start)
        name = self.names[home]
        # A part of a concat: its own shape, in the strides of the whole.
        axis = item.home.attributes["axis"]
        if home.rank == 1:
            whole = _strides(item.node.shape)
            return home, Place(name, whole, str(item.start))
        strides = self.strides(home) or _strides(home.shape)
        first = times(Code(str(item.start)), strides[axis])
        return home, Place(name, strides, first)


def _strides(shape: Shape) -> tuple[str, ...]:
    strides: list[str] = []
    total = Code("1")
    for size in reversed(shape):
        strides.append(total)
        total = times(total, size_text(size))
    return tuple(reversed(strides))


def _letters(number: int) -> str:
    """Return b, c, ..., z, ba, bb, ...: numbers from 1 on in letters."""
    text = ""
    while number or not text:
        number, digit = divmod(number, 26)
        text = chr(ord("a") + digit) + text
    return text


def is_ragged(node: Tensor) -> str | None:
    """Return the ragged feed whose number of values a shape depends on."""
    return next((size for size in node.shape if isinstance(size, str)), None)


def variable_like(node: Tensor) -> bool:
    """Whether a node's memory outlasts the step."""
    return isinstance(node, Variable)


Sizes = Sequence[Dimension]
