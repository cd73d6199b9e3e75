"""What an op is: a shape rule, an array kernel, a gradient and its C text, in one object.

Adding an op is writing one subclass of `Op` (or one row with `elementwise`) and giving it
`samples`; the contract tests find it in `OPS` and check every facet of it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, NotFound, ShapeMismatch
from .code import Code, Index, Push, Writer
from .tensor import OPS, Shape, Tensor, TensorLike, broadcast_shapes, intern

__all__ = ["OPS", "Array", "Call", "Kernel", "Op", "Sample", "Spec", "as_tensor", "elementwise"]

# Calls in the C text of a row; isnan and isfinite serve every dtype.
_CALL = re.compile(r"\b(?!isnan|isfinite)([a-z]\w*)\(")

Array = Any
Kernel = Callable[..., Array]
Call = functools.partial[Any]
DTYPES = frozenset(map(np.dtype, ("float32", "float64", "int32", "int64", "uint64", "bool")))


@dataclass(frozen=True)
class Spec:
    """The shape and dtype an op gives."""

    shape: Shape
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Sample:
    """Arrays and attributes to try an op on; axis 0 of arrays in `batched` is the batch.

    `differentiable` says whether the gradient is smooth at these arrays.
    """

    arrays: tuple[npt.NDArray[Any], ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    batched: tuple[int, ...] = (0,)
    differentiable: bool = True


class Op:
    """One operation of the graph.

    A subclass sets `name` and writes `infer`, `kernel`, `gradient` and `samples`; the module then
    registers one instance. Instances are called to build tensors.
    """

    name: str = ""
    view: bool = False
    """The result is a view of the first input: it needs no buffer."""
    overwrites: slice = slice(0)
    """The inputs whose memory `out` may be, because the kernel reads before it writes."""

    by_row: bool = False
    """Where axis 0 is the batch, row i of the result depends on row i of the inputs alone."""
    broadcasts: bool = False
    """Inputs of different ranks are aligned at their last axis."""
    row_local: bool = False
    """As `by_row`, up to rounding, or but for the row's number in the batch."""
    random_access: tuple[int, ...] = ()
    """The inputs whose elements are read in no order: their C text needs them in memory."""
    folds: bool = False
    """The C text of one element loops over elements of the inputs."""
    initial: float = 0
    """What the elements are before `push`."""
    ids: slice = slice(0)
    """The inputs that hold ids below `id_limit`, any of which may be missing."""
    of_shapes: bool = False
    """The result depends on the shapes of the inputs alone."""
    shares_tables: bool = False
    """All rows read the same large inputs: the more rows at a time, the less often these."""
    libraries: tuple[str, ...] = ()
    """The parts of the C library that its C text calls, besides those that all programs have."""

    # `Any` lets a subclass name its inputs and attributes.
    def infer(self, *inputs: Any, **attributes: Any) -> Spec:
        """Return the shape and dtype of the result, or raise `ShapeMismatch`."""
        raise NotFound(f"op {self.name!r}", "has no shape rule")

    def kernel(self, xp: Any, *_: Any, **attributes: Any) -> Kernel:
        """Return ``f(*arrays, out)``: the value, written into `out` unless that is None.

        `xp` is the array namespace: numpy, or one that follows it. With ``out=None`` the function
        changes none of its arguments, so that a tracing array library can run it.
        """
        raise NotFound(f"op {self.name!r}", "has no array kernel")

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        """Return numpy's own calls that have `out` follow what is written into `arrays`.

        The kernel's values up to rounding, without what it looks up anew each time. `sure` says
        that every id is there and in range, so that nobody need look.
        """
        return [functools.partial(self.kernel(np, **y.attributes), *arrays, out)]

    def id_limit(self, y: Tensor) -> int:
        """Return what the ids must be below, where the op looks up ids; 0 where only feeds tell."""
        size = y.inputs[0].shape[0]
        return size if isinstance(size, int) else 0

    def gradient(
        self, g: Tensor, y: Tensor, *inputs: Any, **attributes: Any
    ) -> Sequence[Tensor | None]:
        """Return the gradient for each input, given `g` for `y`; None where it is zero.

        Broadcasting need not be undone here: `gradients` sums to the input's shape.
        """
        return (None,) * len(inputs)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        """Return the C text of the element of `y` at `index`.

        ``c.read(x, place)`` gives an element of an input; a view only changes the place.
        """
        raise NotFound(f"op {self.name!r}", "has no C text")

    def push_shape(self, y: Tensor) -> Shape | None:
        """Return what to loop over where elements go to places that only data tell.

        The C text is then that of `push`, and the result starts as `initial`. None where each
        element of `y` is computed by itself, by `emit`.
        """
        return None

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        """Return what the element of the domain at `index` does to the result."""
        raise NotFound(f"op {self.name!r}", "pushes nothing")

    def writes(self, y: Tensor) -> bool:
        """Whether the op writes its own loops, in `write`, for want of a simple rule.

        If it is `row_local` too, its loops run over the rows at hand, ``c.size(y.shape[0])``.
        """
        return False

    def write(self, c: Writer, y: Tensor) -> None:
        """Write the C statements that compute all of `y`; every input is in memory."""
        raise NotFound(f"op {self.name!r}", "writes no statements")

    def beside(self, y: Tensor) -> int:
        """Return the bytes that the C text of `write` needs after those of the result."""
        return 0

    def samples(self) -> Iterable[Sample]:
        """Return arrays to check this op on; at least one."""
        return ()

    def __call__(self, *inputs: TensorLike, **attributes: Any) -> Tensor:
        """Apply the op and return the tensor of its result."""
        like = next((x for x in inputs if isinstance(x, Tensor)), None)
        tensors = tuple(as_tensor(x, like) for x in inputs)
        spec = self.infer(*tensors, **attributes)
        return intern(self, tensors, attributes, spec.shape, spec.dtype)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> Any:
        return OPS.__getitem__, (self.name,)

    def refuse(self, wrong: str, *inputs: Tensor) -> ShapeMismatch:
        """Return the error for inputs that do not go together."""
        given = ", ".join(f"{x.name} {x.shape} {x.dtype}" for x in inputs)
        return ShapeMismatch(f"op {self.name!r}", wrong, given)

    def require_axes(self, x: Tensor, *axes: Any) -> None:
        """Refuse anything but axes of `x`, each once, counted from the front."""
        known = all(type(i) is int and 0 <= i < x.rank for i in axes)
        if not known or len(set(axes)) < len(axes):
            raise self.refuse(f"has no axes {axes}", x)


