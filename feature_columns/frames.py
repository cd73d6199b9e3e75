"""One view of every kind of frame: pandas, polars, a dict of arrays, an array, a sparse matrix.

A `Frame` lives for one `learn` or `encode`: each raw column is read and factorized at most once,
and every feature column over it works on the distinct values.
"""

from __future__ import annotations

import difflib
import functools
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import scipy.sparse

from ..errors import InvalidType, InvalidValue, MissingColumn
from .factor import Factor, factorize
from .reading import read_numbers

__all__ = ["Frame", "Targets", "as_frame"]

T = TypeVar("T")
LINE = 8  # float64 numbers in a line of the cache
AT_ONCE = 1024  # rows that are turned together
MANY = 10_000  # rows of a matrix that no cache holds
WIDE = 24  # columns of a single row that are read at once
READ = ("factor", "numbers")  # what is read of raw columns, whatever a fit makes of them


@dataclass(frozen=True, eq=False)
class Targets:
    """What a fit knows of the rows of its frame beside their cells.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, outputs)
        The targets as the fit encoded them: numbers of classes from 0 on, or float32 numbers.
    weights : ndarray of shape (n,), optional
    seed : callable
        Returns a seed that follows from the fit's own, another one at each call.
    """

    values: np.ndarray
    weights: np.ndarray | None
    seed: Callable[[], int]


