"""Categorical columns by hash, for values nobody listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .c_text.literals import c_uint64
from .c_text.writer import Writer
from .cells import Cells
from .checks import check_count, check_key
from .column import ABSENT, Keyed
from .factor import Factor

__all__ = ["Hashed", "categorical_column_with_hash_bucket"]


@dataclass(frozen=True)
class Hashed(Keyed, kind="hash_bucket"):
    """Fingerprint64 of the value's text, modulo the number of buckets."""

    key: str
    hash_bucket_size: int
    dtype_name: str = "string"
    cells: Cells | None = None

    @property
    def size(self) -> int:
        """The number of buckets."""
        return self.hash_bucket_size

    def table(self, factor: Factor) -> np.ndarray:
        """Return the bucket of each distinct value."""
        size = np.uint64(self.hash_bucket_size)
        found = (factor.fingerprints % size).astype(np.int64)
        if factor.minus_one is not None:
            found[factor.minus_one] = ABSENT
        return found

    def table_c(self, writer: Writer) -> list[str]:
        """Return the C statements that return the id of one value."""
        size = c_uint64(self.hash_bucket_size)
        return [
            "if (is_minus_one(x)) return ABSENT;",
            f"return (int64_t)(fingerprint_of(x) % {size});",
        ]


def categorical_column_with_hash_bucket(
    key: str, hash_bucket_size: int, dtype: Any = "string"
) -> Hashed:
    """Ids by hash: Fingerprint64(text) mod `hash_bucket_size`, in unsigned 64-bit arithmetic.

    Numbers are hashed by their decimal text, so 5, 5.0 and "5" share a bucket. No value is
    unseen. Missing cells, and the integer -1, have no id.

    Parameters
    ----------
    key : str
        The raw column; its cells may hold lists.
    hash_bucket_size : int
        The number of ids.
    dtype : dtype
        Kept for compatibility: values are hashed by their text.

    Returns
    -------
    Hashed

    Raises
    ------
    InvalidValue, InvalidType
        An argument out of range.

    Examples
    --------
    >>> column = categorical_column_with_hash_bucket("education", 1000)
    >>> column.encode({"education": ["HS-grad", "Bachelors", None]}).tolist()
    [621, 456, -1]
    """
    check_count(f"column {key!r}: hash_bucket_size", hash_bucket_size)
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", np.dtype(dtype).name)
    return Hashed(check_key(key), hash_bucket_size, str(name))
