"""Categorical columns whose values are ids already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidValue
from .c_text.literals import c_int64
from .c_text.writer import Writer
from .cells import Cells
from .checks import check_count, check_key
from .column import ABSENT, UNSEEN, Keyed
from .factor import Factor
from .values import whole

__all__ = ["Identity", "categorical_column_with_identity"]


@dataclass(frozen=True)
class Identity(Keyed, kind="identity"):
    """The value itself, a whole number in ``[0, num_buckets)``."""

    key: str
    num_buckets: int
    default_value: int | None = None
    cells: Cells | None = None

    @property
    def size(self) -> int:
        """The number of buckets."""
        return self.num_buckets

    def table(self, factor: Factor) -> np.ndarray:
        """Return the id of each distinct value."""
        default = UNSEEN if self.default_value is None else self.default_value
        found = np.where(self._outside(factor), default, self._values(factor))
        if factor.minus_one is not None:
            found[factor.minus_one] = ABSENT
        return found

    def unseen(self, factor: Factor, table: np.ndarray) -> np.ndarray:
        """Return which distinct values are no ids."""
        found: np.ndarray = self._outside(factor) & (table != ABSENT)
        return found

    def table_c(self, writer: Writer) -> list[str]:
        """Return the C statements that return the id of one value."""
        default = "UNSEEN" if self.default_value is None else c_int64(self.default_value)
        outside = "REFUSED(MODEL_UNSEEN)" if writer.strict else default
        return [
            "int64_t number;",
            "if (is_minus_one(x)) return ABSENT;",
            f"if (!is_whole(x->cell, &number)) return {outside};",
            f"return number < 0 || number >= {c_int64(self.num_buckets)} ? {outside} : number;",
        ]

    def _outside(self, factor: Factor) -> np.ndarray:
        values = self._values(factor)
        outside: np.ndarray = (values < 0) | (values >= self.num_buckets)
        return outside

    def _values(self, factor: Factor) -> np.ndarray:
        if isinstance(factor.values, np.ndarray) and factor.values.dtype.kind in "iub":
            return factor.values.astype(np.int64)
        # What is no whole number is outside every range.
        found = [whole(value) for value in factor.texts]
        return np.array([UNSEEN if value is None else value for value in found], dtype=np.int64)


def categorical_column_with_identity(
    key: str, num_buckets: int, default_value: int | None = None
) -> Identity:
    """Ids that are the values themselves.

    Values are whole numbers of any dtype (5, 5.0, "5"). One outside ``[0, num_buckets)`` gets
    `default_value`, or no id where there is none. Missing cells, and the integer -1, have no id.

    Parameters
    ----------
    key : str
        The raw column; its cells may hold lists.
    num_buckets : int
        The number of ids.
    default_value : int, optional
        The id of values out of range.

    Returns
    -------
    Identity

    Raises
    ------
    InvalidValue, InvalidType
        An argument out of range.

    Examples
    --------
    >>> column = categorical_column_with_identity("hour", 24, default_value=0)
    >>> column.encode({"hour": [23, 24, -1]}).tolist()
    [23, 0, -1]
    """
    check_count(f"column {key!r}: num_buckets", num_buckets)
    if default_value is not None:
        check_count(f"column {key!r}: default_value", default_value, 0)
        if default_value >= num_buckets:
            raise InvalidValue(
                f"column {key!r}", f"default_value must be below {num_buckets}", default_value
            )
    return Identity(check_key(key), num_buckets, default_value)
