"""What every feature column offers, and the two families: categorical and number columns."""

from __future__ import annotations

import abc
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from ..errors import InvalidType, InvalidValue
from .c_text.writer import Looked, Writer
from .cells import Cells, cells_of, learn_cells, refuse_unseen
from .factor import Factor
from .frames import Frame, as_frame
from .kinds import KINDS
from .ragged import Ragged

__all__ = ["ABSENT", "UNSEEN", "Categorical", "Column", "Keyed", "Leaf", "Number", "leaf_of"]

UNSEEN = -1
ABSENT = -2


@dataclass(frozen=True, eq=False)
class Leaf:
    """One side of a cross: ``hashes[codes]``, of which `absent` ones take no part.

    Where there are `weights`, a combination has the product of those of its sides.
    """

    codes: np.ndarray
    hashes: np.ndarray
    absent: np.ndarray
    offsets: np.ndarray | None = None
    weights: np.ndarray | None = None


class Column(abc.ABC):
    """A feature column: a frozen dataclass that turns raw columns into ids or numbers."""

    kind: str

    def __init_subclass__(cls, kind: str = "", **options: Any):
        super().__init_subclass__(**options)
        # In the class itself: a dataclass then writes none of its own.
        cls.__repr__ = Column.__repr__  # type: ignore[method-assign]
        if kind:
            cls.kind = kind
            KINDS.add(kind, cls)

    def __repr__(self) -> str:
        """Return what was asked for and learnt, without what is as by default."""
        fields: Any = dataclasses.fields(self)  # type: ignore[arg-type]
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields
            if field.name != "cells" and getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The name of the column, as TensorFlow builds it."""

    @property
    @abc.abstractmethod
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads."""

    @property
    def learned(self) -> bool:
        """Whether `encode` needs nothing more from data."""
        return True

    @property
    def settled(self) -> bool:
        """Whether `learn` would change nothing."""
        return self.learned

    def learn(self, frame: Any) -> Self:
        """Return the column with everything learnt from `frame`; a learnt one is unchanged."""
        if self.settled:
            return self
        frame = as_frame(frame)
        if not frame.rows:
            raise InvalidValue("frame", "has no rows to learn from", todo="give at least one")
        learned: Self = frame.once(("learn", self), lambda: self._learn(frame))
        return learned

    def _learn(self, frame: Frame) -> Self:
        return self

    def require_learned(self) -> None:
        """Raise `InvalidValue` unless `encode` has all it needs."""
        if not self.learned:
            raise InvalidValue(
                f"column {self.name!r}", "has not learnt from a frame", todo="call learn first"
            )

    def _refuse_c(self) -> InvalidType:
        return InvalidType(
            f"column {self.name!r}",
            "cannot be written as C",
            f"a {self.kind} column",
            "use another kind of column",
        )


class Categorical(Column):
    """A column of ids below `size`."""

    weighted: ClassVar[bool] = False
    """Whether each id has a weight."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """The number of ids."""

    @property
    @abc.abstractmethod
    def several(self) -> bool | None:
        """Whether a row has several ids; None while no frame has been seen."""

    @property
    def settled(self) -> bool:
        """Whether `learn` would change nothing."""
        return self.learned and self.several is not None

    @property
    def dtype(self) -> type[np.signedinteger[Any]]:
        """int32, or int64 where the size needs it."""
        return np.int32 if self.size <= np.iinfo(np.int32).max else np.int64

    @property
    def categorical(self) -> Categorical:
        """The column whose ids are looked up: itself."""
        return self

    def tokens(self) -> list[str]:
        """Return what each id stands for, as text."""
        return [str(number) for number in range(self.size)]

    @abc.abstractmethod
    def lookup(self, frame: Frame) -> np.ndarray | Ragged:
        """Return the ids with `UNSEEN` (-1) and `ABSENT` (-2) marked."""

    def encode(self, frame: Any) -> np.ndarray | Ragged:
        """Return the ids of each row.

        Parameters
        ----------
        frame : frame
            Anything `as_frame` takes.

        Returns
        -------
        ndarray of shape (n,) or Ragged
            An array where a row has one value, -1 where it has none; a `Ragged` where a row
            has several, without the missing ones.
        """
        self.require_learned()
        found = self.lookup(as_frame(frame))
        if isinstance(found, Ragged):
            return found.keep(found.ids != ABSENT)
        known: np.ndarray = np.maximum(found, UNSEEN)
        return known

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the ids of a row, `lookup` of one row."""
        raise self._refuse_c()

    def leaf(self, frame: Frame) -> Leaf:
        """Return the column as one side of a cross: its ids, -1 for an unseen value included."""
        found = self.lookup(frame)
        offsets, ids = (found.offsets, found.ids) if isinstance(found, Ragged) else (None, found)
        if self.size <= 4096:
            values = np.arange(ABSENT, self.size)
            codes = ids - ABSENT
        else:
            values, codes = np.unique(ids, return_inverse=True)
        weights = found.weights if isinstance(found, Ragged) else None
        hashes = values.astype(np.int64).view(np.uint64)
        return Leaf(codes, hashes, values == ABSENT, offsets, weights)


