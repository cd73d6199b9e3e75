"""Hyperparameters as dataclass fields, with the range of each in its annotation.

An estimator, optimizer or schedule is a keyword-only dataclass over scikit-learn's
``BaseEstimator``: ``get_params``, ``set_params`` and ``clone`` come from there, the ranges are
checked by `check` when the object is used, never in ``__init__``.
"""

from __future__ import annotations

import functools
import math
import numbers
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

import numpy as np

from .errors import InvalidType, InvalidValue

__all__ = [
    "Allowed",
    "Fraction",
    "NonNegative",
    "NonNegativeInt",
    "OneOf",
    "Positive",
    "PositiveInt",
    "Real",
    "check",
    "hyperparameters",
]


T = TypeVar("T")


@dataclass(frozen=True)
class Allowed:
    """A set of values: a test for membership and the words that name it."""

    words: str
    contains: Callable[[Any], bool]


def _real(value: Any) -> bool:
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, (bool, np.bool_))
        and math.isfinite(value)
    )


def _integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))


Real = Annotated[float, Allowed("a finite number", _real)]
Positive = Annotated[float, Allowed("a number above 0", lambda v: _real(v) and v > 0)]
NonNegative = Annotated[float, Allowed("a number of at least 0", lambda v: _real(v) and v >= 0)]
Fraction = Annotated[float, Allowed("a number in [0, 1)", lambda v: _real(v) and 0 <= v < 1)]
PositiveInt = Annotated[
    int, Allowed("a whole number of at least 1", lambda v: _integer(v) and v >= 1)
]
NonNegativeInt = Annotated[
    int, Allowed("a whole number of at least 0", lambda v: _integer(v) and v >= 0)
]


def OneOf(*choices: Any) -> Any:
    """Annotate a field that takes one of `choices`."""
    words = "one of " + ", ".join(map(repr, choices))
    # `1 == True`, so the type counts as well.
    return Annotated[
        Any,
        Allowed(words, lambda v: any(v is c or (type(v) is type(c) and v == c) for c in choices)),
    ]


@typing.dataclass_transform(kw_only_default=True, eq_default=False)
def hyperparameters(cls: type[T]) -> type[T]:
    """Make `cls` a keyword-only dataclass that keeps scikit-learn's equality and repr."""
    return dataclass(kw_only=True, eq=False, repr=False)(cls)


@functools.cache
def _ranges(cls: type) -> dict[str, tuple[Allowed, ...]]:
    hints = typing.get_type_hints(cls, include_extras=True)
    found = {}
    for field in fields(cls):
        hint = hints[field.name]
        options = (
            typing.get_args(hint)
            if typing.get_origin(hint) in (typing.Union, type(int | None))
            else (hint,)
        )
        allowed = [option.__metadata__ for option in options if hasattr(option, "__metadata__")]
        if type(None) in options:
            allowed.append((Allowed("None", lambda v: v is None),))
        ranges = [entry for group in allowed for entry in group if isinstance(entry, Allowed)]
        if any(entry.words != "None" for entry in ranges):
            found[field.name] = tuple(ranges)
    return found


def check(owner: Any) -> None:
    """Raise unless every annotated field of `owner` is in its range.

    Raises
    ------
    InvalidValue
        A number out of range or a word that is not a choice.
    InvalidType
        A value of another type than the range is made of.
    """
    kind: Any = type(owner)
    for name, allowed in _ranges(kind).items():
        value = getattr(owner, name)
        if not any(entry.contains(value) for entry in allowed):
            wanted = " or ".join(entry.words for entry in allowed)
            wrong_type = not isinstance(value, (numbers.Real, str)) and value is not None
            error = InvalidType if wrong_type else InvalidValue
            raise error(f"{type(owner).__name__}.{name}", f"must be {wanted}", repr(value))
