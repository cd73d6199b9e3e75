"""Dates: their parts as ids, and the time elapsed as a number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from ..errors import InvalidValue
from .c_text.writer import Writer
from .cells import Cells, cells_of, learn_cells
from .checks import check_choice, check_key
from .column import Keyed, Number
from .factor import Factor
from .frames import Frame, as_frame
from .normalizers import Affine
from .values import shown

__all__ = ["DatePart", "Elapsed", "date_column", "elapsed_column"]

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Part:
    """A part of a date: how many values it has, how pandas finds it, and how C does."""

    size: int
    of: Callable[[pd.DatetimeIndex], Any]
    c: tuple[str, ...]


_PARTS = {
    "month": Part(12, lambda dates: dates.month - 1, ("return month_of(&date, &rest);",)),
    "quarter": Part(4, lambda dates: dates.quarter - 1, ("return month_of(&date, &rest) / 3;",)),
    "day": Part(31, lambda dates: dates.day - 1, ("month_of(&date, &rest);", "return rest;")),
    # The first day of 1970 was a Thursday.
    "weekday": Part(
        7,
        lambda dates: dates.day_of_week,
        ("return ((day_of(&date, &rest) + 3) % 7 + 7) % 7;",),
    ),
    "hour": Part(24, lambda dates: dates.hour, ("day_of(&date, &rest);", "return rest / 3600;")),
    "minute": Part(
        60, lambda dates: dates.minute, ("day_of(&date, &rest);", "return rest / 60 % 60;")
    ),
}


@dataclass(frozen=True)
class DatePart(Keyed, kind="date_part"):
    """A part of a date, counted from 0."""

    key: str
    part: str
    cells: Cells | None = None

    @property
    def name(self) -> str:
        """The key and the part."""
        return f"{self.key}_{self.part}"

    @property
    def size(self) -> int:
        """How many values the part has."""
        return _PARTS[self.part].size

    def tokens(self) -> list[str]:
        """Return the months and days by their number, weekdays by their name."""
        if self.part == "weekday":
            return [*_WEEKDAYS]
        first = 1 if self.part in ("month", "quarter", "day") else 0
        return [str(number) for number in range(first, first + self.size)]

    def table(self, factor: Factor) -> np.ndarray:
        """Return the part of each distinct date."""
        return np.asarray(_PARTS[self.part].of(_dates(self.key, factor)), dtype=np.int64)

    def table_c(self, writer: Writer) -> list[str]:
        """Return the C statements that return the part of one date."""
        return [
            "instant date;",
            "int rest;",
            "if (!read_date(x->cell, &date)) return REFUSED(MODEL_NOT_A_DATE);",
            *_PARTS[self.part].c,
        ]


@dataclass(frozen=True)
class Elapsed(Number, kind="elapsed"):
    """Days since 1970, standardised."""

    key: str
    scale: Affine | None = None
    cells: Cells | None = None

    @property
    def name(self) -> str:
        """The key and ``_elapsed``."""
        return f"{self.key}_elapsed"

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw column it reads."""
        return (self.key,)

    @property
    def width(self) -> int:
        """One number."""
        return 1

    @property
    def learned(self) -> bool:
        """Whether the scale is known."""
        return self.scale is not None

    def _learn(self, frame: Frame) -> Self:
        scale = Affine.standard(self._days(frame, None))
        return dataclasses.replace(self, scale=scale, cells=learn_cells(frame, self.key))

    def encode(self, frame: Any) -> np.ndarray:
        """Return float32 numbers of shape (n, 1); a missing date is the mean, 0."""
        self.require_learned()
        assert self.scale is not None
        found = self.scale(self._days(as_frame(frame), self.cells)).astype(np.float32)
        return np.nan_to_num(found, nan=0.0)

    def write_c(self, writer: Writer, out: str) -> None:
        """Write the C that puts the scaled days of a row at `out`."""
        assert self.scale is not None and self.cells is not None
        function, cell = writer.name("days_of", self.name), writer.cell(self.key)
        body = [
            "double days;",
            "int status = read_days(cell, &days);",
            f"*out = finite_float({self.scale.write_c(writer, self.name, 'days')});",
            "return status;",
        ]
        writer.check(self.key, self.cells.kinds)
        writer.function(f"int {function}(const model_cell *cell, float *out)", body)
        writer.call(self.key, f"{function}({cell}, {out})")

    def _days(self, frame: Frame, cells: Cells | None) -> np.ndarray:
        factor = cells_of(frame, self.key, cells)
        if factor.offsets is not None:
            raise InvalidValue(f"column {self.key!r}", "must hold one date a row", "lists")
        dates = _dates(self.key, factor)
        days = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
        found: np.ndarray = np.append(np.asarray(days, dtype=np.float64), np.nan)[factor.codes]
        return found[:, np.newaxis]


def _dates(key: str, factor: Factor) -> pd.DatetimeIndex:
    dates = pd.to_datetime(
        pd.Series(factor.texts, dtype=object), errors="coerce", format="ISO8601", utc=True
    )
    wrong = dates.isna().to_numpy()
    if wrong.any():
        value = factor.values[int(wrong.argmax())]
        raise InvalidValue(
            f"column {key!r}",
            f"row {factor.row_where(wrong)} is not a date",
            shown(value),
            "give a date or its ISO 8601 text",
        )
    return pd.DatetimeIndex(dates.dt.tz_localize(None))


def date_column(key: str, part: str) -> DatePart:
    """Ids of a part of a date: January, Monday and midnight are 0.

    Dates may be of any date type or ISO 8601 texts; those with a time zone are read in UTC.
    Missing dates have no id.

    Parameters
    ----------
    key : str
        The raw column.
    part : {"month", "quarter", "day", "weekday", "hour", "minute"}

    Returns
    -------
    DatePart

    Raises
    ------
    InvalidValue
        Another part.

    Examples
    --------
    >>> date_column("when", "month").encode({"when": ["2024-02-29", None]}).tolist()
    [1, -1]
    """
    return DatePart(check_key(key), check_choice(f"date_column({key!r}): part", part, (*_PARTS,)))


def elapsed_column(key: str) -> Elapsed:
    """Time as a number: days since 1970, standardised; a missing date is the mean.

    Parameters
    ----------
    key : str
        The raw column of dates, as in `date_column`.

    Returns
    -------
    Elapsed

    Examples
    --------
    >>> column = elapsed_column("when").learn({"when": ["2024-01-01", "2024-01-03"]})
    >>> column.encode({"when": ["2024-01-02", "2024-01-04"]}).ravel().tolist()
    [0.0, 2.0]
    """
    return Elapsed(check_key(key))
