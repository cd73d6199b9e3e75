"""Tensors: immutable, interned nodes of the dataflow graph.

Building the same expression twice gives the same object, so common subexpressions never exist
twice. A tensor knows its shape and dtype when it is made; shapes that do not go together fail
there, at the line that wrote them.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import threading
import weakref
from collections.abc import Container, Hashable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, ShapeMismatch
from ..registry import Registry

__all__ = [
    "OPS",
    "Dimension",
    "Shape",
    "Tensor",
    "TensorLike",
    "broadcast_shapes",
    "intern",
    "name_scope",
    "topological",
]

# None is the batch size; a word is the number of values in the ragged feed of that name.
Dimension = int | str | None
Shape = tuple[Dimension, ...]
TensorLike = Any


class Operation(Protocol):
    """What a tensor needs to know of its op; `Op` says the rest."""

    name: str

    def __call__(self, *inputs: TensorLike, **attributes: Any) -> Tensor: ...


OPS: Registry[Any] = Registry("op")
_scope: contextvars.ContextVar[str] = contextvars.ContextVar("scope", default="")
_interning = threading.Lock()
_interned: weakref.WeakValueDictionary[Hashable, Tensor] = weakref.WeakValueDictionary()


@contextlib.contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Prefix the names of all tensors made inside with ``name/``.

    Parameters
    ----------
    name : str
        A word, or several joined by ``/``. With a slash at its end it is the whole prefix, and an
        empty name is no prefix: the scopes around it do not count then.

    Yields
    ------
    str
        The whole prefix, with its final slash.

    Examples
    --------
    >>> from cannery.graph import exp, name_scope, placeholder
    >>> with name_scope("tower"):
    ...     y = exp(placeholder("x", (None,)))
    >>> y.name
    'tower/exp'
    """
    whole = not name or name.endswith("/")
    token = _scope.set(name if whole else f"{_scope.get()}{name}/")
    try:
        yield _scope.get()
    finally:
        _scope.reset(token)


def scoped(name: str) -> str:
    """Return `name` behind the current scope."""
    return _scope.get() + name