class Frame:
    """A frame being read: raw columns by key, each read once.

    Parameters
    ----------
    names : iterable
        The names of the raw columns; their texts are the keys.
    rows : int
        How many rows there are.
    read : callable
        Given a key, the column: a Series, an array or, for a single row, a list of one cell.
    strict : bool
        Whether columns refuse what they did not meet when they learnt.
    part_of : (Frame, ndarray of bool), optional
        The frame that this is a part of, and the mask of its rows.
    named : bool
        Whether the raw columns have names of their own.

    Attributes
    ----------
    targets : Targets or None
        What a fit aims at, for columns that learn from targets.
    """

    def __init__(
        self,
        names: Iterable[Any],
        rows: int,
        read: Callable[[str], Any],
        strict: bool = False,
        part_of: tuple[Frame, np.ndarray] | None = None,
        named: bool = True,
    ):
        self.rows, self.strict, self.named = rows, strict, named
        self.targets: Targets | None = None
        self._names, self._read, self._part_of = names, read, part_of
        self._found: dict[Hashable, Any] = {}
        self._cells: dict[str, list[Any]] = {}

    @property
    def keys(self) -> list[str]:
        """The keys of the raw columns."""
        return list(map(str, self._names))

    def strictly(self) -> Frame:
        """Return the same frame, read anew and strict."""
        return Frame(self._names, self.rows, self._read, True, self._part_of, self.named)

    def aimed_at(self, targets: Targets) -> Frame:
        """Return the same frame with the targets of a fit; what was read is not read again."""
        found = Frame(self._names, self.rows, self._read, self.strict, self._part_of, self.named)
        raw: dict[Hashable, Any] = {
            k: v for k, v in self._found.items() if type(k) is tuple and k[0] in READ
        }
        found._found, found._cells, found.targets = raw, self._cells, targets
        return found

    @property
    def _lines(self) -> _Lines | None:
        """The matrix in row order that this is a frame of, or None."""
        found = getattr(self._read, "__self__", None)
        return found if isinstance(found, _Lines) else None

    @property
    def matrix(self) -> Any:
        """The sparse matrix that this is a frame of, or None."""
        if self.named or self.keys != ["x"]:
            return None
        return self.column("x")

    def where(self, mask: np.ndarray) -> Frame:
        """Return the rows that `mask` marks.

        What this frame has factorized is cut, so that no copy of its columns is made. Two parts
        share that work.
        """
        rows = int(np.count_nonzero(mask))
        read = functools.partial(_cut, self._read, mask)
        return Frame(self._names, rows, read, self.strict, (self, mask), self.named)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return ``make()``, called once per frame and `key`."""
        if key not in self._found:
            self._found[key] = make()
        found: T = self._found[key]
        return found

    def once_for(self, owner: object, make: Callable[[Frame], T]) -> T:
        """Return ``make(self)``, called once per frame and `owner`, whose hash may be slow."""
        if id(owner) not in self._found:
            # Keeping the owner keeps its id from being given to another object.
            self._found[id(owner)] = owner, make(self)
        found: T = self._found[id(owner)][1]
        return found

    def column(self, key: str) -> Any:
        """Return the raw column: a Series, an array or, for a single row, a list of one cell."""
        if key in self._cells:
            return self._cells[key]
        try:
            found = self._read(key)
            if type(found) is list:
                self._cells[key] = found
            return found
        except (KeyError, IndexError):
            near = difflib.get_close_matches(str(key), self.keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the frame has {self.keys[:20]}"
            raise MissingColumn(f"column {key!r}", "not in the frame", todo=hint) from None

    def first(self, key: str, rows: int) -> Any:
        """Return the first cells of a raw column."""
        return self.column(key)[:rows] if self._lines is None else self._lines.first(key, rows)

    def factor(self, key: str) -> Factor:
        """Return the distinct values of a raw column and the code of each cell."""
        return self.once(("factor", key), lambda: self._factor(key))

    def _factor(self, key: str) -> Factor:
        if self._part_of is not None:
            frame, mask = self._part_of
            whole = frame.factor(key)
            if whole.offsets is None:
                return whole.where(mask)
        return factorize(key, self.column(key))

    def numbers(self, key: str, width: int = 1) -> np.ndarray:
        """Return a raw column as an ``(n, width)`` array of numbers, NaN where missing."""
        if self._part_of is not None:
            frame, mask = self._part_of
            some: np.ndarray = frame.numbers(key, width)[mask]
            return some
        if self._lines is not None:
            return read_numbers(key, self.column(key), width)  # kept, they would be copies
        return self.once(
            ("numbers", key, width), lambda: read_numbers(key, self.column(key), width)
        )


def _cut(read: Callable[[str], Any], mask: np.ndarray, key: str) -> Any:
    column = read(key)
    # The index of a Series would weigh as much as its numbers.
    return pd.Series(column.array[mask]) if isinstance(column, pd.Series) else column[mask]


def as_frame(data: Any, strict: bool = False) -> Frame:
    """Return `data` as a `Frame`; a `Frame` stays as it is, save for becoming strict.

    Parameters
    ----------
    data : pandas or polars frame, mapping of arrays, 2-D array or sparse matrix
        Array columns are called ``x0``, ``x1``, …, as in scikit-learn; a sparse matrix is one
        column, ``x``.
    strict : bool
        Whether columns refuse what they did not meet when they learnt.

    Raises
    ------
    InvalidValue
        Two columns of one name, or columns of different lengths.
    InvalidType
        Something that is not a frame.

    Examples
    --------
    >>> frame = as_frame({"city": ["Oslo", None, "Rome"]})
    >>> frame.rows, frame.keys, frame.factor("city").codes.tolist()
    (3, ['city'], [0, -1, 1])
    """
    if isinstance(data, Frame):
        return data if data.strict or not strict else data.strictly()
    if isinstance(data, pd.DataFrame):
        return _pandas(data, strict)
    # A dictionary-of-keys matrix is a mapping too.
    if scipy.sparse.issparse(data):
        return Frame(["x"], data.shape[0], {"x": data.tocsr()}.__getitem__, strict, named=False)
    if isinstance(data, Mapping):
        return _mapping(data, strict)
    if isinstance(data, np.ndarray) and data.ndim == 2:
        return _array(data, strict)
    if hasattr(data, "__arrow_c_stream__"):
        return _foreign(data, strict)
    given = f"an array of shape {data.shape}" if isinstance(data, np.ndarray) else type(data)
    wanted = "must be a pandas or polars frame, a dict of arrays, a 2-D array or a sparse matrix"
    raise InvalidType("frame", wanted, str(given))


def _pandas(data: pd.DataFrame, strict: bool) -> Frame:
    names = data.columns
    if not names.is_unique:
        _refuse_duplicate(list(map(str, names)))

    def position(key: str) -> int:
        try:
            return int(names.get_loc(key))
        except KeyError:
            # A column named by a number has the number's text as its key.
            return {str(name): at for at, name in enumerate(names)}[key]

    if len(data) == 1:
        # Reading one cell costs a fraction of building a Series, and in an array even less.
        if len(names) >= WIDE and _is_array(data):
            line = data.to_numpy()[0]
            return Frame(names, 1, lambda key: [line[position(key)]], strict)
        cells = data.iat
        return Frame(names, 1, lambda key: [cells[0, position(key)]], strict)
    return Frame(names, len(data), lambda key: data.iloc[:, position(key)], strict)


def _is_array(data: pd.DataFrame) -> bool:
    """Whether all columns are of numpy's numbers of one kind."""
    kinds = set(data.dtypes)
    return len(kinds) == 1 and isinstance(kind := kinds.pop(), np.dtype) and kind.kind in "iuf"


