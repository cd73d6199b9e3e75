"""A comparison drawn: a mean and its deviation for each estimator, times beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..errors import InvalidValue
from ..estimators.drawing import pyplot
from ..estimators.metrics import Floats

__all__ = ["plot_comparison"]

FAR = 4  # times as far behind the best as half of the others


def plot_comparison(result: pd.DataFrame, metric: str | None = None, ax: Any = None) -> Any:
    """Draw one metric of a comparison: mean and standard deviation, the best estimator on top.

    Its mean and the seconds of a fit and of a prediction stand to the right of each. One that is
    far behind most others is an arrow at the edge, one that failed has no point.

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
    plt = pyplot("plot_comparison")
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
    _draw_points(ax, rows["mean"].to_numpy(), rows["std"].fillna(0.0).to_numpy())
    places = np.arange(len(rows))
    ax.set_yticks(places, list(rows["estimator"]))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    greater = result.attrs.get("greater_is_better", {}).get(metric)
    direction = {True: " (more is better)", False: " (less is better)", None: ""}[greater]
    ax.set_xlabel(metric.replace("_", " ") + direction)
    ax.locator_params(axis="x", nbins=4)  # long names leave little room
    ax.grid(alpha=0.3, axis="x")
    beside = ax.twinx()
    beside.set_ylim(ax.get_ylim())
    beside.set_yticks(places, [_words(row) for row in rows.itertuples()])
    beside.tick_params(length=0, pad=10)
    beside.set_title("mean: fit / predict", loc="right", fontsize="medium", weight="normal")
    return ax


def _draw_points(ax: Any, means: Floats, deviations: Floats) -> None:
    """Draw means and deviations; an arrow stands for what is so far off that it would hide them."""
    far = np.abs(means - means[0])
    known = np.isfinite(far)
    behind = far[far > 0]
    near = known & (far <= FAR * np.median(behind if behind.size else [0.0]))
    places = np.arange(len(means))
    style = {"color": "tab:blue", "ms": 6}
    ax.errorbar(means[near], places[near], xerr=deviations[near], fmt="o", capsize=4, **style)
    ax.autoscale_view()
    edges = ax.get_xlim()
    for place in places[known & ~near]:
        right = means[place] > means[0]
        ax.plot(edges[int(right)], place, ">" if right else "<", clip_on=False, **style)
    ax.set_xlim(edges)
    if known[0]:
        ax.axvline(means[0], color="grey", lw=1, ls=":", zorder=0)


def _words(row: Any) -> str:
    if row.failure:
        return "failed"
    mean = f"{row.mean:.4g}" if np.isfinite(row.mean) else "no value"
    return f"{mean}: {_seconds(row.fit_seconds)} / {_seconds(row.predict_seconds)}"


def _seconds(seconds: float) -> str:
    """Return a duration in two digits or three, with its unit."""
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"
