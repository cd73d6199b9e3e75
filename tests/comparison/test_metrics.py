"""Metrics from predictions: scikit-learn's values, and cannery's own `evaluate`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.metrics import make_scorer

from cannery import DNNClassifier, LinearClassifier, LinearRegressor
from cannery.comparison.answers import Answers, ask, learn_target
from cannery.comparison.metrics import METRICS, choose_metrics
from cannery.errors import InvalidType, InvalidValue, NotFound

rng = np.random.default_rng(0)
N = 60
WEIGHTS = rng.integers(0, 4, N).astype(float)
VALUES = rng.dirichlet(np.ones(3), N)
IDS = rng.integers(0, 3, N)
LABELS = rng.integers(0, 2, (N, 3))
CHANCES = rng.random((N, 3))
NUMBERS = rng.normal(size=(N, 2))


def value(name, truth, predicted, chances=None, weights=WEIGHTS):
    return METRICS[name].compute(Answers(truth, predicted, chances, chances, weights))


def test_two_classes():
    truth, chances = IDS % 2, VALUES[:, :2] / VALUES[:, :2].sum(axis=1, keepdims=True)
    chosen, w = chances.argmax(axis=1), {"sample_weight": WEIGHTS}
    expected = {
        "log_loss": reference.log_loss(truth, chances, **w),
        "auc": reference.roc_auc_score(truth, chances[:, 1], **w),
        "accuracy": reference.accuracy_score(truth, chosen, **w),
    }
    for name, wanted in expected.items():
        assert value(name, truth, chosen, chances) == pytest.approx(wanted)


def test_three_classes():
    chosen, w = VALUES.argmax(axis=1), {"sample_weight": WEIGHTS}
    expected = {
        "log_loss": reference.log_loss(IDS, VALUES, **w),
        "auc": reference.roc_auc_score(IDS, VALUES, multi_class="ovr", **w),
        "accuracy": reference.accuracy_score(IDS, chosen, **w),
    }
    for name, wanted in expected.items():
        assert value(name, IDS, chosen, VALUES) == pytest.approx(wanted)


def test_several_labels():
    chosen = (CHANCES > 0.5).astype(float)
    losses = [reference.log_loss(LABELS[:, i], CHANCES[:, i]) for i in range(3)]
    ones = np.ones(N)
    assert value("log_loss", LABELS, chosen, CHANCES, ones) == pytest.approx(np.mean(losses))
    micro = reference.roc_auc_score(LABELS, CHANCES, average="micro")
    assert value("auc", LABELS, chosen, CHANCES, ones) == pytest.approx(micro)
    whole = reference.accuracy_score(LABELS, chosen)
    assert value("accuracy", LABELS, chosen, CHANCES, ones) == pytest.approx(whole)


def test_numbers():
    predicted, w = NUMBERS + 0.3 * rng.normal(size=NUMBERS.shape), {"sample_weight": WEIGHTS}
    squared = reference.mean_squared_error(NUMBERS, predicted, **w)
    expected = {
        "rmse": np.sqrt(squared),
        "mae": reference.mean_absolute_error(NUMBERS, predicted, **w),
        "r2": reference.r2_score(NUMBERS, predicted, **w),
    }
    for name, wanted in expected.items():
        assert value(name, NUMBERS, predicted) == pytest.approx(wanted)


def test_a_class_that_the_rows_lack_has_no_say_in_the_area():
    few = IDS < 2
    pair = [reference.roc_auc_score(IDS[few] == one, VALUES[few, one]) for one in range(2)]
    found = value("auc", IDS[few], IDS[few], VALUES[few], np.ones(few.sum()))
    assert found == pytest.approx(np.mean(pair))


def test_a_probability_of_zero_costs_much_but_not_everything():
    chances = np.array([[1.0, 0.0], [0.0, 1.0]])
    found = value("log_loss", np.array([0, 0]), np.array([0, 1]), chances, np.ones(2))
    assert found == pytest.approx(23 * np.log(2) / 2)


def test_without_probabilities_there_is_no_log_loss():
    assert np.isnan(value("log_loss", IDS, IDS))


@pytest.mark.parametrize(
    ("estimator", "y", "task", "pairs"),
    [
        (
            LinearClassifier(epochs=2, random_state=0),
            np.where(IDS > 0, "yes", "no"),
            "classification",
            {
                "log_loss": "average_loss",
                "auc": "auc",
                "accuracy": "accuracy",
                "auc_precision_recall": "auc_precision_recall",
            },
        ),
        (
            DNNClassifier(epochs=2, random_state=0),
            IDS,
            "classification",
            {"log_loss": "average_loss", "accuracy": "accuracy"},
        ),
        (
            DNNClassifier(epochs=2, random_state=0),
            LABELS,
            "classification",
            {
                "log_loss": "average_loss",
                "auc": "auc",
                "auc_precision_recall": "auc_precision_recall",
            },
        ),
        (
            LinearRegressor(epochs=2, random_state=0),
            NUMBERS,
            "regression",
            {"rmse": "rmse", "r2": "r2"},
        ),
    ],
    ids=["two classes", "three classes", "labels", "numbers"],
)
def test_cannerys_estimators_get_what_evaluate_says(estimator, y, task, pairs):
    X = rng.normal(size=(N, 3))
    estimator.fit(X, y)
    answers, seconds = ask(estimator, X, learn_target(y, task, N), np.arange(N), WEIGHTS)
    evaluated = estimator.evaluate(X, y, WEIGHTS)
    for name, theirs in pairs.items():
        assert METRICS[name].compute(answers) == pytest.approx(evaluated[theirs], rel=1e-5)
    assert seconds > 0


def own(estimator, X, y):
    return 1.0


def test_choice():
    assert [m.name for m in choose_metrics(None, "classes", False)] == [
        "log_loss",
        "auc",
        "accuracy",
    ]
    assert [m.name for m in choose_metrics(None, "numbers", False)] == ["rmse", "mae", "r2"]
    found = choose_metrics(["auc", "f1", own], "classes", False)
    assert [(m.name, m.greater) for m in found] == [("auc", True), ("f1", True), ("own", True)]
    (found,) = choose_metrics({"loss": "log_loss"}, "classes", False)
    assert (found.name, found.greater) == ("loss", False)
    scorer = make_scorer(reference.f1_score)
    assert choose_metrics({"f": scorer}, "classes", True)[0].name == "f"


@pytest.mark.parametrize(
    ("scoring", "error", "message"),
    [
        ("aucc", NotFound, "unknown name, got 'aucc'; did you mean 'auc'"),
        ("zzz", NotFound, "unknown name, got 'zzz'; choose one of"),
        ("rmse", InvalidValue, "means nothing for a target of classes, got 'rmse'"),
        ([], InvalidValue, "names no metric"),
        (["auc", "auc"], InvalidValue, "names must differ"),
        ([3], InvalidType, "must be names or callables"),
        (own, InvalidType, "does not take the sample_weight given"),
    ],
)
def test_what_is_no_metric(scoring, error, message):
    with pytest.raises(error, match=f"scoring: {message}"):
        choose_metrics(scoring, "classes", weighted=True)