def _refuse_duplicate(keys: list[str]) -> None:
    repeated = next(key for key in keys if keys.count(key) > 1)
    raise InvalidValue(f"column {repeated!r}", "is in the frame more than once", todo="rename one")


class _Lines:
    """The columns of a matrix that lies row by row, read some at a time.

    Reading one column passes all lines of the cache that hold its numbers, and so those of its
    neighbours: all that share the lines are copied at once, and each thread keeps them until it
    copies others.
    """

    def __init__(self, matrix: np.ndarray, places: Mapping[str, int]):
        self._matrix, self._places = matrix, places
        self._kept = threading.local()

    def __getitem__(self, key: str) -> np.ndarray:
        group, place = divmod(self._places[key], LINE)
        if getattr(self._kept, "group", None) != group:
            some = self._matrix[:, group * LINE : (group + 1) * LINE]
            turned = np.empty(some.shape[::-1])
            for start in range(0, len(some), AT_ONCE):
                turned[:, start : start + AT_ONCE] = some[start : start + AT_ONCE].T
            self._kept.group, self._kept.columns = group, turned
        found: np.ndarray = self._kept.columns[place]
        return found

    def first(self, key: str, rows: int) -> np.ndarray:
        """Return the first numbers of a column."""
        found: np.ndarray = self._matrix[:rows, self._places[key]]
        return found


def _array(data: np.ndarray, strict: bool) -> Frame:
    keys = [f"x{at}" for at in range(data.shape[1])]
    cells: Any = data.T
    if len(data) == 1:
        cells = [[cell] for cell in data[0]]  # as of a pandas frame, and as quick to read
    columns: Any = dict(zip(keys, cells, strict=True))
    if data.dtype == np.float64 and len(data) >= MANY and data.flags.c_contiguous:
        columns = _Lines(data, dict(zip(keys, range(len(keys)), strict=True)))
    return Frame(keys, len(data), columns.__getitem__, strict, named=False)


def _mapping(data: Mapping[str, Any], strict: bool) -> Frame:
    columns = {str(key): _cells(key, column) for key, column in data.items()}
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidValue("frame", "columns must have one length", lengths)
    return Frame(list(columns), next(iter(lengths.values()), 0), columns.__getitem__, strict)


def _cells(key: Any, column: Any) -> Any:
    if isinstance(column, (str, bytes)) or not hasattr(column, "__len__"):
        raise InvalidType(f"column {key!r}", "must be an array or a list", repr(column))
    if isinstance(column, (pd.Series, np.ndarray)):
        return column
    if hasattr(column, "to_numpy"):
        column = column.to_numpy()
        return column if isinstance(column, np.ndarray) else np.asarray(column)
    column = list(column)
    if len({type(cell) for cell in column}) == 1 and isinstance(column[0], (bool, int, float)):
        array = np.array(column)
        # Integers beyond 64 bits stay objects.
        return array if array.dtype.kind in "ifb" else np.array(column, dtype=object)
    return np.fromiter(column, dtype=object, count=len(column))


def _foreign(data: Any, strict: bool) -> Frame:
    import narwhals

    frame = narwhals.from_native(data, eager_only=True)

    def read(key: str) -> Any:
        if key not in frame.columns:
            raise KeyError(key)
        return _series(frame[key])

    return Frame(list(frame.columns), len(frame), read, strict)


def _series(series: Any) -> np.ndarray | list[Any]:
    import narwhals

    dtype = series.dtype
    if dtype.is_float() or (dtype.is_integer() and not series.null_count()):
        return np.asarray(series.to_numpy())
    if isinstance(dtype, (narwhals.Categorical, narwhals.Enum)):
        series = series.cast(narwhals.String)
    if isinstance(dtype, narwhals.List) and not series.implementation.is_pyarrow():
        return _lists(series)
    return np.fromiter(series.to_list(), dtype=object, count=len(series))


def _lists(series: Any) -> np.ndarray:
    """Return a list for each row, cut from one of all values: made much sooner than row by row."""
    counts = series.list.len().fill_null(0)
    flat = series.to_frame().filter(counts > 0).explode(series.name)[series.name].to_list()
    ends = np.cumsum(counts.to_numpy()).tolist()
    rows = [flat[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    found = np.fromiter(rows, dtype=object, count=len(rows))
    found[series.is_null().to_numpy()] = None
    return found
