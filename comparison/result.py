"""From trials to one tidy frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..estimators.metrics import Floats
from .metrics import Metric
from .trial import Trial

__all__ = ["summarise"]


def summarise(
    trials: Sequence[Trial], names: Sequence[str], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """Return a row for each metric and estimator, the main metric and its best estimator first.

    Parameters
    ----------
    trials : sequence of Trial
        One for each estimator and split.
    names : sequence of str
        The estimators.
    metrics : sequence of Metric

    Returns
    -------
    DataFrame
        As `cannery.compare` describes it.
    """
    of = {name: sorted((t for t in trials if t.estimator == name), key=_split) for name in names}
    shares = [trial.test_share for trial in of[names[0]]]
    rows = [row for metric in metrics for row in _ranked(metric, of, float(np.mean(shares)))]
    frame = pd.DataFrame(rows)
    frame.attrs = {
        "greater_is_better": {metric.name: metric.greater for metric in metrics},
        "splits": [_flat(trial) for name in names for trial in of[name]],
    }
    return frame


def _split(trial: Trial) -> int:
    return trial.split


def _flat(trial: Trial) -> dict[str, Any]:
    times = {"fit_seconds": trial.fit_seconds, "predict_seconds": trial.predict_seconds}
    return {"estimator": trial.estimator, "split": trial.split, **trial.values, **times}


def _ranked(metric: Metric, of: dict[str, list[Trial]], share: float) -> list[dict[str, Any]]:
    """Return the rows of one metric, the best first and what has no value last."""
    values = {
        name: np.array([trial.values[metric.name] for trial in trials])
        for name, trials in of.items()
    }
    sign = -1.0 if metric.greater else 1.0
    # `sorted` keeps the order given where two are equal.
    order = sorted(of, key=lambda name: (_last(values[name]), sign * _mean(values[name])))
    best = values[order[0]]
    rows = []
    for name in order:
        trials, found = of[name], values[name]
        with np.errstate(invalid="ignore"):  # two that are infinite have no difference
            difference = found - best
        fit = np.array([trial.fit_seconds for trial in trials])
        predict = np.array([trial.predict_seconds for trial in trials])
        rows.append(
            {
                "estimator": name,
                "metric": metric.name,
                "mean": _mean(found),
                "std": _deviation(found),
                "difference": _mean(difference),
                "standard_error": _deviation(difference) * math.sqrt(1 / len(best) + share),
                "fit_seconds": _mean(fit),
                "fit_seconds_std": _deviation(fit),
                "predict_seconds": _mean(predict),
                "predict_seconds_std": _deviation(predict),
                "failure": _failure(trials),
            }
        )
    return rows


def _last(values: npt.NDArray[Any]) -> bool:
    return bool(np.isnan(values).any())


def _mean(values: Floats) -> float:
    return float(np.mean(values))


def _deviation(values: Floats) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _failure(trials: Sequence[Trial]) -> str:
    texts = [trial.failure for trial in trials if trial.failure]
    if not texts:
        return ""
    where = "" if len(texts) == len(trials) else f" ({len(texts)} of {len(trials)} splits)"
    return texts[0] + where
