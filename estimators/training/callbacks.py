"""Who may listen to a fit: the small protocol, and early stopping as one listener of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ...errors import InvalidValue

__all__ = ["Callback", "EarlyStopping", "notify"]

# Metrics that are better when larger; everything else that is a loss or error is better smaller.
LARGER_IS_BETTER = ("accuracy", "auc", "precision", "recall", "r2")


@runtime_checkable
class Callback(Protocol):
    """An object with any of the hooks below; those it lacks are passed over.

    ``on_fit_begin(estimator)``, ``on_epoch_end(estimator, epoch, logs) -> bool | None`` and
    ``on_fit_end(estimator)``. `logs` holds ``loss``, ``seconds``, ``rows_per_second`` and, where
    there are validation data, every metric of `evaluate` as ``val_<metric>``. A true answer from
    ``on_epoch_end`` ends the fit after that epoch. The estimator can predict inside
    ``on_epoch_end``. A plain function counts as an ``on_epoch_end``.

    Examples
    --------
    >>> from cannery import LinearRegressor
    >>> class Stop:
    ...     def on_epoch_end(self, estimator, epoch, logs):
    ...         return logs["loss"] < 0.5
    >>> model = LinearRegressor(callbacks=[Stop()])
    """

    def on_epoch_end(self, estimator: Any, epoch: int, logs: Mapping[str, float]) -> bool | None:
        """Hear of a finished epoch; answer true to end the fit."""


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
        A metric of `evaluate`, such as ``"average_loss"`` or ``"auc"``.
    patience : int
        Epochs without an improvement before the fit ends.
    min_delta : float
        The least change that counts as one.
    """

    def __init__(self, metric: str, patience: int, min_delta: float):
        self.metric, self.patience, self.min_delta = metric, patience, min_delta
        self.sign = -1.0 if metric.startswith(LARGER_IS_BETTER) else 1.0
        self.best = math.inf
        self.best_epoch = 0
        self.best_variables: dict[str, np.ndarray] = {}

    def update(self, epoch: int, logs: Mapping[str, float], variables: Mapping[str, Any]) -> bool:
        """Take note of an epoch; return whether it is time to stop."""
        name = f"val_{self.metric}"
        if name not in logs:
            known = sorted(key.removeprefix("val_") for key in logs if key.startswith("val_"))
            raise InvalidValue(
                "early_stopping", f"needs the metric {self.metric!r}", todo=f"choose one of {known}"
            )
        value = self.sign * logs[name]
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, epoch
            self.best_variables = {key: array.copy() for key, array in variables.items()}
        return epoch - self.best_epoch >= self.patience
