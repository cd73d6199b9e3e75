"""C expressions, and which element of a tensor they stand for.

Ops write C in terms of these: an op is asked for the text of one element, and asks in turn for
elements of its inputs. Views cost nothing, since they only change the index.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .tensor import Dimension, Shape, Tensor

__all__ = [
    "C_TYPES",
    "ZERO",
    "Code",
    "Index",
    "Push",
    "Writer",
    "c_number",
    "count_text",
    "identifier",
    "plus",
    "size_text",
    "times",
    "unravel",
]

# By dtype, whose name takes ten times as long to tell as its hash.
C_TYPES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.int64): "int64_t",
    np.dtype(np.uint64): "uint64_t",
    np.dtype(np.bool_): "bool",
}


class Code(str):
    """C text of a value that is computed without side effects.

    Attributes
    ----------
    depth : int
        How many of the loops around it the value depends on.
    """

    depth: int

    def __new__(cls, text: str, *parts: Code | int) -> Code:
        """Return the text, which uses `parts` or a loop of that depth."""
        found = super().__new__(cls, text)
        depth = 0
        for part in parts:
            depth = max(depth, part.depth if isinstance(part, Code) else part)
        found.depth = depth
        return found


ZERO = Code("0")


def _number(code: str) -> int | None:
    return int(code) if code.isdigit() else None


def _bracketed(code: Code) -> str:
    return f"({code})" if " " in code else str(code)


def plus(a: Code, b: Code | int | str) -> Code:
    """Return the sum, with numbers added up."""
    b = b if isinstance(b, Code) else Code(str(b))
    if a == "0" or b == "0":
        return b if a == "0" else a
    left, right = _number(a), _number(b)
    if left is not None and right is not None:
        return Code(str(left + right))
    return Code(f"{a} + {b}", a, b)


def times(a: Code, b: Code | int | str) -> Code:
    """Return the product, with numbers multiplied."""
    b = b if isinstance(b, Code) else Code(str(b))
    if "0" in (a, b):
        return ZERO
    if a == "1" or b == "1":
        return b if a == "1" else a
    left, right = _number(a), _number(b)
    if left is not None and right is not None:
        return Code(str(left * right))
    return Code(f"{_bracketed(a)} * {_bracketed(b)}", a, b)


def size_text(size: Dimension) -> str:
    """Return the C text of a size: the batch is a variable, and so is each ragged feed's count."""
    if size is None:
        return "batch"
    return str(size) if isinstance(size, int) else f"count_{identifier(size)}"


@functools.lru_cache(maxsize=4096)
def identifier(name: str) -> str:
    """Return a name as C takes it."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in name)


def count_text(shape: Sequence[Dimension]) -> Code:
    """Return the C text of how many elements a shape has."""
    total = Code("1")
    for size in shape:
        total = times(total, size_text(size))
    return total


@dataclass(frozen=True)
class Index:
    """The place of one element in a tensor of some shape.

    Parameters
    ----------
    shape : tuple of int, None or str
        The shape the place is in.
    axes : tuple of Code
        The place along each axis.
    flat : Code, optional
        The same place counted in row-major order, where that is shorter to say.
    """

    shape: Shape
    axes: tuple[Code, ...]
    flat: Code | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for equal places."""
        return tuple(map(str, self.axes))

    @property
    def depth(self) -> int:
        """How many loops the place depends on."""
        return max((axis.depth for axis in self.axes), default=0)

    def ravel(self) -> Code:
        """Return the place counted in row-major order."""
        return _ravel(self.axes, self.shape) if self.flat is None else self.flat

    def broadcast(self, shape: Shape) -> Index:
        """Return the place in an operand of that shape, by numpy's broadcasting."""
        if shape == self.shape:
            return self
        first = len(self.shape) - len(shape)
        axes = tuple(
            ZERO if size == 1 else axis for axis, size in zip(self.axes[first:], shape, strict=True)
        )
        return Index(shape, axes)

    def head(self, shape: Shape) -> Index:
        """Return the place along the first axes, which have that shape."""
        return Index(shape, self.axes[: len(shape)])

    def reshape(self, shape: Shape) -> Index:
        """Return the same element's place under another shape."""
        axes: list[Code] = []
        for old, new, part in _blocks(self.shape, shape, self.axes):
            axes.extend(_moved(old, new, part))
        return Index(shape, tuple(axes), self.flat)


def _ravel(axes: Sequence[Code], shape: Sequence[Dimension]) -> Code:
    total = ZERO
    for axis, size in zip(axes, shape, strict=True):
        total = plus(times(total, size_text(size)), axis)
    return total


