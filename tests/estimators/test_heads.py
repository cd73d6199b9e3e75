"""Heads against TensorFlow's golden values, scikit-learn's metrics and the laws of weights."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from cannery.errors import InvalidType, InvalidValue, NotFound, ShapeMismatch
from cannery.estimators.heads import (
    HEADS,
    BinaryHead,
    MultiClassHead,
    MultiLabelHead,
    RegressionHead,
    head_from_config,
)
from cannery.estimators.metrics import areas_under_curves
from cannery.graph import evaluate, gradients, placeholder

SAMPLES = {
    "binary": [BinaryHead()],
    "multi_class": [MultiClassHead(3), MultiClassHead(7)],
    "multi_label": [MultiLabelHead(1), MultiLabelHead(4)],
    "regression": [
        RegressionHead(width=width, loss=loss, delta=2.0, quantile=0.25)
        for width in (1, 3)
        for loss in ("squared_error", "absolute_error", "huber", "quantile", "poisson")
    ],
}
EVERY_HEAD = [head for heads in SAMPLES.values() for head in heads]
GOLDEN_HEADS = {
    "binary": BinaryHead(),
    "multiclass": MultiClassHead(4),
    "multilabel": MultiLabelHead(3),
    "regression": RegressionHead(width=2),
    "poisson": RegressionHead(loss="poisson"),
}


def predict(head, logits):
    """The predictions of a head, by key."""
    feed = placeholder("logits", (None, head.width))
    predicted = head.predictions(feed)
    values = evaluate(list(predicted.values()), {feed: np.reshape(logits, (-1, head.width))})
    return dict(zip(predicted, values, strict=True))


def losses(head, labels, logits):
    feed, truth = placeholder("logits", (None, head.width)), head.labels()
    shape = [len(labels), *truth.shape[1:]]
    feeds = {feed: np.reshape(logits, (-1, head.width)), truth: np.reshape(labels, shape)}
    return evaluate([head.losses(truth, feed)], feeds)[0]


def metrics(head, labels, logits, **options):
    return head.metrics(labels, predict(head, logits), **options)


def draw(head, rows, seed=0):
    """Random labels and logits that fit a head."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(rows, head.width)).astype(np.float32)
    if head.name == "multi_class":
        return generator.integers(head.width, size=rows), logits
    if head.name == "regression":
        return generator.poisson(2.0, size=(rows, head.width)).astype(np.float32), logits
    return generator.integers(2, size=(rows, head.width)), logits


# TensorFlow


@pytest.mark.parametrize("index", range(10))
def test_metrics_are_tensorflows(golden, index):
    case = golden("heads")["cases"][index]
    head = GOLDEN_HEADS[case["head"]]
    found = metrics(
        head,
        np.array(case["labels"]),
        np.array(case["logits"], np.float32),
        weights=case["weights"],
        thresholds=case.get("thresholds", ()),
    )
    assert found["loss"] == pytest.approx(case["loss"], rel=1e-5)
    for name, value in case["metrics"].items():
        # TensorFlow's areas are sums over 200 thresholds.
        close = {"abs": 0.02} if name.startswith("auc") else {"rel": 1e-5}
        assert found[name] == pytest.approx(value, **close), name


@pytest.mark.parametrize("index", range(10))
def test_the_training_loss_is_tensorflows(golden, index):
    case = golden("heads")["cases"][index]
    each = losses(GOLDEN_HEADS[case["head"]], case["labels"], case["logits"])
    weights = np.ones(len(each)) if case["weights"] is None else np.ravel(case["weights"])
    assert each.shape == (64,)
    assert np.mean(weights * each) == pytest.approx(case["loss"], rel=1e-5)


