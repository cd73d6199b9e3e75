"""From columns and a frame to the arrays that models train on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidType, InvalidValue
from .column import Categorical, Column, Keyed, Number
from .crossed import Crossed
from .frames import Frame, as_frame
from .numeric import Numeric
from .ragged import Ragged
from .threads import Threads

__all__ = ["ColumnSet", "Encoded", "Slot", "core", "encode", "learn"]

LINE = 16  # float32 numbers in a line of the cache
AT_ONCE = 4096  # rows that are written together
REMEMBERED = 10_000  # cells, or combinations of cells, of rows that came alone
# What else a model is fed: a column of one of these names is numbered.
FEEDS = ("numbers", "ids", "labels", "weights", "batch_size")


@dataclass(frozen=True)
class Slot:
    """Where an encoded column is: a block of `Encoded` and the place in it.

    Parameters
    ----------
    block : {"numbers", "ids", "ragged"}
    place : slice, int or str
        Columns of `numbers`, a column of `ids`, or a key of `ragged`.
    """

    block: str
    place: Any


@dataclass(frozen=True, eq=False)
class Encoded:
    """A frame as arrays.

    Parameters
    ----------
    numbers : ndarray of float32, shape (n, D)
        Every number column, side by side.
    ids : ndarray of int32 or int64, shape (n, K)
        Every categorical column with one value a row; -1 is no id.
    ragged : dict of str to Ragged
        Every categorical column with several values a row.
    layout : mapping of str to Slot
        Where each encoded column is, by its name.
    """

    numbers: np.ndarray
    ids: np.ndarray
    ragged: dict[str, Ragged]
    layout: Mapping[str, Slot]

    def __len__(self) -> int:
        return len(self.numbers)


class ColumnSet:
    """Columns that are encoded together, each distinct one once.

    Parameters
    ----------
    columns : iterable of Column
        Any columns, wide and deep ones alike, learnt or not. An indicator or embedding is
        encoded as the categorical column it looks up.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column, embedding_column, numeric_column
    >>> city = categorical_column("city")
    >>> frame = {"city": ["Oslo", "Rome"], "age": [20, 40]}
    >>> columns = ColumnSet([city, embedding_column(city, 8), numeric_column("age")]).learn(frame)
    >>> encoded = columns.encode(frame)
    >>> encoded.ids.tolist(), encoded.numbers.tolist()
    ([[0], [1]], [[20.0], [40.0]])
    >>> columns.slot(columns.columns[1])
    Slot(block='ids', place=0)
    """

    def __init__(self, columns: Iterable[Column]):
        self.columns = tuple(columns)
        for column in self.columns:
            if not isinstance(column, Column):
                raise InvalidType("columns", "must be feature columns", repr(column))

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns that are read."""
        return tuple(dict.fromkeys(key for column in self.columns for key in column.keys))

    @functools.cached_property
    def learned(self) -> bool:
        """Whether `learn` would change nothing."""
        return all(column.settled for column in self.columns)

    def learn(self, frame: Any, threads: int = 1) -> ColumnSet:
        """Return the set of the same columns with everything learnt from `frame`.

        Parameters
        ----------
        frame : frame
        threads : int
            Large columns of numbers and of texts are looked at by so many at once.
        """
        frame = as_frame(frame)

        def learn(column: Column) -> Column:
            return column.learn(frame)

        with Threads(threads, frame.rows) as work:
            work.number_texts(frame, self.cores)
            return ColumnSet(map(work.ahead(learn, _numbers(self.columns)), self.columns))

    @functools.cached_property
    def cores(self) -> tuple[Categorical | Number, ...]:
        """The distinct columns that are encoded, in order of appearance."""
        return tuple(dict.fromkeys(core(column) for column in self.columns))

    @functools.cached_property
    def _slots(self) -> dict[Column, Slot]:
        slots: dict[Column, Slot] = {}
        width = count = 0
        names = set(FEEDS)
        for column in self.cores:
            if isinstance(column, Number):
                slots[column] = Slot("numbers", slice(width, width + column.width))
                width += column.width
            elif column.several:
                slots[column] = Slot("ragged", _fresh(column.name, names))
            else:
                slots[column] = Slot("ids", count)
                count += 1
        return slots

    @functools.cached_property
    def layout(self) -> dict[str, Slot]:
        """Where each encoded column is, by name; equal names are numbered."""
        names: set[str] = set()
        return {_fresh(column.name, names): slot for column, slot in self._slots.items()}

    def slot(self, column: Column) -> Slot:
        """Return where `column`, or the categorical it looks up, is encoded.

        Raises
        ------
        InvalidValue
            The column is not in the set.
        """
        try:
            return self._slots[core(column)]
        except KeyError:
            raise InvalidValue(f"column {column.name!r}", "is not in this set") from None

    def encode(self, frame: Any, strict: bool = False, threads: int = 1) -> Encoded:
        """Return the frame as arrays.

        Parameters
        ----------
        frame : frame
            Anything `as_frame` takes.
        strict : bool
            Whether unseen values, and kinds of values that were not there before (missing,
            text where numbers were), are refused.
        threads : int
            Large columns are encoded by so many at once, which takes their memory twice.

        Raises
        ------
        UnseenCategory
            With ``strict``, naming column, row and value.
        MissingColumn
            A raw column is not in the frame.
        InvalidValue
            A cell that a column cannot read, naming the row.
        """
        frame = as_frame(frame, strict)
        columns = self if self.learned else _with_cells(self, frame)
        with Threads(threads, frame.rows) as work:
            return columns._encode(frame, work)

    def _encode(self, frame: Frame, work: Threads) -> Encoded:
        numbers = np.empty((frame.rows, self._width), dtype=np.float32)
        ids = np.empty((frame.rows, self._count), dtype=self._dtype)
        ragged = {}
        one = _encode if frame.rows != 1 else self._one_row
        lookups = [[column] for column in self._slots if isinstance(column, Keyed | Crossed)]
        encode = work.ahead(functools.partial(one, frame=frame), _numbers(self._slots) + lookups)
        waiting: list[tuple[slice, np.ndarray]] = []
        for column, slot in self._slots.items():
            found = encode(column)
            if type(found) is float:
                numbers[0, slot.place] = found
            elif slot.block == "numbers":
                waiting.append((slot.place, found))
                if work.alone and (len(waiting) == LINE or self._width <= LINE):
                    _write(numbers, waiting, work)
            elif slot.block == "ids":
                ids[:, slot.place] = found
            else:
                ragged[str(slot.place)] = found
        _write(numbers, waiting, work)
        return Encoded(numbers, ids, ragged, self.layout)

    def _one_row(self, column: Any, frame: Frame) -> Any:
        """Return a column of a single row, whose id is remembered by the cells it is made of."""
        cells = [frame.column(key) for key in column.keys]
        if isinstance(column, Number):
            number = column.of_cell(cells[0][0]) if type(cells[0]) is list else None
            return column.encode(frame) if number is None else number
        if any(type(cell) is not list for cell in cells):
            return column.encode(frame)
        # 1, 1.0 and True are equal, and are not the same value.
        met = (id(column), frame.strict, *((type(cell), cell) for (cell,) in cells))
        try:
            found = self._met.get(met)
        except TypeError:  # a cell that is a list
            return column.encode(frame)
        if found is None:
            found = column.encode(frame)
            if len(self._met) >= REMEMBERED:
                self._met.clear()
            if isinstance(found, np.ndarray):
                self._met[met] = found
        return found

    @functools.cached_property
    def _met(self) -> dict[Any, Any]:
        """What columns made of the cells of single rows; `columns` keeps their ids in use."""
        return {}

    @functools.cached_property
    def _width(self) -> int:
        return sum(column.width for column in self.cores if isinstance(column, Number))

    @functools.cached_property
    def _flat(self) -> list[Categorical]:
        return [c for c in self.cores if isinstance(c, Categorical) and not c.several]

    @functools.cached_property
    def _count(self) -> int:
        return len(self._flat)

    @functools.cached_property
    def _dtype(self) -> type[Any]:
        return np.int64 if np.int64 in {column.dtype for column in self._flat} else np.int32

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns}


