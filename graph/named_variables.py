"""Variables by name, as TensorFlow 1 has them: scopes, sharing and first values to be drawn."""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidValue, ShapeMismatch
from . import initializers, variables
from .tensor import Tensor, name_scope, scoped
from .variables import constant

__all__ = [
    "AUTO_REUSE",
    "Variable",
    "get_variable",
    "ones",
    "random_normal",
    "random_uniform",
    "reset_default_graph",
    "trainable_variables",
    "truncated_normal",
    "variable_scope",
    "zeros",
]

AUTO_REUSE = "auto"
_made: weakref.WeakValueDictionary[str, Variable] = weakref.WeakValueDictionary()
_reuse: contextvars.ContextVar[Any] = contextvars.ContextVar("reuse", default=False)


class _Draw:
    """A first value to be drawn when a session needs it."""

    def __init__(self, initializer: variables.Initializer, shape: Sequence[int]):
        self.initializer, self.shape = initializer, tuple(shape)


def random_normal(shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0) -> _Draw:
    """Return a first value for a `Variable`, normally distributed."""
    return _Draw(initializers.normal(mean, stddev), shape)


def truncated_normal(shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0) -> _Draw:
    """Return a first value for a `Variable`, from a normal distribution cut at two deviations."""
    return _Draw(initializers.truncated_normal(mean, stddev), shape)


def random_uniform(shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0) -> _Draw:
    """Return a first value for a `Variable`, evenly distributed."""
    return _Draw(initializers.uniform(minval, maxval), shape)


def zeros(shape: Sequence[int], dtype: npt.DTypeLike = np.float32) -> Tensor:
    """Return zeros."""
    return constant(np.zeros(shape, dtype))


def ones(shape: Sequence[int], dtype: npt.DTypeLike = np.float32) -> Tensor:
    """Return ones."""
    return constant(np.ones(shape, dtype))


class Variable(variables.Variable):
    """A variable with TensorFlow 1's arguments; a name that is taken gets a number.

    Parameters
    ----------
    initial_value : number, array, constant tensor or `random_normal` and its like
    trainable : bool
    name : str, optional
    dtype : dtype, optional
    """

    __slots__ = ()

    def __init__(
        self,
        initial_value: Any,
        trainable: bool = True,
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ):
        whole, count = scoped(name or "Variable"), 0
        while (unique := f"{whole}_{count}" if count else whole) in _made:
            count += 1
        shape = initial_value.shape if isinstance(initial_value, _Draw) else None
        first = _first_value(initial_value)
        with name_scope(""):
            super().__init__(first, unique, shape=shape, dtype=dtype, trainable=trainable)
        _made[unique] = self


def _first_value(value: Any) -> Any:
    if isinstance(value, _Draw):
        return value.initializer
    if not isinstance(value, Tensor):
        return value
    if value.op.name != "constant":
        wanted = "a variable starts at a number, an array or a random_normal and its like"
        raise InvalidValue(f"tensor {value.name!r}", wanted)
    return value.attributes["value"]


def get_variable(
    name: str,
    shape: Sequence[int] | None = None,
    dtype: npt.DTypeLike = np.float32,
    initializer: Any = None,
    trainable: bool = True,
) -> variables.Variable:
    """Return the variable of this name: a new one, or where the scope says ``reuse`` the old one.

    Raises
    ------
    InvalidValue
        The name is taken and not to be reused, or the other way round.
    ShapeMismatch
        The old one has another shape.
    """
    whole, reuse = scoped(name), _reuse.get()
    if whole not in _made:
        if reuse and reuse != AUTO_REUSE:
            raise InvalidValue(f"variable {whole!r}", "is to be reused and does not exist")
        first = initializers.glorot_uniform() if initializer is None else initializer
        if callable(first) and shape is not None:
            first = _Draw(first, shape)
        return Variable(first, trainable, name, dtype)
    if not reuse:
        todo = "say variable_scope(..., reuse=True), or reset_default_graph() to start afresh"
        raise InvalidValue(f"variable {whole!r}", "exists already", todo=todo)
    found = _made[whole]
    if shape is not None and found.shape != tuple(shape):
        raise ShapeMismatch(f"variable {whole!r}", f"has the shape {found.shape}", tuple(shape))
    return found


@contextlib.contextmanager
def variable_scope(name: str, reuse: Any = None) -> Iterator[str]:
    """Prefix names with ``name/``; ``reuse`` is True, False or `AUTO_REUSE`."""
    token = _reuse.set(reuse or _reuse.get())
    try:
        with name_scope(name) as scope:
            yield scope
    finally:
        _reuse.reset(token)


def reset_default_graph() -> None:
    """Free the names of all variables."""
    _made.clear()


def trainable_variables() -> list[variables.Variable]:
    """Return the variables that exist and may be trained."""
    return [variable for variable in _made.values() if variable.trainable]