# Traps


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_trap_13_average_loss_does_not_see_batches(head):
    labels, logits = draw(head, 10)
    whole = metrics(head, labels, logits)
    parts = [metrics(head, labels[part], logits[part]) for part in (slice(8), slice(8, 10))]
    mean = 0.8 * parts[0]["average_loss"] + 0.2 * parts[1]["average_loss"]
    assert whole["average_loss"] == whole["loss"] == pytest.approx(mean)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_trap_14_loss_is_divided_by_rows_and_average_loss_by_weight(head):
    labels, logits = draw(head, 12)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 12)
    whole = metrics(head, labels, logits, weights=weights)
    half = metrics(head, labels, logits, weights=weights / 2)
    assert half["loss"] == pytest.approx(whole["loss"] / 2)
    assert half["average_loss"] == pytest.approx(whole["average_loss"])
    weights[6:] = 0.0
    padded = metrics(head, labels, logits, weights=weights)
    short = metrics(head, labels[:6], logits[:6], weights=weights[:6])
    assert padded["loss"] == pytest.approx(short["loss"] / 2)
    assert padded["average_loss"] == pytest.approx(short["average_loss"])


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_trap_17_class_ids_have_a_row_for_each_example(head):
    answer = predict(head, draw(head, 5)[1])[head.answer]
    assert answer.shape == (5, 1 if head.name == "multi_class" else head.width)


def test_trap_19_soft_labels():
    head, logits = BinaryHead(), np.array([2.0, 1.0, -1.0, -2.0])
    soft = metrics(head, [0.75, 0.25, 0.75, 0.0], logits)
    # Half the loss of a row that is positive with probability 3/4 would be a third of this.
    as_rows = metrics(
        head,
        [1, 0, 1, 0, 1, 0, 0],
        logits[[0, 0, 1, 1, 2, 2, 3]],
        weights=[0.75, 0.25, 0.25, 0.75, 0.75, 0.25, 1.0],
    )
    for name in ("average_loss", "auc", "auc_precision_recall", "label/mean", "prediction/mean"):
        assert soft[name] == pytest.approx(as_rows[name]), name
    rounded = metrics(head, [1, 0, 1, 0], logits)
    for name in ("accuracy", "precision", "recall"):
        assert soft[name] == rounded[name] == 0.5


def test_trap_20_baseline_is_the_larger_share_and_thresholds_are_exclusive():
    head = BinaryHead()
    assert metrics(head, [0, 0, 0, 1], np.zeros(4))["accuracy_baseline"] == 0.75
    at_half = metrics(head, [0, 1], np.zeros(2), thresholds=[0.5])
    assert at_half["recall/positive_threshold_0.5"] == 0.0
    # float32 has no 0.3; the probability nearest to it does not exceed the threshold.
    predicted = predict(head, np.zeros(1)) | {"logistic": np.array([[0.3]], np.float32)}
    for threshold in (0.3, np.float64(0.3)):
        found = head.metrics([1], predicted, thresholds=[threshold])
        assert found["recall/positive_threshold_0.3"] == 0.0


def test_trap_21_clustered_scores_have_an_exact_auc():
    logits = np.array([1.0, 1.000001, 1.000002, 1.000003])
    found = metrics(BinaryHead(), [0, 0, 1, 1], logits)
    assert (found["auc"], found["auc_precision_recall"]) == (1.0, 1.0)


def test_ranking_does_not_saturate_with_the_probability():
    found = metrics(BinaryHead(), [0, 0, 1, 1], np.array([40.0, 41.0, 42.0, 43.0]))
    assert found["auc"] == 1.0


# scikit-learn

rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.tuples(*[st.floats(-8, 8, width=16)] * 3),
        st.sampled_from([0.0, 0.25, 1.0, 2.0]),
    ),
    min_size=2,
    max_size=30,
)
quick = settings(max_examples=40, deadline=None)


def unzipped(drawn):
    labels, logits, weights = map(np.array, zip(*drawn, strict=True))
    assume(np.count_nonzero(weights) > 1)
    return labels, logits.astype(np.float32), weights


@quick
@given(rows)
def test_binary_metrics_are_scikit_learns(drawn):
    labels, logits, weights = unzipped(drawn)
    labels, logits = labels % 2, logits[:, :1]
    assume(0 < np.sum(weights * labels) < np.sum(weights))
    predicted = predict(BinaryHead(), logits)
    found = BinaryHead().metrics(labels, predicted, weights)
    options = {"sample_weight": weights}
    chosen, probabilities = predicted["class_ids"], predicted["probabilities"].astype(np.float64)
    expected = {
        "average_loss": sklearn_metrics.log_loss(
            labels, probabilities / probabilities.sum(1, keepdims=True), **options
        ),
        "accuracy": sklearn_metrics.accuracy_score(labels, chosen, **options),
        "precision": sklearn_metrics.precision_score(labels, chosen, zero_division=0.0, **options),
        "recall": sklearn_metrics.recall_score(labels, chosen, **options),
        "auc": sklearn_metrics.roc_auc_score(labels, logits, **options),
        "label/mean": np.average(labels, **{"weights": weights}),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-9)
    assert found["auc"] == pytest.approx(expected["auc"], abs=1e-12)