def _blocks(
    old: Shape, new: Shape, axes: Sequence[Code]
) -> list[tuple[list[Dimension], list[Dimension], list[Code]]]:
    """Cut two shapes of as many elements into the shortest stretches of as many elements."""
    blocks: list[tuple[list[Dimension], list[Dimension], list[Code]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        left, right = [*old[i : i + 1]], [*new[j : j + 1]]
        i, j = i + 1, j + 1
        while not _as_many(left, right):
            if j < len(new) and (i >= len(old) or _less(right, left)):
                right.append(new[j])
                j += 1
            elif i < len(old):
                left.append(old[i])
                i += 1
            else:
                break
        i, j = min(i, len(old)), min(j, len(new))
        start = i - len(left)
        blocks.append((left, right, list(axes[start:i])))
    return blocks


def _parts(shape: Sequence[Dimension]) -> tuple[int, list[Dimension]]:
    known = [size for size in shape if isinstance(size, int)]
    return math.prod(known), [size for size in shape if not isinstance(size, int)]


def _as_many(a: Sequence[Dimension], b: Sequence[Dimension]) -> bool:
    return _parts(a) == _parts(b)


def _less(a: Sequence[Dimension], b: Sequence[Dimension]) -> bool:
    """Whether `a` is the one to grow until both have as many elements."""
    (count, unknown), (other, others) = _parts(a), _parts(b)
    return (len(unknown), count) < (len(others), other)


def _moved(old: Sequence[Dimension], new: Sequence[Dimension], axes: Sequence[Code]) -> list[Code]:
    """Return the place in a stretch of axes under its new shape."""
    wide = [axis for axis, size in zip(axes, old, strict=True) if size != 1]
    if sum(size != 1 for size in new) == len(wide) <= 1:
        return [wide[0] if size != 1 else ZERO for size in new]
    flat, found = _ravel(axes, old), list[Code]()
    for i, size in enumerate(new):
        after = count_text(new[i + 1 :])
        part = flat if after == "1" else Code(f"({flat}) / {_bracketed(after)}", flat)
        first = all(before == 1 for before in new[:i])
        wrapped = part if first else Code(f"({part}) % {size_text(size)}", part)
        found.append(ZERO if size == 1 else wrapped)
    return found


def unravel(flat: Code, shape: Shape) -> tuple[Code, ...]:
    """Return the place along each axis of an element counted in row-major order."""
    return tuple(_moved((None,), shape, (flat,)))


@dataclass(frozen=True)
class Push:
    """One element of an op's domain, and what it does to one element of the result.

    Parameters
    ----------
    index : Index
        The element of the result.
    value : Code
    condition : Code, optional
        Only where this holds.
    adds : bool
        Whether the value is added to the element or replaces it.
    """

    index: Index
    value: Code
    condition: Code | None = None
    adds: bool = True


def c_number(value: Any) -> str:
    """Return a number of numpy's as C text of the same type and value."""
    number = np.asarray(value)[()]
    text = _digits(number)
    return f"({text})" if text.startswith("-") else text


def _digits(number: Any) -> str:
    kind, size = number.dtype.kind, number.itemsize
    if kind == "b":
        return str(int(number))
    if kind == "u":
        return f"{number}u"
    if kind == "i":
        if number == np.iinfo(number.dtype).min:
            return f"INT{8 * size}_MIN"
        return f"{number}" if abs(int(number)) < 2**31 else f"INT64_C({number})"
    if np.isnan(number):
        return "NAN"
    if np.isinf(number):
        return "INFINITY" if number > 0 else "-INFINITY"
    text = repr(float(number)) if size == 8 else str(np.float32(number))
    text = text if any(c in text for c in ".e") else f"{text}.0"
    return text if size == 8 else f"{text}f"


class Writer(Protocol):
    """What ops ask of the compiler while they write their C."""

    def read(self, x: Tensor, index: Index) -> Code:
        """Return an element of an input."""

    def choose(self, condition: str, x: Tensor, index: Index) -> Code:
        """Return an element of an input where a condition holds, and zero elsewhere."""

    def let(self, dtype: Any, text: str, *parts: Code) -> Code:
        """Return the name of a new constant with the value of `text`, which uses `parts`."""

    def local(self, c_type: str, text: str, depth: int | None = None) -> Code:
        """Return the name of a new variable, in the loop of that depth or the innermost."""

    def here(self, variable: Code) -> Code:
        """Return the value that a variable has at this point."""

    def line(self, text: str) -> None:
        """Write a statement."""

    def loop(self, size: Dimension) -> AbstractContextManager[Code]:
        """Open a loop and give its counter."""

    def loops(self, sizes: Sequence[Dimension]) -> AbstractContextManager[tuple[Code, ...]]:
        """Open a loop for each size, one in the other, and give their counters."""

    def repeat(self, text: str) -> AbstractContextManager[Code]:
        """Open a loop whose size is any C text, with more to count after a comma."""

    def store(self, y: Tensor, index: Index, value: Code, adds: bool = False) -> None:
        """Write an element of the result, or add to it."""

    def pointer(self, x: Tensor) -> str:
        """Return the name of the pointer to a value's memory."""

    def rows_of(self, x: Tensor) -> str:
        """Return three arguments in C: a matrix, how far apart its rows are, and their order."""

    def size(self, size: Dimension) -> str:
        """Return the C text of a size; of the batch, as many rows as are at hand."""

    def length(self, x: Tensor) -> Code:
        """Return the C text of how many rows a table has, which may be known when run alone."""

    def check(self, op: str, wanted: str) -> int:
        """Have a pointer `bad` to note what is wrong, and return the number of this check."""

    def fold(
        self, dtype: Any, start: str, sizes: Sequence[Dimension], depth: int
    ) -> AbstractContextManager[tuple[Code, tuple[Code, ...], Callable[[str], None]]]:
        """Open loops that fold elements; give the total, the counters and what writes inside."""

    def reads_only_named(self, y: Tensor, ids: Sequence[Tensor]) -> bool:
        """Whether of the result nothing reads other rows than `ids` name."""

    def is_kept(self, y: Tensor) -> bool:
        """Whether the result's memory is as the last step left it, and zero at first."""

    def row(self, ids: Tensor, index: Index, rows: Dimension | Code, op: str) -> Code:
        """Return a checked id: below `rows`, or negative for none."""

    def require(self, total: Code, count: Dimension, op: str) -> None:
        """Write that the lengths added up so far must make `count`."""

    def unravel(self, flat: Code, shape: Shape) -> tuple[Code, ...]:
        """Return the place along each axis of an element counted in row-major order."""

    def place_in_batch(self, y: Tensor, index: Index) -> str:
        """Return the place of an element of a value of the whole batch, in row-major order."""

    def function(self, name: str, dtype: np.dtype[Any]) -> str:
        """Return the name of a C function for a dtype."""
