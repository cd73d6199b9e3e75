"""Baselines: what can be said without looking at a single feature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import hyperparameters
from ..documentation import documented
from ..gradient import GradientTrained
from ..gradient_kinds import GradientClassifier, GradientRegressor
from ..towers import BiasTower

__all__ = ["BaselineClassifier", "BaselineRegressor"]


@hyperparameters
class Baseline(GradientTrained):
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


@documented
@hyperparameters
class BaselineClassifier(Baseline, GradientClassifier):
    """Predict the shares of the classes, whatever the features.

    What any other model must beat, with the same metrics, weights and validation.

    Examples
    --------
    >>> from cannery import BaselineClassifier
    >>> X = {"age": [23, 45, 31, 60, 52, 38, 29, 41] * 25}
    >>> y = ["no", "no", "no", "yes"] * 50
    >>> model = BaselineClassifier(random_state=0).fit(X, y)
    >>> abs(float(model.predict_proba(X)[0, 1]) - 0.25) < 0.02
    True
    >>> model.evaluate(X, y)["accuracy_baseline"]
    0.75
    """


@documented
@hyperparameters
class BaselineRegressor(Baseline, GradientRegressor):
    """Predict the mean of the targets (the median, or a quantile, by the loss).

    What any other model must beat, with the same metrics, weights and validation.

    Examples
    --------
    >>> from cannery import BaselineRegressor
    >>> X = {"age": [23, 45, 31, 60] * 50}
    >>> y = [1.0, 2.0, 3.0, 6.0] * 50
    >>> model = BaselineRegressor(random_state=0).fit(X, y)
    >>> abs(float(model.predict(X)[0]) - 3.0) < 0.2
    True
    """