@quick
@given(rows)
def test_multi_class_metrics_are_scikit_learns(drawn):
    labels, logits, weights = unzipped(drawn)
    predicted = predict(MultiClassHead(3), logits)
    found = MultiClassHead(3).metrics(labels, predicted, weights)
    accuracy = sklearn_metrics.accuracy_score(labels, predicted["class_ids"], sample_weight=weights)
    assert found["accuracy"] == pytest.approx(accuracy)


@quick
@given(rows)
def test_regression_metrics_are_scikit_learns(drawn):
    labels, logits, weights = unzipped(drawn)
    truth = np.stack([labels, labels - 1.0], axis=1)
    found = metrics(RegressionHead(width=2), truth, logits[:, :2], weights=weights)
    options = {"sample_weight": weights}
    squares = sklearn_metrics.mean_squared_error(truth, logits[:, :2], **options)
    r2 = sklearn_metrics.r2_score(truth, logits[:, :2].astype(np.float64), **options)
    assert found["average_loss"] == pytest.approx(squares)
    assert found["rmse"] == pytest.approx(math.sqrt(squares))
    assert found["r2"] == pytest.approx(r2)


@quick
@given(rows)
def test_micro_and_per_label_areas_are_scikit_learns(drawn):
    _, logits, weights = unzipped(drawn)
    labels = (logits[:, ::-1] > 1.0).astype(int)
    found = metrics(MultiLabelHead(3), labels, logits, weights=weights, class_names="abc")
    each = np.repeat(weights, 3)
    if 0 < np.sum(each * labels.ravel()) < each.sum():
        area = sklearn_metrics.roc_auc_score(labels.ravel(), logits.ravel(), sample_weight=each)
        assert found["auc"] == pytest.approx(area)
    if 0 < np.sum(weights * labels[:, 1]) < weights.sum():
        area = sklearn_metrics.roc_auc_score(labels[:, 1], logits[:, 1], sample_weight=weights)
        assert found["auc/b"] == pytest.approx(area)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_a_weight_of_two_is_a_row_twice(head):
    labels, logits = draw(head, 15)
    weights = np.arange(15) % 3
    found = metrics(head, labels, logits, weights=weights)
    repeated = metrics(head, np.repeat(labels, weights, 0), np.repeat(logits, weights, 0))
    del found["loss"], repeated["loss"]  # it is divided by the number of rows
    assert found == pytest.approx(repeated, nan_ok=True)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_the_order_of_rows_does_not_matter(head):
    labels, logits = draw(head, 20)
    logits = np.round(logits)  # so that there are ties
    order = np.random.default_rng(2).permutation(20)
    shuffled = metrics(head, labels[order], logits[order])
    assert metrics(head, labels, logits) == pytest.approx(shuffled, nan_ok=True)


# The areas


def test_precision_recall_area_by_hand():
    # One positive first, then one of two tied at the end: precision (1 + t) / (1 + 2 t).
    _, area = areas_under_curves([1, 0, 1], [3.0, 1.0, 1.0], [1, 1, 1])
    share = np.linspace(0, 1, 100_001)
    second = np.mean((1 + share) / (1 + 2 * share))
    assert area == pytest.approx((1 + second) / 2, abs=1e-5)


def test_random_scores_have_the_base_rate_as_precision_recall_area():
    assert areas_under_curves([1, 0, 0, 0], np.zeros(4), np.ones(4)) == (0.5, 0.25)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc_and_no_warning(label):
    found = metrics(BinaryHead(), [label] * 3, np.arange(3.0))
    assert math.isnan(found["auc"])
    assert math.isnan(found["auc_precision_recall"]) == (label == 0)
    assert found["accuracy_baseline"] == 1.0


