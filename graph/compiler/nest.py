"""Writes one kernel: loops, the values inside them and where these go."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..code import C_TYPES, ZERO, Code, Index, Push, c_number, identifier, size_text, unravel
from ..tensor import Dimension, Shape, Tensor
from .kernel import Item, Kernel
from .lengths import length_of
from .masked import mask_of, named_by, names_of, reads_only_named, stretches
from .memory import Memory, Place
from .phases import is_row, wide
from .scope import Scope
from .store import Store

__all__ = ["Nest"]

# A name or a number: what needs no name of its own.
_ATOM = re.compile(r"(\(-[\w.+-]+\)|[\w.]+([+-]\d+f?)?)$")
COUNTERS = "ijklmnopqrs"


class _Through:
    """Catches which element of its input a view shows."""

    def read(self, x: Tensor, index: Index) -> Code:
        """Return an element of an input."""
        self.found = (x, index)
        return ZERO


class Nest:
    """A kernel being written.

    Parameters
    ----------
    source : Source
        Knows the memory of every value and notes what the kernel uses.
    """

    def __init__(self, source: Any):
        self.source = source
        self.memory: Memory = source.memory
        self.top = Scope()
        self.chain = [self.top]
        self._names: dict[str, int] = {}
        self._item: Item | None = None
        self._true: Tensor | None = None  # a mask that holds in all rows that are visited

    # Names and scopes.

    def fresh(self, hint: str) -> str:
        """Return a new name in this kernel."""
        name = identifier(hint.rsplit("/", 1)[-1]) or "value"
        name = f"_{name}" if name[0].isdigit() else name
        number = self._names[name] = self._names.get(name, 0) + 1
        return f"{name}_{number}"

    def line(self, text: str) -> None:
        """Write a statement."""
        self.chain[-1].lines.append(text)

    def let(self, dtype: Any, text: str, *parts: Code, name: str = "value") -> Code:
        """Return the name of a new constant with the value of `text`, which uses `parts`."""
        depth = max((part.depth for part in parts), default=0)
        found = Code(self.fresh(name), depth)
        kind = C_TYPES[np.dtype(dtype)]
        self.chain[depth].lines.append(f"const {kind} {found} = {text};")
        return found

    def local(self, c_type: str, text: str, depth: int | None = None) -> Code:
        """Return the name of a new variable, in the loop of that depth or the innermost."""
        depth = len(self.chain) - 1 if depth is None else depth
        found = Code(self.fresh("total"), depth)
        self.chain[depth].lines.append(f"{c_type} {found} = {text};")
        return found

    def here(self, variable: Code) -> Code:
        """Return the value that a variable has at this point."""
        return Code(str(variable), len(self.chain) - 1)

    def _open(self, limit: str, start: str = "0") -> Code:
        counter = Code(COUNTERS[len(self.chain) - 1], len(self.chain))
        heading = f"for (int64_t {counter} = {start}; {counter} < {limit}; {counter}++)"
        self.chain.append(Scope(heading))
        return counter

    def _close(self) -> Scope:
        scope = self.chain.pop()
        self.chain[-1].lines.append(scope)
        return scope

    @contextlib.contextmanager
    def loop(self, size: Dimension) -> Iterator[Code]:
        """Open a loop and give its counter."""
        yield self._open(size_text(size))
        self._close()

    @contextlib.contextmanager
    def loops(self, sizes: Sequence[Dimension]) -> Iterator[tuple[Code, ...]]:
        """Open a loop for each size, one in the other, and give their counters."""
        counters = tuple(ZERO if size == 1 else self._open(size_text(size)) for size in sizes)
        yield counters
        for size in sizes:
            if size != 1:
                self._close()

    @contextlib.contextmanager
    def repeat(self, text: str) -> Iterator[Code]:
        """Open a loop whose size is any C text, with more to count after a comma."""
        limit, _, more = text.partition(", ")
        counter = Code(COUNTERS[len(self.chain) - 1], len(self.chain))
        step = f"{counter}++, {more}" if more else f"{counter}++"
        self.chain.append(Scope(f"for (int64_t {counter} = 0; {counter} < {limit}; {step})"))
        yield counter
        self._close()

    @contextlib.contextmanager
    def fold(
        self, dtype: Any, start: str, sizes: Sequence[Dimension], depth: int
    ) -> Iterator[tuple[Code, tuple[Code, ...], Callable[[str], None]]]:
        """Open loops that fold elements; give the total, the counters and what writes inside."""
        saved, self.chain = self.chain, self.chain[: depth + 1]
        total = self.local(C_TYPES[np.dtype(dtype)], start, depth)
        counters = tuple(ZERO if size == 1 else self._open(size_text(size)) for size in sizes)
        inner = self.chain[-1]
        yield total, counters, self.line
        sums = bool(inner.lines) and str(inner.lines[-1]).startswith(f"{total} += ")
        flat = not any(isinstance(line, Scope) for line in inner.lines)
        if sums and flat and len(self.chain) > depth + 1:
            inner.pragma = self.source.simd_sum([str(total)])
        while len(self.chain) > depth + 1:
            self._close()
        self.chain = saved

    # Values.

    def read(self, x: Tensor, index: Index) -> Code:
        """Return an element of an input, computed once for all that need it."""
        return self._remembered(x, index, lambda: self._value(x, index))

    def _remembered(self, x: Tensor, index: Index, value: Callable[[], Code]) -> Code:
        key = (x, index.key)
        for scope in reversed(self.chain):
            if key in scope.memo:
                return scope.memo[key]
        code = value()
        if not _ATOM.match(code):
            code = self.let(x.dtype, code, code, name=x.name)
        self.chain[code.depth].memo[key] = code
        return code

    def _value(self, x: Tensor, index: Index) -> Code:
        if x is self._true:
            return Code("1")
        found = self._in_memory(x, index)
        if found is not None:
            return found
        code: Code = x.op.emit(self, x, index)
        return code

    def compute(self, x: Tensor, index: Index) -> Code:
        """Return an element that is not in memory yet, even if it will be."""
        return self._remembered(x, index, lambda: x.op.emit(self, x, index))

    def _in_memory(self, x: Tensor, index: Index) -> Code | None:
        """Return the C text of an element that is in memory."""
        if x.op.name == "constant" and not x.shape:
            return Code(c_number(x.attributes["value"]))
        place: Place | None = self.source.place(x)
        if place is None:
            return None
        if x.op.name == "placeholder" and is_row(x.shape) and x not in self.source.loaded:
            index = Index(x.shape, (self._row(index.axes[0]), *index.axes[1:]))
        return place.at(index)

    def _row(self, i: Code) -> Code:
        """Return which row of the data a row of the batch is."""
        if self.source.ahead:
            return ZERO
        key = ("row", str(i))
        for scope in reversed(self.chain):
            if key in scope.memo:
                return scope.memo[key]
        self.source.use("order")
        row = self.let("int64", f"order[{i}]", i, name="row")
        self.chain[row.depth].memo[key] = row
        return row

    def choose(self, condition: str, x: Tensor, index: Index) -> Code:
        """Return an element of an input where a condition holds, and zero elsewhere."""
        depths = [*index.axes]
        while x.op.view and self.source.place(x) is None:
            through = _Through()
            x.op.emit(through, x, index)
            x, index = through.found
        if condition and is_row(x.shape) and index.axes[0] not in COUNTERS:
            # The order of rows is asked for a row that is there.
            first = Code(f"({condition} ? {index.axes[0]} : 0)", index.axes[0])
            index = Index(x.shape, (first, *index.axes[1:]))
        found = self._in_memory(x, index)
        assert found is not None, f"{x!r} is read in no order but has no memory"
        text = f"({condition} ? {found} : 0)" if condition else str(found)
        return self.let(x.dtype, text, found, *depths, name=x.name)

    def row(self, ids: Tensor, index: Index, rows: Dimension | Code, op: str) -> Code:
        """Return a checked id: below `rows`, or negative for none."""
        raw, rows = self.read(ids, index), rows if isinstance(rows, Code) else size_text(rows)
        key = ("id", str(raw), rows)
        for scope in reversed(self.chain):
            if key in scope.memo:
                return scope.memo[key]
        where = self.source.check(op, "ids must be below")
        text = f"row_of({raw}, {rows}, bad, {where})"
        row = self.let("int64", text, raw, Code("", index.depth), name="id")
        self.chain[row.depth].memo[key] = row
        return row

    def reads_only_named(self, y: Tensor, ids: Sequence[Tensor]) -> bool:
        """Whether of the result nothing reads other rows than `ids` name."""
        return reads_only_named(y, ids, self.source.schedule.kernels)

    def is_kept(self, y: Tensor) -> bool:
        """Whether the result's memory is as the last step left it, and zero at first."""
        return not self.source.ahead

    def require(self, total: Code, count: Dimension, op: str) -> None:
        """Write that the lengths added up so far must make `count`."""
        where, limit = self.source.check(op, "lengths must add up to"), size_text(count)
        noted = f"bad[0] = {where}, bad[1] = {total}, bad[2] = {limit}"
        self.line(f"if ({total} != {limit}) {noted};")

    def unravel(self, flat: Code, shape: Shape) -> tuple[Code, ...]:
        """Return the place along each axis of an element counted in row-major order."""
        return unravel(flat, shape)

    def place_in_batch(self, y: Tensor, index: Index) -> str:
        """Return the place of an element of a value of the whole batch, in row-major order."""
        if not self.source._by_rows or not is_row(y.shape):
            return str(index.ravel())
        axes = (Code(f"first + {index.axes[0]}", index.axes[0]), *index.axes[1:])
        return str(Index(y.shape, axes).ravel())

    def function(self, name: str, dtype: np.dtype[Any]) -> str:
        """Return the name of a C function for a dtype."""
        if name == "fabs" and dtype.kind in "iu":
            return f"fabs_{dtype.kind}{8 * dtype.itemsize}"
        return f"{name}_f{8 * dtype.itemsize}"

    # Kernels.

    def store(self, y: Tensor, index: Index, value: Code, adds: bool = False) -> None:
        """Write an element of what the kernel computes."""
        assert self._item is not None
        for place in self.source.targets(self._item):
            self.line(f"{place.at(index)} {'+=' if adds else '='} {value};")

    def pointer(self, x: Tensor) -> str:
        """Return the name of the pointer to a value's memory."""
        return str(self.source.place(x).name)

    def rows_of(self, x: Tensor) -> str:
        """Return three arguments in C: a matrix, how far apart its rows are, and their order."""
        place: Place = self.source.place(x)
        stride = place.strides[0] if place.strides else size_text(x.shape[1])
        ordered = x.op.name == "placeholder" and is_row(x.shape) and x not in self.source.loaded
        if ordered and not self.source.ahead:
            self.source.use("order")
            return f"{place.name}, {stride}, order"
        return f"{place.name}, {stride}, NULL"

    def size(self, size: Dimension) -> str:
        """Return the C text of a size; of the batch, as many rows as are at hand."""
        assert self._item is not None
        return "rows" if size is None and self._item.phase % 2 == 1 else size_text(size)

    def length(self, x: Tensor) -> Code:
        """Return the C text of how many rows a table has."""
        return length_of(self.source, x)

    def check(self, op: str, wanted: str) -> int:
        """Have a pointer `bad` to note what is wrong, and return the number of this check."""
        return int(self.source.check(op, wanted))

    def write_statement(self, item: Item) -> None:
        """Write a kernel that is one op's own loops."""
        self._item = item
        item.node.op.write(self, item.node)

    def write_kernel(self, kernel: Kernel, split: tuple[str, str] | None) -> None:
        """Write the loops over a domain and its items; `split` is the outer loop's range."""
        counters: list[Code] = []
        named, mask = named_by(kernel), mask_of(kernel, self.source)
        for n, size in enumerate(kernel.domain):
            rows = kernel.phase % 2 == 1 and size is None and n == 0
            limit = "rows" if rows else size_text(size)
            low, high = split if split and n == 0 else ("0", limit)
            if named is not None and n == 0:
                counters.append(self._open_named(named, split))
                continue
            if mask is not None and n == 0:
                counter, alone = COUNTERS[len(self.chain) - 1], len(kernel.domain) == 1
                heading, low, high = stretches(mask, counter, (low, high), alone)
                self.chain.append(Scope(heading))
            counters.append(self._open(high, low))
        if not counters and split is not None:
            raise AssertionError("a kernel without loops cannot be divided")
        # What is read from memory is read before anything is written.
        stores = [store for item in kernel.items for store in self._stores(item, counters)]
        totals: dict[str, tuple[int, str]] = {}
        for store in stores:
            self._write_store(store, totals)
        self._finish(totals, all(store.dense for store in stores))

    def _open_named(self, mask: Tensor, split: tuple[str, str] | None) -> Code:
        """Open a loop over the rows that are named, and give the row."""
        self._true, names = mask, names_of(mask, self.source)
        low, high = split or ("0", f"{names}[0]")
        counter = self._open(high, low)
        return self.let("int64", f"{names}[1 + {counter}]", counter, name="row")

    def _stores(self, item: Item, counters: Sequence[Code]) -> list[Store]:
        """Compute one item and return where it goes."""
        node = item.node
        if item.kind == "push":
            self._start(item, counters)
            push = node.op.push(self, node, _at(node.op.push_shape(node), counters))
            inner = str(counters[-1]) if counters else ""
            ordered = any(str(axis) == inner for axis in push.index.axes[-1:])
            dense = ordered or (push.condition is None and push.index.depth < len(counters))
            return [Store(p, push, node.dtype, dense) for p in self.source.targets(item)]
        index = _at(node.shape, counters)
        known = self.source.is_leaf(node) or (
            item.home is not node and node in self.memory.schedule.stored
        )
        value = self.read(node, index) if known else self.compute(node, index)
        push = Push(index, value, adds=False)
        return [Store(place, push, node.dtype) for place in self.source.targets(item)]

    def _start(self, item: Item, counters: Sequence[Code]) -> None:
        """Set what a push adds to, before the loops or at the start of each row."""
        node = item.node
        if item.accumulates or (item.replaced is not None and item.variable is not None):
            return
        (place,) = self.source.targets(item)
        by_row = is_row(node.shape) and (item.phase % 2 == 1 or self.source.ahead) and counters
        saved = self.chain
        self.chain = saved[: 2 if by_row else 1]
        inner = node.shape[1:] if by_row else node.shape
        with self.loops(inner) as places:
            index = Index(node.shape, (counters[0], *places) if by_row else tuple(places))
            initial = c_number(np.asarray(node.op.initial, node.dtype))
            value = Code(initial) if item.replaced is None else self.read(item.replaced, index)
            self.line(f"{place.at(index)} = {value};")
        self.chain = saved

    def _write_store(self, store: Store, totals: dict[str, tuple[int, str]]) -> None:
        push, depth = store.push, store.push.index.depth
        target = store.place.at(push.index)
        if push.adds and push.condition is None and depth < len(self.chain) - 1:
            # A sum over inner loops is kept in a register.
            total = self.local(C_TYPES[store.dtype], "0", depth)
            self.line(f"{total} += {push.value};")
            totals[str(total)] = (depth, f"{target} += {total};")
            return
        text = f"{target} {'+=' if push.adds else '='} {push.value};"
        self.line(f"if ({push.condition}) {text}" if push.condition is not None else text)

    def _finish(self, totals: dict[str, tuple[int, str]], dense: bool) -> None:
        inner = self.chain[-1]
        flat = not any(isinstance(line, Scope) for line in inner.lines)
        if len(self.chain) > 1 and dense and flat:
            sums = self.source.simd_sum(list(totals)) if totals else self.source.independent
            inner.pragma = sums
        while True:
            depth = len(self.chain) - 1
            for at, line in totals.values():
                if at == depth:
                    self.line(line)
            if depth == 0:
                break
            self._close()


def _at(shape: Any, counters: Sequence[Code]) -> Index:
    """Return the index whose axes of size other than one are the counters."""
    rest = iter(counters)
    axes = tuple(ZERO if size == 1 else next(rest) for size in shape)
    flat = counters[0] if len(wide(shape)) == 1 else None
    return Index(shape, axes, flat)
