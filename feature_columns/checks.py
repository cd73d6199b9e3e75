"""Checks of the arguments that several kinds of column share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidType, InvalidValue

__all__ = ["check_choice", "check_count", "check_key"]


def check_key(key: Any) -> str:
    """Return `key` if it can name a raw column."""
    if not isinstance(key, str) or not key:
        raise InvalidType("key", "must be the name of a column", repr(key))
    return key


def check_count(subject: str, value: Any, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise InvalidType(subject, "must be a whole number", repr(value))
    if value < least:
        raise InvalidValue(subject, f"must be at least {least}", int(value))
    return int(value)


def check_choice(subject: str, value: Any, choices: tuple[Any, ...]) -> Any:
    """Return `value` if it is one of `choices`."""
    if value not in choices:
        raise InvalidValue(subject, f"must be one of {', '.join(map(repr, choices))}", repr(value))
    return value
