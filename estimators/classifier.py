"""What classifiers add to an estimator: classes, probabilities and class weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from ..errors import InvalidValue
from ..hyperparameters import hyperparameters
from .head import Head
from .labels import learn_labels
from .supervised import Supervised

__all__ = ["Classifier"]


@hyperparameters
class Classifier(ClassifierMixin, Supervised):
    """Two classes, several, or several labels a row: `y` decides.

    Attributes
    ----------
    classes_ : ndarray
        The classes in sorted order; the numbers of the labels where rows have several.
    """

    class_weight: Any = None

    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        labels = learn_labels(y, classes)
        self.classes_ = labels.classes
        return labels

    def _check_classes(self, classes: Any) -> None:
        """Raise unless `classes`, where they are given, are those of a model fitted before."""
        known = hasattr(self, "classes_") and classes is not None
        if known and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            wrong = "is not the same as on last call to partial_fit"
            raise InvalidValue("classes", wrong, list(classes))

    def _head(self, labels: Any) -> Head:
        return labels.head()

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest class of each row, or the labels it likely has.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)

        Returns
        -------
        ndarray of shape (n,) or (n, labels)
        """
        predictions = self._predictions(X)
        return self.labels_.decode(predictions[self.head_.answer])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the probability of each class, in the order of ``classes_``.

        Where rows have several labels, that of each label on its own.

        Returns
        -------
        ndarray of shape (n, classes)
        """
        return self._predictions(X)["probabilities"]

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the logits: shape (n,) for two classes, else (n, classes)."""
        logits = self._predictions(X)["logits"]
        two = len(self.classes_) == 2 and logits.shape[1] == 1
        return logits[:, 0] if two else logits

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
