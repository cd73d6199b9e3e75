"""The leaves of a graph that get their values from outside: placeholders and variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidValue, ShapeMismatch
from .aligned import aligned
from .op import OPS, Op, Spec, as_tensor
from .tensor import Shape, Tensor, TensorLike, name_scope, scoped

__all__ = ["Initializer", "Variable", "constant", "placeholder"]

Initializer = Callable[[np.random.Generator, tuple[int, ...]], npt.NDArray[Any]]


class _Placeholder(Op):
    """y = the feed of this name."""

    name = "placeholder"

    def infer(self, *inputs: Tensor, **attributes: Any) -> Spec:
        return Spec(attributes["shape"], np.dtype(attributes["dtype"]))


class _Variable(Op):
    """y = the variable's value before this step's updates."""

    name = "variable"


_placeholder = _Placeholder()
_variable = _Variable()
OPS.add("placeholder", _placeholder)
OPS.add("variable", _variable)


def placeholder(name: str, shape: Shape = (None,), dtype: npt.DTypeLike = "float32") -> Tensor:
    """Return a tensor that is fed when the program runs.

    Parameters
    ----------
    name : str
        The name of the feed; one program may not hold two feeds of one name.
    shape : tuple of int, None or str
        ``None`` is the batch size; a word is the number of values in a ragged feed.
    dtype : dtype

    Returns
    -------
    Tensor

    Examples
    --------
    >>> from cannery.graph import placeholder
    >>> placeholder("x", (None, 3))
    <placeholder 'x' (batch, 3) float32>
    """
    return _placeholder(name=scoped(name), shape=tuple(shape), dtype=np.dtype(dtype).name)


def constant(value: TensorLike, dtype: npt.DTypeLike | None = None) -> Tensor:
    """Return a tensor that is always `value`.

    Examples
    --------
    >>> from cannery.graph import constant
    >>> constant([1.0, 2.0]).shape
    (2,)
    """
    return as_tensor(value if dtype is None else np.asarray(value, dtype))


class Variable(Tensor):
    """A tensor whose value lasts from step to step and changes by a program's updates.

    The node itself holds no current value: each running program has its own. Two variables are
    never the same node, even with equal names.

    Parameters
    ----------
    initial_value : array, number or callable
        The first value, or ``f(generator, shape)`` that draws it.
    name : str
        Unique within a program.
    shape : tuple of int, optional
        Needed where `initial_value` is callable or a number.
    dtype : dtype
        The default is that of `initial_value`, float32 for Python's floats.
    trainable : bool
        Whether optimizers may change it.
    additive : bool
        Whether it only adds up what steps put in, as a sum of squares does. Of steps that several
        workers take beside each other, it then holds the sum.

    Examples
    --------
    >>> from cannery.graph import Variable
    >>> Variable([[0.0, 0.0]], "weights")
    <variable 'weights' (1, 2) float32>
    """

    __slots__ = ("additive", "initial_value", "trainable")

    initial_value: npt.NDArray[Any] | Initializer
    trainable: bool
    additive: bool

    def __init__(
        self,
        initial_value: TensorLike | Initializer,
        name: str = "variable",
        *,
        shape: tuple[int, ...] | None = None,
        dtype: npt.DTypeLike | None = None,
        trainable: bool = True,
        additive: bool = False,
    ):
        name = scoped(name)
        if callable(initial_value):
            if shape is None:
                raise ShapeMismatch(f"variable {name!r}", "a drawn initial value needs a shape")
            dtype = dtype or "float32"
        else:
            array = np.asarray(initial_value, dtype)
            if array.dtype == np.float64 and dtype is None and not hasattr(initial_value, "dtype"):
                array = array.astype(np.float32)
            if shape is not None:
                try:
                    np.broadcast_to(array, shape)
                except ValueError:
                    raise ShapeMismatch(
                        f"variable {name!r}", f"must have shape {shape}", array.shape
                    ) from None
            # Kept as it was given: a number for a large table takes no room.
            shape = array.shape if shape is None else shape
            initial_value, dtype = array, array.dtype
        if any(not isinstance(size, (int, np.integer)) or size < 0 for size in shape):
            raise InvalidValue(f"variable {name!r}", "needs a known shape", shape)
        super().__init__(_variable, (), {"name": name}, tuple(map(int, shape)), dtype, name)
        object.__setattr__(self, "initial_value", initial_value)
        object.__setattr__(self, "trainable", trainable)
        object.__setattr__(self, "additive", additive)

    def __reduce__(self) -> Any:
        return _rebuild_variable, (
            self.initial_value,
            self.name,
            self.shape,
            self.dtype,
            self.trainable,
            self.additive,
        )

    def initialize(self, generator: np.random.Generator) -> npt.NDArray[Any]:
        """Return a fresh first value."""
        value: Any = self.initial_value
        shape: Any = self.shape
        drawn = np.asarray(value(generator, shape) if callable(value) else value)
        if callable(value) and drawn.shape == shape and drawn.dtype == self.dtype:
            return np.require(drawn, requirements=["C", "W"])
        found = aligned(shape, self.dtype)
        found[...] = drawn
        return found


def _rebuild_variable(
    initial_value: Any, name: str, shape: Any, dtype: Any, trainable: bool, additive: bool
) -> Variable:
    kind: Any = {"trainable": trainable, "additive": additive}
    with name_scope(""):
        return Variable(initial_value, name, shape=shape, dtype=dtype, **kind)
