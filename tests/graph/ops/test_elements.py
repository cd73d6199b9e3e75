"""Elements by id: numpy says what is meant."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cannery.graph import evaluate, gather, multi_hot, one_hot

ROWS = 6
IDS = arrays.arrays(
    st.sampled_from([np.int32, np.int64]),
    st.tuples(st.integers(0, 5), st.integers(1, 4)),
    elements=st.integers(-3, ROWS - 1),
)


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape)


@given(IDS)
def test_gather_and_multi_hot_are_adjoint(ids):
    x, weights = draw(len(ids), ROWS), draw(*ids.shape) + 1
    picked, spread = evaluate([gather(x, ids), multi_hot(ids, ROWS, weights)])
    expected = np.where(ids < 0, 0, np.take_along_axis(x, np.maximum(ids, 0), -1))
    np.testing.assert_array_equal(picked, expected)
    np.testing.assert_allclose((picked * weights).sum(), (spread * x).sum())


@given(IDS)
def test_multi_hot_counts(ids):
    expected = (ids[..., None] == np.arange(ROWS)).sum(-2)
    result = evaluate([multi_hot(ids, ROWS)])[0]
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


def test_one_hot():
    result = evaluate([one_hot(np.array([[2, -1]]), 3)])[0]
    np.testing.assert_array_equal(result, [[[0, 0, 1], [0, 0, 0]]])
