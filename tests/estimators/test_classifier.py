"""Classes of every kind, class weights, several labels, and what evaluate says of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.utils import compute_sample_weight

from cannery import BaselineClassifier, LinearClassifier, WideDeepClassifier
from cannery.errors import InvalidValue, UnseenCategory

SMALL = {"hidden_units": (8,), "epochs": 8, "random_state": 0}


@pytest.mark.parametrize(
    ("no", "yes"),
    [("no", "yes"), (False, True), (0, 1), (-1, 1), (3, 7), (0.0, 1.0), (np.int8(2), np.int8(5))],
    ids=str,
)
@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_labels_of_every_kind(frame, target, no, yes, kind):
    y = kind([yes if answer == "yes" else no for answer in target])
    model = WideDeepClassifier(**SMALL).fit(frame, y)
    assert model.classes_.tolist() == [no, yes]
    predicted = model.predict(frame)
    assert predicted.dtype == np.asarray(y).dtype or predicted.dtype.kind in "UO"
    assert set(predicted.tolist()) == {no, yes}
    assert model.score(frame, y) > 0.8
    reference = WideDeepClassifier(**SMALL).fit(frame, target)
    assert (model.predict_proba(frame) == reference.predict_proba(frame)).all()


def test_pandas_labels(frame, target):
    expected = LinearClassifier(epochs=2, random_state=0).fit(frame, target).predict(frame)
    for dtype in ("category", object, "string", "str"):
        model = LinearClassifier(epochs=2, random_state=0).fit(frame, target.astype(dtype))
        assert model.predict(frame).tolist() == expected.tolist()


def test_what_two_classes_answer(frame, target):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    scores, probabilities = model.decision_function(frame), model.predict_proba(frame)
    assert scores.shape == (240,) and probabilities.shape == (240, 2)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5)
    np.testing.assert_allclose(model.predict_log_proba(frame), np.log(probabilities), rtol=1e-5)
    assert (model.predict(frame) == np.where(scores > 0, "yes", "no")).all()


def test_several_classes(frame):
    y = frame["city"].str.lower()
    model = WideDeepClassifier(**SMALL).fit(frame, y)
    scores, probabilities = model.decision_function(frame), model.predict_proba(frame)
    assert model.classes_.tolist() == ["lima", "oslo", "rome"]
    assert scores.shape == probabilities.shape == (240, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (model.predict(frame) == y).all()
    found = model.evaluate(frame, y)
    assert found["accuracy"] == 1.0 and "auc" not in found
    assert found["average_loss"] == pytest.approx(log_loss(y, probabilities), rel=1e-5)


def test_many_classes():
    X = pd.DataFrame({"key": [f"k{i}" for i in range(40)] * 20})
    model = LinearClassifier(epochs=10, random_state=0).fit(X, X["key"])
    assert model.score(X, X["key"]) == 1.0


def test_several_labels(frame):
    y = pd.DataFrame(
        {
            "old": (frame["age"] > 50).astype(int),
            "roman": (frame["city"] == "Rome").astype(int),
            "red": frame["tags"].map(lambda tags: int("red" in tags)),
        }
    )
    model = WideDeepClassifier(**{**SMALL, "epochs": 20}).fit(frame, y)
    assert model.predict(frame).shape == model.predict_proba(frame).shape == (240, 3)
    assert model.score(frame, y) > 0.9
    found = model.evaluate(frame, y, thresholds=[0.3])
    probabilities = model.predict_proba(frame)
    for i, name in enumerate(y):
        auc = roc_auc_score(y[name], probabilities[:, i])
        assert found[f"auc/{name}"] == pytest.approx(auc, abs=1e-9)
    assert "recall/positive_threshold_0.3" in found
    stopped = WideDeepClassifier(**SMALL, early_stopping="auc/red").fit(frame, y)
    assert "val_auc/red" in stopped.history_
    for other in (y.to_numpy(), y.to_numpy().tolist()):
        assert (WideDeepClassifier(**SMALL).fit(frame, other).predict(frame).shape) == (240, 3)


def test_evaluate_is_scikit_learns(frame, target):
    model = WideDeepClassifier(**SMALL, deep_optimizer="sgd").fit(frame, target)
    weights = np.random.default_rng(0).integers(0, 4, 240)
    truth, chosen = target == "yes", model.predict(frame) == "yes"
    scores = model.decision_function(frame)
    for weight in (None, weights):
        found = model.evaluate(frame, target, weight)
        given = {"sample_weight": weight}
        likely = model.predict_proba(frame)[:, 1].astype(float)
        expected = {
            "accuracy": accuracy_score(truth, chosen, **given),
            "precision": precision_score(truth, chosen, **given),
            "recall": recall_score(truth, chosen, **given),
            "auc": roc_auc_score(truth, scores, **given),
            "average_loss": log_loss(truth, likely, **given),
            "label/mean": np.average(truth, weights=weight),
            "prediction/mean": np.average(likely, weights=weight),
        }
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-5), name
        precision = average_precision_score(truth, scores, **given)
        assert found["auc_precision_recall"] == pytest.approx(precision, abs=0.02)
        assert model.score(frame, target, weight) == pytest.approx(found["accuracy"])


def test_a_weight_of_two_is_two_rows(frame, target):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    weights = np.random.default_rng(0).integers(0, 3, 240)
    copies = np.repeat(np.arange(240), weights)
    weighted = model.evaluate(frame, target, weights)
    repeated = model.evaluate(frame.iloc[copies], target.iloc[copies])
    weighted.pop("loss"), repeated.pop("loss")  # divided by the number of rows, as TensorFlow's
    assert weighted == pytest.approx(repeated, rel=1e-6)


def test_evaluate_refuses(frame, target):
    model = LinearClassifier(epochs=1).fit(frame, target)
    with pytest.raises(UnseenCategory, match="labels that fit did not see"):
        model.evaluate(frame, target.replace("no", "never"))
    with pytest.raises(InvalidValue, match="thresholds: must lie between 0 and 1"):
        model.evaluate(frame, target, thresholds=[1.5])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.evaluate(frame, target[:3])


def test_class_weights(frame):
    y = np.where(np.arange(240) % 8 == 0, "rare", "usual")
    plain = BaselineClassifier(epochs=40, random_state=0).fit(frame, y)
    balanced = BaselineClassifier(epochs=40, class_weight="balanced", random_state=0).fit(frame, y)
    assert plain.predict_proba(frame)[0, 0] == pytest.approx(1 / 8, abs=0.02)
    assert balanced.predict_proba(frame)[0, 0] == pytest.approx(1 / 2, abs=0.03)
    shares = compute_sample_weight("balanced", y)
    given = dict(zip(y.tolist(), shares.tolist(), strict=True))
    model = WideDeepClassifier(**SMALL, class_weight=given).fit(frame, y)
    same = WideDeepClassifier(**SMALL, class_weight="balanced").fit(frame, y)
    by_rows = WideDeepClassifier(**SMALL).fit(frame, y, sample_weight=shares)
    assert (model.predict_proba(frame) == same.predict_proba(frame)).all()
    np.testing.assert_allclose(by_rows.predict_proba(frame), same.predict_proba(frame), rtol=1e-5)
    with pytest.raises(InvalidValue, match="needs one class for each row"):
        labels = np.eye(2, dtype=int)[np.arange(240) % 2]
        WideDeepClassifier(**SMALL, class_weight="balanced").fit(frame, labels)