class _Constant(Op):
    """y = value."""

    name = "constant"

    def infer(self, *inputs: Tensor, value: Any = None, **attributes: Any) -> Spec:
        return Spec(value.shape, value.dtype)

    def kernel(self, xp: Any, value: Any = None, **attributes: Any) -> Kernel:
        return lambda out=None: value


_constant = _Constant()
OPS.add("constant", _constant)


def as_tensor(value: TensorLike, like: Tensor | None = None) -> Tensor:
    """Return `value` as a tensor; Python numbers take the dtype of `like`.

    Raises
    ------
    InvalidType
        The value is no number or array of numbers.
    """
    if isinstance(value, Tensor):
        return value
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise InvalidType("constant", "must be numbers", repr(value))
    weak = isinstance(value, (bool, int, float)) or (
        isinstance(value, (list, tuple)) and array.dtype.kind in "fi"
    )
    if weak and like is not None and not (array.dtype.kind == "f" and like.dtype.kind in "iub"):
        array = array.astype(like.dtype if array.dtype.kind != "b" else array.dtype)
    elif weak and array.dtype.kind == "f":
        array = array.astype(np.float32)
    elif array.dtype not in DTYPES:
        wider = {"f": np.float32, "i": np.int32, "u": np.int64}[array.dtype.kind]
        array = array.astype(wider)
    # A graph is immutable, so nobody may write into a constant afterwards.
    array = np.array(array, order="C")
    array.flags.writeable = False
    return intern(_constant, (), {"value": array}, array.shape, array.dtype)


