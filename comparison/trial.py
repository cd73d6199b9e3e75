"""One fit and how it is judged."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ..errors import InvalidType
from .answers import Target, ask
from .metrics import Metric
from .splits import Split, take_rows

__all__ = ["Data", "Trial", "attempt"]


@dataclass(frozen=True)
class Data:
    """All rows: features and targets as the user gave them, a weight each, and what is judged."""

    X: Any
    y: Any
    weights: Any
    target: Target
    metrics: Sequence[Metric]


@dataclass(frozen=True)
class Trial:
    """What came of one fit.

    Attributes
    ----------
    estimator : str
    split : int
    values : dict of str to float
        A value for each metric.
    fit_seconds, predict_seconds : float
    test_share : float
        Rows judged over rows trained on.
    failure : str
        The error, if there was one; empty otherwise.
    """

    estimator: str
    split: int
    values: dict[str, float]
    fit_seconds: float
    predict_seconds: float
    test_share: float
    failure: str = ""


def attempt(
    name: str, estimator: Any, split: int, places: Split, data: Data, raises: bool
) -> Trial:
    """Fit a copy of `estimator` to some rows and judge it on others.

    Parameters
    ----------
    name : str
    estimator : estimator
    split : int
        Its number.
    places : tuple of ndarray
        Of the rows to train on, and of those to judge by.
    data : Data
    raises : bool
        Whether an error goes on to the caller or into ``failure``.
    """
    train, test = places
    share = len(test) / len(train)
    try:
        values, fit_seconds, predict_seconds = _judge(estimator, train, test, data)
    except Exception as error:
        if raises:
            raise
        nothing = dict.fromkeys((metric.name for metric in data.metrics), math.nan)
        text = f"{type(error).__name__}: {error}".strip().split("\n")[0]
        return Trial(name, split, nothing, math.nan, math.nan, share, text)
    return Trial(name, split, values, fit_seconds, predict_seconds, share)


def _judge(
    estimator: Any, train: Any, test: Any, data: Data
) -> tuple[dict[str, float], float, float]:
    model = clone(estimator)
    X, y = take_rows(data.X, train), take_rows(data.y, train)
    options = {}
    if data.weights is not None:
        options = {_weight_parameter(model): data.weights[train]}
    began = time.perf_counter()
    model.fit(X, y, **options)
    fit_seconds = time.perf_counter() - began
    X, y = take_rows(data.X, test), take_rows(data.y, test)
    weights = None if data.weights is None else data.weights[test]
    each = np.ones(len(test)) if weights is None else weights
    answers, predict_seconds = ask(model, X, data.target, test, each)
    values = {metric.name: metric(answers, model, X, y, weights) for metric in data.metrics}
    return values, fit_seconds, predict_seconds


def _weight_parameter(model: Any) -> str:
    """Return what `fit` calls the weights of rows; in a pipeline they go to its last step."""
    if isinstance(model, Pipeline):
        name, last = model.steps[-1]
        return f"{name}__{_weight_parameter(last)}"
    # GridSearchCV and its like hand on what they do not know.
    if has_fit_parameter(model, "sample_weight") or _hands_on(model):
        return "sample_weight"
    raise InvalidType(f"{type(model).__name__}.fit", "does not take sample_weight")


def _hands_on(model: Any) -> bool:
    return any(
        kind == kind.VAR_KEYWORD
        for kind in (each.kind for each in inspect.signature(model.fit).parameters.values())
    )
