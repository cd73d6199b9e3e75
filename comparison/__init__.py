"""Estimators compared: the same splits, the same metrics, one table and one picture."""

from .candidates import MODELS, TASKS, guess_task
from .comparing import compare
from .picture import plot_comparison

__all__ = ["MODELS", "TASKS", "compare", "guess_task", "plot_comparison"]
