"""Cross-validation of several estimators on the same splits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import check_random_state

from ..errors import InvalidValue
from ..estimators.weights import check_sample_weight
from .answers import learn_target
from .candidates import candidates
from .metrics import choose_metrics
from .result import summarise
from .splits import Split, count_rows, draw_splits
from .trial import Data, Trial, attempt

__all__ = ["compare"]


def compare(
    estimators: Any,
    X: Any,
    y: Any,
    cv: Any = 5,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    scoring: Any = None,
    task: str = "auto",
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int = 0,
    error: str = "report",
) -> pd.DataFrame:
    """Cross-validate estimators on the same splits and return a table, the best first.

    Every estimator is cloned, fitted on the rows of each split's first part and judged on those of
    its second. Metrics are computed from `predict`, `predict_proba` and `decision_function`, in one
    way for all, so that cannery's estimators and any other of scikit-learn's interface compare.

    Parameters
    ----------
    estimators : mapping of str to estimator, list, str or estimator
        Estimators and pipelines, or names: "baseline", "dnn", "linear", "wide_deep" and so on, with
        default settings; "all" for all of these. A list takes names from its estimators' classes.
    X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        Each estimator gets its rows as they are, so must take them.
    y : array-like of shape (n,) or (n, outputs)
    cv : int, splitter or iterable of (train, test), default=5
        An int is that many shuffled folds, with the shares of the classes alike in each.
    sample_weight : array-like of shape (n,), optional
        For fits and metrics both; a pipeline's go to its last step.
    groups : array-like of shape (n,), optional
        For splitters that keep the rows of a group together.
    scoring : str, callable, sequence of these or mapping of names to them, optional
        "log_loss", "auc", "auc_precision_recall" and "accuracy" for classes and labels, "rmse",
        "mae" and "r2" for numbers; or scikit-learn's scorers, by name or as callables. The first
        ranks the estimators. By default log loss, AUC and accuracy for classes, log loss and AUC
        for several labels a row, RMSE, MAE and R² for numbers.
    task : {"auto", "classification", "regression"}
        What names stand for. "auto" looks at the estimators given, then at `y`: see `guess_task`.
    n_jobs : int, optional
        Fits at a time, as joblib has it. Those of more than one disturb each other's times.
    random_state : int, RandomState instance or None
        Shuffles folds, and is given to every estimator that has none.
    verbose : int
        Above 0 shows a progress bar.
    error : {"report", "raise"}
        What becomes of an error in a fit or a prediction: "report" puts it into the table, with a
        warning, and goes on with the other estimators.

    Returns
    -------
    DataFrame
        A row for each metric and estimator; the main metric stands first, its best estimator on
        top.

        estimator, metric
            Names.
        mean, std
            Over the splits; NaN where an estimator failed or lacks what the metric needs, as a log
            loss does probabilities.
        difference, standard_error
            To the best of this metric, the mean over the splits, and how far that is from certain:
            see Notes.
        fit_seconds, fit_seconds_std
            Of a fit: mean and deviation.
        predict_seconds, predict_seconds_std
            Of `predict` on a split's second part, once warm.
        failure
            The error, or an empty text.

        ``attrs["splits"]`` lists the values of each split, ``attrs["greater_is_better"]`` tells
        which way each metric goes.

    Raises
    ------
    InvalidValue, InvalidType
        No estimators, labels that are missing or of one class, weights that are none, splits that
        cannot be; classifiers and regressors together; every estimator failed.
    NotFound
        An unknown name of a model or a metric.

    Notes
    -----
    Splits share rows to train on, so that their differences are not independent and the usual
    standard error is too small. This one has the variance times ``1/splits + test/train``, rows
    judged over rows trained on: Nadeau and Bengio, "Inference for the generalization error", 2003.
    A difference within two standard errors may well be chance. The best of many looks better than
    it is: keep rows that took no part to judge it by.

    In log losses a probability is at least ``2**-23``. AUC ranks by `decision_function` for two
    classes, by `predict_proba` for more, each class against the rest and all of equal say, as
    scikit-learn's; a class that a split's second part lacks has no say there.

    Examples
    --------
    >>> import cannery
    >>> census = cannery.datasets.make_census(600, random_state=0)
    >>> X, y = census.drop(columns="income"), census["income"]
    >>> found = cannery.compare(["linear", "baseline"], X, y, cv=3, random_state=0)
    >>> found.loc[found["metric"] == "auc", "estimator"].tolist()
    ['linear', 'baseline']
    >>> found.pivot(index="estimator", columns="metric", values="mean").shape
    (2, 3)
    """
    if error not in ("report", "raise"):
        raise InvalidValue("error", "must be 'report' or 'raise'", repr(error))
    rows = count_rows(X)
    seed = None if random_state is None else _seed(random_state)
    copies, task = candidates(estimators, y, task, seed)
    target = learn_target(y, task, rows)
    weights = check_sample_weight(sample_weight, rows)
    metrics = choose_metrics(scoring, target.kind, weights is not None)
    splits = draw_splits(cv, rows, y, target.classes, groups, seed)
    data = Data(X, y, weights, target, metrics)
    trials = list(_run(copies, splits, data, error == "raise", n_jobs, verbose))
    _report(trials, copies)
    return summarise(trials, list(copies), metrics)


def _seed(random_state: Any) -> int:
    return (
        int(random_state)
        if isinstance(random_state, int)
        else int(check_random_state(random_state).randint(2**31 - 1))
    )


def _run(
    copies: Mapping[str, Any],
    splits: Sequence[Split],
    data: Data,
    raises: bool,
    n_jobs: int | None,
    verbose: int,
) -> Iterator[Trial]:
    from tqdm import tqdm

    # Split by split, so that a busy moment of the machine does not hit one estimator alone.
    jobs = (
        delayed(attempt)(name, copy, at, places, data, raises)
        for at, places in enumerate(splits)
        for name, copy in copies.items()
    )
    found = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    total = len(splits) * len(copies)
    with tqdm(found, total=total, unit="fit", disable=not verbose) as bar:
        for trial in bar:
            bar.set_postfix_str(trial.estimator, refresh=False)
            yield trial


def _report(trials: Sequence[Trial], copies: Mapping[str, Any]) -> None:
    """Warn of each estimator that failed; raise where all did."""
    failures: dict[str, list[str]] = {}
    for trial in trials:
        if trial.failure:
            failures.setdefault(trial.estimator, []).append(trial.failure)
    if len(failures) == len(copies):
        told = "; ".join(f"{name}: {texts[0]}" for name, texts in failures.items())
        raise InvalidValue("compare", "every estimator failed", told)
    for name, texts in failures.items():
        warnings.warn(
            f"compare: estimator {name!r} failed in {len(texts)} splits, got {texts[0]}; "
            "error='raise' shows where",
            FitFailedWarning,
            stacklevel=3,
        )
