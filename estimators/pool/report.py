"""Where the time of a pool goes, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import InvalidValue
from ..drawing import pyplot

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PARTS", "plot_pool_report"]

PARTS = ("compute", "transfer", "merge", "wait")


def plot_pool_report(report: pd.DataFrame, ax: Any = None) -> Any:
    """Draw how the time of each worker divides into compute, transfer, merge and wait.

    Parameters
    ----------
    report : DataFrame
        A fitted estimator's ``pool_report_``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InvalidValue
        Nothing was reported.
    MissingDependency
        matplotlib is not installed.
    """
    if report.empty:
        raise InvalidValue("report", "has no rounds", todo="fit with pool=2 first")
    plt = pyplot("plot_pool_report")
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 1.2 + 0.5 * report["worker"].nunique()))
    seconds = report.groupby("worker")[list(PARTS)].sum()
    seconds.plot.barh(stacked=True, ax=ax, width=0.7)
    ax.set(xlabel="seconds", ylabel="worker", title=f"{report['round'].max()} rounds")
    ax.invert_yaxis()
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    ax.figure.tight_layout()
    return ax
