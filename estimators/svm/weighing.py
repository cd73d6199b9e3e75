"""Scales and buckets of number columns that heed the weights of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...feature_columns import Bucketized, ColumnSet, Frame, Numeric
from ...feature_columns.normalizers import Affine

__all__ = ["weighed"]

Floats = npt.NDArray[np.float64]


def weighed(
    given: Sequence[Any], columns: ColumnSet, frame: Frame, weights: Floats | None
) -> ColumnSet:
    """Return learnt columns whose standard scales and quantiles count a weight of two as two rows.

    Parameters
    ----------
    given : sequence of columns
        The same before they learnt: what had learnt already stays as it is.
    columns : ColumnSet
    frame : Frame
        What they learnt from.
    weights : ndarray of shape (n,), optional
        Above zero; without them the columns are as they were.
    """
    if weights is None:
        return columns
    pairs = zip(given, columns.columns, strict=True)
    return ColumnSet(c if was.settled else _weighed(c, frame, weights) for was, c in pairs)


def _weighed(column: Any, frame: Frame, weights: Floats) -> Any:
    if isinstance(column, Bucketized):
        return column.weighed(frame, weights)
    if not isinstance(column, Numeric) or column.normalizer != "standard":
        return column
    values = frame.numbers(column.key, column.width).astype(np.float64)
    there = ~np.isnan(values)
    shares = np.where(there, weights[:, None], 0.0)
    counts = np.maximum(shares.sum(axis=0), 1e-300)
    known = np.where(there, values, 0.0)
    means = (shares * known).sum(axis=0) / counts
    spreads = np.sqrt((shares * (known - means) ** 2).sum(axis=0) / counts)
    spreads = np.where(spreads > 0, spreads, 1.0)
    scale = Affine(tuple(means.tolist()), tuple(spreads.tolist()))
    return dataclasses.replace(column, scale=scale, fill=tuple(means.tolist()))
