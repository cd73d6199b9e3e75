"""What all gradient-trained estimators share: towers, one loss, and the loop that minimises it."""

from __future__ import annotations

import contextlib
import math
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..errors import InvalidType
from ..feature_columns import ColumnSet
from ..feature_columns.express import feeds
from ..graph import Program
from ..graph import optimizers as graph_optimizers
from ..graph.compiler.cost import interpreted_seconds
from ..hyperparameters import Allowed, Fraction, NonNegative, PositiveInt, hyperparameters
from .build import Built, Scaling, build
from .engine import Engine, Running
from .model import Model
from .pool import PoolExecution
from .pool.rounds import Rounds
from .pool.worker import Steps
from .rows import Rows, check_rows, hold_out
from .settings import check_unchanged, comparable, lasting
from .supervised import Supervised
from .training.callbacks import EarlyStopping, Listeners, check_callbacks
from .training.history import plot_history
from .training.identity import data_identity, described, program_digest
from .training.loop import Trainer, check_finite
from .training.recovery import Part, Recovery, Variables, recovery
from .training.tasks import CallbackSupportMixin, FitTasks, with_callbacks

__all__ = ["GradientTrained"]

HELD_OUT = 0.1  # of the rows, where early stopping was given no validation data
Folder = Annotated[
    Any,
    Allowed("None or a path", lambda v: v is None or (v and isinstance(v, str | os.PathLike))),
]
Judge = Callable[[], dict[str, float]]  # the metrics of the model of the moment on held-out rows
LEAST_STEPS = 10  # in an epoch: batches of small data sets are smaller than `batch_size`