class _Elementwise(Op):
    """y[i] = f(x[i], ...) with numpy's broadcasting."""

    by_row = True
    broadcasts = True

    def __init__(
        self,
        name: str,
        kernel: str | Callable[..., Array],
        c: str,
        gradient: Callable[..., Sequence[Tensor | None]] | None,
        arity: int,
        result: str | None,
        kinds: str,
        lows: Sequence[float],
        highs: Sequence[float],
        overwrites: bool,
        calls: Callable[..., list[Call]] | None,
    ):
        self._calls = calls
        self.name, self.c, self.arity, self.result, self.kinds = name, c, arity, result, kinds
        self._kernel, self._gradient = kernel, gradient
        self._ranges = list(zip(lows, highs, strict=True))
        self.overwrites = slice(None) if overwrites else slice(0)

    def infer(self, *inputs: Tensor, **attributes: Any) -> Spec:
        if len(inputs) != self.arity:
            raise self.refuse(f"takes {self.arity} inputs", *inputs)
        if any(x.dtype != inputs[0].dtype for x in inputs):
            raise self.refuse("inputs must have one dtype (use cast)", *inputs)
        if inputs[0].dtype.kind not in self.kinds:
            raise self.refuse(f"is not defined for {inputs[0].dtype}", *inputs)
        shape = broadcast_shapes(f"op {self.name!r}", *(x.shape for x in inputs))
        return Spec(shape, np.dtype(self.result) if self.result else inputs[0].dtype)

    def kernel(self, xp: Any, **attributes: Any) -> Kernel:
        if isinstance(self._kernel, str):
            # An array library other than numpy takes no `out`, and its kernels never get one.
            function: Kernel = getattr(xp, self._kernel)
            return function if xp is np else lambda *arrays: function(*arrays[: self.arity])
        return functools.partial(self._kernel, xp, **attributes)

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        if self._calls is None:
            return super().calls(y, arrays, out, sure)
        return self._calls(*arrays, out)

    def gradient(
        self, g: Tensor, y: Tensor, *inputs: Tensor, **attributes: Any
    ) -> Sequence[Tensor | None]:
        if self._gradient is None:
            return (None,) * len(inputs)
        return self._gradient(g, y, *inputs, **attributes)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        operands = [c.read(x, index.broadcast(x.shape)) for x in y.inputs]
        dtype = y.inputs[0].dtype
        text = _CALL.sub(lambda found: f"{c.function(found[1], dtype)}(", self.c)
        return Code(text.format(*operands), *operands)

    def samples(self) -> Iterable[Sample]:
        generator = np.random.default_rng(len(self.name))
        kind = "float64" if "f" in self.kinds else "bool"
        full, row, column = (4, 3), (3,), (4, 1)
        groups: list[tuple[tuple[int, ...], ...]] = [(full,) * self.arity]
        if self.arity == 2:
            groups += [(full, row), (column, full)]
        for group in groups:
            arrays = tuple(
                generator.uniform(low, high, shape)
                if kind != "bool"
                else generator.random(shape) > 0.5
                for shape, (low, high) in zip(group, self._ranges, strict=True)
            )
            batched = tuple(i for i, shape in enumerate(group) if shape[0] == 4)
            yield Sample(arrays, batched=batched, differentiable=self._gradient is not None)


def elementwise(
    name: str,
    kernel: str | Callable[..., Array],
    c: str,
    gradient: Callable[..., Sequence[Tensor | None]] | None = None,
    *,
    arity: int = 1,
    result: str | None = None,
    kinds: str = "fiu",
    low: float | Sequence[float] = -2.0,
    high: float | Sequence[float] = 2.0,
    overwrites: bool = True,
    calls: Callable[..., list[Call]] | None = None,
) -> Op:
    """Register an elementwise op: a row says all there is to it.

    Parameters
    ----------
    name : str
    kernel : str or callable
        A function of the array namespace that takes ``(*arrays, out)``, by name; or
        ``f(xp, *arrays, out)``.
    c : str
        The C text, ``{0}`` standing for the first input; functions as in ``tgmath.h``.
    gradient : callable, optional
        ``f(g, y, *inputs)`` gives a gradient for each input; left out where it is zero.
    arity : int
        The number of inputs.
    result : str, optional
        The dtype of the result where it is not that of the inputs.
    kinds : str
        The kinds of dtype it takes: f, i, u, b as in numpy.
    low, high : float or sequence of float
        The range of the sample inputs: where the function is defined and smooth.
    overwrites : bool
        Whether ``out`` may be one of the inputs.
    calls : callable, optional
        ``f(*arrays, out)``, see `Op.calls`.
    """
    lows = [low] * arity if isinstance(low, (int, float)) else low
    highs = [high] * arity if isinstance(high, (int, float)) else high
    row = _Elementwise(
        name, kernel, c, gradient, arity, result, kinds, lows, highs, overwrites, calls
    )
    OPS.add(name, row)
    return row
