"""Who is compared: names, lists, mappings, and the task they share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cannery import LinearClassifier, WideDeepRegressor
from cannery.comparison import MODELS, guess_task
from cannery.comparison.candidates import candidates
from cannery.errors import InvalidType, InvalidValue, NotFound
from cannery.estimators import ESTIMATORS

CLASSES = ["no", "yes", "no"]


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 1], "classification"),
        ([0.0, 1.0, 1.0], "classification"),
        ([0.5, 1.0, 1.0], "regression"),
        (range(20), "classification"),
        (range(21), "regression"),
        ([[0, 1], [1, 1]], "classification"),
        ([[0, 2], [1, 1]], "regression"),
    ],
)
def test_task(values, task):
    y = np.array(values) if isinstance(values, list) and isinstance(values[0], list) else values
    assert guess_task(y) == task
    if isinstance(y, list):
        assert guess_task(pd.Series(y)) == task


def test_every_canned_model_with_a_target_has_a_name():
    pairs = {cls for pair in MODELS.values() for cls in pair}
    assert pairs == {cls for name, cls in ESTIMATORS.items() if name[-6:] in ("sifier", "ressor")}
    assert {"baseline", "dnn", "linear", "random_forest", "svm", "wide_deep"} <= set(MODELS)


def test_all_names_by_the_target():
    found, task = candidates("all", CLASSES)
    assert task == "classification"
    assert list(found) == list(MODELS)
    assert isinstance(found["linear"], LinearClassifier)
    found, task = candidates(["wide_deep"], [0.5, 1.5])
    assert task == "regression"
    assert isinstance(found["wide_deep"], WideDeepRegressor)


def test_a_name_follows_the_estimators_beside_it():
    found, task = candidates(["linear", Ridge()], [0, 1, 1])
    assert task == "regression"
    assert list(found) == ["linear", "Ridge"]


def test_the_task_can_be_said():
    assert candidates("linear", [0, 1, 1], task="regression")[1] == "regression"


def test_labels_of_a_list():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    found, _ = candidates([pipeline, LogisticRegression(C=2), "linear", "linear"], CLASSES)
    assert list(found) == ["LogisticRegression", "LogisticRegression 2", "linear", "linear 2"]


def test_estimators_are_cloned():
    one = LinearClassifier(epochs=3)
    found, _ = candidates({"one": one}, CLASSES, random_state=7)
    assert found["one"] is not one
    assert found["one"].get_params() == {**one.get_params(), "random_state": 7}
    assert one.random_state is None


def test_a_random_state_that_is_there_stays():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(random_state=1))
    found, _ = candidates({"a": pipeline, "b": LogisticRegression()}, CLASSES, random_state=7)
    assert found["a"][-1].random_state == 1
    assert found["b"].random_state == 7


@pytest.mark.parametrize(
    ("estimators", "error", "message"),
    [
        ("lineal", NotFound, "did you mean 'linear'"),
        ([], InvalidValue, "there is none to compare"),
        ({}, InvalidValue, "there is none to compare"),
        (3, InvalidType, "must be a mapping of names to estimators, a list of them, or names"),
        ([3], InvalidType, "must be an estimator or the name of a model, got 3"),
        ([LinearClassifier], InvalidType, "must be an estimator or the name of a model"),
        ([LinearClassifier(), Ridge()], InvalidType, "all classifiers or all regressors"),
        ([KMeans()], InvalidType, "neither classifier nor regressor"),
    ],
)
def test_what_is_no_estimator(estimators, error, message):
    with pytest.raises(error, match=message):
        candidates(estimators, CLASSES)


def test_unknown_task():
    with pytest.raises(InvalidValue, match="task: must be one of 'auto', 'classification'"):
        candidates("linear", CLASSES, task="ranking")


def test_an_estimator_without_a_kind_needs_the_task():
    class Own(BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.zeros(len(X))

    with pytest.raises(InvalidType, match="say which by task="):
        candidates([Own()], CLASSES)
    assert list(candidates([Own()], CLASSES, task="classification")[0]) == ["Own"]
