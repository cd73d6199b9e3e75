"""Where the rows of a machine lie: columns as they are, random features, or a kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue
from ...feature_columns import Column, ColumnSet, Encoded, Features, Frame
from ...feature_columns.express import feeds
from ...graph import (
    Tensor,
    Variable,
    broadcast_like,
    cos,
    exp,
    matmul,
    name_scope,
    square,
    transpose,
)
from ...graph import sum as total
from ..build import tower_columns
from ..kmeans import Space
from ..towers import LinearTower
from .design import Design

__all__ = ["FourierSpace", "KernelSpace", "LinearSpace"]

Floats = npt.NDArray[np.float64]
BLOCK = 1 << 22  # numbers of a matrix of kernels that are there at a time


class LinearSpace:
    """Rows as a linear tower sees them.

    Parameters
    ----------
    tower : LinearTower
        Not yet built.
    columns : ColumnSet
        Learnt.
    width : int
        How many scores a row has.
    """

    def __init__(self, tower: LinearTower, columns: ColumnSet, width: int):
        self.tower, self.columns = tower, columns
        features = Features(columns)
        tower.build(features, columns.columns, width)
        scores = tower(features, None)
        assert scores is not None
        # Without columns there is a bias alone, which has no batch axis of its own.
        self.scores: Tensor = (
            scores if scores.rank == 2 else broadcast_like(scores, features.zeros(width))
        )

    @staticmethod
    def choose(tower: LinearTower, frame: Frame) -> Sequence[Column]:
        """Return the columns given, or those that the frame suggests."""
        return tower_columns([tower], frame)[0]

    def design(self, encoded: Encoded) -> Design:
        """Return encoded rows as those of a linear problem.

        Raises
        ------
        InvalidValue
            A number is missing or infinite.
        """
        joint, slot = self.tower.joint, self.columns.slot
        starts = [(slot(column).place, joint.starts[column]) for column in joint.columns]
        numbers = [slot(column).place for column in self.tower.numbers]
        found = Design.of_columns(encoded, starts, joint.rows, numbers)
        wrong = ~np.isfinite(found.dense)
        if wrong.any():
            row, place = (int(at[0]) for at in np.nonzero(wrong))
            each = [column.name for column in self.tower.numbers for _ in range(column.width)]
            raise InvalidValue(
                f"column {each[place]!r}",
                f"row {row} is missing or too large for a support vector machine",
                float(found.dense[row, place]),
                "give numeric_column a normalizer, or another treatment of missing cells",
            )
        return found

    def values(self, weights: Floats, biases: Floats) -> dict[str, npt.NDArray[np.float32]]:
        """Return the tower's variables; `weights` has a column for each score."""
        tower, count = self.tower, self.tower.joint.rows
        found = {tower.bias.name: biases}
        if tower.joint.columns:
            found[tower.table.name] = weights[:count]
        if tower.numbers:
            found[tower.kernel.name] = weights[count:]
        return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}

    def read(self, variables: Mapping[str, npt.NDArray[Any]]) -> tuple[Floats, Floats]:
        """Return weights and biases from the tower's variables."""
        tower = self.tower
        variable = [tower.table] if tower.joint.columns else []
        variable += [tower.kernel] if tower.numbers else []
        biases = np.asarray(variables[tower.bias.name], np.float64)
        blocks = [np.asarray(variables[each.name], np.float64) for each in variable]
        return np.concatenate([np.zeros((0, len(biases))), *blocks]), biases


class FourierSpace:
    """Random Fourier features, whose products are about the Gaussian kernel.

    ``sqrt(2 / D) cos(x W + p)`` with D columns of W from a normal distribution of variance
    ``2 gamma`` and phases p from [0, 2 pi) (Rahimi and Recht 2007).
    """

    def __init__(self, space: Space, gamma: float, components: int, width: int, random: Any):
        self.space = space
        shape = (space.width, components)
        self.frequencies = (random.normal(size=shape) * np.sqrt(2 * gamma)).astype(np.float32)
        self.phases = random.uniform(0, 2 * np.pi, components).astype(np.float32)
        self.height = np.float32(np.sqrt(2 / components))
        with name_scope("fourier"):
            frequencies = Variable(self.frequencies, "frequencies", trainable=False)
            phases = Variable(self.phases, "phases", trainable=False)
            weights = Variable(np.zeros((components, width), np.float32), "weights")
            bias = Variable(np.zeros(width, np.float32), "bias")
            waves = cos(matmul(space.x, frequencies) + phases) * self.height
            self.scores: Tensor = matmul(waves, weights) + bias

    def design(self, encoded: Encoded) -> Design:
        """Return the features of encoded rows."""
        x = self.space.points(feeds(encoded))
        waves = np.empty((len(x), len(self.phases)), np.float32)
        step = max(1, BLOCK // len(self.phases))
        for start in range(0, len(x), step):
            rows = slice(start, start + step)
            np.cos(x[rows] @ self.frequencies + self.phases, out=waves[rows])
        waves *= self.height
        return Design.of(dense=waves)

    def values(self, weights: Floats, biases: Floats) -> dict[str, npt.NDArray[np.float32]]:
        """Return the variables; `weights` has a column for each score."""
        found = {"fourier/frequencies": self.frequencies, "fourier/phases": self.phases}
        found |= {"fourier/weights": weights, "fourier/bias": biases}
        found |= dict(self.space.tables)
        return {name: np.asarray(value, np.float32) for name, value in found.items()}

    def read(self, variables: Mapping[str, npt.NDArray[Any]]) -> tuple[Floats, Floats]:
        """Return weights and biases from the variables."""
        found = (variables[f"fourier/{name}"] for name in ("weights", "bias"))
        weights, biases = (np.asarray(value, np.float64) for value in found)
        return weights, biases


class KernelSpace:
    """The Gaussian kernel itself, between rows and the support vectors among those of the fit."""

    def __init__(self, space: Space, gamma: float, vectors: npt.NDArray[Any], width: int):
        self.space, self.gamma = space, gamma
        count = len(vectors)
        # Distances of points far from the origin would lose their digits.
        self.origin = vectors.mean(axis=0, dtype=np.float64) if count else np.zeros(space.width)
        self.origin = self.origin.astype(np.float32)
        self.vectors = (vectors - self.origin).astype(np.float32)
        with name_scope("kernel"):
            origin = Variable(self.origin, "origin", trainable=False)
            support = Variable(self.vectors, "support_vectors", trainable=False)
            weights = Variable(np.zeros((count, width), np.float32), "weights")
            bias = Variable(np.zeros(width, np.float32), "bias")
            x = space.x - origin
            lengths = total(square(x), axis=1, keepdims=True)
            products = matmul(x, transpose(support))
            distances = lengths - 2.0 * products + total(square(support), axis=1)
            self.scores: Tensor = matmul(exp(distances * -gamma), weights) + bias

    def values(self, weights: Floats, biases: Floats) -> dict[str, npt.NDArray[np.float32]]:
        """Return the variables; `weights` has a row for each support vector."""
        found: Mapping[str, Any] = {
            "kernel/origin": self.origin,
            "kernel/support_vectors": self.vectors,
            "kernel/weights": weights,
            "kernel/bias": biases,
            **self.space.tables,
        }
        return {name: np.asarray(value, np.float32) for name, value in found.items()}
