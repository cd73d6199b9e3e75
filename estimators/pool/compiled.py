"""What workers say of rows, made one by C: to the bits of numpy."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph.compiler.extension import Extension

__all__ = ["MERGING", "merge_rows"]

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
AT_ONCE = 1024  # rows
MOST_ROWS = 2**31 - 1
MERGING = Extension(
    __package__,
    ["rows.c"],
    {"pool_merge": [*[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 12]},
    "workers' news is merged by numpy",
    # A fused product and sum would round once where numpy rounds twice.
    flags=("-ffp-contract=off",),
)


def merge_rows(
    kinds: Sequence[int],
    shares: npt.NDArray[np.float64],
    state: Sequence[Array],
    messages: Sequence[tuple[Array, Sequence[Array]]],
    aside: bool = False,
) -> tuple[Array, list[Array]] | None:
    """Merge rows of tables that have the same ids; None where numpy must do it.

    Parameters
    ----------
    kinds : sequence of int
        Of each table: 0 by AdaSum, 1 a sum, 2 a mean.
    shares : ndarray
        Of each worker in a mean.
    state : sequence of ndarray, shape (rows, ...)
        The tables that the round began with. New values are written there, unless `aside`.
    messages : sequence of (ndarray, sequence of ndarray)
        Of each worker its rows, and new values of them in each table.

    Returns
    -------
    rows, values
        What was merged, without rows where it was written.
    """
    told = [tables[place] for place in range(len(state)) for _, tables in messages]
    library = MERGING.find() if _known([*state, *told]) else None
    if library is None:
        return None
    workers, widths = len(messages), _widths(state)
    ids = [np.ascontiguousarray(rows, np.int32) for rows, _ in messages]
    counts = np.array([len(rows) for rows in ids], np.int64)
    most = min(int(counts.sum()), len(state[0])) if aside else 0
    rows = np.empty(most, np.int32)
    into = [np.empty((most, *one.shape[1:]), np.float32) for one in state] if aside else state
    room = np.empty((workers + 1) * int(widths.max()) + 1)
    at, places = np.zeros(workers, np.int64), np.empty(AT_ONCE * workers, np.int32)
    number = np.array(kinds, np.int32)
    done = library.pool_merge(
        workers,
        len(state),
        _places(ids),
        *map(_place, (counts, shares, widths, number)),
        *map(_places, (told, state, into)),
        _place(rows) if aside else None,
        *map(_place, (at, places, room)),
    )
    return rows[:done], [values[:done] for values in into] if aside else []


def _known(arrays: Sequence[Array]) -> bool:
    """Whether C can read them all."""
    return all(
        one.dtype == np.float32 and one.flags.c_contiguous and len(one) < MOST_ROWS
        for one in arrays
    )


def _widths(tables: Sequence[Array]) -> npt.NDArray[np.int64]:
    return np.array([math.prod(table.shape[1:]) for table in tables], np.int64)


def _place(array: Any) -> int:
    return int(array.ctypes.data)


def _places(arrays: Sequence[Array]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*map(_place, arrays))
