"""A comparison drawn: a mean and its deviation for each estimator, times beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidValue, MissingDependency

__all__ = ["plot_comparison"]


def plot_comparison(result: pd.DataFrame, metric: str | None = None, ax: Any = None) -> Any:
    """Draw one metric of a comparison: mean and standard deviation, the best estimator on top.

    Seconds of a fit and of a prediction stand to the right of each; one that failed has no point.

    Parameters
    ----------
    result : DataFrame
        Of `cannery.compare`, or some of its rows.
    metric : str, optional
        By default the first in `result`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    MissingDependency
        matplotlib is not installed.
    InvalidValue
        No such metric in `result`.

    Examples
    --------
    >>> import cannery
    >>> X = {"x": [0.0, 1.0, 2.0, 3.0] * 25}
    >>> found = cannery.compare(["linear", "baseline"], X, [0, 0, 1, 1] * 25, random_state=0)
    >>> axes = cannery.plot_comparison(found, "auc")
    >>> [label.get_text() for label in axes.get_yticklabels()]
    ['linear', 'baseline']
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependency(
            "plot_comparison", "needs matplotlib", todo="install cannery[plot]"
        ) from None
    known = [str(name) for name in dict.fromkeys(result["metric"])]
    if metric is None:
        metric = next(iter(known), "")
    if metric not in known:
        raise InvalidValue(
            "metric", "not in the comparison", repr(metric), f"choose one of {known}"
        )
    rows = result[result["metric"] == metric]
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 1.3 + 0.4 * len(rows)), layout="constrained")
    places = np.arange(len(rows))
    whiskers = rows["std"].fillna(0.0)
    ax.errorbar(rows["mean"], places, xerr=whiskers, fmt="o", ms=6, capsize=4, color="tab:blue")
    best = rows["mean"].iloc[0]
    if np.isfinite(best):
        ax.axvline(best, color="grey", lw=1, ls=":", zorder=0)
    ax.set_yticks(places, list(rows["estimator"]))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    greater = result.attrs.get("greater_is_better", {}).get(metric)
    direction = {True: " (more is better)", False: " (less is better)", None: ""}[greater]
    ax.set_xlabel(metric.replace("_", " ") + direction)
    ax.locator_params(axis="x", nbins=4)  # long names leave little room
    ax.grid(alpha=0.3, axis="x")
    times = ax.twinx()
    times.set_ylim(ax.get_ylim())
    times.set_yticks(places, [_times(row) for row in rows.itertuples()])
    times.tick_params(length=0)
    times.set_title("fit / predict", loc="right", fontsize="medium")
    return ax


def _times(row: Any) -> str:
    if row.failure:
        return "failed"
    times = f"{_seconds(row.fit_seconds)} / {_seconds(row.predict_seconds)}"
    return times if np.isfinite(row.mean) else f"no value, {times}"


def _seconds(seconds: float) -> str:
    """Return a duration in two digits or three, with its unit."""
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"
