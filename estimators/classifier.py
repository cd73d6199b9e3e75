"""What classifiers add to an estimator: classes, probabilities and class weights."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from ..errors import InvalidValue
from ..hyperparameters import hyperparameters
from .estimator import Estimator
from .head import Head
from .labels import learn_labels

__all__ = ["Classifier"]


@hyperparameters
class Classifier(ClassifierMixin, Estimator):
    """Two classes, several, or several labels a row: `y` decides.

    Attributes
    ----------
    classes_ : ndarray
        The classes in sorted order; the numbers of the labels where rows have several.
    """

    class_weight: Any = None

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Learn columns, vocabularies and weights from a frame and its labels.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, labels)
            Classes of any type; or 0 and 1 for each of several labels.
        sample_weight : array-like of shape (n,), optional
        validation_data : tuple, optional
            ``(X, y)`` or ``(X, y, sample_weight)``, judged after each epoch.

        Returns
        -------
        self

        Raises
        ------
        InvalidValue
            Hyperparameters out of range, missing labels, one class only, no rows.
        NonFinite
            The loss became NaN or infinite; the message names the first such tensor.
        """
        fresh = not (self.warm_start and hasattr(self, "model_"))
        return self._fit(X, y, sample_weight, fresh=fresh, validation_data=validation_data)

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
        fresh = not hasattr(self, "model_")
        if not fresh and classes is not None:
            same = np.array_equal(np.unique(np.asarray(classes)), self.classes_)
            if not same:
                raise InvalidValue(
                    "classes", "is not the same as on last call to partial_fit", list(classes)
                )
        return self._fit(X, y, sample_weight, fresh=fresh, epochs=1, classes=classes)

    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        labels = learn_labels(y, classes)
        self.classes_ = labels.classes
        return labels

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
