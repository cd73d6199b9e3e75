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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        for kind in (tags.classifier_tags, tags.regressor_tags):
            if kind is not None:
                kind.poor_score = True
        return tags


@hyperparameters
class BaselineClassifier(Baseline, Classifier):
    """Predict the shares of the classes, whatever the features."""


@hyperparameters
class BaselineRegressor(Baseline, Regressor):
    """Predict the mean of the targets (the median, or a quantile, by the loss)."""
