"""Deep networks on feature columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import Fraction, hyperparameters
from ..documentation import documented
from ..explanation import EmbeddingTables
from ..gradient import GradientTrained
from ..gradient_kinds import GradientClassifier, GradientRegressor
from ..towers import DeepTower

__all__ = ["DNNClassifier", "DNNRegressor"]


@hyperparameters
class DNN(EmbeddingTables, GradientTrained):
    """One deep tower."""

    columns: Any = None
    hidden_units: Any = (128, 64)
    activation: Any = "relu"
    dropout: Fraction = 0.0
    batch_norm: bool = False
    optimizer: Any = "adagrad"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield the deep tower and its optimizer."""
        settings = (self.hidden_units, self.activation, self.dropout, self.batch_norm)
        yield DeepTower(self.columns, *settings), self.optimizer


@documented
@hyperparameters
class DNNClassifier(GradientClassifier, DNN):
    """A deep network on dense columns and embeddings that predicts classes.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import DNNClassifier
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Lima", "Rome"], "age": [20, 40, 60, 80]})
    >>> X = pd.concat([X] * 50)
    >>> y = ["a", "b", "c", "b"] * 50
    >>> model = DNNClassifier(hidden_units=(16, 8), random_state=0).fit(X, y)
    >>> model.predict(X.head(4)).tolist()
    ['a', 'b', 'c', 'b']
    >>> model.predict_proba(X).shape
    (200, 3)
    """


@documented
@hyperparameters
class DNNRegressor(GradientRegressor, DNN):
    """A deep network on dense columns and embeddings that predicts numbers in any unit.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery import DNNRegressor
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(500, 2))
    >>> y = 1e6 * X[:, 0] * X[:, 1]
    >>> model = DNNRegressor(hidden_units=(32, 16), epochs=30, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """
