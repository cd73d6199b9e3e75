"""What estimators that learn from targets share: labels, a head, weights and metrics."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..feature_columns import Frame, Targets, as_frame
from ..hyperparameters import hyperparameters
from .engine import Engine
from .estimator import Estimator
from .head import Head
from .rows import Rows, check_rows
from .weights import check_sample_weight, row_weights

__all__ = ["Supervised"]


@hyperparameters
class Supervised(Estimator):
    """What is learnt of `y` in ``labels_``, what predictions mean in ``head_``.

    A learner says in `_solve` how it fits encoded rows; `Classifier` or `Regressor` brings the
    rest.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn columns and model from a frame and its targets.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
            Classes of any type, or numbers.
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        InvalidValue
            Hyperparameters out of range, missing labels, one class only, no rows.
        """
        with self._unharmed():
            self._check_settings()
            X = check_rows(self, X, reset=True)
            self._learn_targets(y)
            rows = self._rows(X, y, sample_weight)
            with Engine.chosen(False, self.n_jobs, 0.0).limits():
                self._solve(rows, self._frame(rows))
        return self

    def _solve(self, rows: Rows, frame: Frame) -> None:
        """Fit the model: learn columns from `frame`, find variables, call `_set_model`."""
        raise NotImplementedError

    @abstractmethod
    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        """Return what is learnt of `y`: see `cannery.estimators.labels`."""

    @abstractmethod
    def _head(self, labels: Any) -> Head:
        """Return the head for these labels."""

    def _learn_targets(self, y: Any, classes: Any = None) -> None:
        self.labels_ = self._learn_labels(y, classes)
        self.head_ = self._head(self.labels_)

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        count = as_frame(X).rows
        targets = self.labels_.encode(y, count)
        return Rows(X, targets, check_sample_weight(sample_weight, count))

    def _frame(self, rows: Rows, generator: np.random.Generator | None = None) -> Frame:
        """Return the rows of a fit as a frame that knows their targets.

        A generator is spawned from and not moved, so that nothing else is drawn otherwise.
        """

        @functools.cache
        def seeds() -> np.random.Generator:
            return (self._new_generator() if generator is None else generator).spawn(1)[0]

        single = rows.targets.ndim == 2 and rows.targets.shape[1] == 1
        values = rows.targets[:, 0] if single else rows.targets
        targets = Targets(
            values, rows.weights, lambda: int(seeds().integers(np.iinfo(np.int32).max))
        )
        return as_frame(rows.X, strict=self.strict).aimed_at(targets)

    def _training_weights(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return `sample_weight` times `class_weight`, one where there is neither."""
        class_weight = getattr(self, "class_weight", None)
        weights = row_weights(self.labels_, rows.targets, class_weight, rows.weights)
        return np.ones(len(rows), np.float32) if weights is None else weights.astype(np.float32)

    def _metrics(
        self, targets: Any, predictions: Any, weights: Any, thresholds: Sequence[float] = ()
    ) -> dict[str, float]:
        names = getattr(self.labels_, "names", None)
        return self.head_.metrics(targets, predictions, weights, thresholds, names)

    def evaluate(
        self, X: Any, y: Any, sample_weight: Any = None, *, thresholds: Sequence[float] = ()
    ) -> dict[str, float]:
        """Return the metrics of the model on a data set, under TensorFlow's names.

        Parameters
        ----------
        X : frame or array of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
        sample_weight : array-like of shape (n,), optional
            A row of weight two counts as two rows; `class_weight` plays no part here.
        thresholds : sequence of float
            Further probabilities to decide by; each adds accuracy, precision and recall.

        Returns
        -------
        dict of str to float
            The head's documentation lists the metrics. A model that is trained step by step adds
            ``global_step``, the steps trained.
        """
        predictions = self._predictions(X)
        count = len(next(iter(predictions.values())))
        targets = self.labels_.encode(y, count)
        weights = check_sample_weight(sample_weight, count)
        return self._metrics(targets, predictions, weights, thresholds)
