"""Dense columns side by side: what a deep network, or a distance, sees of a row."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InvalidType
from ..feature_columns import (
    Bucketized,
    Column,
    Embedding,
    Features,
    Indicator,
    Number,
    SharedEmbedding,
)
from ..graph import (
    Tensor,
    Variable,
    concat,
    expand,
    multi_hot,
    one_hot,
    segment_sum,
    sum_rows,
    take,
    where,
)
from ..graph.initializers import truncated_normal

__all__ = ["DenseInputs", "JointIds"]


class JointIds:
    """Columns of single ids side by side, each shifted into its own rows of one table."""

    def __init__(self, features: Features, columns: Sequence[Any]):
        # Single ids come first, so that their rows of the table are those of one matrix of ids.
        singles = [column for column in columns if not features.is_ragged(column)]
        self.bags = [column for column in columns if features.is_ragged(column)]
        self.columns = (*singles, *self.bags)
        sizes = [column.size for column in self.columns]
        self.rows = sum(sizes)
        self.width = sum(column.size for column in singles)
        ends = itertools.accumulate(sizes, initial=0)
        self.starts = dict(zip(self.columns, ends, strict=False))
        self.ids: Tensor | None = None
        if singles:
            joined = concat([features.bag(column).ids for column in singles], axis=1)
            shifts = np.array([[self.starts[column] for column in singles]], joined.dtype)
            self.ids = where(joined < 0, joined, joined + shifts) if shifts.any() else joined


class DenseInputs:
    """Numbers as they are, ids counted, rows of embedding tables: one matrix.

    Parameters
    ----------
    features : Features
    columns : sequence of columns
        Number, bucketized, indicator and embedding columns.

    Attributes
    ----------
    width : int
        How many numbers a row has.
    tables : dict of str to Variable
        The embedding tables; `variables` are those that are trained.
    """

    def __init__(self, features: Features, columns: Sequence[Column]):
        for column in columns:
            if not isinstance(column, (Number, Bucketized, Indicator, Embedding, SharedEmbedding)):
                raise InvalidType(
                    f"column {column.name!r}",
                    "a deep tower takes dense columns",
                    type(column).__name__,
                    "wrap it in indicator_column or embedding_column",
                )
        self.numbers = [c for c in columns if isinstance(c, Number)]
        self.embeddings = [c for c in columns if isinstance(c, (Embedding, SharedEmbedding))]
        counted = [c.categorical for c in columns if isinstance(c, (Bucketized, Indicator))]
        self.indicators = JointIds(features, list(dict.fromkeys(counted)))
        self.tables: dict[str, Variable] = {}
        self.variables: list[Variable] = []
        for column in self.embeddings:
            self._table(column)
        self.width = (
            sum(column.width for column in self.numbers)
            + self.indicators.rows
            + sum(column.dimension for column in self.embeddings)
        )

    def _table(self, column: Any) -> None:
        if column.table_name in self.tables:
            return
        start = column.initializer or truncated_normal(deviation=1 / math.sqrt(column.dimension))
        shape = (column.categorical.size, column.dimension)
        table = Variable(start, column.table_name, shape=shape, trainable=bool(column.trainable))
        self.tables[column.table_name] = table
        if column.trainable:
            self.variables.append(table)

    def __call__(self, features: Features) -> Tensor:
        """Return the matrix: numbers, counted single ids, embeddings, counted lists."""
        parts = []
        if self.numbers:
            parts.append(features.numbers(self.numbers))
        if self.indicators.ids is not None:
            parts.append(multi_hot(self.indicators.ids, depth=self.indicators.width))
        parts += [
            self._embed(features.bag(column.categorical), column) for column in self.embeddings
        ]
        for column in self.indicators.bags:
            bag = features.bag(column)
            counts = one_hot(bag.ids, depth=column.size)
            if bag.weights is not None:
                counts = counts * expand(bag.weights, axis=1)
            parts.append(segment_sum(counts, bag.lengths))
        return concat(parts, axis=1) if len(parts) > 1 else parts[0]

    def _embed(self, bag: Any, column: Any) -> Tensor:
        table = self.tables[column.table_name]
        if bag.lengths is None and column.max_norm is None:
            return take(table, bag.ids[:, 0])  # all combiners agree on one id
        return sum_rows(
            table,
            bag.ids,
            weights=bag.weights,
            lengths=bag.lengths,
            combiner=column.combiner,
            max_norm=column.max_norm,
        )

    def names(self) -> list[str]:
        """Return what each number of a row is: ``age``, ``city=Oslo``, ``tags_embedding_3``."""
        found = []
        for column in self.numbers:
            wide = column.width > 1
            found += [f"{column.name}_{i}" if wide else column.name for i in range(column.width)]
        singles = [c for c in self.indicators.columns if c not in self.indicators.bags]
        found += [f"{column.name}={token}" for column in singles for token in column.tokens()]
        for table in self.embeddings:
            found += [f"{table.name}_{i}" for i in range(table.dimension)]
        bags = self.indicators.bags
        return found + [f"{column.name}={token}" for column in bags for token in column.tokens()]