def _encode(column: Any, frame: Frame) -> Any:
    return column.encode(frame)


def _write(numbers: np.ndarray, waiting: list[tuple[slice, np.ndarray]], work: Threads) -> None:
    """Write columns into their places, some rows at a time, which stay in the cache meanwhile."""
    step = AT_ONCE if len(waiting) > 1 else max(1, len(numbers))

    def write(start: int) -> None:
        rows = slice(start, start + step)
        for place, found in waiting:
            numbers[rows, place] = found[rows]

    work.on_each(write, range(0, len(numbers), step))
    waiting.clear()


def _numbers(columns: Iterable[Any]) -> list[list[Any]]:
    """Return plain columns of numbers, those together that share lines of a matrix in the cache."""
    plain = [c for c in columns if isinstance(c, Numeric) and c.normalizer_fn is None]
    return [plain[at : at + LINE // 2] for at in range(0, len(plain), LINE // 2)]


def core(column: Column) -> Categorical | Number:
    """Return the column that is encoded for `column`: itself, or the categorical it looks up."""
    found = getattr(column, "categorical", column)
    assert isinstance(found, (Categorical, Number))
    return found


def _fresh(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


def _with_cells(columns: ColumnSet, frame: Frame) -> ColumnSet:
    """Return the set that knows which columns have several values a row, but no more."""
    for column in columns.columns:
        column.require_learned()
    if not frame.rows:
        return columns
    return ColumnSet(
        column if isinstance(column, Number) else column.learn(frame) for column in columns.columns
    )


def learn(columns: Iterable[Column], frame: Any) -> list[Column]:
    """Return the columns with everything learnt from `frame`, each distinct one once.

    Parameters
    ----------
    columns : iterable of Column
        Columns that have learnt before stay as they are.
    frame : frame
        Anything `as_frame` takes.

    Returns
    -------
    list of Column
        In the order given.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column
    >>> learn([categorical_column("city")], {"city": ["Oslo", "Rome"]})[0].size
    3
    """
    return list(ColumnSet(columns).learn(frame).columns)


def encode(columns: Iterable[Column], frame: Any, strict: bool = False) -> Encoded:
    """Return `frame` as arrays; see `ColumnSet.encode`.

    Parameters
    ----------
    columns : iterable of Column
        Learnt columns, or ones with nothing to learn.
    frame : frame
        Anything `as_frame` takes.
    strict : bool
        Whether values that were not there before are refused.

    Returns
    -------
    Encoded

    Raises
    ------
    InvalidValue
        A column has something to learn and has not.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_identity
    >>> encode([categorical_column_with_identity("hour", 24)], {"hour": [3, None]}).ids.tolist()
    [[3], [-1]]
    """
    return ColumnSet(columns).encode(frame, strict)
