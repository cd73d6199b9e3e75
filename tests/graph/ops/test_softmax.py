"""The softmax where a plain exp would overflow, and its exact slopes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from cannery.graph import (
    constant,
    evaluate,
    gradients,
    log_softmax,
    logsumexp,
    placeholder,
    softmax,
)

X = np.random.default_rng(0).normal(size=(3, 4, 2)) * 300


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_equal_scipy(axis):
    values = evaluate([f(constant(X), axis) for f in (softmax, log_softmax, logsumexp)])
    for value, name in zip(values, ("softmax", "log_softmax", "logsumexp"), strict=True):
        expected = getattr(scipy.special, name)(X, axis=axis)
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


def test_infinities():
    x = constant([[-np.inf, -np.inf], [np.inf, 0.0], [-np.inf, 1.0], [np.nan, 0.0]])
    value = evaluate([logsumexp(x, 1)])[0]
    np.testing.assert_array_equal(value, [-np.inf, np.inf, 1.0, np.nan])


def test_slope_of_the_logarithm_uses_the_softmax_node_itself():
    x = placeholder("x", (None, 3))
    y = softmax(x)
    (slope,) = gradients(logsumexp(x, 1, keepdims=True), [x])
    feeds = {x: [[1.0, 2.0, 3.0]]}
    np.testing.assert_allclose(*evaluate([slope, y], feeds), rtol=1e-6)
