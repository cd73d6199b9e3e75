"""The raw columns that an encoder reads, and what columns have learnt of their cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..cells import Cells
from ..encoding import ColumnSet
from ..sparse import Sparse
from ..weighted import Weighted
from .literals import identifier

__all__ = ["RawColumn", "raw_columns"]


@dataclass(frozen=True)
class RawColumn:
    """A cell of each row.

    Parameters
    ----------
    key : str
        The name of the raw column.
    constant : str
        The C name of its place, for a model called ``model``.
    meaning : {"text", "number", "boolean", "entry"}
        What its values were in training; "entry" is one of a sparse matrix.
    several : bool
        Whether cells are lists.
    longest : int
        How many values a cell had at most.
    """

    key: str
    constant: str
    meaning: str
    several: bool
    longest: int


def raw_columns(columns: ColumnSet) -> tuple[RawColumn, ...]:
    """Return the raw columns that are read, in the order of `ColumnSet.keys`."""
    found: dict[str, list[Cells]] = {}
    left: list[object] = list(columns.cores)
    sparse = False
    lists: set[str] = set()
    while left:
        part = left.pop()
        sparse |= isinstance(part, Sparse)
        cells, key = getattr(part, "cells", None), getattr(part, "key", None)
        if isinstance(cells, Cells) and isinstance(key, str):
            found.setdefault(key, []).append(cells)
        if isinstance(part, Weighted) and part.source.several:
            lists.add(part.weight_feature_key)
        left += [*getattr(part, "leaves", ()), *getattr(part, "inside", ())]
        left += [part.source] if hasattr(part, "source") else []
    read = {key for column in columns.cores for key in column.keys}
    keys = [key for key in columns.keys if key in read]
    return tuple(
        RawColumn(
            key,
            constant,
            "entry" if sparse else _meaning(found.get(key, [])),
            sparse or key in lists or any(cells.several for cells in found.get(key, [])),
            max((cells.longest for cells in found.get(key, [])), default=1),
        )
        for key, constant in zip(keys, _constants(keys), strict=True)
    )


def _meaning(cells: Sequence[Cells]) -> str:
    """Return what texts mean in a column of such cells; of weights none are known."""
    kinds = {kind for each in cells for kind in each.kinds} - {"missing"}
    if kinds == {"boolean"}:
        return "boolean"
    return "number" if kinds <= {"number"} else "text"


def _constants(keys: Sequence[str]) -> Iterator[str]:
    taken: set[str] = set()
    for key in keys:
        wanted = found = f"MODEL_COLUMN_{identifier(key).upper()}"
        number = 2
        while found in taken:
            found, number = f"{wanted}_{number}", number + 1
        taken.add(found)
        yield found
