"""Where implementations of TensorFlow's estimators went astray; the numbers are those of a list."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from cannery import (
    BaselineClassifier,
    DNNClassifier,
    LinearClassifier,
    WideDeepClassifier,
)
from cannery.errors import InvalidValue, UnseenCategory
from cannery.feature_columns import numeric_column
from cannery.graph.optimizers import SGD, Ftrl


def test_13_the_loss_is_a_mean_so_that_steps_do_not_grow_with_the_batch(frame):
    """Ten steps over 1,000 rows like each other end where ten steps over 10 of them do."""
    ends = []
    for rows in (10, 1000):
        model = BaselineClassifier(optimizer=SGD(learning_rate=0.5), epochs=1, random_state=0)
        X, y = np.zeros((rows, 1)), ["no"] * rows
        model.partial_fit(X, y, classes=["no", "yes"])
        assert model.evaluate(X, y)["global_step"] == 10
        ends.append(model.decision_function(X[:1])[0])
    assert ends[0] == pytest.approx(ends[1], rel=1e-5) and ends[0] < -1


def test_13_evaluation_weighs_rows_and_not_batches(frame, target):
    model = LinearClassifier(epochs=1, random_state=0).fit(frame, target)
    odd = slice(0, 201)
    whole = model.evaluate(frame[odd], target[odd])
    p = model.predict_proba(frame[odd])[:, 1].astype(float)
    truth = (target[odd] == "yes").to_numpy()
    loss = -np.mean(np.log(np.where(truth, p, 1 - p)))
    assert whole["average_loss"] == whole["loss"] == pytest.approx(loss, rel=1e-5)


def test_14_halving_the_weights_halves_the_loss_and_not_the_average(frame, target):
    model = LinearClassifier(epochs=2, random_state=0).fit(frame, target)
    weights = np.random.default_rng(0).integers(0, 3, 240).astype(float)
    one, half = (model.evaluate(frame, target, w) for w in (weights, weights / 2))
    assert half["loss"] == pytest.approx(one["loss"] / 2)
    assert half["average_loss"] == pytest.approx(one["average_loss"])
    assert one["loss"] == pytest.approx(one["average_loss"] * weights.mean())  # zeros count
    heavy, light = (
        LinearClassifier(epochs=1, random_state=0, optimizer=SGD(learning_rate=rate))
        .fit(frame, target, np.full(240, weight))
        .history_["loss"][0]
        for rate, weight in ((0.1, 1.0), (0.2, 0.5))
    )
    assert light == pytest.approx(heavy / 2, rel=1e-5)


def test_15_a_name_means_one_learning_rate_however_many_columns(frame, target):
    few = [numeric_column("age", normalizer="standard")]
    many = [*few, numeric_column("pay", normalizer="log")]
    for columns in (few, many, None):
        named, given = (
            LinearClassifier(columns=columns, optimizer=optimizer, epochs=1, random_state=0)
            for optimizer in ("ftrl", Ftrl(learning_rate=0.2))
        )
        found = [m.fit(frame, target).predict_proba(frame) for m in (named, given)]
        assert (found[0] == found[1]).all()


def test_16_two_optimizers_one_step_and_two_biases(frame, target, wide, deep):
    settings = {"linear_columns": wide, "deep_columns": deep, "hidden_units": (4,)}
    model = WideDeepClassifier(epochs=2, batch_size=24, random_state=0, **settings)
    model.fit(frame, target)
    assert model.evaluate(frame, target)["global_step"] == 20
    assert {"linear/bias", "deep/logits/bias"} < set(model.variables_)


def test_16_both_towers_learn_from_the_same_forward_pass(frame, target, wide, deep):
    """In the first step neither tower's gradient knows of the other's new weights."""
    after = {}
    for rate in (1e-20, 0.7):
        model = WideDeepClassifier(
            linear_columns=wide,
            deep_columns=deep,
            hidden_units=(3,),
            linear_optimizer=SGD(learning_rate=rate),
            deep_optimizer=SGD(learning_rate=0.5),
            random_state=0,
        )
        model.partial_fit(frame[:1], ["no"], classes=["no", "yes"])
        after[rate, 1] = {name: value.copy() for name, value in model.variables_.items()}
        model.partial_fit(frame[:1], ["no"])
        after[rate, 2] = model.variables_
    deeper = [name for name in after[0.7, 1] if name.startswith("deep/")]
    for name in deeper:
        assert (after[0.7, 1][name] == after[1e-20, 1][name]).all(), name
    assert (after[0.7, 1]["linear/bias"] != after[1e-20, 1]["linear/bias"]).all()
    assert (after[0.7, 2]["deep/logits/bias"] != after[1e-20, 2]["deep/logits/bias"]).all()


@pytest.mark.parametrize("classes", [(0, 1), (False, True), ("a", "b"), (2.0, 3.0)], ids=str)
def test_17_classes_keep_their_type(frame, classes):
    y = np.array(classes)[np.arange(240) % 2]
    model = LinearClassifier(epochs=1).fit(frame, y)
    assert model.predict(frame).dtype == y.dtype == model.classes_.dtype
    assert model.predict(frame).shape == (240,)


def test_18_labels_are_sorted_and_the_last_is_positive(frame):
    y = np.where(frame["city"] == "Rome", "apple", "zebra")
    model = LinearClassifier(epochs=10, random_state=0).fit(frame, y)
    assert model.classes_.tolist() == ["apple", "zebra"]
    rome = (frame["city"] == "Rome").to_numpy()
    logits = model.decision_function(frame)
    assert logits[~rome].min() > 0 > logits[rome].max()
    with pytest.raises(UnseenCategory):
        model.evaluate(frame, rome)


def test_19_probabilities_are_no_classes(frame):
    with pytest.raises(InvalidValue, match="Unknown label type: continuous"):
        LinearClassifier().fit(frame, np.linspace(0, 1, 240))


def test_20_the_baseline_is_the_larger_class_and_a_threshold_must_be_passed(frame):
    y = np.arange(240) % 4 == 0
    model = LinearClassifier(columns=[], epochs=1, optimizer=SGD(learning_rate=1e-20))
    found = model.fit(frame, y).evaluate(frame, y, thresholds=[0.5, 0.25])
    assert found["accuracy_baseline"] == 0.75 and found["label/mean"] == 0.25
    # All probabilities are one half: none is above it.
    assert found["recall/positive_threshold_0.5"] == found["recall"] == 0.0
    assert found["recall/positive_threshold_0.25"] == 1.0
    assert not model.predict(frame).any()


def test_22_a_model_that_never_trained_answers_nothing(frame, target):
    for call in (
        lambda model: model.predict(frame),
        lambda model: model.predict_proba(frame),
        lambda model: model.decision_function(frame),
        lambda model: model.evaluate(frame, target),
        lambda model: model.variables_,
    ):
        with pytest.raises(NotFittedError):
            call(DNNClassifier())


def test_22_a_second_fit_begins_anew(frame, target):
    model = DNNClassifier(hidden_units=(4,), epochs=2, random_state=0).fit(frame, target)
    first = model.predict_proba(frame)
    model.fit(frame[["age"]], target)
    again = model.fit(frame, target).predict_proba(frame)
    assert (again == first).all()
    assert model.evaluate(frame, target)["global_step"] == 20 and len(model.history_) == 2
