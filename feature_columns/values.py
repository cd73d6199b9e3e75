"""What a raw cell means to a categorical column: its kind and its canonical text."""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["is_missing", "is_several", "kind_of", "kinds_of", "shown", "text", "texts", "whole"]

_WHOLE = re.compile(r"-?[0-9]+(\.0)?")
_BOOLEANS = {"False": 0, "True": 1}
_SEVERAL = (list, tuple, set, frozenset, np.ndarray)


def is_missing(value: Any) -> bool:
    """None, NaN, NaT, pd.NA and the empty string are missing."""
    if value is None or (isinstance(value, (str, bytes)) and not value):
        return True
    try:
        return bool(value != value)
    except TypeError:
        # pd.NA refuses to be true or false.
        return True


def is_several(value: Any) -> bool:
    """Whether a cell holds several values: a list, tuple, set or array."""
    return isinstance(value, _SEVERAL)


def text(value: Any) -> str:
    """Return the canonical text of a value that is not missing.

    5, 5.0, ``np.int64(5)`` and "5" are all "5", so a change of dtype never changes an id. A
    time at midnight is its date.

    Examples
    --------
    >>> [text(value) for value in (5, 5.0, "5", 0.5, True, b"a")]
    ['5', '5', '5', '0.5', 'True', 'a']
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return "True" if value else "False"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        number = float(value)
        return str(int(number)) if math.isfinite(number) and number.is_integer() else str(value)
    if isinstance(value, (bytes, np.bytes_)):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime.date):
        return str(value).removesuffix(" 00:00:00")
    return str(value)


def texts(values: Sequence[Any] | np.ndarray) -> list[str]:
    """Return `text` of each value."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iu":
        return list(map(str, values.tolist()))
    return [value if type(value) is str else text(value) for value in values]


def kind_of(value: Any) -> str:
    """Return "text", "number", "boolean", "date" or "other" for a value that is not missing."""
    if isinstance(value, (str, bytes)):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "boolean"
    if isinstance(value, (numbers.Real, decimal.Decimal)):
        return "number"
    if isinstance(value, (datetime.date, datetime.timedelta, np.datetime64)):
        return "date"
    return "other"


def kinds_of(values: Sequence[Any] | np.ndarray) -> frozenset[str]:
    """Return the kinds that occur among the values."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        kind = "boolean" if values.dtype.kind == "b" else "number"
        return frozenset([kind] if len(values) else [])
    return frozenset(kind_of(value) for value in _one_of_each_type(values))


def shown(value: Any) -> str:
    """Return a value as one would write it: a number of numpy's as the number it is.

    Examples
    --------
    >>> shown(np.int64(7)), shown(np.array(["a"])), shown("a")
    ('7', "['a']", "'a'")
    """
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return str(value)
    return repr(value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value)


def whole(value: str) -> int | None:
    """Return the 64-bit whole number that a canonical text stands for, if it does."""
    if value in _BOOLEANS:
        return _BOOLEANS[value]
    if not _WHOLE.fullmatch(value) or len(value) > 25:
        return None
    found = int(value.removesuffix(".0"))
    return found if -(2**63) <= found < 2**63 else None


def _one_of_each_type(values: Iterable[Any]) -> Iterable[Any]:
    return {type(value): value for value in values}.values()
