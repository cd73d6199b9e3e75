"""What workers say of rows, made one by C: to the bits of numpy."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import CompileError
from ...graph.compiler.cache import warn_once
from ...graph.compiler.toolchain import find_toolchain, load

__all__ = ["merge_rows", "pool_library"]

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
EXACT = ("-ffp-contract=off",)  # a fused product and sum would round once where numpy rounds twice
AT_ONCE = 1024  # rows
MOST_ROWS = 2**31 - 1


def pool_library(jit: bool) -> Any:
    """Return the compiled library, from the cache where it is there; None without a compiler.

    Parameters
    ----------
    jit : bool
        Whether it is wanted.
    """
    if not jit or find_toolchain() is None:
        return None
    try:
        library = load(_source(), EXACT)
    except CompileError as error:
        warn_once(f"{error} (workers' news is merged by numpy)")
        return None
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    library.pool_merge.argtypes = [integer, integer, *[pointer] * 12]
    library.pool_merge.restype = integer
    return library


def merge_rows(
    library: Any,
    kinds: Sequence[int],
    shares: npt.NDArray[np.float64],
    state: Sequence[Array],
    messages: Sequence[tuple[Array, Sequence[Array]]],
    aside: bool = False,
) -> tuple[Array, list[Array]] | None:
    """Merge rows of tables that have the same ids; None where numpy must do it.

    Parameters
    ----------
    library : optional
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
    if library is None or not _known([*state, *told]):
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


@functools.cache
def _source() -> str:
    return (resources.files(__package__) / "c" / "rows.c").read_text(encoding="utf-8")
