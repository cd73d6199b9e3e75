"""Towers: from expressed feature columns to logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InvalidType, InvalidValue
from ..feature_columns import (
    Categorical,
    Column,
    Embedding,
    Features,
    Indicator,
    Inferred,
    Number,
    SharedEmbedding,
)
from ..graph import (
    Tensor,
    Variable,
    cast,
    dropout,
    matmul,
    minimum,
    name_scope,
    sum_rows,
    where,
)
from ..graph.initializers import zeros
from ..graph.layers import ACTIVATIONS, BatchNormalization, Dense
from .dense import DenseInputs, JointIds

__all__ = ["BiasTower", "DeepTower", "LinearTower", "Training"]


SLOWEST_AVERAGE = 0.999  # the momentum of batch normalisation once it has settled


@dataclass
class Training:
    """What a tower needs besides features while training: step, seed, and where updates go."""

    step: Tensor
    seed: int
    updates: dict[Variable, Tensor]


class BiasTower:
    """One number per logit, whatever the features: the model of the baseline estimators."""

    name = "baseline"
    given: Sequence[Column] = ()

    def build(self, features: Features, columns: Sequence[Column], width: int) -> None:
        """Make the variables."""
        with name_scope(self.name):
            self.bias = Variable(zeros(), "bias", shape=(width,))
        self.variables = [self.bias]

    def __call__(self, features: Features, training: Training | None) -> Tensor | None:
        """Return the logits."""
        return self.bias


class LinearTower:
    """A weight for each id and each number; a row's ids add up.

    All categorical columns share one table, laid end to end, so that a step looks up and updates
    one variable.

    Parameters
    ----------
    given : sequence of columns, optional
        Those the user gave; None has them inferred.
    with_numbers : bool
        Whether inferred columns include the numbers, which a deep tower beside would take.
    """

    name = "linear"

    def __init__(self, given: Any = None, with_numbers: bool = False):
        self.given, self.with_numbers = given, with_numbers

    def infer(self, inferred: Inferred) -> list[Column]:
        """Return the columns to use where the user gave none."""
        numbers: list[Column] = [column for column in inferred.deep if isinstance(column, Number)]
        return inferred.wide + numbers if self.with_numbers else inferred.wide

    def build(self, features: Features, columns: Sequence[Column], width: int) -> None:
        """Make the variables."""
        for column in columns:
            if isinstance(column, (Embedding, SharedEmbedding)):
                raise InvalidType(
                    f"column {column.name!r}",
                    "a linear model takes categorical and numeric columns, not embeddings",
                    todo=f"give it {column.categorical.name!r} itself",
                )
        self.numbers = [column for column in columns if isinstance(column, Number)]
        categorical = [c.categorical for c in columns if isinstance(c, (Categorical, Indicator))]
        self.joint = JointIds(features, list(dict.fromkeys(categorical)))
        self.variables = []
        with name_scope(self.name):
            if self.joint.columns:
                self.table = Variable(zeros(), "weights", shape=(self.joint.rows, width))
                self.variables.append(self.table)
            if self.numbers:
                inputs = sum(column.width for column in self.numbers)
                self.kernel = Variable(zeros(), "kernel", shape=(inputs, width))
                self.variables.append(self.kernel)
            self.bias = Variable(zeros(), "bias", shape=(width,))
            self.variables.append(self.bias)

    def __call__(self, features: Features, training: Training | None) -> Tensor | None:
        """Return the logits."""
        with name_scope(self.name):
            parts = []
            if self.joint.ids is not None:
                parts.append(sum_rows(self.table, self.joint.ids))
            for column in self.joint.bags:
                bag = features.bag(column)
                shifted = where(bag.ids < 0, bag.ids, bag.ids + self.joint.starts[column])
                parts.append(
                    sum_rows(self.table, shifted, weights=bag.weights, lengths=bag.lengths)
                )
            if self.numbers:
                numbers = features.numbers(self.numbers)
                parts.append(matmul(numbers, self.kernel))
            return sum(parts[1:], parts[0]) + self.bias if parts else self.bias


@dataclass(eq=False)
class DeepTower:
    """Dense inputs through hidden layers.

    Each hidden layer is linear, then the activation, then dropout, then batch normalisation, as
    in TensorFlow's canned networks; the logits have neither of the last two.

    Parameters
    ----------
    given : sequence of columns, optional
        Those the user gave; None has them inferred.
    hidden_units : sequence of int
    activation : str or callable
    dropout : float
        The share of units dropped while training.
    batch_norm : bool
        The averages for prediction have momentum ``min(0.999, (1 + step) / (10 + step))``.
    """

    given: Any = None
    hidden_units: Sequence[int] = ()
    activation: str | Callable[[Tensor], Tensor] = "relu"
    dropout: float = 0.0
    batch_norm: bool = False
    name: str = "deep"

    def infer(self, inferred: Inferred) -> list[Column]:
        """Return the columns to use where the user gave none."""
        return inferred.deep

    def build(self, features: Features, columns: Sequence[Column], width: int) -> None:
        """Make the variables."""
        self._check()
        if not columns:
            raise InvalidValue("deep columns", "must name at least one column", todo="add one")
        with name_scope(self.name):
            self.inputs = DenseInputs(features, columns)
            self.variables: list[Variable] = list(self.inputs.variables)
            inputs = self.inputs.width
            self.layers, self.norms = [], []
            for i, units in enumerate(self.hidden_units):
                self.layers.append(Dense(inputs, units, f"hidden_{i}"))
                self.variables += self.layers[-1].variables
                if self.batch_norm:
                    self.norms.append(BatchNormalization(units, f"batch_norm_{i}"))
                    self.variables += self.norms[-1].variables
                inputs = units
            self.logits = Dense(inputs, width, "logits")
            self.variables += self.logits.variables

    def _check(self) -> None:
        units = self.hidden_units
        whole = isinstance(units, (tuple, list, np.ndarray)) and all(
            isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in units
        )
        if not whole:
            wrong = "must be a list of whole numbers of at least 1"
            raise InvalidValue(
                "hidden_units", wrong, repr(units), "write (64, 32), or (64,) for one"
            )
        if not callable(self.activation) and self.activation not in ACTIVATIONS:
            raise InvalidValue(
                "activation", f"must be one of {sorted(ACTIVATIONS)}", repr(self.activation)
            )

    def __call__(self, features: Features, training: Training | None) -> Tensor | None:
        """Return the logits."""
        with name_scope(self.name):
            x = self.inputs(features)
            activation = self.activation
            if not callable(activation):
                activation = ACTIVATIONS[activation]
            for i, layer in enumerate(self.layers):
                with name_scope(f"hidden_{i}"):
                    x = activation(layer(x))
                    if self.dropout and training is not None:
                        seed = training.seed + i
                        x = dropout(x, self.dropout, seed=seed, step=training.step)
                    if self.batch_norm:
                        x = self._normalized(self.norms[i], x, training)
            with name_scope("logits"):
                return self.logits(x)

    def _normalized(self, norm: Any, x: Tensor, training: Training | None) -> Tensor:
        if training is None:
            return norm(x)
        # An average that forgets this slowly would still hold its first value after a short fit.
        steps = cast(training.step, dtype="float32")
        norm.momentum = minimum((steps + 1.0) / (steps + 10.0), SLOWEST_AVERAGE)
        return norm(x, training.updates)
