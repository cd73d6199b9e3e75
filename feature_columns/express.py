"""From encoded columns to tensors: the feeds of a graph, and each column's part of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Tensor, concat, placeholder
from ..graph import sum as total
from .column import Categorical, Column, Number
from .encoding import ColumnSet, Encoded

__all__ = ["Bag", "Features", "feeds"]


@dataclass(frozen=True)
class Bag:
    """The ids of a categorical column as tensors.

    Parameters
    ----------
    ids : Tensor
        Shape ``(batch, 1)``; or one entry a value where `lengths` says how many each row has.
        Negative ids count for nothing.
    weights : Tensor, optional
        One per id.
    lengths : Tensor, optional
        The number of values of each row.
    """

    ids: Tensor
    weights: Tensor | None = None
    lengths: Tensor | None = None


class Features:
    """The feeds of learnt columns as placeholders.

    Parameters
    ----------
    columns : ColumnSet
        Learnt columns.

    Examples
    --------
    >>> from cannery.feature_columns import ColumnSet, numeric_column
    >>> columns = ColumnSet([numeric_column("age"), numeric_column("pay")]).learn(
    ...     {"age": [1.0, 2.0], "pay": [3.0, 4.0]}
    ... )
    >>> Features(columns).numbers(columns.columns).shape
    (None, 2)
    """

    def __init__(self, columns: ColumnSet):
        self._columns = columns
        width = sum(core.width for core in columns.cores if isinstance(core, Number))
        flat = [
            core for core in columns.cores if isinstance(core, Categorical) and not core.several
        ]
        long = any(np.dtype(core.dtype).itemsize > 4 for core in flat)
        # Without any column the numbers, of no width, still say how many rows there are.
        self._numbers = placeholder("numbers", (None, width))
        self._ids = placeholder("ids", (None, len(flat)), "int64" if long else "int32")
        several = [core for core in columns.cores if isinstance(core, Categorical) and core.several]
        self._ragged = {str(columns.slot(core).place): self._bag(core) for core in several}

    def _bag(self, column: Categorical) -> Bag:
        name = str(self._columns.slot(column).place)
        ids = placeholder(name, (name,), column.dtype)
        lengths = placeholder(f"{name}/lengths", (None,), "int32")
        weights = placeholder(f"{name}/weights", (name,)) if column.weighted else None
        return Bag(ids, weights, lengths)

    def number(self, column: Number) -> Tensor:
        """Return the values of one column, shape ``(batch, column.width)``."""
        place: Any = self._columns.slot(column).place
        return self._numbers[:, place]

    def numbers(self, columns: Sequence[Number]) -> Tensor:
        """Return the values of several columns side by side."""
        return concat([self.number(column) for column in columns], axis=1)

    def zeros(self, width: int) -> Tensor:
        """Return zeros of shape ``(batch, width)``."""
        nothing = self._numbers[:, :0]
        return total(nothing, axis=1, keepdims=True) + np.zeros(width, np.float32)

    def is_ragged(self, column: Column) -> bool:
        """Whether the rows of a categorical column have several ids each."""
        return self._columns.slot(column).block == "ragged"

    def bag(self, column: Categorical) -> Bag:
        """Return the ids of one column."""
        slot = self._columns.slot(column)
        if slot.block == "ids":
            assert isinstance(slot.place, int)
            return Bag(self._ids[:, slot.place : slot.place + 1])
        return self._ragged[str(slot.place)]


def feeds(encoded: Encoded) -> Mapping[str, Any]:
    """Return encoded columns by the names of the placeholders in `Features`."""
    return {"numbers": encoded.numbers, "ids": encoded.ids, **encoded.ragged}
