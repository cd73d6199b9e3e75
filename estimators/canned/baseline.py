"""Baselines: what can be said without looking at a single feature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import hyperparameters
from ..classifier import Classifier
from ..estimator import Estimator
from ..regressor import Regressor
from ..towers import BiasTower

__all__ = ["BaselineClassifier", "BaselineRegressor"]


@hyperparameters
class Baseline(Estimator):
    """A bias for each logit and nothing else."""

    optimizer: Any = "ftrl"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield the bias and its optimizer."""
        yield BiasTower(), self.optimizer


@hyperparameters
class BaselineClassifier(Classifier, Baseline):
    """Predict the shares of the classes, whatever the features."""


@hyperparameters
class BaselineRegressor(Regressor, Baseline):
    """Predict the mean of the targets (the median, or a quantile, by the loss)."""
