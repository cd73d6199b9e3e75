"""Deep networks on feature columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import Fraction, hyperparameters
from ..classifier import Classifier
from ..estimator import Estimator
from ..explanation import EmbeddingTables
from ..regressor import Regressor
from ..towers import DeepTower

__all__ = ["DNNClassifier", "DNNRegressor"]


@hyperparameters
class DNN(EmbeddingTables, Estimator):
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


@hyperparameters
class DNNClassifier(Classifier, DNN):
    """A deep network that predicts classes."""


@hyperparameters
class DNNRegressor(Regressor, DNN):
    """A deep network that predicts numbers."""
