"""Linear models on feature columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import hyperparameters
from ..classifier import Classifier
from ..estimator import Estimator
from ..explanation import LinearWeights
from ..regressor import Regressor
from ..towers import LinearTower

__all__ = ["LinearClassifier", "LinearRegressor"]


@hyperparameters
class Linear(LinearWeights, Estimator):
    """One linear tower."""

    columns: Any = None
    optimizer: Any = "ftrl"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield the linear tower and its optimizer."""
        yield LinearTower(self.columns, with_numbers=True), self.optimizer


@hyperparameters
class LinearClassifier(Classifier, Linear):
    """Logistic regression on feature columns, crosses included."""


@hyperparameters
class LinearRegressor(Regressor, Linear):
    """Linear regression on feature columns, crosses included."""
