"""What regressors add to an estimator: losses, and targets in any unit."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from ..hyperparameters import OneOf, Positive, hyperparameters
from .build import Scaling
from .estimator import Estimator
from .head import Head
from .heads import LOSSES, RegressionHead
from .labels import NumericLabels
from .rows import Rows

__all__ = ["Regressor"]


@hyperparameters
class Regressor(RegressorMixin, Estimator):
    """One number for each row, or several: `y` decides."""

    loss: OneOf(*LOSSES) = "squared_error"  # type: ignore[valid-type]
    delta: Positive = 1.0
    quantile: Positive = 0.5

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Learn columns, vocabularies and weights from a frame and its targets.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
        sample_weight : array-like of shape (n,), optional
        validation_data : tuple, optional
            ``(X, y)`` or ``(X, y, sample_weight)``, judged after each epoch.

        Returns
        -------
        self

        Raises
        ------
        InvalidValue
            Hyperparameters out of range, missing targets, no rows.
        NonFinite
            The loss became NaN or infinite; the message names the first such tensor.
        """
        fresh = not (self.warm_start and hasattr(self, "model_"))
        return self._fit(X, y, sample_weight, fresh=fresh, validation_data=validation_data)

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

    def predict(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the prediction for each row.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)

        Returns
        -------
        ndarray of shape (n,) or (n, outputs), as `y` was
        """
        predictions = self._predictions(X)
        return self.labels_.decode(predictions[self.head_.answer])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
