"""The distinct values of a raw column and, for each cell, which of them it is."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidValue
from ..graph import feeds
from .hashing import fingerprints
from .ragged import Ragged
from .values import is_missing, is_several, kinds_of, text, texts

__all__ = ["Factor", "factorize", "is_arrow_text"]

CELLS_AT_ONCE = 16_384  # pandas passes over texts twice: the second time they are in the cache
LISTS_AT_ONCE = 1_024  # so that the second and third pass over them find them in the cache
ROWS_AT_ONCE = 65_536  # whose places are in memory together
FEW = 4  # cells a distinct value
STRETCH = 20  # bits: within a megabyte, addresses of objects differ in so many
APART = 3  # bits that all addresses of objects have in common
MOST_PLACES = 8  # of objects, a row


@dataclass(frozen=True, eq=False)
class Factor:
    """``values[codes[i]]`` is the i-th cell; code -1 is a missing one.

    Parameters
    ----------
    codes : ndarray of int
        One per cell; for cells that hold several values, one per value, row after row.
    values : sequence or ndarray
        The distinct values that are not missing.
    offsets : ndarray of int64, optional
        Row i holds ``codes[offsets[i]:offsets[i + 1]]``; None where each cell is one value.

    Examples
    --------
    >>> found = factorize("city", np.array(["Oslo", "", "Rome", "Oslo"], dtype=object))
    >>> found.texts, found.codes.tolist()
    (['Oslo', 'Rome'], [0, -1, 1, 0])
    """

    codes: np.ndarray
    values: Sequence[Any] | np.ndarray
    offsets: np.ndarray | None = None

    @functools.cached_property
    def texts(self) -> list[str]:
        """The canonical text of each distinct value."""
        return texts(self.values)

    @functools.cached_property
    def fingerprints(self) -> np.ndarray:
        """Fingerprint64 of each text."""
        return fingerprints(self.texts)

    @functools.cached_property
    def kinds(self) -> frozenset[str]:
        """What kinds of values occur, "missing" among them."""
        missing = self.codes.size and int(self.codes.min()) < 0
        return kinds_of(self.values) | ({"missing"} if missing else set())

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How many cells hold each distinct value."""
        found = np.zeros(len(self.values) + 1, np.intp)
        for start in range(0, len(self.codes), ROWS_AT_ONCE):
            part = self.codes[start : start + ROWS_AT_ONCE]
            found += np.bincount(part + 1, minlength=len(found))
        return found[1:]

    @functools.cached_property
    def minus_one(self) -> int | None:
        """Where the integer -1 is among the values; float -1.0 does not count."""
        if isinstance(self.values, np.ndarray):
            if self.values.dtype.kind != "i":
                return None
            found = np.flatnonzero(self.values == -1)
            return int(found[0]) if found.size else None
        for at, value in enumerate(self.values):
            if isinstance(value, (int, np.integer)) and value == -1 and value is not True:
                return at
        return None

    def where(self, mask: np.ndarray) -> Factor:
        """Return the factor of the cells that `mask` marks, with the values that occur there."""
        codes = self.codes[mask]
        occurs = np.zeros(len(self.values) + 1, bool)
        occurs[codes] = True
        occurs[-1] = False  # where code -1 wrote
        if occurs[:-1].all():
            return Factor(codes, self.values)
        numbers = np.where(occurs, np.cumsum(occurs) - 1, -1).astype(codes.dtype)
        if isinstance(self.values, np.ndarray):
            return Factor(numbers[codes], self.values[occurs[:-1]])
        kept = [value for value, seen in zip(self.values, occurs, strict=False) if seen]
        return Factor(numbers[codes], kept)

    def row_of(self, flat: int) -> int:
        """Return the row that the flat position belongs to."""
        if self.offsets is None:
            return flat
        return int(np.searchsorted(self.offsets, flat, side="right")) - 1

    def row_where(self, wanted: np.ndarray) -> int:
        """Return the first row holding one of the wanted values (a mask over `values`)."""
        mask = np.append(wanted, False)[self.codes]
        return self.row_of(int(np.flatnonzero(mask)[0]))


def factorize(key: str, cells: Any) -> Factor:
    """Return the `Factor` of a Series, an array or a list of one cell."""
    if isinstance(cells, list):
        return _one(key, cells[0])
    if isinstance(cells, pd.Series):
        if isinstance(cells.dtype, pd.StringDtype) and cells.dtype.storage == "python":
            cells = np.asarray(cells)
            return _texts(cells) or _mixed(cells)
        if isinstance(cells.dtype, pd.CategoricalDtype):
            return _clean(cells.cat.codes.to_numpy(), cells.cat.categories)
        if _holds_lists(cells.dtype):
            cells = cells.to_numpy(dtype=object)
        elif cells.dtype == object:
            cells = cells.to_numpy()
    if isinstance(cells, np.ndarray) and cells.ndim == 2:
        return _lists(key, cells)
    if isinstance(cells, np.ndarray) and cells.dtype == object:
        return _objects(key, cells)
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "US":
        return _objects(key, cells.astype(object))
    return _clean(*pd.factorize(cells))