class Keyed(Categorical):
    """A categorical column over one raw column: ids come from a table over distinct values."""

    key: str
    cells: Cells | None

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw column it reads."""
        return (self.key,)

    @property
    def several(self) -> bool | None:
        """Whether a cell holds several values."""
        return None if self.cells is None else self.cells.several

    def _learn(self, frame: Frame) -> Self:
        cells = learn_cells(frame, self.key)
        return dataclasses.replace(self, cells=cells)  # type: ignore[type-var]

    @abc.abstractmethod
    def table(self, factor: Factor) -> np.ndarray:
        """Return the id of each distinct value, `UNSEEN` or `ABSENT` for those without."""

    def unseen(self, factor: Factor, table: np.ndarray) -> np.ndarray:
        """Return which distinct values `strict` refuses."""
        found: np.ndarray = table == UNSEEN
        return found

    def table_c(self, writer: Writer) -> list[str]:
        """Return the C statements that return the id of one value, ``value *x``.

        `UNSEEN`, `ABSENT` and ``REFUSED(status)`` are ids as well.
        """
        raise self._refuse_c()

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the ids of a row."""
        assert self.cells is not None
        body = self.table_c(writer)
        values = writer.values(self.key, self.cells.several, self.cells.kinds)
        function = writer.name("id_of", self.name)
        writer.function(f"int64_t {function}(value *x)", body)
        looked = writer.ids(self.name, values)
        writer.call(
            self.key, f"look_up({values.array}, {values.count}, {function}, {looked.array})"
        )
        return looked

    def lookup(self, frame: Frame) -> np.ndarray | Ragged:
        """Return the ids with `UNSEEN` and `ABSENT` marked."""
        factor, ids = self._table(frame)
        found = ids.take(factor.codes)
        return found if factor.offsets is None else Ragged(factor.offsets, found)

    def encode(self, frame: Any) -> np.ndarray | Ragged:
        """Return the ids of each row; see `Categorical.encode`."""
        self.require_learned()
        frame = as_frame(frame)
        factor, ids = self._table(frame)
        if factor.offsets is not None:
            return super().encode(frame)
        # Marking the few distinct values is cheaper than marking the rows.
        found: np.ndarray = np.maximum(ids, UNSEEN).take(factor.codes)
        return found

    def leaf(self, frame: Frame) -> Leaf:
        """Return the column as one side of a cross."""
        factor, ids = self._table(frame)
        return leaf_of(factor, ids.astype(np.int64).view(np.uint64), ids == ABSENT)

    def _table(self, frame: Frame) -> tuple[Factor, np.ndarray]:
        return frame.once_for(self, self._make_table)

    def _make_table(self, frame: Frame) -> tuple[Factor, np.ndarray]:
        factor = cells_of(frame, self.key, self.cells)
        table = self.table(factor)
        if frame.strict:
            refuse_unseen(self.key, factor, self.unseen(factor, table))
        ids = np.empty(len(table) + 1, dtype=self.dtype)
        ids[:-1] = table
        ids[-1] = ABSENT
        return factor, ids


class Number(Column):
    """A column of `width` float32 numbers."""

    @property
    @abc.abstractmethod
    def width(self) -> int:
        """How many numbers a row has."""

    @abc.abstractmethod
    def encode(self, frame: Any) -> np.ndarray:
        """Return float32 numbers of shape (n, width)."""

    def of_cell(self, cell: Any) -> float | None:
        """Return the number of a row with that first cell; None where `encode` must look at it."""
        return None

    def write_c(self, writer: Writer, out: str) -> None:
        """Write the C that puts the numbers of a row into the floats at `out`."""
        raise self._refuse_c()


def leaf_of(factor: Factor, hashes: np.ndarray, absent: np.ndarray) -> Leaf:
    """Return a `Leaf` whose last entry stands for the missing cells, which have code -1."""
    codes = factor.codes
    # Codes must not be negative: they become digits of a combined index.
    codes = np.where(codes < 0, len(hashes) - 1, codes)
    return Leaf(codes, hashes, absent, factor.offsets)
