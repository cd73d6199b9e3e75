"""Which columns distances are measured in, and rows as points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidType, InvalidValue
from ...feature_columns import (
    Bucketized,
    Categorical,
    Column,
    ColumnSet,
    Features,
    Frame,
    Numeric,
    indicator_column,
    infer_columns,
    sparse_column,
)
from ...graph import Program
from ..dense import DenseInputs
from ..model import Model
from .points import Doubles, Floats, Points

__all__ = ["Space", "chosen_columns", "mean_of", "named", "total_of"]

MOST_COUNTED = 1024  # columns of a sparse matrix that are counted; more are projected


def chosen_columns(columns: Any, frame: Frame) -> list[Column]:
    """Return the columns given, or those that the frame suggests; categorical ones are counted.

    Raises
    ------
    InvalidValue
        No column, nothing in X to tell rows apart, or one that leaves missing numbers missing.
    InvalidType
        Something that is no column.
    """
    if columns is None:
        return _inferred(frame)
    if not isinstance(columns, (list, tuple)):
        raise InvalidType("columns", "must be a list of feature columns", repr(columns))
    found: list[Column] = []
    for column in columns:
        if not isinstance(column, Column):
            raise InvalidType("columns", "must be feature columns", repr(column))
        if isinstance(column, Numeric) and column.missing == "nan":
            wrong = "leaves missing numbers missing, and nothing is near to them"
            raise InvalidValue(f"column {column.name!r}", wrong, todo="choose missing='mean'")
        if isinstance(column, Categorical) and not isinstance(column, Bucketized):
            column = indicator_column(column)
        found.append(column)
    if not found:
        raise InvalidValue("columns", "must name at least one column", todo="add one")
    return found


def _inferred(frame: Frame) -> list[Column]:
    if frame.matrix is not None and frame.matrix.shape[1] <= MOST_COUNTED:
        return [indicator_column(sparse_column(int(frame.matrix.shape[1])))]
    inferred = infer_columns(frame)
    if not inferred.deep:
        wrong = "nothing in X tells rows apart"
        raise InvalidValue("columns", wrong, inferred.dropped, "name feature columns yourself")
    return inferred.deep


class Space:
    """The numbers of a row between which distances are measured.

    Parameters
    ----------
    columns : ColumnSet
        Learnt columns, all dense.
    generator : numpy.random.Generator
        Draws the tables of embedding columns, which stay as they are.
    """

    def __init__(self, columns: ColumnSet, generator: np.random.Generator):
        self.columns = columns
        features = Features(columns)
        self.inputs = DenseInputs(features, columns.columns)
        self.x = self.inputs(features)
        self.width, self.names = self.inputs.width, self.inputs.names()
        self.plain = len(self.inputs.numbers) == len(columns.columns)
        program = Program(outputs={"x": self.x})
        self.tables = program.initial_values(int(generator.integers(2**31)))
        self._model = Model(columns, program.simplified(), self.tables)

    def points(self, encoded: Mapping[str, Any]) -> Floats:
        """Return encoded rows as points.

        Raises
        ------
        InvalidValue
            A number that is NaN or infinite, or so large that its square is.
        """
        if self.plain and len(self.columns.cores) == len(self.columns.columns):
            found: Floats = encoded["numbers"]
        else:
            found = self._model.answers(encoded, ("x",))["x"]
        self._refuse(found)
        return found

    def _refuse(self, x: Floats) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            bad = ~np.isfinite(np.einsum("ij,ij->i", x, x) * 4)
        if not bad.any():
            return
        row = int(bad.argmax())
        at = int(np.argmax(np.where(np.isfinite(x[row]), np.abs(x[row]), np.inf)))
        wrong = f"row {row} is too large for squared distances, or not finite"
        todo = "give numeric_column a normalizer, or another treatment of missing cells"
        raise InvalidValue(f"column {self.names[at]!r}", wrong, float(x[row, at]), todo)


def mean_of(x: Floats, weights: npt.NDArray[Any] | None, threads: int = 1) -> Doubles:
    """Return the weighted mean of points."""

    def work(rows: slice) -> Doubles:
        if weights is None:
            return x[rows].sum(axis=0, dtype=np.float64)
        return np.einsum("ij,i->j", x[rows], weights[rows], dtype=np.float64)

    points = Points(x, threads=threads)
    sums: Doubles = np.sum(points.in_blocks(work, points.blocks(x.shape[1])), axis=0)
    return sums / (len(x) if weights is None else weights.sum(dtype=np.float64))


def total_of(each: Floats, weights: npt.NDArray[Any] | None) -> float:
    """Return the weighted sum of a column, in float64."""
    if weights is None:
        return float(each.sum(dtype=np.float64))
    return float(np.dot(each[:, 0].astype(np.float64), weights))


def named(names: Sequence[str]) -> list[str]:
    """Return names that are all different: those that occur again are numbered."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found