def test_a_class_of_no_weight_has_no_auc():
    assert math.isnan(metrics(BinaryHead(), [0, 1], np.arange(2.0), weights=[1, 0])["auc"])


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_undefined_metrics_are_nan_without_a_warning(head):
    labels, logits = draw(head, 4)
    assert math.isnan(metrics(head, labels, logits, weights=np.zeros(4))["average_loss"])
    assert math.isnan(metrics(head, labels[:0], logits[:0])["loss"])
    assert math.isnan(metrics(head, labels, np.full_like(logits, np.nan))["loss"])
    assert metrics(head, labels[:1], logits[:1])["loss"] >= 0.0


# Every head


def test_every_head_is_sampled():
    """Those of machines, which lie elsewhere, have tests of their own."""
    here = {name for name, cls in HEADS.items() if cls.__module__.endswith("estimators.heads")}
    assert set(SAMPLES) == here


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_losses_and_gradients_are_finite_for_extreme_logits(head):
    extremes = np.array([1e4, -1e4, 100.0, -100.0, 0.0], np.float32)
    logits = np.repeat(extremes, 2)[:, None] * np.ones(head.width, np.float32)
    logits[:, 1:] *= -1
    labels, _ = draw(head, 10)
    feed, truth = placeholder("logits", (None, head.width)), head.labels()
    loss = head.losses(truth, feed)
    values, slopes = evaluate([loss, *gradients(loss, [feed])], {feed: logits, truth: labels})
    assert loss.shape == (None,)
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()
    assert np.abs(slopes).max() > 0


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_a_descent_on_the_loss_ends_at_the_labels(head):
    labels, logits = draw(head, 4)
    feed, truth = placeholder("logits", (None, head.width)), head.labels()
    (slope,) = gradients(head.losses(truth, feed), [feed])
    before = losses(head, labels, logits).sum()
    for _ in range(300):
        logits = logits - 0.02 * evaluate([slope], {feed: logits, truth: labels})[0]
    assert losses(head, labels, logits).sum() < before


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_gradients_are_those_of_the_loss(head):
    labels, logits = draw(head, 6)
    feed = placeholder("logits", (None, head.width), "float64")
    integers = head.name == "multi_class"
    truth = placeholder("truth", head.labels().shape, "int32" if integers else "float64")
    loss = head.losses(truth, feed)
    logits = logits.astype(np.float64)
    (slopes,) = evaluate(gradients(loss, [feed]), {feed: logits, truth: labels})
    for j in range(head.width):
        step = np.zeros(head.width)
        step[j] = 1e-6
        high, low = (evaluate([loss], {feed: logits + s, truth: labels})[0] for s in (step, -step))
        np.testing.assert_allclose(slopes[:, j], (high - low) / 2e-6, atol=1e-6)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_predictions_agree_with_each_other(head):
    _, logits = draw(head, 50)
    logits[0] = 0.0
    logits[1] = 1e4
    logits[2] = -1e4
    predicted = predict(head, logits)
    assert {len(values) for values in predicted.values()} == {50}
    if head.name == "regression":
        with np.errstate(over="ignore"):
            mean = np.exp(logits) if head.link == "exp" else logits
        np.testing.assert_allclose(predicted["predictions"], mean, rtol=1e-6)
        return
    probabilities, chosen = predicted["probabilities"], predicted["class_ids"]
    np.testing.assert_array_equal(predicted["logits"], logits)
    assert chosen.dtype == np.int64
    assert (chosen[0] == 0).all()
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if head.name == "multi_label":
        np.testing.assert_array_equal(chosen, probabilities > 0.5)
    else:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
        np.testing.assert_array_equal(chosen[:, 0], probabilities.argmax(axis=1))
    if head.name == "binary":
        np.testing.assert_array_equal(predicted["logistic"], probabilities[:, 1:])


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_a_head_survives_json(head):
    assert head_from_config(json.loads(json.dumps(head.to_config()))) == head
    assert hash(head_from_config(head.to_config())) == hash(head)


@pytest.mark.parametrize("head", EVERY_HEAD, ids=repr)
def test_every_metric_is_a_plain_float(head):
    found = metrics(head, *draw(head, 30))
    assert {"average_loss", "loss"} <= set(found)
    assert all(type(value) is float for value in found.values())


def test_the_links():
    links = {head.name: head.link for head in EVERY_HEAD if head.name != "regression"}
    assert links == {"binary": "sigmoid", "multi_class": "softmax", "multi_label": "sigmoid"}
    assert RegressionHead().link == "identity"
    assert RegressionHead(loss="poisson").link == "exp"


