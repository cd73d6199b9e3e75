"""Running sums and the place of the largest."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import argmax, constant, cumsum, evaluate, placeholder

X = np.random.default_rng(0).normal(size=(3, 4))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cumsum_equals_numpy_both_ways(axis):
    forward, backward = evaluate([cumsum(constant(X), axis), cumsum(constant(X), axis, True)])
    np.testing.assert_allclose(forward, np.cumsum(X, axis))
    np.testing.assert_allclose(backward, np.flip(np.cumsum(np.flip(X, axis), axis), axis))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_argmax_equals_numpy(axis):
    np.testing.assert_array_equal(evaluate([argmax(constant(X), axis)])[0], X.argmax(axis))


def test_argmax_of_ties_and_missing_numbers_is_the_first():
    assert evaluate([argmax([[1.0, 3.0, 3.0], [1.0, np.nan, 9.0]])])[0].tolist() == [1, 1]


def test_argmax_of_nothing_is_refused():
    with pytest.raises(ValueError, match="op 'argmax': needs at least one element"):
        argmax(placeholder("x", (3, 0)))
    x = placeholder("x", (None,))
    with pytest.raises(ValueError, match="op 'argmax': needs at least one element"):
        evaluate([argmax(x, 0)], {x: np.zeros(0)})
