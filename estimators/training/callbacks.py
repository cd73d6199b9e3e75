"""Who may listen to a fit: the small protocol, and early stopping as one listener of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...errors import InvalidType, InvalidValue
from .checkpoint import State
from .tasks import FitTasks

__all__ = ["Callback", "EarlyStopping", "Listeners", "check_callbacks"]

HOOKS = ("on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end")
LARGER_IS_BETTER = ("accuracy", "auc", "auc_precision_recall", "precision", "recall", "r2")
SMALLER_IS_BETTER = ("average_loss", "loss", "rmse")


@runtime_checkable
class Callback(Protocol):
    """An object with any of the hooks below; those it lacks are passed over.

    ``on_fit_begin(estimator)``, ``on_epoch_begin(estimator, epoch)``,
    ``on_epoch_end(estimator, epoch, logs) -> bool | None`` and ``on_fit_end(estimator)``. `logs`
    holds ``epoch``, ``loss``, ``seconds``, ``rows_per_second`` and, where there are validation
    data, every metric of `evaluate` as ``val_<metric>``; what a callback adds to it is kept in
    ``history_``. A true answer from ``on_epoch_end`` ends the fit after that epoch. The estimator
    can predict inside ``on_epoch_end``. A plain function counts as an ``on_epoch_end``.

    Examples
    --------
    >>> from cannery import LinearRegressor
    >>> class Stop:
    ...     def on_epoch_end(self, estimator, epoch, logs):
    ...         return logs["loss"] < 0.5
    >>> model = LinearRegressor(callbacks=[Stop()])
    """

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool | None:
        """Hear of a finished epoch; answer true to end the fit."""


def check_callbacks(callbacks: Any) -> None:
    """Raise unless `callbacks` is a sequence of functions and objects with hooks."""
    if not isinstance(callbacks, (list, tuple)):
        raise InvalidType("callbacks", "must be a list of callbacks", repr(callbacks))
    for callback in callbacks:
        if not callable(callback) and not any(hasattr(callback, hook) for hook in HOOKS):
            todo = f"give it one of {', '.join(HOOKS)}"
            raise InvalidType("callbacks", "has an object without any hook", repr(callback), todo)


def notify(callbacks: Any, hook: str, *arguments: Any) -> bool:
    """Call `hook` on every callback that has it; return whether any answered true."""
    answers = []
    for callback in callbacks:
        method = getattr(callback, hook, None)
        if method is None and hook == "on_epoch_end" and callable(callback):
            method = callback
        if method is not None:
            answers.append(method(*arguments))
    return any(bool(answer) for answer in answers)


class EarlyStopping:
    """Ends a fit when a validation metric has stopped improving, and remembers the best weights.

    Parameters
    ----------
    metric : str
        A metric of `evaluate` that is better when larger or when smaller, such as
        ``"average_loss"``, ``"auc"`` or ``"recall/positive_threshold_0.3"``.
    patience : int
        Epochs without an improvement before the fit ends.
    min_delta : float
        The least change that counts as one.
    variables : mapping of str to ndarray
        The weights, as training changes them.
    epoch : int
        The epoch before the first one.
    """

    def __init__(
        self,
        metric: str,
        patience: int,
        min_delta: float,
        variables: Mapping[str, Any],
        epoch: int = 0,
    ):
        self.metric, self.patience, self.min_delta = metric, patience, min_delta
        self.sign = -1.0 if metric.partition("/")[0] in LARGER_IS_BETTER else 1.0
        self.best = math.inf
        self.best_epoch = epoch
        self._variables = variables
        self._best_variables: dict[str, np.ndarray] = {}

    def update(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Take note of an epoch; return whether it is time to stop."""
        value = logs.get(f"val_{self.metric}")
        directed = LARGER_IS_BETTER + SMALLER_IS_BETTER
        if value is None or self.metric.partition("/")[0] not in directed:
            known = [name.removeprefix("val_") for name in logs if name.startswith("val_")]
            choices = sorted(name for name in known if name.partition("/")[0] in directed)
            wrong = "is not a metric to stop by"
            raise InvalidValue("early_stopping", wrong, repr(self.metric), f"choose of {choices}")
        if math.isnan(value):
            wrong = f"{self.metric!r} is not defined on the validation data"
            raise InvalidValue("early_stopping", wrong, value, "hold out more rows")
        if self.sign * value < self.best - self.min_delta:
            self.best, self.best_epoch = self.sign * value, epoch
            for name, array in self._variables.items():
                kept = self._best_variables.setdefault(name, np.empty_like(array))
                np.copyto(kept, array)
        return epoch - self.best_epoch >= self.patience

    def state(self) -> State:
        """Return what is known of the best epoch so far."""
        values = {"best": float(self.best), "best_epoch": self.best_epoch}
        return State(values, self._best_variables)

    def put_back(self, state: State) -> None:
        """Know what was known when `state` was taken."""
        self.best, self.best_epoch = state.values["best"], state.values["best_epoch"]
        self._best_variables = dict(state.arrays)

    def restore(self) -> None:
        """Put the weights of the best epoch back."""
        for name, best in self._best_variables.items():
            np.copyto(self._variables[name], best)


class Listeners:
    """All that hears of a fit: callbacks, scikit-learn's callbacks, validation, early stopping.

    Parameters
    ----------
    estimator : Estimator
    tasks : FitTasks
    judge : callable, optional
        Returns the metrics on the validation data.
    stopping : EarlyStopping, optional
    """

    def __init__(
        self,
        estimator: Any,
        tasks: FitTasks,
        judge: Callable[[], dict[str, float]] | None = None,
        stopping: EarlyStopping | None = None,
    ):
        self._estimator, self._tasks = estimator, tasks
        self._judge, self._stopping = judge, stopping

    def fit_begins(self) -> None:
        """Say so."""
        notify(self._estimator.callbacks, "on_fit_begin", self._estimator)

    def epoch_begins(self, epoch: int) -> None:
        """Say so."""
        self._tasks.begin_epoch()
        notify(self._estimator.callbacks, "on_epoch_begin", self._estimator, epoch)

    def epoch_ends(self, epoch: int, logs: dict[str, float]) -> bool:
        """Say so, with the validation metrics added to `logs`; return whether to stop."""
        self._estimator.n_iter_ = epoch
        if self._judge is not None:
            found = self._judge()
            logs.update({f"val_{name}": value for name, value in found.items()})
        stop = notify(self._estimator.callbacks, "on_epoch_end", self._estimator, epoch, logs)
        stop |= self._tasks.end_epoch()
        return stop if self._stopping is None else self._stopping.update(epoch, logs) or stop

    def fit_ends(self) -> None:
        """Say so."""
        notify(self._estimator.callbacks, "on_fit_end", self._estimator)
        self._tasks.end()
