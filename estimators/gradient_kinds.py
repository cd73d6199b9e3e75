"""Gradient-trained classifiers and regressors: `partial_fit`, losses, and targets in any unit."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ..hyperparameters import OneOf, Positive, hyperparameters
from .build import Scaling
from .classifier import Classifier
from .gradient import GradientTrained
from .head import Head
from .heads import LOSSES, RegressionHead
from .labels import NumericLabels
from .regressor import Regressor
from .rows import Rows

__all__ = ["GradientClassifier", "GradientRegressor"]


@hyperparameters
class GradientClassifier(Classifier, GradientTrained):
    """A classifier whose head's loss is minimised step by step."""

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on these rows; the first call learns columns and classes as well.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,)
        classes : array-like, optional
            All classes there will be, needed in the first call where `y` lacks some.
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self
        """
        self._check_classes(classes)
        fresh = not hasattr(self, "model_")
        return self._fit(X, y, sample_weight, fresh=fresh, epochs=1, classes=classes)


@hyperparameters
class GradientRegressor(Regressor, GradientTrained):
    """A regressor that minimises one of several losses step by step."""

    loss: OneOf(*LOSSES) = "squared_error"  # type: ignore[valid-type]
    delta: Positive = 1.0
    quantile: Positive = 0.5

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on these rows; the first call learns the columns as well.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, fresh=not hasattr(self, "model_"), epochs=1)

    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        return NumericLabels.learn(y, least=0.0 if self.loss == "poisson" else -np.inf)

    def _head(self, labels: Any) -> Head:
        return RegressionHead(labels.width, self.loss, self.delta, self.quantile)

    def _scaling(self, rows: Rows) -> Scaling:
        targets = rows.targets.astype(np.float64)
        weights = rows.weights
        center = np.average(targets, axis=0, weights=weights)
        if self.loss == "poisson":
            # The towers' sum is the logarithm of the mean already.
            offset = np.log(np.maximum(center, 1e-6))
            return Scaling(np.ones_like(offset, np.float32), offset.astype(np.float32))
        deviation = np.sqrt(np.average((targets - center) ** 2, axis=0, weights=weights))
        scale = np.where(deviation > 0, deviation, 1.0)
        steepest = {"squared_error": scale, "huber": np.minimum(scale, self.delta)}
        units = scale * steepest.get(self.loss, 1.0)
        return Scaling(*(part.astype(np.float32) for part in (scale, center, units)))