class Tensor:
    """One value of the graph: an op applied to other tensors.

    Not made directly: ops, `placeholder`, `constant` and `Variable` make them.

    Attributes
    ----------
    op : Op
        What computes the value.
    inputs : tuple of Tensor
        What it is computed from.
    attributes : dict
        The op's fixed arguments, such as an axis.
    shape : tuple of int, None or str
        ``None`` is the batch size, a word the number of values in the ragged feed of that name.
    dtype : numpy.dtype
    name : str
        For people; need not be unique.
    """

    __slots__ = ("__weakref__", "attributes", "dtype", "inputs", "name", "op", "shape")
    __array_priority__ = 1000  # so that numpy scalars on the left give way to our operators
    __array_ufunc__ = None

    op: Any
    inputs: tuple[Tensor, ...]
    attributes: dict[str, Any]
    shape: Shape
    dtype: np.dtype[Any]
    name: str

    def __init__(
        self,
        op: Operation,
        inputs: tuple[Tensor, ...],
        attributes: dict[str, Any],
        shape: Shape,
        dtype: npt.DTypeLike,
        name: str,
    ):
        for key, value in (
            ("op", op),
            ("inputs", inputs),
            ("attributes", attributes),
            ("shape", shape),
            ("dtype", np.dtype(dtype)),
            ("name", name),
        ):
            object.__setattr__(self, key, value)

    def __setattr__(self, key: str, value: object) -> None:
        raise InvalidType(f"tensor {self.name!r}", "is immutable", f"an assignment to {key}")

    def __reduce__(self) -> Any:
        return _rebuild, (self.op.name, self.inputs, self.attributes)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        shape = ", ".join("batch" if size is None else str(size) for size in self.shape)
        return f"<{self.op.name} {self.name!r} ({shape}) {self.dtype}>"

    def __bool__(self) -> bool:
        raise InvalidType(
            f"tensor {self.name!r}",
            "has no truth value before the program runs",
            todo="use where(condition, a, b)",
        )

    def __iter__(self) -> Iterator[Tensor]:
        raise InvalidType(
            f"tensor {self.name!r}", "cannot be iterated over", todo="use split or x[i]"
        )

    def __add__(self, other: TensorLike) -> Tensor:
        return _call("add", self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return _call("add", other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return _call("subtract", self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return _call("subtract", other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return _call("multiply", self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return _call("multiply", other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return _call("divide", self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return _call("divide", other, self)

    def __pow__(self, other: TensorLike) -> Tensor:
        return _call("power", self, other)

    def __rpow__(self, other: TensorLike) -> Tensor:
        return _call("power", other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return _call("matmul", self, other)

    def __neg__(self) -> Tensor:
        return _call("negative", self)

    def __abs__(self) -> Tensor:
        return _call("abs", self)

    def __lt__(self, other: TensorLike) -> Tensor:
        return _call("less", self, other)

    def __le__(self, other: TensorLike) -> Tensor:
        return _call("less_equal", self, other)

    def __gt__(self, other: TensorLike) -> Tensor:
        return _call("greater", self, other)

    def __ge__(self, other: TensorLike) -> Tensor:
        return _call("greater_equal", self, other)

    def __and__(self, other: TensorLike) -> Tensor:
        return _call("logical_and", self, other)

    def __or__(self, other: TensorLike) -> Tensor:
        return _call("logical_or", self, other)

    def __invert__(self) -> Tensor:
        return _call("logical_not", self)

    def __getitem__(self, key: Any) -> Tensor:
        """Index with whole numbers, slices of step one, ``...`` and ``None``, as numpy does."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if Ellipsis not in keys:
            keys.append(Ellipsis)
        gap = keys.index(Ellipsis)
        keys[gap : gap + 1] = [slice(None)] * (self.rank - sum(k is not None for k in keys) + 1)
        starts: list[int] = []
        stops: list[int | None] = []
        dropped: list[int] = []
        added: list[int] = []
        axis = 0
        for position, item in enumerate(keys):
            if item is None:
                added.append(position - len(dropped))
                continue
            start, stop = _bounds(self, axis, item)
            starts.append(start)
            stops.append(stop)
            if not isinstance(item, slice):
                dropped.append(axis)
            axis += 1
        result = OPS["slice"](self, starts=tuple(starts), stops=tuple(stops))
        result = OPS["squeeze"](result, axes=tuple(dropped)) if dropped else result
        for position in added:
            result = OPS["expand"](result, axis=position)
        return result  # type: ignore[no-any-return]

    # `==` stays identity, since nodes are interned: use `equal` for an elementwise comparison.
    __hash__ = object.__hash__


def _call(name: str, *inputs: TensorLike) -> Tensor:
    return OPS[name](*inputs)  # type: ignore[no-any-return]


def _rebuild(name: str, inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Tensor:
    return OPS[name](*inputs, **attributes)  # type: ignore[no-any-return]


def _bounds(tensor: Tensor, axis: int, item: Any) -> tuple[int, int | None]:
    """Return where a slice or whole number starts and stops on an axis; None is the end."""
    if axis >= tensor.rank:
        raise ShapeMismatch(f"tensor {tensor.name!r}", "has too many indices", str(tensor.shape))
    size = tensor.shape[axis]
    if isinstance(item, slice) and item == slice(None):
        return 0, None
    if not isinstance(size, int):
        raise ShapeMismatch(
            f"tensor {tensor.name!r}", "cannot be sliced along the batch", f"{item}"
        )
    if isinstance(item, slice):
        start, stop, step = item.indices(size)
        if step != 1:
            raise ShapeMismatch(f"tensor {tensor.name!r}", "slices take steps of one", f"{item}")
        return start, max(start, stop)
    if not -size <= item < size:
        raise ShapeMismatch(f"tensor {tensor.name!r}", f"index outside axis {axis}", f"{item}")
    return item % size, item % size + 1


def freeze(value: Any) -> Hashable:
    """Return a hashable stand-in for an attribute: equal values, equal stand-ins."""
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(freeze, value))
    if isinstance(value, float):
        return ("float", value.hex())  # 0.0 equals -0.0, and NaN not even itself
    # 1, 1.0 and True are equal but not the same attribute.
    return (type(value).__name__, value)


def intern(
    op: Operation,
    inputs: tuple[Tensor, ...],
    attributes: dict[str, Any],
    shape: Shape,
    dtype: npt.DTypeLike,
) -> Tensor:
    """Return the one tensor with this op, these inputs and these attributes."""
    key = (op.name, inputs, tuple((name, freeze(attributes[name])) for name in sorted(attributes)))
    found = _interned.get(key)
    if found is not None:
        return found
    # A leaf has its whole name as an attribute.
    name = attributes["name"] if "name" in attributes else scoped(op.name)
    made = Tensor(op, inputs, attributes, shape, dtype, name)
    with _interning:  # for another thread may be building the same expression
        found = _interned.get(key)
        if found is None:
            _interned[key] = found = made
    return found


def _forget_lock() -> None:
    """Let a forked process intern, though a thread that it has not inherited was at it."""
    global _interning
    _interning = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


def topological(roots: Iterable[Tensor], known: Container[Tensor] = ()) -> list[Tensor]:
    """Return every tensor that `roots` depend on, inputs before users, each once.

    The order is that of a depth-first walk, so it depends on the expression alone. What only
    tensors in `known` depend on is left out.
    """
    order: dict[Tensor, None] = {}
    stack: list[tuple[Tensor, bool]] = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if node in order:
            continue
        if ready or node in known:
            order[node] = None
        else:
            stack.append((node, True))
            stack.extend((source, False) for source in reversed(node.inputs) if source not in order)
    return list(order)


def broadcast_shapes(subject: str, *shapes: Shape) -> Shape:
    """Return the shape that numpy's broadcasting gives, unknown sizes matching only themselves.

    Raises
    ------
    ShapeMismatch
        Two sizes differ and neither is one.
    """

    def unify(a: Dimension, b: Dimension) -> Dimension:
        if a == b or b == 1:
            return a
        if a == 1:
            return b
        raise ShapeMismatch(subject, "shapes do not broadcast", " and ".join(map(str, shapes)))

    def joined(a: Shape, b: Shape) -> Shape:
        rank = max(len(a), len(b))
        padded = [(1,) * (rank - len(shape)) + shape for shape in (a, b)]
        return tuple(unify(x, y) for x, y in zip(*padded, strict=True))

    return functools.reduce(joined, shapes)
