"""Estimators compared: the same splits, the same metrics, one table and one picture."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .candidates import MODELS, guess_task
    from .comparing import compare
    from .names import MODEL_NAMES, TASKS
    from .picture import plot_comparison

__all__ = ["MODELS", "MODEL_NAMES", "TASKS", "compare", "guess_task", "plot_comparison"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__, __all__, within=["names", "picture", "candidates", "comparing"]
    )
