"""Categorical columns whose values carry weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InvalidType, InvalidValue
from .c_text.writer import Looked, Writer
from .checks import check_key
from .column import Categorical
from .frames import Frame
from .ragged import Ragged
from .reading import read_numbers
from .values import is_several

__all__ = ["Weighted", "weighted_categorical_column"]


@dataclass(frozen=True)
class Weighted(Categorical, kind="weighted"):
    """The ids of a categorical column, each with the weight at its place."""

    source: Categorical
    weight_feature_key: str
    dtype_name: str = "float32"

    weighted = True

    @property
    def name(self) -> str:
        """The source's name, ``_weighted_by_`` and the weight's key."""
        return f"{self.source.name}_weighted_by_{self.weight_feature_key}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        return (*self.source.keys, self.weight_feature_key)

    @property
    def size(self) -> int:
        """The number of ids of the source."""
        return self.source.size

    @property
    def several(self) -> bool:
        """Weights are always kept per id, as in a `Ragged`."""
        return True

    @property
    def learned(self) -> bool:
        """Whether the source is."""
        return self.source.learned

    @property
    def settled(self) -> bool:
        """Whether the source is."""
        return self.source.settled

    def _learn(self, frame: Frame) -> Self:
        return dataclasses.replace(self, source=self.source.learn(frame))

    def tokens(self) -> list[str]:
        """Return what each id of the source stands for."""
        return self.source.tokens()

    def lookup(self, frame: Frame) -> Ragged:
        """Return the source's ids with their weights."""
        found = self.source.lookup(frame)
        if not isinstance(found, Ragged):
            found = Ragged(np.arange(len(found) + 1, dtype=np.int64), found)
        weights = self._weights(frame, found)
        return Ragged(found.offsets, found.ids, weights)

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the source's ids and reads their weights."""
        found = writer.lookup(self.source)
        weights = writer.array("float", writer.name("weights", self.name), found.capacity)
        cell = writer.cell(self.weight_feature_key)
        call = f"read_weights({cell}, {found.count}, {found.dropped}, {weights})"
        writer.call(self.weight_feature_key, call)
        return dataclasses.replace(found, weights=weights)

    def _weights(self, frame: Frame, ids: Ragged) -> np.ndarray:
        counts = np.diff(ids.offsets)
        cells = frame.column(self.weight_feature_key)
        rows = _lists(cells)
        if rows is None:
            weights = frame.numbers(self.weight_feature_key)[:, 0]
            lengths = np.ones(len(weights), dtype=np.int64)
        else:
            lengths = np.array([len(row) for row in rows], dtype=np.int64)
            weights = _flat_numbers(self.weight_feature_key, rows)
        # One weight beside a missing cell belongs to nothing.
        spare = (counts == 0) & (lengths == 1)
        wrong = np.flatnonzero((lengths != counts) & ~spare)
        if wrong.size:
            row = int(wrong[0])
            raise InvalidValue(
                f"column {self.name!r}",
                f"row {row} has {counts[row]} ids",
                f"{lengths[row]} weights",
                "give one weight for each id",
            )
        kept: np.ndarray = weights[np.repeat(~spare, lengths)].astype(np.float32)
        kept[np.isnan(kept)] = 0
        return kept


def _lists(cells: Any) -> list[Any] | None:
    if not isinstance(cells, list):
        cells = np.asarray(cells)
        if cells.ndim == 1 and cells.dtype != object:
            return None
        cells = list(cells)
    if not any(map(is_several, cells)):
        return None
    return [cell if is_several(cell) else [cell] for cell in cells]


def _flat_numbers(key: str, rows: list[Any]) -> np.ndarray:
    flat = np.array([weight for row in rows for weight in row], dtype=object)
    return read_numbers(key, flat, 1)[:, 0]


def weighted_categorical_column(
    categorical_column: Categorical, weight_feature_key: str, dtype: Any = "float32"
) -> Weighted:
    """Ids with a weight each, taken from a second raw column.

    A cell with several values needs as many weights. A missing weight is 0; the weight of a
    missing value is dropped with it, so that ids and weights always stay aligned.

    Parameters
    ----------
    categorical_column : categorical column
        The ids.
    weight_feature_key : str
        The raw column of the weights.
    dtype : dtype
        The type of the weights in serialized examples.

    Returns
    -------
    Weighted

    Raises
    ------
    InvalidType
        Something that is not a categorical column.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_identity
    >>> column = weighted_categorical_column(categorical_column_with_identity("app", 9), "hours")
    >>> found = column.encode({"app": [[3, 5], [], [8]], "hours": [[1.5, 0.5], [], [2]]})
    >>> found.offsets.tolist(), found.ids.tolist(), found.weights.tolist()
    ([0, 2, 2, 3], [3, 5, 8], [1.5, 0.5, 2.0])
    """
    if not isinstance(categorical_column, Categorical) or isinstance(categorical_column, Weighted):
        raise InvalidType(
            "weighted_categorical_column", "needs a categorical column", repr(categorical_column)
        )
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    return Weighted(categorical_column, check_key(weight_feature_key), name)