def is_arrow_text(cells: Any) -> bool:
    """Whether a raw column is a Series of texts that Arrow holds."""
    dtype = getattr(cells, "dtype", None)
    return isinstance(dtype, pd.StringDtype) and dtype.storage != "python"


def _one(key: str, cell: Any) -> Factor:
    if is_several(cell):
        return _lists(key, [cell])
    if is_missing(cell):
        return Factor(np.array([-1]), [])
    return Factor(np.array([0]), [cell])


def _holds_lists(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and str(dtype).startswith(("list", "large_list"))


def _clean(codes: np.ndarray, values: Any) -> Factor:
    values = _plain(values)
    if isinstance(values, list) and ("" in values or b"" in values):
        # The empty string is a missing value too.
        keep = np.array([value not in ("", b"") for value in values])
        renumbered = np.where(keep, np.cumsum(keep) - 1, -1)
        codes = np.append(renumbered, -1)[codes]
        values = [value for value, kept in zip(values, keep, strict=True) if kept]
    return Factor(codes.astype(_smallest(len(values)), copy=False), values)


def _smallest(count: int) -> type[np.signedinteger[Any]]:
    """Return the narrowest dtype for the codes of so many values."""
    return np.int8 if count < 127 else np.int16 if count < 32767 else np.int32


def _plain(values: Any) -> list[Any] | np.ndarray:
    if isinstance(values, np.ndarray) and values.dtype.kind in "iufb":
        return values
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if kind in "iufb":
        return np.asarray(values.to_numpy())
    return list(pd.Index(values)) if kind in "mM" else list(values)


def _objects(key: str, cells: np.ndarray) -> Factor:
    if any(is_several(cell) for cell in _first_present(cells)):
        return _lists(key, cells)
    return _flat(cells) or _lists(key, cells)


def _flat(cells: np.ndarray) -> Factor | None:
    """Return the factor of single cells, or None where some hold several values."""
    found = _texts(cells)
    if found is None and any(map(is_several, cells)):
        return None
    return found or _whole_numbers(cells) or _mixed(cells)


def _texts(cells: np.ndarray) -> Factor | None:
    """Return the factor of texts and missing cells, or None where there is anything else."""
    found = {"": -1}  # the empty string is a missing value too
    parts, start, step = list[np.ndarray](), 0, CELLS_AT_ONCE
    while start < len(cells) or not parts:
        try:
            codes, values = pd.factorize(cells[start : start + step])
        except TypeError:  # what cannot be hashed is no text
            return None
        if not all(type(value) is str for value in values):
            return None
        table = [found.setdefault(value, len(found) - 1) for value in values]
        parts.append(np.array([*table, -1], _smallest(len(found)))[codes])
        start += step
        if len(values) * FEW > step:  # joining many small tables costs more than one large one
            step = max(step, len(cells))
    return Factor(np.concatenate(parts), list(found)[1:])


class _Codes(dict[Any, int]):
    """The code of each text, given at first sight; -1 of the two that are missing."""

    def __missing__(self, text: Any) -> int:
        if type(text) is not str:
            raise TypeError
        self[text] = code = len(self) - 2
        return code


def _text_lists(cells: Sequence[Any] | np.ndarray) -> Factor | None:
    """Return the factor of lists of texts, or None where there is anything else in them."""
    found, codes, lengths = _Codes({"": -1, None: -1}), list[np.ndarray](), list[np.ndarray]()
    for start in range(0, len(cells), LISTS_AT_ONCE):
        part = cells[start : start + LISTS_AT_ONCE]
        rows, each = _rows(part)
        flat: list[Any] = []
        for row in rows:
            flat += row
        try:
            codes.append(np.fromiter(map(found.__getitem__, flat), np.int32, len(flat)))
        except TypeError:
            return None
        lengths.append(each)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    kind = _smallest(len(found) - 2)
    return Factor(np.concatenate(codes, dtype=kind, casting="unsafe"), list(found)[2:], offsets)


def _whole_numbers(cells: np.ndarray) -> Factor | None:
    """Return the factor of whole numbers that fit 64 bits, or None where there is anything else."""
    if pd.api.types.infer_dtype(cells, skipna=False) != "integer":
        return None
    try:
        return _clean(*pd.factorize(cells.astype(np.int64)))
    except OverflowError:
        return None


def _first_present(cells: np.ndarray) -> Iterable[Any]:
    for cell in cells:
        if is_several(cell) or not is_missing(cell):
            yield cell
            return


def _mixed(cells: Iterable[Any]) -> Factor:
    # 1, 1.0 and True are one dictionary key but not one value, so the type counts as well.
    found: dict[tuple[type, Any], int] = {}
    codes = [
        -1 if is_missing(cell) else found.setdefault(_identity(cell), len(found)) for cell in cells
    ]
    return Factor(np.array(codes, dtype=np.intp), [value for _, value in found])


def _identity(cell: Any) -> tuple[type, Any]:
    try:
        hash(cell)
    except TypeError:
        cell = text(cell)
    return type(cell), cell


def _lists(key: str, cells: Sequence[Any] | np.ndarray) -> Factor:
    numbers = _numbers(cells)
    if numbers is not None:
        whole, offsets = numbers
        inner = _clean(*pd.factorize(whole))
        return Factor(inner.codes, inner.values, offsets)
    shared = _shared_objects(cells)
    if shared is None:
        return _lists_in_turn(key, cells, range(len(cells)))
    which, first = shared
    found = _lists_in_turn(key, np.asarray(cells)[first], first)
    once = Ragged(np.asarray(found.offsets), found.codes)
    blocks = [which[at : at + ROWS_AT_ONCE] for at in range(0, len(which), ROWS_AT_ONCE)]
    codes = np.concatenate([feeds.Ragged.of(once, block).ids for block in blocks])
    lengths = np.diff(once.offsets).take(which)
    return Factor(codes, found.values, np.concatenate([[0], np.cumsum(lengths)]))


def _shared_objects(cells: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Return for each cell which object it is, and the row where each object is first.

    None where few cells share one. A table of users joined to what they did has the same list in
    many rows.
    """
    if not isinstance(cells, np.ndarray) or cells.ndim != 1 or len(cells) <= LISTS_AT_ONCE:
        return None
    # Addresses alone are read: objects lie anywhere in memory, and each look would miss the cache.
    addresses = np.asarray(SimpleNamespace(__array_interface__=_as_addresses(cells)))
    which, first = _numbered(addresses)
    return None if len(first) * FEW > len(cells) else (which, first)


def _numbered(addresses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each address, in order of appearance, and the row where each is first.

    Objects mostly lie close together, and a table of all places is faster than one of hashes.
    """
    stretches, distinct = pd.factorize(addresses >> STRETCH)
    size = len(distinct) << STRETCH - APART
    if size <= MOST_PLACES * len(addresses):
        places = ((stretches << STRETCH) + (addresses & (1 << STRETCH) - 1)) >> APART
    else:
        places, distinct = pd.factorize(addresses)
        size = len(distinct)
    table, rows = np.full(size, -1, np.int32), np.arange(len(places), dtype=np.int32)
    table[places[::-1]] = rows[::-1]  # what is written last stays
    first = np.sort(table[table >= 0])
    table[places[first]] = rows[: len(first)]
    return table.take(places), first


def _as_addresses(cells: np.ndarray) -> dict[str, Any]:
    """Return how numpy finds the addresses that an array of objects holds."""
    kind = {"typestr": np.dtype(np.intp).str, "descr": [("", np.dtype(np.intp).str)]}
    return {**cells.__array_interface__, **kind}


def _lists_in_turn(
    key: str, cells: Sequence[Any] | np.ndarray, numbers: Sequence[int] | np.ndarray
) -> Factor:
    """Return the factor of lists that are in the rows with these numbers."""
    texts_alone = _text_lists(cells) if len(cells) else None
    if texts_alone is not None:
        return texts_alone
    rows, lengths = _rows(cells)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    members = itertools.chain.from_iterable(rows)
    found = _flat(np.fromiter(members, dtype=object, count=int(offsets[-1])))
    if found is None:
        row = next(i for i, row in enumerate(rows) if any(map(is_several, row)))
        wrong = f"row {numbers[row]} holds a list of lists"
        raise InvalidValue(f"column {key!r}", wrong, repr(rows[row]), "flatten it")
    return Factor(found.codes, found.values, offsets)


def _numbers(cells: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the values and offsets of a matrix of numbers, or of arrays with one dtype."""
    if isinstance(cells, np.ndarray) and cells.ndim == 2:
        if cells.dtype.kind not in "iufb":
            return None
        return cells.reshape(-1), np.arange(len(cells) + 1, dtype=np.int64) * cells.shape[1]
    if not len(cells) or any(type(cell) is not np.ndarray for cell in cells):
        return None
    if len({cell.dtype for cell in cells}) > 1 or any(cell.ndim != 1 for cell in cells):
        return None
    if cells[0].dtype.kind not in "iufb":
        return None
    lengths = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
    return np.concatenate(cells), np.concatenate([[0], np.cumsum(lengths)])


def _rows(cells: Iterable[Any]) -> tuple[list[Sequence[Any]], np.ndarray]:
    """Return the values of each cell, and how many they are."""
    rows = [cell if type(cell) is list else _members(cell) for cell in cells]
    return rows, np.fromiter(map(len, rows), np.int64, len(rows))


def _members(cell: Any) -> Sequence[Any]:
    if isinstance(cell, (set, frozenset)):
        # The order of a set differs from run to run.
        return sorted(cell, key=text)
    if is_several(cell):
        return list(cell)
    return [] if is_missing(cell) else [cell]
