"""Scales that a number column learns; each takes and returns float64 of shape (n, width)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from ..registry import Registry
from .c_text.literals import c_double
from .c_text.writer import Writer
from .kinds import KINDS

__all__ = ["NORMALIZERS", "Affine", "Logarithm", "Normalizer", "Quantiles"]

Numbers = tuple[float, ...]


class Normalizer(Protocol):
    """A learnt scale: it takes and returns float64 of shape (n, width)."""

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the scaled values."""

    def write_c(self, writer: Writer, subject: str, x: str) -> str:
        """Return the scaled value of the C double `x`, the one at place ``i`` of several."""


@dataclass(frozen=True)
class Affine:
    """``(x - center) / spread``, one pair per number."""

    center: Numbers
    spread: Numbers

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the scaled values."""
        if len(self.center) == 1:
            # Scalars keep numpy's inner loop along the rows.
            scaled: np.ndarray = (values - self.center[0]) / self.spread[0]
        else:
            scaled = (values - np.array(self.center)) / np.array(self.spread)
        return scaled

    def write_c(self, writer: Writer, subject: str, x: str) -> str:
        """Return the scaled value of the C double `x`."""
        if len(self.center) == 1:
            return f"({x} - {_bracketed(self.center[0])}) / {_bracketed(self.spread[0])}"
        center, spread = writer.name("center", subject), writer.name("spread", subject)
        writer.table("double", center, map(c_double, self.center))
        writer.table("double", spread, map(c_double, self.spread))
        return f"({x} - {center}[i]) / {spread}[i]"

    @classmethod
    def standard(cls, values: np.ndarray) -> Self:
        """Mean 0 and standard deviation 1; a constant becomes 0."""
        present = [_present(column) for column in values.T]
        center = [_over(np.mean, column) for column in present]
        return cls(tuple(center), _spreads(_over(np.std, column) for column in present))

    @classmethod
    def minmax(cls, values: np.ndarray) -> Self:
        """Map the range seen to [0, 1]; a constant becomes 0."""
        present = [_present(column) for column in values.T]
        center = [_over(np.min, column) for column in present]
        return cls(tuple(center), _spreads(_over(np.ptp, column) for column in present))


@dataclass(frozen=True)
class Logarithm:
    """``sign(x) log(1 + |x|)``, then standardised."""

    scale: Affine

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the scaled values."""
        return self.scale(_signed_log(values))

    def write_c(self, writer: Writer, subject: str, x: str) -> str:
        """Return the scaled value of the C double `x`."""
        return self.scale.write_c(writer, subject, f"signed_log({x})")

    @classmethod
    def learn(cls, values: np.ndarray) -> Self:
        """Learn the mean and deviation of the logarithms."""
        return cls(Affine.standard(_signed_log(values)))


@dataclass(frozen=True)
class Quantiles:
    """The share of values seen that are smaller, in [0, 1], interpolated between quantiles.

    A value seen often stands at the middle of its ranks.
    """

    values: tuple[Numbers, ...]
    ranks: tuple[Numbers, ...]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the ranks of the values."""
        columns = zip(values.T, self.values, self.ranks, strict=True)
        return np.stack([np.interp(column, at, rank) for column, at, rank in columns], axis=1)

    def write_c(self, writer: Writer, subject: str, x: str) -> str:
        """Return the scaled value of the C double `x`."""
        at, rank = writer.name("quantiles", subject), writer.name("ranks", subject)
        writer.table("double", at, (c_double(each) for points in self.values for each in points))
        writer.table("double", rank, (c_double(each) for points in self.ranks for each in points))
        counts = [len(points) for points in self.values]
        if len(counts) == 1:
            return f"interpolate({x}, {at}, {rank}, {counts[0]})"
        starts = writer.name("starts", subject)
        writer.table("size_t", starts, map(str, itertools.accumulate(counts, initial=0)))
        first, count = f"{starts}[i]", f"{starts}[i + 1] - {starts}[i]"
        return f"interpolate({x}, {at} + {first}, {rank} + {first}, {count})"

    @classmethod
    def learn(cls, values: np.ndarray) -> Self:
        """Learn at most 101 quantiles of each number."""
        found = [_quantiles(column) for column in values.T]
        return cls(tuple(at for at, _ in found), tuple(rank for _, rank in found))


NORMALIZERS: Registry[Any] = Registry("normalizer")
NORMALIZERS.add("standard", Affine.standard)
NORMALIZERS.add("minmax", Affine.minmax)
NORMALIZERS.add("quantile", Quantiles.learn)
NORMALIZERS.add("log", Logarithm.learn)

for _kind in (Affine, Logarithm, Quantiles):
    KINDS.add(_kind.__name__.lower(), _kind)


def _bracketed(number: float) -> str:
    text = c_double(number)
    return f"({text})" if text.startswith("-") else text


def _present(column: np.ndarray) -> np.ndarray:
    """Return the numbers that are there, one after the other: last bits depend on how they lie."""
    gaps = np.isnan(column)
    return column[~gaps] if gaps.any() else np.ascontiguousarray(column)


def _over(function: Any, present: np.ndarray) -> float:
    return float(function(present)) if present.size else 0.0


def _spreads(spreads: Any) -> Numbers:
    return tuple(spread if spread > 0 else 1.0 for spread in spreads)


def _signed_log(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sign(values) * np.log1p(np.abs(values, dtype=np.float64))
    return found


def _quantiles(column: np.ndarray) -> tuple[Numbers, Numbers]:
    present = np.sort(_present(column))
    if not present.size:
        return (0.0,), (0.5,)
    at = np.unique(np.quantile(present, np.linspace(0, 1, 101), method="nearest"))
    left, right = np.searchsorted(present, at), np.searchsorted(present, at, side="right")
    ranks = (left + right) / (2 * len(present))
    return tuple(at.tolist()), tuple(ranks.tolist())
