"""What a fit leaves behind to look at: one row an epoch."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...errors import InvalidValue
from ..drawing import pyplot

__all__ = ["plot_history"]


def plot_history(
    history: pd.DataFrame, metrics: tuple[str, ...] | None = None, ax: Any = None, title: str = ""
) -> Any:
    """Draw the learning curves of a fit.

    Parameters
    ----------
    history : DataFrame
        As in ``estimator.history_``: one row an epoch.
    metrics : tuple of str, optional
        Columns to draw; by default the loss, and its validation counterpart.
    ax : matplotlib axes, optional
    title : str

    Returns
    -------
    matplotlib axes

    Raises
    ------
    MissingDependency
        matplotlib is not installed.
    InvalidValue
        A metric is not in the history.
    """
    plt = pyplot("plot_history")
    if metrics is None:
        metrics = tuple(name for name in ("loss", "val_average_loss") if name in history)
    missing = [name for name in metrics if name not in history]
    if missing:
        raise InvalidValue("plot_history", "no such metric", missing, f"choose of {list(history)}")
    if ax is None:
        _, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    labels = {"loss": "training loss", "val_average_loss": "validation loss"}
    for name in metrics:
        marker = "o" if len(history) < 25 else None
        ax.plot(history["epoch"], history[name], marker=marker, ms=4, label=labels.get(name, name))
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss" if set(metrics) <= set(labels) else "")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    if title:
        ax.set_title(title)
    return ax
