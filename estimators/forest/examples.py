"""What trees are grown from: rows with numbers in bins, ids of categories, and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MISSING_BIN", "Examples", "Rules", "bin_edges", "put_into_bins"]

MISSING_BIN = 255
MOST_EDGES = 254  # 255 bins, and one for missing numbers
CRITERIA = ("squares", "entropy of classes", "entropy of outputs")

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows in columns, for trees to be grown from.

    Parameters
    ----------
    bins : ndarray of uint8, shape (numbers, rows)
        The bin of each number, `MISSING_BIN` where it is missing.
    ids : ndarray of int32, shape (categoricals, rows)
        -1 where the category is missing.
    sizes : ndarray of int32, shape (categoricals,)
        How many ids each categorical column has.
    outputs : int
        How many numbers a row has as targets, or how many classes there are.
    alike : ndarray of int32, shape (rows,)
        Equal where targets are equal.
    targets : ndarray of float64, shape (rows, outputs), optional
    classes : ndarray of int32, shape (rows,), optional
        One of both is there.
    """

    bins: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    outputs: int
    alike: npt.NDArray[np.int32]
    targets: npt.NDArray[np.float64] | None = None
    classes: npt.NDArray[np.int32] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.bins.shape[1]

    @property
    def numbers(self) -> int:
        """How many columns hold numbers; they come first."""
        return len(self.bins)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return len(self.bins) + len(self.ids)


@dataclass(frozen=True, eq=False)
class Rules:
    """How trees grow.

    Parameters
    ----------
    criterion : {"squares", "entropy of classes", "entropy of outputs"}
        What a split makes less of. Sums of squares are those of regression, and of Gini's index
        over 0 and 1 or over classes too.
    max_features : int
        How many columns a node looks at; further ones while none splits it.
    max_depth : int
    min_samples_split, min_samples_leaf : int
        Rows, each counted once however much it weighs.
    min_weight_leaf : float
        The least weight of a leaf.
    monotonic : ndarray of int8, shape (columns,), optional
        1 where the mean must not fall as the column rises, -1 where it must not rise.
    """

    criterion: str = "squares"
    max_features: int = 1
    max_depth: int = np.iinfo(np.int32).max
    min_samples_split: int = 2
    min_samples_leaf: int = 1
    min_weight_leaf: float = 0.0
    monotonic: npt.NDArray[np.int8] | None = None


def bin_edges(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the numbers that part a column into bins of about equal numbers of rows.

    At most 254 edges, each half-way between two neighbouring values that occur; all of them where
    there are few. What lies on an edge belongs to the bin below.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.forest.examples import bin_edges
    >>> bin_edges(np.array([3, 1, 1, np.nan, 2], np.float32)).tolist()
    [1.5, 2.5]
    """
    ordered = np.sort(values[~np.isnan(values)])
    if not len(ordered):
        return np.empty(0, np.float32)
    new = np.flatnonzero(ordered[1:] > ordered[:-1])
    if len(new) > MOST_EDGES:
        last = np.arange(1, MOST_EDGES + 1) * len(ordered) // (MOST_EDGES + 1) - 1
        # The last row of each value at or after which a part of the rows ends.
        new = np.unique(new[np.minimum(np.searchsorted(new, last), len(new) - 1)])
    low, high = ordered[new], ordered[new + 1]
    middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    return np.where(middle < high, middle, low)


def put_into_bins(
    values: npt.NDArray[np.float32], edges: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Return the bin of each number: how many edges lie below it, or `MISSING_BIN`."""
    bins = np.searchsorted(edges, values).astype(np.uint8)
    bins[np.isnan(values)] = MISSING_BIN
    return bins
