"""Calls of the C library for matrices: products, and copies that turn columns into rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..code import size_text
from ..tensor import Tensor
from .kernel import Item, Kernel
from .memory import Place
from .phases import is_whole

__all__ = [
    "Operand",
    "is_large",
    "is_transposed",
    "operand",
    "operand_behind",
    "product_call",
    "transpose_call",
]

LARGE = 256  # rows, columns and products summed: from here on a BLAS with two threads is faster
Operand = tuple[str, str, str]  # the address of a matrix, and the strides of its rows and columns
Places = Callable[[Tensor], Place | None]


def operand(node: Tensor, place_of: Places) -> Operand:
    """Return where a matrix is, looking through views that have no memory."""
    place = place_of(node)
    if place is None:
        return operand_behind(node, place_of)
    row, column = place.strides or (size_text(node.shape[1]), "1")
    return place.name, row, column


def operand_behind(node: Tensor, place_of: Places) -> Operand:
    """Return where the matrix that a view shows is, as the view shows it."""
    name, row, column = operand(node.inputs[0], place_of)
    if node.op.name == "transpose":
        return name, column, row
    if node.op.name == "slice":
        starts = node.attributes["starts"]
        offset = " + ".join(f"{n} * {s}" for n, s in zip(starts, (row, column), strict=True) if n)
        return (f"({name} + {offset})" if offset else name), row, column
    raise AssertionError(f"{node!r} is no operand")


def product_call(item: Item, operands: Sequence[Operand], target: Place, by_rows: bool) -> str:
    """Return the call that multiplies two matrices."""
    (a, a_row, a_column), (b, b_row, b_column) = operands
    assert b_column == "1"
    assert target.strides is not None
    node, sums = item.node, item.accumulates
    rows = "rows" if by_rows and node.shape[0] is None else size_text(node.shape[0])
    inner = "rows" if sums else size_text(node.inputs[0].shape[1])
    sizes = f"{rows}, {size_text(node.shape[1])}, {inner}"
    given = f"{a}, {a_row}, {a_column}, {b}, {b_row}, {target.name}, {target.strides[0]}"
    function = "multiply_large" if is_large(node) else "multiply"
    return f"{function}({sizes}, {given}, {'again' if sums else '0'});"


def is_large(node: Tensor) -> bool:
    """Whether a product is one that a BLAS is better at.

    Tiles of rows times weights, and sums over tiles, are not, be the weights as wide as they may.
    """
    sizes = (*node.shape, node.inputs[0].shape[1])
    return all(isinstance(size, int) and size >= LARGE for size in sizes)


def is_transposed(kernel: Kernel, place_of: Places) -> bool:
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
    return turned and node.rank == 2 and place_of(node) is not None


def transpose_call(node: Tensor, shown: Operand, target: Place) -> str:
    """Return the call that copies a matrix whose columns lie side by side."""
    name, _, column = shown
    rows, columns = node.shape
    assert target.strides is not None
    return f"transpose({columns}, {rows}, {name}, {column}, {target.name}, {target.strides[0]});"
