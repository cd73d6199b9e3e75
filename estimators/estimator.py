"""What all gradient-trained estimators share: from a frame and targets to a fitted model."""

from __future__ import annotations

import contextlib
import functools
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import ThreadpoolController

from ..errors import InvalidType, InvalidValue
from ..feature_columns import ColumnSet, as_frame
from ..feature_columns.express import feeds
from ..graph import optimizers as graph_optimizers
from ..hyperparameters import (
    Fraction,
    NonNegative,
    NonNegativeInt,
    OneOf,
    PositiveInt,
    check,
    hyperparameters,
)
from .build import Built, Scaling, build
from .head import Head
from .model import Model
from .rows import Rows, check_rows, hold_out
from .training.callbacks import EarlyStopping, notify
from .training.history import plot_history
from .training.loop import Trainer
from .weights import check_sample_weight, row_weights

__all__ = ["Estimator"]

HELD_OUT = 0.1  # of the rows, where early stopping was given no validation data
LEAST_STEPS = 10  # in an epoch: batches of small data sets are smaller than `batch_size`
THREADED_BATCH = 1024  # rows from which a second thread for matrix products pays


@hyperparameters
class Estimator(BaseEstimator):
    """Towers whose logits are added, a head that turns them into a loss, and the fit of both.

    A canned estimator says which `towers` it has; `Classifier` or `Regressor` brings the head.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 256
    validation_fraction: Fraction = 0.0
    early_stopping: bool | str = False
    patience: PositiveInt = 5
    min_delta: NonNegative = 0.0
    warm_start: bool = False
    strict: bool = False
    n_jobs: int | None = None
    jit: OneOf("auto", True, False) = "auto"  # type: ignore[valid-type]
    callbacks: Any = ()
    random_state: Any = None
    verbose: NonNegativeInt = 0

    @abstractmethod
    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield each tower and its optimizer."""

    @abstractmethod
    def _learn_labels(self, y: Any, classes: Any = None) -> Any:
        """Return what is learnt of `y`: see `cannery.estimators.labels`."""

    @abstractmethod
    def _head(self, labels: Any) -> Head:
        """Return the head for these labels."""

    def _scaling(self, rows: Rows) -> Scaling:
        """Return how the towers' sum becomes logits."""
        return Scaling()

    # A fit, in the order in which it happens.

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        fresh: bool = True,
        epochs: int | None = None,
        classes: Any = None,
    ) -> Self:
        check(self)
        self._check_settings()
        X = check_rows(self, X, reset=fresh)
        if fresh:
            self.labels_ = self._learn_labels(y, classes)
            self.head_ = self._head(self.labels_)
        rows = self._rows(X, y, sample_weight)
        generator = self._generator(fresh)
        rows, validation = self._split(rows, validation_data, generator)
        frame = as_frame(rows.X, strict=self.strict)
        if fresh:
            scaling = self._scaling(rows)
            self._start(build(self.towers(), self.head_, frame, generator, scaling))
        encoded = dict(feeds(self.columns_.encode(frame, strict=self.strict)))
        encoded["labels"] = rows.targets
        weights = rows.weights
        encoded["weights"] = np.ones(len(rows), np.float32) if weights is None else weights
        with self._threads():
            self._train(encoded, len(rows), validation, epochs or self.epochs, generator)
        return self

    def _check_settings(self) -> None:
        if self.jit is True:
            raise InvalidValue(
                "jit", "no compiler is part of this version", "True", "use 'auto', the interpreter"
            )
        if self.n_jobs is not None and (not isinstance(self.n_jobs, int) or self.n_jobs == 0):
            raise InvalidValue("n_jobs", "must be None, -1 or a number of threads", self.n_jobs)
        if not isinstance(self.early_stopping, (bool, str, np.bool_)):
            raise InvalidType(
                "early_stopping", "must be True, False or a metric's name", self.early_stopping
            )

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        count = as_frame(X).rows
        targets = self.labels_.encode(y, count)
        weights = check_sample_weight(sample_weight, count)
        weights = row_weights(self.labels_, targets, getattr(self, "class_weight", None), weights)
        return Rows(X, targets, None if weights is None else weights.astype(np.float32))

    def _generator(self, fresh: bool) -> np.random.Generator:
        if fresh or not hasattr(self, "_random"):
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            self._random = np.random.default_rng(seed)
        return self._random

    def _split(
        self, rows: Rows, validation_data: Any, generator: np.random.Generator
    ) -> tuple[Rows, Rows | None]:
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise InvalidType(
                    "validation_data",
                    "must be (X, y) or (X, y, sample_weight)",
                    type(validation_data).__name__,
                )
            X, y, *weight = validation_data
            X = check_rows(self, X, reset=False)
            return rows, self._rows(X, y, weight[0] if weight else None)
        fraction = self.validation_fraction or (HELD_OUT if self.early_stopping else 0.0)
        if not fraction:
            return rows, None
        return hold_out(rows, fraction, generator, stratify=hasattr(self, "classes_"))

    def _start(self, built: Built) -> None:
        self._towers = built.towers
        self._training = built.training
        self._execution = built.training.start(built.values)
        self.columns_: ColumnSet = built.columns
        self.model_ = Model(built.columns, built.prediction, self._execution.variables)
        self.n_iter_ = 0
        self.training_seconds_ = 0.0
        self.history_ = pd.DataFrame()

    @contextlib.contextmanager
    def _threads(self) -> Iterator[None]:
        threads = self.n_jobs
        if threads is None:
            threads = -1 if self.batch_size >= THREADED_BATCH else 1
        if threads < 0:
            yield
            return
        with _controller().limit(limits=threads, user_api="blas"):
            yield

    def _train(
        self,
        encoded: Mapping[str, Any],
        count: int,
        validation: Rows | None,
        epochs: int,
        generator: np.random.Generator,
    ) -> None:
        size = min(self.batch_size, max(1, count // LEAST_STEPS))
        trainer = Trainer(self._running(), encoded, count, size, generator, int(self.verbose))
        stopping = None
        if self.early_stopping and validation is not None:
            metric = "average_loss" if self.early_stopping is True else str(self.early_stopping)
            stopping = EarlyStopping(metric, self.patience, self.min_delta)
        judged = None if validation is None else _Judged(self, validation)

        def on_epoch_end(epoch: int, logs: dict[str, float]) -> bool:
            self.n_iter_ = epoch
            if judged is not None:
                logs.update(judged())
            stop = notify(self.callbacks, "on_epoch_end", self, epoch, logs)
            if stopping is None:
                return stop
            return stopping.update(epoch, logs, self._execution.variables) or stop

        notify(self.callbacks, "on_fit_begin", self)
        first = self.n_iter_ + 1
        logs = trainer.fit(range(first, first + epochs), on_epoch_end)
        if stopping is not None and stopping.best_variables:
            self.best_epoch_ = stopping.best_epoch
            for name, best in stopping.best_variables.items():
                self._execution.variables[name][...] = best
        self.history_ = pd.concat([self.history_, pd.DataFrame(logs)], ignore_index=True)
        self.training_seconds_ += trainer.seconds
        notify(self.callbacks, "on_fit_end", self)

    def _running(self) -> Any:
        """Return the training program at work, after unpickling too."""
        if self._execution is None:
            self._execution = self._training.start(self._state)
            self.model_ = Model(self.columns_, self.model_.program, self._execution.variables)
        return self._execution

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if state.get("_execution") is not None:
            # Values, slots of the optimizers included, in place of buffers and locks.
            state = {**state, "_state": dict(self._execution.variables), "_execution": None}
        return state  # type: ignore[no-any-return]

    # What a fitted estimator answers.

    @property
    def variables_(self) -> dict[str, npt.NDArray[Any]]:
        """The fitted values of the model's variables, by name."""
        check_is_fitted(self, "model_")
        return self.model_.variables

    def _predictions(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        check_is_fitted(self, "model_")
        X = check_rows(self, X, reset=False)
        return self.model_.predict(X, strict=self.strict)

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
            With ``global_step``, the steps trained. The head's documentation lists the metrics.
        """
        check_is_fitted(self, "model_")
        X = check_rows(self, X, reset=False)
        predictions = self.model_.predict(X, strict=self.strict)
        count = len(next(iter(predictions.values())))
        targets = self.labels_.encode(y, count)
        weights = check_sample_weight(sample_weight, count)
        names = getattr(self.labels_, "names", None)
        found = self.head_.metrics(targets, predictions, weights, thresholds, names)
        return {**found, "global_step": int(self._global_step())}

    def _global_step(self) -> int:
        values = self._state if self._execution is None else self._execution.variables
        return int(values["global_step"])

    def plot_history(self, metrics: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the learning curves; see `cannery.estimators.training.plot_history`."""
        check_is_fitted(self, "model_")
        chosen = None if metrics is None else tuple(metrics)
        return plot_history(self.history_, chosen, ax, type(self).__name__)

    def set_params(self, **params: Any) -> Self:
        """Set hyperparameters, also those of an optimizer that was given by its name.

        Returns
        -------
        self
        """
        for key in params:
            owner, nested, _ = key.partition("__")
            value = getattr(self, owner, None)
            if nested and owner not in params and isinstance(value, str):
                setattr(self, owner, graph_optimizers.get_optimizer(value))
        return super().set_params(**params)  # type: ignore[no-any-return]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.non_deterministic = False
        return tags


class _Judged:
    """Validation rows, encoded once and judged after each epoch."""

    def __init__(self, estimator: Estimator, rows: Rows):
        self._estimator, self._rows = estimator, rows
        self._feeds = feeds(estimator.columns_.encode(rows.X, strict=estimator.strict))

    def __call__(self) -> dict[str, float]:
        predictions = self._estimator.model_.run(self._feeds)
        found = self._estimator.head_.metrics(self._rows.targets, predictions, self._rows.weights)
        return {f"val_{name}": value for name, value in found.items()}


@functools.cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
