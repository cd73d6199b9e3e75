"""Raw columns as arrays of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidValue
from .values import is_missing, is_several, shown

__all__ = ["PLAIN", "first_text", "read_numbers"]

# Dates of numpy are integers too, but of no such type.
PLAIN = frozenset({int, float, np.int64, np.int32, np.float64, np.float32})
_TODO = "give numbers, or use a categorical column"


def read_numbers(key: str, cells: Any, width: int) -> np.ndarray:
    """Return a Series, an array or a list of cells as an ``(n, width)`` array of numbers.

    Booleans are 0 and 1, text is read as a number, missing cells are NaN. Integers stay
    integers.

    Raises
    ------
    InvalidValue
        A cell that is no number, an infinite one or a list of another length than `width`.

    Examples
    --------
    >>> read_numbers("age", ["41"], 1)
    array([[41.]])
    """
    if type(cells) is list and len(cells) == width == 1 and type(cells[0]) in PLAIN:
        number = float(cells[0])
        if math.isfinite(number):
            return np.array([[number]])
    found = _read(key, cells, width)
    if found.ndim == 1:
        found = found[:, np.newaxis]
    if found.shape[1] != width:
        raise InvalidValue(
            f"column {key!r}", f"must hold {width} numbers a row", str(found.shape[1])
        )
    if found.dtype.kind == "f" and np.isinf(found).any():
        row = int(np.flatnonzero(np.isinf(found).any(axis=1))[0])
        given = shown(found[row] if width > 1 else found[row, 0])
        raise InvalidValue(f"column {key!r}", f"row {row} is infinite", given, "clip it or drop it")
    return found


def first_text(cells: Any) -> tuple[int, Any] | None:
    """Return the first text among the cells and its row; None where there is none.

    Examples
    --------
    >>> first_text(["", "41"])
    (1, '41')
    """
    if isinstance(cells, pd.Series):
        kinds = cells.cat.categories.dtype if isinstance(cells.dtype, pd.CategoricalDtype) else None
        if pd.api.types.is_numeric_dtype(kinds or cells.dtype):
            return None
        cells = cells.to_numpy(dtype=object)
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iufbmM":
        return None
    for row, cell in enumerate(cells):
        for value in cell if is_several(cell) else (cell,):
            if isinstance(value, (str, bytes)) and value:
                return row, value
    return None


def _read(key: str, cells: Any, width: int) -> np.ndarray:
    if isinstance(cells, pd.Series):
        dtype = cells.dtype
        if isinstance(dtype, pd.CategoricalDtype):
            return _by_distinct(key, cells.cat.codes.to_numpy(), list(cells.cat.categories))
        if isinstance(dtype, np.dtype):
            cells = cells.to_numpy()
        elif pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
            found: np.ndarray = cells.to_numpy(dtype=np.float64, na_value=np.nan)
            return found
        elif isinstance(dtype, pd.StringDtype):
            codes, values = pd.factorize(cells)
            return _by_distinct(key, codes, list(values))
        else:
            cells = cells.to_numpy(dtype=object)
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iufb":
        return cells.astype(np.float64) if cells.dtype.kind == "b" else cells
    return _objects(key, cells, width)


def _by_distinct(key: str, codes: np.ndarray, values: list[Any]) -> np.ndarray:
    found = np.append([_number(value) for value in values], np.nan)
    wrong = [at for at, value in enumerate(values) if np.isnan(found[at]) and not is_missing(value)]
    if wrong and np.isin(codes, wrong).any():
        row = int(np.isin(codes, wrong).argmax())
        _refuse(key, row, values[codes[row]])
    taken: np.ndarray = found[codes]
    return taken


def _objects(key: str, cells: Any, width: int) -> np.ndarray:
    if width > 1 or (len(cells) and is_several(cells[0])):
        return _vectors(key, cells, width)
    found = np.array([_number(cell) for cell in cells], dtype=np.float64)
    for row in np.flatnonzero(np.isnan(found)):
        if is_several(cells[row]):
            return _vectors(key, cells, width)
        if not is_missing(cells[row]):
            _refuse(key, int(row), cells[row])
    return found


def _vectors(key: str, cells: Any, width: int) -> np.ndarray:
    found = np.full((len(cells), width), np.nan)
    for row, cell in enumerate(cells):
        several = is_several(cell)
        if not several and width > 1:
            if not is_missing(cell):
                _refuse(key, row, cell, f"give {width} numbers a row")
            continue
        values = np.asarray(list(cell), dtype=object).ravel() if several else [cell]
        if len(values) != width:
            _refuse(key, row, cell, f"give {width} numbers a row")
        found[row] = [_number(value) for value in values]
        if any(np.isnan(found[row]) & [not is_missing(value) for value in values]):
            _refuse(key, row, cell)
    return found


def _number(value: Any) -> float:
    # numpy would count nanoseconds, and Python reads "1_000".
    if isinstance(value, (np.datetime64, np.timedelta64)) or "_" in str(value):
        return np.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _refuse(key: str, row: int, value: Any, todo: str = _TODO) -> None:
    raise InvalidValue(f"column {key!r}", f"row {row} is not a number", shown(value), todo)