@hyperparameters
class GradientTrained(CallbackSupportMixin, Supervised):
    """Towers whose logits are added, a head that turns them into a loss, and the fit of both.

    A canned estimator says which `towers` it has; a classifier or a regressor brings the head.
    """

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 256
    validation_fraction: Fraction = 0.0
    early_stopping: bool | str = False
    patience: PositiveInt = 5
    min_delta: NonNegative = 0.0
    warm_start: bool = False
    callbacks: Any = ()
    checkpoint_dir: Folder = None
    checkpoint_seconds: NonNegative = 10.0
    keep_checkpoints: PositiveInt = 3
    pool: Any = None

    @abstractmethod
    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield each tower and its optimizer."""

    def _scaling(self, rows: Rows) -> Scaling:
        """Return how the towers' sum becomes logits."""
        return Scaling()

    # A fit, in the order in which it happens.

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Learn columns, vocabularies and weights from a frame and its targets.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
            Classes of any type, or 0 and 1 for each of several labels; or numbers.
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

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        fresh: bool,
        epochs: int | None = None,
        **options: Any,
    ) -> Self:
        self._check_settings()
        if not fresh:
            check_unchanged(self, self._settings)
        # What `partial_fit` is called with is a part of a fit that only its caller knows.
        folder = self.checkpoint_dir if epochs is None else None
        with (
            self._unharmed() if fresh else contextlib.nullcontext(),
            recovery(folder, self.keep_checkpoints, self.checkpoint_seconds) as saved,
            self._rounds(Steps, "rows") as rounds,
        ):
            given = (fresh, saved, rounds, epochs)
            return self._prepare_and_train(X, y, sample_weight, *given, **options)

    @with_callbacks
    def _prepare_and_train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        fresh: bool,
        saved: Recovery,
        rounds: Rounds | None,
        epochs: int | None,
        validation_data: Any = None,
        classes: Any = None,
    ) -> Self:
        X = check_rows(self, X, reset=fresh)
        if fresh:
            self._learn_targets(y, classes)
        generator = self._generator(fresh)
        saved.claim(lambda: self._beginning(fresh))
        saved.begin(generator)
        rows, validation = self._rows(X, y, sample_weight), None
        if epochs is None:
            rows, validation = self._split(rows, validation_data, generator)
        frame = self._frame(rows, generator)
        if fresh:
            scaling, threads = self._scaling(rows), self._threads()
            # Under no name here: a pool has no use for the first values once they are shared.
            self._start(build(self.towers(), self.head_, frame, generator, scaling, threads))
        encoded = self._feeds(frame, rows)
        given = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        tasks = FitTasks(self, epochs or self.epochs, self._reconstruction, **given)
        self._choose_engine(len(rows), epochs or self.epochs)
        saved.claim(lambda: self._task(encoded))
        judge = self._judge(validation, saved)
        del rows, validation, frame  # the codes of raw columns weigh as much as encoded ones
        with self._engine.limits():
            self._train(encoded, judge, epochs or self.epochs, generator, tasks, saved, rounds)
        return self

    def _check_settings(self) -> None:
        super()._check_settings()
        if not isinstance(self.early_stopping, (bool, str, np.bool_)):
            raise InvalidType(
                "early_stopping", "must be True, False or a metric's name", self.early_stopping
            )
        check_callbacks(self.callbacks)

    def _feeds(self, frame: Any, rows: Rows) -> dict[str, Any]:
        encoded = dict(feeds(self.columns_.encode(frame, self.strict, self._threads())))
        return {**encoded, "labels": rows.targets, "weights": self._training_weights(rows)}

    def _generator(self, fresh: bool) -> np.random.Generator:
        if fresh:
            self._random = self._new_generator()
        return self._random

    def _split(
        self, rows: Rows, validation_data: Any, generator: np.random.Generator
    ) -> tuple[Rows, Rows | None]:
        if validation_data is None:
            fraction = self.validation_fraction or (HELD_OUT if self.early_stopping else 0.0)
            if not fraction:
                return rows, None
            return hold_out(rows, fraction, generator, stratify=hasattr(self, "classes_"))
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            wrong = "must be (X, y) or (X, y, sample_weight)"
            raise InvalidType("validation_data", wrong, type(validation_data).__name__)
        X, y, weights = (*validation_data, None)[:3]
        return rows, self._rows(check_rows(self, X, reset=False), y, weights)

    def _start(self, built: Built) -> None:
        self._settings = comparable(self)[1]
        self._towers, self._scale = built.towers, built.scaling
        self._training = built.training
        self._execution: Running | None = None
        self._engine, self._estimate = Engine(), 0.0
        self._state: Mapping[str, npt.NDArray[Any]] = built.values
        self.columns_: ColumnSet = built.columns
        self.model_ = Model(built.columns, built.prediction, self._state)
        self.n_iter_ = 0
        self.training_seconds_ = 0.0
        self.history_ = pd.DataFrame()

    def _choose_engine(self, rows: int, epochs: int) -> None:
        """Decide between C and the interpreter, by all that the model has been trained so far."""
        size = self._step_size(rows)
        steps = epochs * math.ceil(rows / size)
        self._estimate += interpreted_seconds(self._training, size, steps)
        engine = Engine.chosen(self.jit, self.n_jobs, self._estimate)
        if engine != self._engine:
            self._engine, self._execution = engine, None

    def _step_size(self, rows: int) -> int:
        return min(self.batch_size, max(1, rows // LEAST_STEPS))

    def _train(
        self,
        encoded: Mapping[str, Any],
        judge: Judge | None,
        epochs: int,
        generator: np.random.Generator,
        tasks: FitTasks,
        saved: Recovery,
        rounds: Rounds | None,
    ) -> None:
        count = len(encoded["labels"])
        size = self._step_size(count)
        encoded = {**encoded, "batch_size": np.float32(size)}
        with self._at_work(rounds, count, size) as (execution, steps):
            data = (execution, encoded, count, size, generator)
            trainer = Trainer(*data, int(self.verbose), steps)
            parts: dict[str, Part] = {"variables": Variables(self._state), "trainer": trainer}
            stopping = None if judge is None else self._stopping()
            if stopping is not None:
                parts["stopping"] = stopping
            listeners = Listeners(self, tasks, judge, stopping)
            first = self.n_iter_ + 1
            saved.put_back(str(self._engine), parts)
            self.n_iter_ += len(trainer.history)
            listeners.fit_begins()
            trainer.fit(range(first, first + epochs), listeners, saved.save)
            if stopping is not None:
                stopping.restore()
                self.best_epoch_ = stopping.best_epoch
        check_finite(self.model_.variables)
        logs = pd.DataFrame(trainer.history)
        self.history_ = pd.concat([self.history_, logs], ignore_index=True)
        self.training_seconds_ += trainer.seconds
        listeners.fit_ends()

    def _stopping(self) -> EarlyStopping | None:
        if not self.early_stopping:
            return None
        metric = "average_loss" if self.early_stopping is True else str(self.early_stopping)
        return EarlyStopping(metric, self.patience, self.min_delta, self._state, self.n_iter_)

    def _judge(self, rows: Rows | None, saved: Recovery) -> Judge | None:
        """Return what judges the model of the moment on these rows, if any, encoded once."""
        if rows is None:
            saved.claim(lambda: {"validation_data rows": "0"})
            return None
        encoded = feeds(self.columns_.encode(rows.X, strict=self.strict))
        targets, weights = rows.targets, rows.weights
        given = {**encoded, "labels": targets, "weights": weights}
        saved.claim(lambda: data_identity(given, "validation_data"))
        return lambda: self._metrics(targets, self.model_.run(encoded), weights)

    # What makes this fit another one than that of a checkpoint.

    def _beginning(self, fresh: bool) -> dict[str, str]:
        first = "drawn"
        if not fresh:
            first = described({"random": self._random.bit_generator.state, **self._state})
        return {**lasting(self), "first weights": first}

    def _task(self, encoded: Mapping[str, Any]) -> dict[str, str]:
        step = program_digest(self._training)
        return {**data_identity(encoded, "X"), "training program": step}

    def _running(self) -> Running:
        """Return the training program at work, after unpickling too."""
        if self._execution is None:
            program = self.model_.program
            if self._engine.jit:
                program.compile_soon()  # beside the other, for it is needed next
            if self.jit is True:
                self._training.compile()
            self._execution = self._engine.start(self._training, self._state, adopt=True)
            self._state = self._execution.variables
            self.model_ = Model(self.columns_, program, self._state, self._engine)
        return self._execution

    @contextlib.contextmanager
    def _at_work(
        self, rounds: Rounds | None, rows: int, batch_size: int
    ) -> Iterator[tuple[Any, int]]:
        """Have the training program at work, here or on a pool; and the steps it takes at once."""
        if rounds is None:
            yield self._running(), 1
            return
        self._execution = None
        program = self.model_.program
        execution = PoolExecution(rounds, self._training, self._state, self._engine.jit)
        self._state = execution.variables
        self.model_ = Model(self.columns_, program, self._state, self._engine)
        try:
            yield execution, execution.steps_at_once(rows, batch_size)
        finally:
            self._state = execution.take()
            self.model_ = Model(self.columns_, program, self._state, self._engine)

    def _reconstruction(self) -> dict[str, Any]:
        """Return what a shallow copy needs to stay as it is while training goes on."""
        values = {name: np.array(value) for name, value in self._state.items()}
        model = Model(self.columns_, self.model_.program, values, self._engine)
        return {"model_": model, "_state": values, "_execution": None}

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "_execution" in state:
            # The values alone, those of the optimizers included, without buffers and locks.
            state = {**state, "_state": dict(self._state), "_execution": None}
        return state

    # What a fitted estimator answers.

    @property
    def training_program_(self) -> Program:
        """One step of training, a `Program`: its feeds are those of `training_feeds`."""
        check_is_fitted(self, "_training", msg="%(name)s has no training program: fit it first")
        return self._training

    def training_feeds(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Return what `training_program_` is fed in a fit on these data, for all rows.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; `y` has no classes that the fit did not have.
        """
        check_is_fitted(self, "model_")
        X = check_rows(self, X, reset=False)
        rows = self._rows(X, y, sample_weight)
        encoded = self._feeds(self._frame(rows, self._random), rows)
        return {**encoded, "batch_size": np.float32(self._step_size(len(rows)))}

    def _metrics(
        self, targets: Any, predictions: Any, weights: Any, thresholds: Sequence[float] = ()
    ) -> dict[str, float]:
        found = super()._metrics(targets, predictions, weights, thresholds)
        return {**found, "global_step": int(self._state["global_step"])}

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
        for key in list(params):
            owner, nested, _ = key.partition("__")
            value = params.get(owner, getattr(self, owner, None))
            if nested and isinstance(value, str):
                params[owner] = graph_optimizers.get_optimizer(value)
        return super().set_params(**params)
