"""What a tree sees of a frame: numbers with gaps, ids of categories, lists counted."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidType, InvalidValue
from ...feature_columns import (
    Categorical,
    Column,
    ColumnSet,
    Features,
    Frame,
    Indicator,
    Number,
    categorical_column,
    infer_columns,
    numeric_column,
)
from ...feature_columns.express import feeds
from ...graph import Program, Tensor, concat
from ..dense import DenseInputs

__all__ = ["TreeInputs", "tree_columns"]

Array = npt.NDArray[Any]
COUNTED = 256  # values of lists that are counted, each in a number of its own
MOST_IDS = np.iinfo(np.int32).max // 2


def tree_columns(frame: Frame) -> list[Column]:
    """Return columns for trees, inferred from a frame.

    As `cannery.feature_columns.infer_columns` chooses, but numbers stay as they are, missing ones
    included, texts and ids have a vocabulary of all their values, and of lists the 256 most
    frequent values are counted.

    Raises
    ------
    InvalidValue
        Nothing in the frame tells rows apart.
    """
    inferred = infer_columns(frame)
    found = [column for choice in inferred.choices for column in _columns_of(choice)]
    if not found:
        wrong = "nothing in X tells rows apart"
        raise InvalidValue("columns", wrong, inferred.dropped, "name feature columns yourself")
    return found


def _columns_of(choice: Any) -> list[Column]:
    if choice.becomes in ("standardised number", "vector"):
        (given,) = choice.deep
        return [numeric_column(choice.key, shape=given.shape, missing="nan")]
    if choice.becomes in ("vocabulary", "hashed"):
        return [categorical_column(choice.key, num_oov_buckets=0)]
    if choice.becomes == "lists":
        return [categorical_column(choice.key, max_tokens=COUNTED, num_oov_buckets=0)]
    return list(choice.deep)


class TreeInputs:
    """Columns as trees take them: numbers first, then ids.

    Parameters
    ----------
    columns : ColumnSet
        Learnt.

    Raises
    ------
    InvalidType
        A column that is neither numbers nor categories, such as an embedding.
    InvalidValue
        A column of more ids than int32 holds.
    """

    def __init__(self, columns: ColumnSet):
        for column in columns.columns:
            _check(column)
        self._features = Features(columns)
        numbers: list[Column] = [c for c in columns.cores if isinstance(c, Number)]
        cores: list[Any] = [c for c in columns.cores if isinstance(c, Categorical)]
        counted = [column for column in cores if column.several]
        self.ids = [column for column in cores if not column.several]
        self.counts_lists = bool(counted)
        self._dense = DenseInputs(self._features, [*numbers, *map(Indicator, counted)])

    @property
    def sizes(self) -> npt.NDArray[np.int32]:
        """How many ids each column of ids has."""
        return np.array([column.size for column in self.ids], np.int32)

    @functools.cached_property
    def sources(self) -> list[Column]:
        """The feature column behind each number, then behind each column of ids."""
        dense = self._dense
        found = [column for column in dense.numbers for _ in range(column.width)]
        for bag in dense.indicators.bags:
            found += [bag] * bag.size
        return [*found, *self.ids]

    def tensors(self) -> tuple[Tensor | None, Tensor | None]:
        """Return numbers and ids as tensors, None where there are none."""
        numbers = self._dense(self._features) if self._dense.width else None
        if not self.ids:
            return numbers, None
        columns = [self._features.bag(column).ids for column in self.ids]
        return numbers, columns[0] if len(columns) == 1 else concat(columns, axis=1)

    def arrays(self, encoded: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        """Return the numbers and the ids of encoded rows: (rows, numbers), (categoricals, rows)."""
        numbers = encoded.numbers
        if self.counts_lists:
            program = Program(outputs={"numbers": self._dense(self._features)})
            numbers = program.start({}).run(feeds(encoded))["numbers"]
        return numbers, np.ascontiguousarray(encoded.ids.T, np.int32)

    def signs(self, monotonic: Any, names: Sequence[str]) -> npt.NDArray[np.int8] | None:
        """Return which way each column of the trees must go, None where all are free.

        Parameters
        ----------
        monotonic : mapping of str to int, array-like or None
            By raw column.
        names : sequence of str
            The raw columns.
        """
        if monotonic is None:
            return None
        wanted = _by_name(monotonic, names)
        found = np.zeros(len(self.sources), np.int8)
        for place, column in enumerate(self.sources):
            sign = max((wanted[key] for key in column.keys if key in wanted), key=abs, default=0)
            if sign and not isinstance(column, Number):
                wrong = f"column {column.name!r} has no order"
                raise InvalidValue("monotonic_cst", wrong, sign, "constrain numbers only")
            found[place] = sign
        return found if found.any() else None


def _check(column: Column) -> None:
    if not isinstance(column, (Number, Categorical, Indicator)):
        raise InvalidType(
            f"column {column.name!r}",
            "a forest takes numbers and categories",
            type(column).__name__,
            f"give it {', '.join(map(repr, column.keys))} as a numeric or categorical column",
        )
    categorical = getattr(column, "categorical", None)
    if categorical is not None and categorical.size > MOST_IDS:
        wrong = f"has more than {MOST_IDS} ids"
        raise InvalidValue(f"column {column.name!r}", wrong, categorical.size, "use fewer buckets")


def _by_name(monotonic: Any, names: Sequence[str]) -> dict[str, int]:
    if not hasattr(monotonic, "items"):
        if len(monotonic) != len(names):
            wrong = f"must have {len(names)} signs, one for each column"
            raise InvalidValue("monotonic_cst", wrong, len(monotonic))
        monotonic = dict(zip(names, monotonic, strict=True))
    unknown = [name for name in monotonic if name not in names]
    if unknown:
        raise InvalidValue("monotonic_cst", "names no column of X", unknown, f"X has {names}")
    for name, sign in monotonic.items():
        if sign not in (-1, 0, 1):
            wrong = f"column {name!r} must have -1, 0 or 1"
            raise InvalidValue("monotonic_cst", wrong, repr(sign))
    return {str(name): int(sign) for name, sign in monotonic.items()}
