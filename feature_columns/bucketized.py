"""Numbers cut into intervals."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InvalidType, InvalidValue
from .c_text.literals import c_float
from .c_text.writer import Looked, Writer
from .checks import check_choice, check_count
from .column import ABSENT, Categorical
from .frames import Frame
from .numeric import Numeric
from .ragged import Ragged

__all__ = ["Bucketized", "bucketized_column"]


@dataclass(frozen=True)
class Bucketized(Categorical, kind="bucketized"):
    """The number of boundaries that are at most the value, compared in float32."""

    source: Numeric
    boundaries: tuple[float, ...] = ()
    quantiles: int | None = None
    missing: str = "last"

    @property
    def name(self) -> str:
        """The source's name and ``_bucketized``."""
        return f"{self.source.name}_bucketized"

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw column it reads."""
        return self.source.keys

    @property
    def size(self) -> int:
        """One bucket more than boundaries, for each number of the source."""
        self.require_learned()
        return self.buckets * self.source.width

    @property
    def buckets(self) -> int:
        """One more than there are boundaries."""
        return len(self.boundaries) + 1

    @property
    def several(self) -> bool:
        """Whether the source has several numbers a row."""
        return self.source.width > 1

    @property
    def learned(self) -> bool:
        """Whether boundaries and the source's scale are known."""
        return (self.quantiles is None or bool(self.boundaries)) and self.source.learned

    @property
    def settled(self) -> bool:
        """Whether `learn` would change nothing."""
        return self.learned and self.source.settled

    def _learn(self, frame: Frame) -> Self:
        source = self.source.learn(frame)
        boundaries = self.boundaries
        if self.quantiles is not None:
            boundaries = self._quantiles(self._numbers(source, frame))
        return dataclasses.replace(self, source=source, boundaries=boundaries)

    def weighed(self, frame: Frame, weights: np.ndarray) -> Self:
        """Return the learnt column, its quantiles those of weighted rows.

        A row of weight two counts as two rows.

        Parameters
        ----------
        frame : Frame
            What it learnt from.
        weights : ndarray of shape (n,)
            Above zero.
        """
        if self.quantiles is None:
            return self
        values = self._numbers(self.source, frame)
        each = np.repeat(weights, self.source.width).reshape(values.shape)
        return dataclasses.replace(self, boundaries=self._quantiles(values, each))

    def _quantiles(
        self, values: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[float, ...]:
        assert self.quantiles is not None
        there = ~np.isnan(values)
        present = np.sort(values[there])
        if not present.size:
            return (0.0,)
        steps = np.linspace(0, 1, self.quantiles + 1)[1:-1]
        if weights is None:
            found = np.unique(np.quantile(present, steps, method="nearest"))
        else:
            ends = np.cumsum(weights[there][np.argsort(values[there], kind="stable")])
            whole = bool((weights == np.round(weights)).all())
            places = np.round(steps * (ends[-1] - 1)) if whole else steps * ends[-1]
            found = np.searchsorted(ends, places, side="right").clip(max=len(present) - 1)
            found = np.unique(present[found])
        # No value lies below the smallest, so it cuts nothing off.
        above = present[present > present[0]]
        found = found[found > present[0]] if found[-1] > present[0] else above[:1]
        return tuple(found.tolist()) or (float(present[0]),)

    def _numbers(self, source: Numeric, frame: Frame) -> np.ndarray:
        return dataclasses.replace(source, missing="nan").encode(frame)

    def tokens(self) -> list[str]:
        """Return the interval of each id, with several numbers a row after the number's place.

        Examples
        --------
        >>> from cannery.feature_columns import numeric_column
        >>> bucketized_column(numeric_column("age"), [18, 65.5]).tokens()
        ['< 18', '[18, 65.5)', '>= 65.5']
        """
        edges = [f"{boundary:g}" for boundary in self.boundaries]
        inner = [f"[{low}, {high})" for low, high in itertools.pairwise(edges)]
        found = [f"< {edges[0]}", *inner, f">= {edges[-1]}"]
        width = self.source.width
        return found if width == 1 else [f"{at}: {text}" for at in range(width) for text in found]

    def lookup(self, frame: Frame) -> np.ndarray | Ragged:
        """Return the bucket of each number."""
        return frame.once_for(self, self._lookup)

    def _lookup(self, frame: Frame) -> np.ndarray | Ragged:
        values = self._numbers(self.source, frame)
        found = _count_at_most(np.array(self.boundaries, dtype=np.float32), values)
        found = found.astype(self.dtype)
        if self.missing == "none":
            found[np.isnan(values)] = ABSENT
        if not self.several:
            return found[:, 0]
        width = self.source.width
        shift = np.arange(width, dtype=found.dtype) * self.buckets
        found = np.where(found == ABSENT, ABSENT, found + shift)
        return Ragged(np.arange(len(found) + 1, dtype=np.int64) * width, found.ravel())

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the buckets of a row."""
        width = self.source.width
        numbers = writer.array("float", writer.name("numbers", self.name), width)
        dataclasses.replace(self.source, missing="nan").write_c(writer, numbers)
        cuts = writer.name("boundaries", self.name)
        writer.table("float", cuts, map(c_float, self.boundaries))
        ids = writer.array("int64_t", writer.name("ids", self.name), width)
        writer.do(f"bucketize({numbers}, {width}, {cuts}, {len(self.boundaries)}, {ids});")
        if self.missing == "none":
            writer.do(f"mark_missing({numbers}, {width}, {ids});")
        return Looked(ids, str(width), "0", width)


def _count_at_most(boundaries: np.ndarray, values: np.ndarray) -> np.ndarray:
    """y[i] = how many boundaries are not above x[i]; all of them where x is NaN."""
    if len(boundaries) > 64 or len(values) < 64:
        return np.searchsorted(boundaries, values, side="right")
    # A few comparisons of whole arrays beat a search for each value.
    found = np.zeros(values.shape, dtype=np.uint8)
    for boundary in boundaries:
        found += ~(values < boundary)
    return found


def bucketized_column(
    source_column: Numeric, boundaries: Iterable[float] | int, *, missing: str = "last"
) -> Bucketized:
    """Which interval a number falls into: ids, or their one-hot in a deep tower.

    Intervals are closed on the left: ``(-inf, b0), [b0, b1), …, [bk, inf)``, compared in
    float32. Bucketizing follows the source's normalizer; the source's own treatment of missing
    cells does not apply.

    Parameters
    ----------
    source_column : Numeric
        A column of `numeric_column`; with several numbers a row, number j has the ids from
        ``j * (len(boundaries) + 1)``.
    boundaries : iterable of float, or int
        Strictly increasing boundaries; or how many intervals of about equally many rows to
        learn.
    missing : {"last", "none"}
        A missing number falls into the last interval, as in TensorFlow, or has no id.

    Returns
    -------
    Bucketized

    Raises
    ------
    InvalidValue, InvalidType
        Boundaries that do not increase, or a source that is no plain number column.

    Examples
    --------
    >>> from cannery.feature_columns import numeric_column
    >>> column = bucketized_column(numeric_column("age"), [18, 65])
    >>> column.encode({"age": [17.9, 18, 70]}).tolist()
    [0, 1, 2]
    """
    if not isinstance(source_column, Numeric):
        raise InvalidType("bucketized_column", "source must be a numeric_column", source_column)
    subject = f"column {source_column.name + '_bucketized'!r}"
    if len(source_column.shape) > 1:
        raise InvalidValue(subject, "source must have a shape of rank 1", source_column.shape)
    check_choice(f"{subject}: missing", missing, ("last", "none"))
    if isinstance(boundaries, (int, np.integer)):
        count = check_count(f"{subject}: boundaries", boundaries, 2)
        return Bucketized(source_column, (), count, missing)
    found = _boundaries(subject, boundaries)
    return Bucketized(source_column, found, None, missing)


def _boundaries(subject: str, boundaries: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(boundary) for boundary in boundaries)
    except (TypeError, ValueError):
        raise InvalidType(subject, "boundaries must be numbers", repr(boundaries)) from None
    if not found or not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise InvalidValue(
            subject, "boundaries must be finite and strictly increase", list(found), "sort them"
        )
    return found
