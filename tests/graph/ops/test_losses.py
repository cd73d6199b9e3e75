"""Losses against their closed forms in float64, and against TensorFlow's heads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from cannery.graph import (
    absolute_error,
    constant,
    evaluate,
    gradients,
    hinge,
    huber,
    placeholder,
    poisson,
    quantile,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
    squared_error,
    squared_hinge,
)

DRAW = np.random.default_rng(0)
X, Z = DRAW.normal(size=(5, 3)) * 4, DRAW.integers(0, 2, (5, 3)).astype(float)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (
            sigmoid_cross_entropy,
            -Z * np.log(scipy.special.expit(X)) - (1 - Z) * np.log(scipy.special.expit(-X)),
        ),
        (squared_error, (X - Z) ** 2),
        (absolute_error, np.abs(X - Z)),
        (lambda z, x: huber(z, x, 2.0), scipy.special.huber(2.0, X - Z)),
        (hinge, np.maximum(0, 1 - (2 * Z - 1) * X)),
        (squared_hinge, np.maximum(0, 1 - (2 * Z - 1) * X) ** 2),
        (poisson, np.exp(X) - Z * X),
        (lambda z, x: quantile(z, x, 0.9), np.where(Z > X, 0.9 * (Z - X), 0.1 * (X - Z))),
        (softmax_cross_entropy, -(Z * scipy.special.log_softmax(X, 1)).sum(1)),
    ],
)
def test_equal_their_closed_forms(loss, expected):
    np.testing.assert_allclose(evaluate([loss(constant(Z), constant(X))])[0], expected)


def test_sparse_labels_mean_the_same_as_one_hot_ones():
    labels = np.array([0, 2, 1, 1, 2], np.int32)
    sparse, dense = evaluate(
        [
            sparse_softmax_cross_entropy(labels, X),
            softmax_cross_entropy(np.eye(3)[labels], X),
        ]
    )
    np.testing.assert_allclose(sparse, dense)


def test_cross_entropy_is_exact_for_large_logits():
    x = np.array([100, -100, 800, -800], np.float32)
    z = np.array([1, 0, 1, 1], np.float32)
    value = evaluate([sigmoid_cross_entropy(z, x)])[0]
    np.testing.assert_allclose(value, [3.783506e-44, 3.783506e-44, 0, 800], rtol=0.05)


def test_the_slope_of_the_cross_entropy_is_probability_less_label():
    x = placeholder("x", (5, 3), "float64")
    (slope,) = gradients(sigmoid_cross_entropy(Z, x), [x])
    np.testing.assert_allclose(evaluate([slope], {x: X})[0], scipy.special.expit(X) - Z)


def test_full_poisson_adds_stirlings_formula_above_one():
    z = np.array([0.0, 0.5, 1.0, 2.0, 9.0])
    plain, full = evaluate([poisson(z, np.zeros(5)), poisson(z, np.zeros(5), full=True)])
    many = z[3:]
    stirling = many * np.log(many) - many + 0.5 * np.log(2 * np.pi * many)
    np.testing.assert_allclose(full - plain, [0, 0, 0, *stirling], atol=1e-12)


def test_poisson_equals_tensorflow(golden):
    for case in golden("heads")["cases"]:
        if case["head"] == "poisson":
            labels, logits = (np.array(case[k], np.float32) for k in ("labels", "logits"))
            loss = evaluate([poisson(labels.reshape(logits.shape), logits, full=True)])[0]
            weights = np.array(case.get("weights") or np.ones(len(logits)), np.float32)
            expected = (loss[:, 0] * weights.reshape(-1)).sum() / len(logits)
            np.testing.assert_allclose(expected, case["loss"], rtol=1e-5)


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"loss: labels must have the predictions' shape"):
        squared_error(placeholder("y", (None,)), placeholder("x", (None, 1)))


@pytest.mark.parametrize(
    ("build", "wrong"),
    [
        (lambda: huber(Z, X, 0), "huber: delta must be positive, got 0"),
        (lambda: quantile(Z, X, 1), "quantile: level must be between 0 and 1, got 1"),
    ],
)
def test_parameters_out_of_range_are_refused(build, wrong):
    with pytest.raises(ValueError, match=wrong):
        build()
