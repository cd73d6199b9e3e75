"""What a column means, as plain arrays, for debugging and tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InvalidType, InvalidValue
from .bucketized import Bucketized
from .column import ABSENT, Categorical, Column, Number
from .combining import combine, count
from .embedding import Embedding, SharedEmbedding
from .encoding import core
from .frames import as_frame
from .indicator import Indicator
from .ragged import Ragged
from .sparse import Sparse

__all__ = ["dense", "ids"]


def ids(column: Column, frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the row, id and weight of each value of a categorical column, in row order.

    Missing values are left out; values outside a vocabulary have the id -1.

    Parameters
    ----------
    column : categorical column
        Or an indicator or embedding over one. A column that has not learnt learns from `frame`.
    frame : frame
        Anything `as_frame` takes.

    Returns
    -------
    rows, ids : ndarray of int
    weights : ndarray of float32 or None
        None for an unweighted column.

    Raises
    ------
    InvalidType
        A number column.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_vocabulary_list
    >>> column = categorical_column_with_vocabulary_list("size", ["S", "M"])
    >>> ids(column, {"size": ["M", None, "XL"]})
    (array([0, 2]), array([ 1, -1]), None)
    """
    frame = as_frame(frame)
    categorical = _ready(column, frame)
    if not isinstance(categorical, Categorical):
        raise InvalidType(f"column {column.name!r}", "has numbers, no ids", todo="use dense")
    found = _entries(categorical, frame)
    rows = np.repeat(np.arange(frame.rows), np.diff(found.offsets))
    present = found.ids != ABSENT
    weights = None if found.weights is None else found.weights[present]
    return rows[present], found.ids[present].astype(np.int64), weights


def dense(column: Column, frame: Any, table: Any = None) -> np.ndarray:
    """Return the float32 numbers that a column puts into a deep tower.

    Parameters
    ----------
    column : Column
        A number column; a bucketized or indicator column, whose ids are counted; or an embedding
        column. A column that has not learnt learns from `frame`.
    frame : frame
        Anything `as_frame` takes.
    table : array of shape (size, dimension), optional
        The table of an embedding column.

    Returns
    -------
    ndarray of float32, shape (n, width)

    Raises
    ------
    InvalidValue
        An embedding column without a table of its shape.
    InvalidType
        A categorical column that is neither counted nor embedded.

    Examples
    --------
    >>> from cannery.feature_columns import bucketized_column, numeric_column
    >>> dense(bucketized_column(numeric_column("age"), [18]), {"age": [17, 18]}).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    frame = as_frame(frame)
    found = _ready(column, frame)
    if isinstance(found, Number):
        return found.encode(frame)
    entries = _entries(found, frame)
    if isinstance(column, (Indicator, Bucketized, Sparse)):
        return count(entries, found.size)
    if isinstance(column, (Embedding, SharedEmbedding)):
        wanted = (found.size, column.dimension)
        given = None if table is None else np.shape(table)
        if given != wanted:
            raise InvalidValue(
                f"column {column.name!r}", f"needs a table of shape {wanted}", repr(given)
            )
        weights = np.asarray(table, dtype=np.float32)
        return combine(entries, weights, column.combiner, column.max_norm)
    raise InvalidType(
        f"column {column.name!r}",
        "is categorical and has no dense form",
        todo="wrap it in indicator_column or embedding_column",
    )


def _ready(column: Column, frame: Any) -> Categorical | Number:
    if not isinstance(column, Column):
        raise InvalidType("column", "must be a feature column", repr(column))
    return core(column.learn(frame) if frame.rows else column)


def _entries(column: Categorical, frame: Any) -> Ragged:
    found = column.lookup(frame)
    if isinstance(found, Ragged):
        return found
    return Ragged(np.arange(len(found) + 1, dtype=np.int64), found)
