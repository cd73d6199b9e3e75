"""Wide & Deep: a linear tower that memorises and a deep tower that generalises, trained jointly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import Fraction, hyperparameters
from ..classifier import Classifier
from ..estimator import Estimator
from ..explanation import EmbeddingTables, LinearWeights
from ..regressor import Regressor
from ..towers import DeepTower, LinearTower

__all__ = ["WideDeepClassifier", "WideDeepRegressor"]


@hyperparameters
class WideDeep(LinearWeights, EmbeddingTables, Estimator):
    """Two towers: their logits add up, one loss trains both, each with its own optimizer."""

    linear_columns: Any = None
    deep_columns: Any = None
    hidden_units: Any = (128, 64)
    activation: Any = "relu"
    dropout: Fraction = 0.0
    batch_norm: bool = False
    linear_optimizer: Any = "ftrl"
    deep_optimizer: Any = "adagrad"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield each tower and its optimizer."""
        settings = (self.hidden_units, self.activation, self.dropout, self.batch_norm)
        yield LinearTower(self.linear_columns), self.linear_optimizer
        yield DeepTower(self.deep_columns, *settings), self.deep_optimizer


@hyperparameters
class WideDeepClassifier(Classifier, WideDeep):
    """Memorise crossings with a linear tower, generalise with a deep one; predict classes."""


@hyperparameters
class WideDeepRegressor(Regressor, WideDeep):
    """Memorise crossings with a linear tower, generalise with a deep one; predict numbers."""
