"""A scipy sparse matrix as one column: its column numbers are ids, its values weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse

from ..errors import InvalidType, InvalidValue
from .c_text.literals import c_int64
from .c_text.writer import Looked, Writer
from .checks import check_count
from .column import Categorical
from .frames import Frame
from .ragged import Ragged

__all__ = ["Sparse", "sparse_column"]


MOST_ENTRIES = 1024  # of a row in C, where no more are asked for


@dataclass(frozen=True)
class Sparse(Categorical, kind="sparse"):
    """Every entry of a sparse matrix: its column is the id, its value the weight."""

    features: int | None = None

    weighted = True

    @property
    def name(self) -> str:
        """What a `Frame` calls a sparse matrix."""
        return "x"

    @property
    def keys(self) -> tuple[str, ...]:
        """The one column of a sparse matrix."""
        return ("x",)

    @property
    def size(self) -> int:
        """The number of columns of the matrix."""
        self.require_learned()
        assert self.features is not None
        return self.features

    @property
    def several(self) -> bool:
        """A row has as many ids as entries."""
        return True

    @property
    def learned(self) -> bool:
        """Whether the number of columns is known."""
        return self.features is not None

    def _learn(self, frame: Frame) -> Self:
        return dataclasses.replace(self, features=int(_matrix(frame).shape[1]))

    def lookup(self, frame: Frame) -> Ragged:
        """Return the column number and the value of each entry."""
        matrix = _matrix(frame)
        if matrix.shape[1] != self.features:
            raise InvalidValue("sparse matrix", f"must have {self.features} columns", matrix.shape)
        if not np.isfinite(matrix.data).all():
            at = int((~np.isfinite(matrix.data)).argmax())
            row = int(np.searchsorted(matrix.indptr, at, side="right")) - 1
            raise InvalidValue("sparse matrix", f"row {row} is not finite")
        ids = matrix.indices.astype(self.dtype, copy=False)
        return Ragged(matrix.indptr.astype(np.int64), ids, matrix.data.astype(np.float32))

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that reads the entries of a row."""
        capacity = min(self.size, max(writer.max_values, MOST_ENTRIES))
        found = writer.ids(self.name, capacity=capacity)
        weights = writer.array("float", writer.name("weights", self.name), capacity)
        places = f"{capacity}, {found.array}, {weights}, &{found.count}, &{found.dropped}"
        call = f"read_entries({writer.cell('x')}, {c_int64(self.size)}, {places})"
        writer.call("x", call)
        writer.do(f"s->dropped |= {found.dropped} > 0;")
        return dataclasses.replace(found, weights=weights)


def _matrix(frame: Frame) -> Any:
    matrix = frame.column("x")
    if not scipy.sparse.issparse(matrix):
        raise InvalidType("frame", "must be a sparse matrix, as it was when it learnt")
    return matrix


def sparse_column(features: int | None = None) -> Sparse:
    """Take the entries of a sparse matrix, never made dense.

    Parameters
    ----------
    features : int, optional
        The number of columns; learnt where it is not given.

    Returns
    -------
    Sparse

    Examples
    --------
    >>> import scipy.sparse
    >>> found = sparse_column(3).encode(scipy.sparse.csr_array([[0, 2.5, 0], [1, 0, 4]]))
    >>> found.offsets.tolist(), found.ids.tolist(), found.weights.tolist()
    ([0, 1, 3], [1, 0, 2], [2.5, 1.0, 4.0])
    """
    if features is not None:
        check_count("sparse_column: features", features)
    return Sparse(features)
