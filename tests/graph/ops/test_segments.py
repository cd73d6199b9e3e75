"""Ragged sums, empty stretches above all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.graph import evaluate, gradients, placeholder, repeat_rows, segment_sum, sum


@given(st.lists(st.integers(0, 4), max_size=6), st.sampled_from([(), (2,)]))
def test_segment_sum_equals_a_loop(lengths, tail):
    x = np.random.default_rng(0).normal(size=(np.sum(lengths, dtype=int), *tail))
    parts = np.split(x, np.cumsum(lengths)[:-1]) if lengths else []
    expected = np.array([part.sum(0) for part in parts]).reshape(len(lengths), *tail)
    result = evaluate([segment_sum(x, np.array(lengths, np.int32))])[0]
    np.testing.assert_allclose(result, expected, atol=1e-12)


def test_the_two_are_adjoint_and_know_the_ragged_axis():
    x, lengths = placeholder("x", ("words", 2)), placeholder("n", (None,), "int32")
    y = segment_sum(x, lengths)
    assert y.shape == (None, 2)
    (slope,) = gradients(sum(y * y), [x])
    assert slope.shape == ("words", 2)
    feeds = {"x": np.ones((3, 2)), "n": [2, 0, 1]}
    np.testing.assert_array_equal(evaluate([slope], feeds)[0], [[4, 4], [4, 4], [2, 2]])


def test_repeat_rows():
    result = evaluate([repeat_rows([1.0, 2.0, 3.0], [2, 0, 1], 3)])[0]
    assert result.tolist() == [1, 1, 3]


def test_lengths_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match="lengths must add up to 3, got 2"):
        evaluate([segment_sum([1.0, 2.0, 3.0], [1, 1])])
    with pytest.raises(ValueError, match="lengths must be whole numbers"):
        segment_sum([1.0], [1.0])
    with pytest.raises(ValueError, match="needs a length for each row"):
        repeat_rows([1.0, 2.0], [1], 1)
