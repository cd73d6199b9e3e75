"""A comparison: the same splits for all, a tidy table, and failures that are told."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import cannery
from cannery import FeatureColumns, LinearClassifier, LinearRegressor, compare
from cannery.comparison.answers import learn_target
from cannery.comparison.metrics import choose_metrics
from cannery.comparison.trial import Data, attempt
from cannery.datasets import make_census
from cannery.errors import InvalidType, InvalidValue, ShapeMismatch

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
Y = np.where(X[:, 0] + 0.5 * rng.normal(size=120) > 0, "yes", "no")
COLUMNS = [
    "estimator",
    "metric",
    "mean",
    "std",
    "difference",
    "standard_error",
    "fit_seconds",
    "fit_seconds_std",
    "predict_seconds",
    "predict_seconds_std",
    "failure",
]
SEEN = []  # the rows that each fit of `Mean` saw
LOGISTIC = {"plain": LogisticRegression(), "weak": LogisticRegression(C=1e-3)}


class Broken(ClassifierMixin, BaseEstimator):
    """Fails on rows that hold the first one, which is in all parts but one."""

    def __init__(self, always=True):
        self.always = always

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        if self.always or X[0, 0] != globals()["X"][0, 0]:
            raise RuntimeError("out of luck\nand more")
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class Mean(RegressorMixin, BaseEstimator):
    """Tells which rows it saw."""

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        SEEN.append(X[:, 0].tolist())
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_a_tidy_frame_best_first():
    found = compare(LOGISTIC, X, Y, random_state=0)
    assert list(found.columns) == COLUMNS
    assert found["metric"].tolist() == ["log_loss"] * 2 + ["auc"] * 2 + ["accuracy"] * 2
    losses = found[found["metric"] == "log_loss"]
    assert losses["estimator"].tolist() == ["plain", "weak"]
    assert losses["mean"].is_monotonic_increasing
    for name in ("auc", "accuracy"):
        assert found.loc[found["metric"] == name, "mean"].is_monotonic_decreasing
    assert (found[["fit_seconds", "predict_seconds"]] > 0).all(axis=None)
    assert (found["failure"] == "").all()
    assert found.isna().sum().sum() == 0
    assert found.index.tolist() == list(range(6))


def test_the_numbers_are_those_of_scikit_learn():
    cv = StratifiedKFold(4, shuffle=True, random_state=3)
    scorers = {"log_loss": "neg_log_loss", "auc": "roc_auc", "accuracy": "accuracy"}
    theirs = cross_validate(LogisticRegression(), X, Y, cv=cv, scoring=scorers)
    found = compare(LOGISTIC, X, Y, cv=4, random_state=3)
    mine = found[found["estimator"] == "plain"].set_index("metric")
    for name in scorers:
        values = np.abs(theirs[f"test_{name}"])
        assert mine.loc[name, "mean"] == pytest.approx(values.mean())
        assert mine.loc[name, "std"] == pytest.approx(values.std(ddof=1))


def test_the_standard_error_of_a_difference():
    found = compare(LOGISTIC, X, Y, cv=4, random_state=3, scoring="log_loss")
    splits = pd.DataFrame(found.attrs["splits"]).pivot(
        index="split", columns="estimator", values="log_loss"
    )
    difference = splits["weak"] - splits["plain"]
    best, behind = found.to_dict("records")
    assert (best["difference"], best["standard_error"]) == (0.0, 0.0)
    assert behind["difference"] == pytest.approx(difference.mean())
    wanted = difference.std() * math.sqrt(1 / 4 + 30 / 90)
    assert behind["standard_error"] == pytest.approx(wanted)


def test_every_estimator_sees_the_same_rows():
    SEEN.clear()
    compare({"a": Mean(), "b": Mean()}, X, X[:, 1], cv=3)
    assert len(SEEN) == 6
    assert SEEN[0::2] == SEEN[1::2]
    assert SEEN[0] != SEEN[2]


def test_canned_estimators_pipelines_and_searches_on_one_frame():
    census = make_census(300, random_state=0)
    rows, y = census.drop(columns="income"), census["income"]
    logistic = make_pipeline(FeatureColumns(), LogisticRegression(max_iter=500))
    search = GridSearchCV(
        LinearClassifier(epochs=2), {"optimizer__learning_rate": [0.1, 0.5]}, cv=2
    )
    found = compare(
        {"linear": "linear", "logistic": logistic, "search": search},
        rows,
        y,
        cv=2,
        sample_weight=rng.integers(1, 4, len(y)),
        random_state=0,
        error="raise",
    )
    assert found.groupby("metric").size().tolist() == [3, 3, 3]
    assert (found.loc[found["metric"] == "auc", "mean"] > 0.6).all()


def test_all():
    found = compare("all", X, Y, cv=2, random_state=0, error="raise")
    assert set(found["estimator"]) == set(cannery.comparison.MODELS)
    assert found.loc[found["metric"] == "log_loss", "estimator"].iloc[-1] == "baseline"


def test_regression_of_several_outputs():
    y = X @ rng.normal(size=(3, 2))
    found = compare([LinearRegression(), LinearRegressor(epochs=2)], X, y, cv=2, random_state=0)
    assert found["metric"].unique().tolist() == ["rmse", "mae", "r2"]
    assert found.loc[0, "estimator"] == "LinearRegression"
    assert found.loc[0, "mean"] == pytest.approx(0, abs=1e-9)


def test_several_labels_a_row():
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    forest = RandomForestClassifier(5)
    found = compare([LinearClassifier(epochs=2), forest], X, y, cv=2, random_state=0, error="raise")
    assert found["metric"].unique().tolist() == ["log_loss", "auc"]
    assert (found.loc[found["metric"] == "auc", "mean"] > 0.7).all()


def test_a_classifier_without_probabilities_has_no_log_loss_and_stands_last():
    found = compare([LinearSVC(), DummyClassifier()], X, Y, cv=2, random_state=0)
    losses = found[found["metric"] == "log_loss"]
    assert losses["estimator"].tolist() == ["DummyClassifier", "LinearSVC"]
    assert np.isnan(losses["mean"].iloc[-1])
    assert found.loc[found["metric"] == "auc", "estimator"].iloc[0] == "LinearSVC"
    assert (found["failure"] == "").all()


def test_a_class_that_a_fit_never_saw():
    y = np.array([0, 1, 2] * 40)
    train = np.flatnonzero(y < 2)
    splits = [(train, np.arange(120)), (np.arange(120), np.arange(120))]
    found = compare([LogisticRegression(), LinearSVC(), "linear"], X, y, splits, random_state=0)
    assert (found["failure"] == "").all()
    values = pd.DataFrame(found.attrs["splits"])
    assert (values.loc[values["split"] == 0, "accuracy"] < 2 / 3).all()


def test_weights_reach_fits_and_metrics():
    weights = np.where(Y == "yes", 1.0, 0.0)
    weights[:10] = 1.0
    model = DummyClassifier(strategy="prior")
    heavy = compare(
        {"a": model}, X, Y, 2, sample_weight=weights, random_state=0, scoring="accuracy"
    )
    light = compare({"a": model}, X, Y, 2, random_state=0, scoring="accuracy")
    assert heavy.loc[0, "mean"] > light.loc[0, "mean"] + 0.1


def test_one_failure_is_reported_and_the_others_go_on():
    with pytest.warns(FitFailedWarning, match="'bad' failed in 3 splits, got RuntimeError: out of"):
        found = compare({"bad": Broken(), "good": LogisticRegression()}, X, Y, 3, random_state=0)
    bad = found[found["estimator"] == "bad"]
    assert (bad["failure"] == "RuntimeError: out of luck").all()
    assert bad.drop(columns=["estimator", "metric", "failure"]).isna().all(axis=None)
    assert found["estimator"].tolist() == ["good", "bad"] * 3
    assert not found.loc[found["estimator"] == "good", "mean"].isna().any()


def test_an_estimator_that_fails_in_some_splits_has_no_mean():
    estimators = {"bad": Broken(always=False), "good": LogisticRegression()}
    splits = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    with pytest.warns(FitFailedWarning):
        found = compare(estimators, X, Y, splits, scoring="accuracy")
    bad = found[found["estimator"] == "bad"].iloc[0]
    assert bad["failure"] == "RuntimeError: out of luck (1 of 2 splits)"
    assert np.isnan(bad["mean"])


def test_a_failure_can_be_raised():
    with pytest.raises(RuntimeError, match="out of luck"):
        compare({"bad": Broken(), "good": LogisticRegression()}, X, Y, error="raise")


def test_failures_of_all_are_raised():
    with pytest.raises(InvalidValue, match="every estimator failed, got bad: RuntimeError: out of"):
        compare({"bad": Broken()}, X, Y)


def test_weights_that_an_estimator_does_not_take_are_its_failure():
    with pytest.warns(FitFailedWarning, match="Mean.fit: does not take sample_weight"):
        found = compare([Mean(), Ridge()], X, X[:, 1], sample_weight=np.ones(120))
    assert found.loc[0, "estimator"] == "Ridge"


@pytest.mark.parametrize(
    "make",
    [
        lambda: X,
        lambda: X.tolist(),
        lambda: {"a": X[:, 0], "b": list(X[:, 1])},
        lambda: pd.DataFrame(X, columns=list("abc")),
        lambda: scipy.sparse.csr_array(X),
        lambda: pytest.importorskip("polars").DataFrame(X, schema=list("abc")),
    ],
    ids=["array", "list", "mapping", "pandas", "sparse", "polars"],
)
def test_frames_of_every_kind(make):
    found = compare("linear", make(), pd.Series(Y, index=np.arange(120) + 5), 2, random_state=0)
    assert (found["failure"] == "").all()


def test_workers_find_the_same():
    with parallel_config(backend="threading"):
        one, two = (compare(LOGISTIC, X, Y, 3, random_state=0, n_jobs=jobs) for jobs in (1, 2))
    kept = [name for name in COLUMNS if "seconds" not in name]
    pd.testing.assert_frame_equal(one[kept], two[kept])


def test_workers_may_be_processes():
    target, metrics = learn_target(Y, "classification", 120), choose_metrics(None, "classes", False)
    data = pickle.loads(pickle.dumps(Data(X, Y, None, target, metrics)))
    places = (np.arange(60), np.arange(60, 120))
    trial = pickle.loads(pickle.dumps(attempt("a", LogisticRegression(), 0, places, data, True)))
    assert trial.values["auc"] > 0.7


def test_a_random_state_repeats_it():
    one, two = (
        compare(["dnn", "linear"], X, Y, 2, random_state=np.random.RandomState(4)) for _ in range(2)
    )
    assert one["mean"].tolist() == two["mean"].tolist()


def test_progress(capsys):
    compare(LOGISTIC, X, Y, 2, verbose=1)
    assert "4/4" in capsys.readouterr().err
    compare(LOGISTIC, X, Y, 2)
    assert capsys.readouterr().err == ""


def test_estimators_given_stay_unfitted():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    compare([pipeline], X, Y, 2)
    assert not hasattr(pipeline[-1], "coef_")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"y": Y[:-1]}, ShapeMismatch, "y: inconsistent numbers of samples"),
        ({"y": np.full(120, "a")}, InvalidValue, "y: holds only one class"),
        ({"y": np.where(X[:, 0] > 0, 1.0, np.nan)}, InvalidValue, "y: Input y contains NaN"),
        ({"y": None}, InvalidValue, "the target y is None"),
        ({"X": 3}, InvalidType, "frame: must be a pandas or polars frame"),
        ({"sample_weight": -np.ones(120)}, InvalidValue, "sample_weight: Negative values"),
        ({"sample_weight": np.zeros(120)}, InvalidValue, "at least one non-zero number"),
        ({"sample_weight": np.ones(7)}, ShapeMismatch, "sample_weight: must be a 1D array of 120"),
        ({"error": "ignore"}, InvalidValue, "error: must be 'report' or 'raise'"),
        ({"cv": 200}, InvalidValue, "cv: must lie between 2 and"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        compare("linear", **{"X": X, "y": Y, **arguments})
