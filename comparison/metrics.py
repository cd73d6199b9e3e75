"""Metrics computed from predictions alone, in one way for whatever made them."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names, r2_score

from ..errors import InvalidType, InvalidValue, NotFound
from ..estimators.metrics import areas_under_curves, weighted_mean
from ..registry import Registry
from .answers import Answers

__all__ = ["METRICS", "Metric", "choose_metrics"]

# A probability of zero would make a loss infinite: as small as scikit-learn's for float32, and as
# the losses of forests are in `evaluate`.
SMALLEST = float(np.finfo(np.float32).eps)
DEFAULTS = {
    "classes": ("log_loss", "auc", "accuracy"),
    "labels": ("log_loss", "auc"),
    "numbers": ("rmse", "mae", "r2"),
}
SCORES = ("classes", "labels")


@dataclass(frozen=True)
class Metric:
    """One way to judge: a function of answers, or a scorer of scikit-learn's.

    Attributes
    ----------
    name : str
    greater : bool
        Whether more is better.
    compute : callable, optional
        From `Answers` to a number.
    scorer : callable, optional
        Called with the fitted estimator, rows and targets.
    targets : tuple of str
        The kinds of target it is defined for: those of `DEFAULTS`.
    """

    name: str
    greater: bool
    compute: Callable[[Answers], float] | None = None
    scorer: Callable[..., float] | None = None
    targets: tuple[str, ...] = tuple(DEFAULTS)

    def __call__(self, answers: Answers, model: Any, X: Any, y: Any, weights: Any) -> float:
        """Return the value for these rows; NaN where it is not defined."""
        if self.compute is not None:
            return float(self.compute(answers))
        assert self.scorer is not None
        if weights is None:
            return float(self.scorer(model, X, y))
        return float(self.scorer(model, X, y, sample_weight=weights))


def _log_loss(answers: Answers) -> float:
    if answers.probabilities is None:
        return math.nan
    chances = answers.probabilities
    if answers.truth.ndim == 1:
        total = chances.sum(axis=1)
        share = chances[np.arange(len(chances)), answers.truth] / np.where(total > 0, total, 1.0)
        losses = -np.log(np.clip(share, SMALLEST, 1.0))
    else:
        share = np.where(answers.truth > 0, chances, 1.0 - chances)
        losses = -np.log(np.clip(share, SMALLEST, 1.0)).mean(axis=1)
    return weighted_mean(losses, answers.weights)


def _areas(answers: Answers) -> tuple[float, float]:
    scores, truth, weights = answers.scores, answers.truth, answers.weights
    if scores is None:
        return math.nan, math.nan
    if truth.ndim == 2:
        each = np.repeat(weights, truth.shape[1])
        return areas_under_curves(truth.ravel(), scores.ravel(), each)
    if scores.shape[1] == 2:
        return areas_under_curves(truth == 1, scores[:, 1], weights)
    # Each class against the rest, all of equal say; one that these rows lack has none.
    areas = [
        areas_under_curves(truth == one, scores[:, one], weights)
        for one in range(scores.shape[1])
        if weights[truth == one].any()
    ]
    return float(np.mean([a[0] for a in areas])), float(np.mean([a[1] for a in areas]))


def _auc(answers: Answers) -> float:
    return _areas(answers)[0]


def _auc_precision_recall(answers: Answers) -> float:
    return _areas(answers)[1]


def _accuracy(answers: Answers) -> float:
    right = answers.truth == answers.predicted
    whole = right if right.ndim == 1 else right.all(axis=1)
    return weighted_mean(whole.astype(np.float64), answers.weights)


def _rmse(answers: Answers) -> float:
    squares = ((answers.predicted - answers.truth) ** 2).mean(axis=1)
    return math.sqrt(weighted_mean(squares, answers.weights))


def _mae(answers: Answers) -> float:
    return weighted_mean(np.abs(answers.predicted - answers.truth).mean(axis=1), answers.weights)


def _r2(answers: Answers) -> float:
    if np.count_nonzero(answers.weights) < 2:
        return math.nan
    return float(r2_score(answers.truth, answers.predicted, sample_weight=answers.weights))


METRICS: Registry[Metric] = Registry("metric")
for _metric in (
    Metric("log_loss", False, _log_loss, targets=SCORES),
    Metric("auc", True, _auc, targets=SCORES),
    Metric("auc_precision_recall", True, _auc_precision_recall, targets=SCORES),
    Metric("accuracy", True, _accuracy, targets=SCORES),
    Metric("rmse", False, _rmse, targets=("numbers",)),
    Metric("mae", False, _mae, targets=("numbers",)),
    Metric("r2", True, _r2, targets=("numbers",)),
):
    METRICS.add(_metric.name, _metric)


def choose_metrics(scoring: Any, target: str, weighted: bool) -> list[Metric]:
    """Return the metrics that `scoring` names, the one that ranks the estimators first.

    Parameters
    ----------
    scoring : str, callable, sequence of both, mapping of names to both, or None
    target : {"classes", "labels", "numbers"}
    weighted : bool
        Whether rows have weights, which a scorer of the user's must then take.

    Raises
    ------
    NotFound
        A name that neither `METRICS` nor scikit-learn has.
    InvalidValue
        A metric that is not defined for this target, or none at all.
    InvalidType
        Something that is no scorer, or one that does not take the weights.
    """
    if scoring is None:
        scoring = DEFAULTS[target]
    if isinstance(scoring, str) or callable(scoring):
        scoring = [scoring]
    if isinstance(scoring, Mapping):
        pairs = [(str(name), one) for name, one in scoring.items()]
    else:
        pairs = [(_name(one), one) for one in scoring]
    if not pairs:
        raise InvalidValue("scoring", "names no metric", repr(scoring))
    if len({name for name, _ in pairs}) < len(pairs):
        todo = "give a mapping of names to scorers"
        raise InvalidValue("scoring", "names must differ", [name for name, _ in pairs], todo)
    return [_chosen(name, one, target, weighted) for name, one in pairs]


def _name(one: Any) -> str:
    return one if isinstance(one, str) else getattr(one, "__name__", type(one).__name__)


def _chosen(name: str, one: Any, target: str, weighted: bool) -> Metric:
    if isinstance(one, str):
        if one in METRICS:
            metric = METRICS[one]
            if target not in metric.targets:
                fit = [each for each in METRICS if target in METRICS[each].targets]
                wrong = f"means nothing for a target of {target}"
                raise InvalidValue("scoring", wrong, repr(one), f"choose one of {fit}")
            return replace(metric, name=name)
        if one not in get_scorer_names():
            near = difflib.get_close_matches(one, [*METRICS, *get_scorer_names()], 1)
            hint = (
                f"did you mean {near[0]!r}?"
                if near
                else f"choose one of {list(METRICS)} or scikit-learn's"
            )
            raise NotFound("scoring", "unknown name", repr(one), hint)
        one = get_scorer(one)
    if not callable(one):
        wrong = "must be names or callables (estimator, X, y)"
        raise InvalidType("scoring", wrong, repr(one))
    if weighted and not _takes_weights(one):
        raise InvalidType("scoring", "does not take the sample_weight given", name)
    return Metric(name, True, scorer=one)


def _takes_weights(scorer: Any) -> bool:
    known = inspect.signature(scorer).parameters
    return "sample_weight" in known or any(each.kind == each.VAR_KEYWORD for each in known.values())
