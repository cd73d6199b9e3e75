"""What regressors add to an estimator: numbers for answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from ..hyperparameters import hyperparameters
from .head import Head
from .heads import RegressionHead
from .labels import NumericLabels
from .supervised import Supervised

__all__ = ["Regressor"]


@hyperparameters
class Regressor(RegressorMixin, Supervised):
    """One number for each row, or several: `y` decides."""

    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        return NumericLabels.learn(y)

    def _head(self, labels: Any) -> Head:
        return RegressionHead(labels.width)

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