def test_label_names_name_the_metrics_of_each_label():
    labels, logits = draw(MultiLabelHead(2), 30)
    named = metrics(MultiLabelHead(2), labels, logits, class_names=["sweet", "red"])
    plain = metrics(MultiLabelHead(2), labels, logits, thresholds=[0.5])
    for metric in ("auc", "auc_precision_recall", "probability_mean"):
        assert named[f"{metric}/red"] == plain[f"{metric}/class1"]
    assert plain["accuracy/positive_threshold_0.5"] == np.mean(labels == (logits > 0))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("squared_error", [1, 25]), ("absolute_error", [1, 5]), ("huber", [0.5, 8])],
)
def test_losses_by_hand(loss, expected):
    found = losses(RegressionHead(loss=loss, delta=2.0), [0.0, 0.0], [1.0, -5.0])
    assert found.tolist() == expected


def test_the_quantile_loss_is_least_at_the_quantile():
    labels = np.arange(1.0, 101.0)
    head = RegressionHead(loss="quantile", quantile=0.25)
    sums = [losses(head, labels, np.full(100, guess)).sum() for guess in range(1, 101)]
    assert np.argmin(sums) + 1 in (25, 26)


def test_the_poisson_loss_goes_on_straight_where_exp_would_overflow():
    head = RegressionHead(loss="poisson")
    at = losses(head, [3.0] * 3, [41.0, 42.0, 43.0]).astype(np.float64)
    assert at[2] - at[1] == pytest.approx(math.exp(40.0), rel=1e-3)
    assert at[1] - at[0] == pytest.approx(math.exp(40.0), rel=1e-3)
    assert losses(head, [3.0], [40.0])[0] == pytest.approx(math.exp(40.0), rel=1e-5)


# What is refused


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: MultiClassHead(2), InvalidValue, "at least 3, got 2; use BinaryHead"),
        (lambda: MultiClassHead(3.0), InvalidType, "must be a whole number, got 3.0"),
        (lambda: MultiLabelHead(0), InvalidValue, "n_labels: must be at least 1"),
        (lambda: RegressionHead(width=0), InvalidValue, "width: must be at least 1"),
        (lambda: RegressionHead(loss="l2"), InvalidValue, "must be one of 'squared_error'"),
        (lambda: RegressionHead(delta=0.0), InvalidValue, "delta: must be a number above 0"),
        (lambda: RegressionHead(quantile=1.0), InvalidValue, "must lie between 0 and 1"),
        (lambda: head_from_config({"name": "binry"}), NotFound, "did you mean 'binary'"),
        (lambda: head_from_config({}), NotFound, "unknown name"),
        (lambda: head_from_config({"name": "binary", "n": 1}), InvalidValue, "these arguments"),
    ],
)
def test_bad_heads_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("head", "labels", "options", "error", "words"),
    [
        (BinaryHead(), [0, 1], {}, ShapeMismatch, r"labels: must have shape \(3, 1\)"),
        (BinaryHead(), [0, 1, 2], {}, InvalidValue, r"labels: must lie in \[0, 1\]"),
        (BinaryHead(), [0, 1, 1], {"weights": [1.0]}, ShapeMismatch, "weights: must be 3"),
        (BinaryHead(), [0, 1, 1], {"thresholds": [1.0]}, InvalidValue, "between 0 and 1"),
        (RegressionHead(), [0, 1, 1], {"thresholds": [0.5]}, InvalidValue, "mean nothing"),
        (MultiClassHead(3), [0, 1, 3], {}, InvalidValue, "whole numbers below 3"),
        (MultiClassHead(3), [0, 1, 0.5], {}, InvalidValue, "whole numbers below 3"),
        (MultiClassHead(3), [0, 1], {}, ShapeMismatch, r"labels: must have shape \(3,\)"),
        (MultiLabelHead(1), [0, 1, 1], {"class_names": "ab"}, ShapeMismatch, "class_names"),
    ],
)
def test_rows_that_do_not_go_together_are_refused(head, labels, options, error, words):
    with pytest.raises(error, match=words):
        metrics(head, labels, np.zeros((3, head.width)), **options)
