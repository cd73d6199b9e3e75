"""A fit as a tree of tasks, for scikit-learn's callbacks; nothing before scikit-learn 1.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's, which has ``set_callbacks``."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return `method` as it is."""
        return method


class FitTasks:
    """The task of a fit and one below it for each epoch.

    Parameters
    ----------
    estimator : Estimator
    epochs : int
        The most there will be.
    reconstruct : callable
        Returns the attributes that make a copy of the estimator one that is fitted so far.
    **given : object
        ``X``, ``y`` and ``metadata``, as the callbacks will get them.
    """

    def __init__(
        self, estimator: Any, epochs: int, reconstruct: Callable[[], dict[str, Any]], **given: Any
    ):
        self._given = {"estimator": estimator, "reconstruction_attributes": reconstruct, **given}
        begin = getattr(estimator, "_init_callback_context", None)
        self._fit = None if begin is None else begin(max_subtasks=epochs)
        self._epoch: Any = None
        if self._fit is not None:
            self._fit.call_on_fit_task_begin(**self._given)

    def begin_epoch(self) -> None:
        """Say that an epoch begins."""
        if self._fit is not None:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._given)

    def end_epoch(self) -> bool:
        """Say that the epoch is over; return whether any callback wants the fit to end."""
        return self._epoch is not None and bool(self._epoch.call_on_fit_task_end(**self._given))

    def end(self) -> None:
        """Say that the fit is over."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._given)
