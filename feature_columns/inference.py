"""Columns chosen from a frame, with the reason for each choice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidValue
from .bucketized import bucketized_column
from .column import Column
from .dates import date_column, elapsed_column
from .embedding import embedding_column
from .factor import Factor
from .frames import Frame, as_frame
from .hashed import categorical_column_with_hash_bucket
from .indicator import indicator_column
from .numeric import numeric_column
from .sparse import sparse_column
from .vocabulary import categorical_column

__all__ = ["Choice", "Inferred", "embedding_width", "infer_columns"]


MANY = 10_000  # rows for which it pays not to find all different numbers
LOOK = 1000  # cells that are looked at then


@dataclass(frozen=True)
class Choice:
    """What a raw column becomes, and why."""

    key: str
    becomes: str
    why: str
    wide: tuple[Column, ...] = ()
    deep: tuple[Column, ...] = ()


@dataclass(frozen=True)
class Inferred:
    """The columns chosen; printing it shows a table of the choices.

    Parameters
    ----------
    choices : tuple of Choice
        One for each raw column, in the frame's order.
    """

    choices: tuple[Choice, ...]

    @property
    def wide(self) -> list[Column]:
        """The columns of a linear model."""
        return [column for choice in self.choices for column in choice.wide]

    @property
    def deep(self) -> list[Column]:
        """The columns of a deep model."""
        return [column for choice in self.choices for column in choice.deep]

    @property
    def dropped(self) -> list[str]:
        """The raw columns that are not used."""
        return [choice.key for choice in self.choices if not choice.wide + choice.deep]

    def __str__(self) -> str:
        rows = [("column", "becomes", "because")]
        rows += [(choice.key, choice.becomes, choice.why) for choice in self.choices]
        widths = [max(len(row[at]) for row in rows) for at in range(2)]
        lines = (f"{key:{widths[0]}}  {becomes:{widths[1]}}  {why}" for key, becomes, why in rows)
        return "\n".join(lines)


def embedding_width(values: int) -> int:
    """Return ``6 * values**0.25``, rounded, between 4 and 64.

    The fourth root follows Google's "Introducing TensorFlow Feature Columns" (2017), the factor
    6 later recommenders.

    Examples
    --------
    >>> [embedding_width(values) for values in (10, 100, 10_000, 10_000_000)]
    [11, 19, 60, 64]
    """
    return int(min(64, max(4, round(6 * values**0.25))))


def infer_columns(
    frame: Any,
    *,
    exclude: Sequence[str] = (),
    max_vocabulary: int = 50,
    num_buckets: int = 10,
) -> Inferred:
    """Choose columns for every raw column of a frame.

    - numbers: standardised (deep), cut into `num_buckets` quantile buckets (wide);
    - booleans and texts of at most `max_vocabulary` values: a learnt vocabulary (wide), counted
      (deep);
    - texts of more values: hashed into twice as many buckets, rounded up to a power of 2 (wide),
      embedded with `embedding_width` (deep);
    - dates: month, weekday and, where they have a time, hour (wide, counted in deep), and the
      time elapsed, standardised (deep);
    - lists: a learnt vocabulary (wide), embedded by mean (deep); lists of numbers of one length
      are standardised vectors (deep);
    - a sparse matrix: its entries (wide), embedded by sum (deep);
    - whole numbers called an id (``user_id``): as texts;
    - constants are dropped, and so are ids, the table saying so: values all different that are
      texts (or nine in ten of them are), are called an id, or are whole numbers with few gaps.

    No crosses are chosen: which ones matter is knowledge of the subject.

    Parameters
    ----------
    frame : frame
        Anything `as_frame` takes.
    exclude : sequence of str
        Raw columns to leave out, such as the target.
    max_vocabulary : int
        The most values that get an id each and are counted.
    num_buckets : int
        How many quantile buckets a number has.

    Returns
    -------
    Inferred

    Raises
    ------
    InvalidValue
        A frame without rows.

    Examples
    --------
    >>> chosen = infer_columns({"age": [20, 30, 41], "city": ["Oslo", "Rome", "Rome"]})
    >>> print(chosen)
    column  becomes              because
    age     standardised number  3 different numbers
    city    vocabulary           2 different texts
    >>> [column.name for column in chosen.wide]
    ['age_bucketized', 'city']
    >>> [column.name for column in chosen.deep]
    ['age', 'city_indicator']
    """
    frame = as_frame(frame)
    if frame.matrix is not None:
        return Inferred((_sparse(frame.matrix),))
    if not frame.rows:
        raise InvalidValue("frame", "has no rows to choose columns from")
    rules = _Rules(max_vocabulary, num_buckets, frame.named)
    return Inferred(tuple(rules.choose(frame, key) for key in frame.keys if key not in exclude))


def _sparse(matrix: Any) -> Choice:
    column = sparse_column(int(matrix.shape[1]))
    width = embedding_width(matrix.shape[1])
    deep = embedding_column(column, width, combiner="sum")
    why = f"{matrix.shape[1]} columns, embedded in {width}"
    return Choice("x", "sparse entries", why, (column,), (deep,))


@dataclass(frozen=True)
class _Rules:
    max_vocabulary: int
    num_buckets: int
    named: bool

    def choose(self, frame: Frame, key: str) -> Choice:
        if frame.rows >= MANY and _are_measured(frame.first(key, LOOK)):
            return self._standardised(key, "many different numbers")
        factor = frame.factor(key)
        kinds = factor.kinds - {"missing"}
        if factor.offsets is not None:
            return self._lists(frame, key, factor)
        # A pandas category may name values that no cell holds.
        if not kinds or not (factor.codes >= 0).any():
            return Choice(key, "dropped", "all cells are missing")
        if self.named and len(factor.values) == 1 and "missing" not in factor.kinds:
            return Choice(key, "dropped", f"constant, always {factor.texts[0]}")
        if kinds == {"number"} and self.named and _is_called_id(key) and _whole(factor):
            return self._id(frame, key, factor)
        if kinds == {"number"}:
            return self._number(frame, key, factor)
        if kinds == {"date"}:
            return self._date(key, factor)
        return self._text(frame, key, factor, "booleans" if kinds == {"boolean"} else "texts")

    def _number(self, frame: Frame, key: str, factor: Factor) -> Choice:
        count = len(factor.values)
        if self.named and 20 < frame.rows == count and _whole(factor) and _is_gapless(factor):
            return Choice(key, "dropped", "an id: whole numbers, all different, few gaps")
        return self._standardised(key, f"{count} different numbers")

    def _standardised(self, key: str, why: str) -> Choice:
        number = numeric_column(key, normalizer="standard")
        wide = bucketized_column(numeric_column(key), self.num_buckets, missing="none")
        return Choice(key, "standardised number", why, (wide,), (number,))

    def _id(self, frame: Frame, key: str, factor: Factor) -> Choice:
        if len(factor.values) == frame.rows:
            return Choice(key, "dropped", "an id: called so, all different")
        return self._text(frame, key, factor, "ids")

    def _text(self, frame: Frame, key: str, factor: Factor, what: str) -> Choice:
        count = len(factor.values)
        if 10 <= frame.rows == count:
            return Choice(key, "dropped", f"an id: {what}, all different")
        if count > max(self.max_vocabulary, 0.9 * frame.rows):
            return Choice(key, "dropped", f"an id or free text: {count} different {what}")
        if count <= self.max_vocabulary:
            known = categorical_column(key)
            why = f"{count} different {what}"
            return Choice(key, "vocabulary", why, (known,), (indicator_column(known),))
        buckets, width = 1 << (2 * count - 1).bit_length(), embedding_width(count)
        hashed = categorical_column_with_hash_bucket(key, buckets)
        deep = embedding_column(hashed, width)
        why = f"{count} different {what}, in {buckets} buckets, embedded in {width}"
        return Choice(key, "hashed", why, (hashed,), (deep,))

    def _date(self, key: str, factor: Factor) -> Choice:
        timed = any(len(text) > len("2000-01-01") for text in factor.texts)
        parts = [date_column(key, part) for part in ("month", "weekday", *["hour"] * timed)]
        deep = (elapsed_column(key), *map(indicator_column, parts))
        why = f"{len(factor.values)} different dates{', with a time' if timed else ''}"
        return Choice(key, "date parts", why, tuple(parts), deep)

    def _lists(self, frame: Frame, key: str, factor: Factor) -> Choice:
        assert factor.offsets is not None
        lengths = np.diff(factor.offsets)
        if factor.kinds <= {"number"} and lengths.min() == lengths.max() > 1 and _real(factor):
            deep = numeric_column(key, shape=int(lengths[0]), normalizer="standard")
            return Choice(key, "vector", f"lists of {lengths[0]} numbers", (), (deep,))
        if not len(factor.values):
            return Choice(key, "dropped", "all lists are empty")
        known = categorical_column(key, min_frequency=1)
        width = embedding_width(len(factor.values))
        why = f"lists of {len(factor.values)} different values, embedded in {width}"
        return Choice(key, "lists", why, (known,), (embedding_column(known, width),))


def _are_measured(cells: Any) -> bool:
    """Whether a look at some cells shows numbers with fractions, almost all different.

    Then nothing is learnt from finding all that are different, which takes long.
    """
    dtype = getattr(cells, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind != "f" or cells.ndim != 1:
        return False
    some = np.asarray(cells)
    some = some[np.isfinite(some)]
    return bool((some % 1 > 0).any()) and len(np.unique(some)) > 0.5 * LOOK


def _real(factor: Factor) -> bool:
    return any(isinstance(value, (float, np.floating)) for value in factor.values)


def _whole(factor: Factor) -> bool:
    values = np.asarray(factor.values, dtype=np.float64)
    return bool((values == np.floor(values)).all())


def _is_gapless(factor: Factor) -> bool:
    values = np.asarray(factor.values, dtype=np.float64)
    return bool(np.ptp(values) < 2 * len(values))


def _is_called_id(key: str) -> bool:
    # user_id, userId, UserID, uuid, index; but not "paid".
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", key).lower()
    return re.search(r"(^|[^a-z])(id|ids|uuid|guid|index)($|[^a-z])", words) is not None
