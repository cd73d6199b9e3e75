"""Reductions against numpy over every axis, and their slopes at odd places."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cannery.graph import (
    constant,
    count,
    evaluate,
    gradients,
    max,
    mean,
    min,
    placeholder,
    prod,
    sum,
)

X = np.random.default_rng(0).normal(size=(3, 4, 2))
AXES = [None, 0, -1, (0, 2), (1, -1), (2, 1, 0)]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(sum, np.sum), (max, np.max), (min, np.min), (prod, np.prod), (mean, np.mean)],
)
def test_equal_numpy(ours, theirs, axis, keepdims):
    tensor = ours(constant(X), axis, keepdims)
    expected = theirs(X, axis=axis, keepdims=keepdims)
    assert tensor.shape == expected.shape
    np.testing.assert_allclose(evaluate([tensor])[0], expected)


def test_axes_have_one_spelling():
    x = placeholder("x", (3, 4))
    assert sum(x, (1, 0)) is sum(x) is sum(x, (-1, -2))
    assert sum(x, ()) is x


def test_integers_stay_integers():
    assert sum(constant(np.array([1, 2], np.int32))).dtype == np.int32


def test_mean_over_the_batch_divides_by_its_real_size():
    x = placeholder("x", (None, 2))
    (slope,) = gradients(mean(x), [x])
    for rows in (1, 5):
        value, g = evaluate([mean(x), slope], {x: np.ones((rows, 2))})
        assert value == 1
        np.testing.assert_allclose(g, np.full((rows, 2), 1 / (2 * rows)))


def test_an_empty_batch_gives_neutral_values():
    x = placeholder("x", (None,))
    values = evaluate([sum(x), prod(x), max(x), min(x), count(x)], {x: np.zeros(0)})
    assert values == [0, 1, -np.inf, np.inf, 0]
    assert np.isnan(evaluate([mean(x)], {x: np.zeros(0)})[0])


def test_equal_extremes_share_the_slope():
    x = placeholder("x", (3,))
    assert evaluate(gradients(max(x), [x]), {x: [2.0, 1.0, 2.0]})[0].tolist() == [0.5, 0, 0.5]


@pytest.mark.parametrize("zeros", list(itertools.product([0.0, 2.0], repeat=3)))
def test_slope_of_a_product_is_the_product_of_the_others(zeros):
    x = placeholder("x", (3,), "float64")
    a, b, c = zeros
    assert evaluate(gradients(prod(x), [x]), {x: zeros})[0].tolist() == [b * c, a * c, a * b]


def test_count_of_known_axes_is_a_constant():
    x = placeholder("x", (None, 3, 2))
    assert count(x, (1, 2)).op.name == "constant"
    assert evaluate([count(x, (1, 2))]) == [6]


def test_refusals():
    x = placeholder("x", (None, 0))
    with pytest.raises(ValueError, match="op 'sum': has no axis 2"):
        sum(x, 2)
    with pytest.raises(ValueError, match=r"op 'sum': has no axis 0\.5"):
        sum(x, 0.5)
    with pytest.raises(ValueError, match="op 'max': needs at least one element"):
        max(x, 1)
    with pytest.raises(ValueError, match=r"op 'sum': takes numbers \(use cast\)"):
        sum(x > 0)
