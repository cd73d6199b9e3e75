"""Clipping, dense and row-sparse."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue
from cannery.graph import Program, Variable, constant, evaluate, placeholder, scatter_rows
from cannery.graph.optimizers import (
    SGD,
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    global_norm,
    trace,
)


def sparse(ids, values, rows=4):
    """Return a row-sparse gradient and the same as an array."""
    whole = np.zeros((rows, *np.shape(values)[1:]), np.float32)
    np.add.at(whole, ids, np.asarray(values, np.float32))
    return scatter_rows(constant(ids, "int64"), constant(values), rows=rows), whole


def test_by_value():
    value = evaluate([clip_by_value(constant([-3.0, 0.5, 2.0]), -1.0, 1.5)])[0]
    assert value.tolist() == [-1.0, 0.5, 1.5]


def test_by_norm_leaves_short_gradients_to_the_bit():
    short = np.random.default_rng(0).normal(size=5).astype(np.float32)
    assert evaluate([clip_by_norm(constant(short), 100.0)])[0].tobytes() == short.tobytes()
    assert np.linalg.norm(evaluate([clip_by_norm(constant(short), 0.5)])[0]) == pytest.approx(0.5)


def test_a_zero_gradient_stays_zero():
    assert evaluate([clip_by_norm(constant([0.0, 0.0]), 1.0)])[0].tolist() == [0.0, 0.0]


def test_by_global_norm():
    given = [constant([3.0]), constant([[0.0, 4.0]])]
    clipped, norm = clip_by_global_norm(given, 1.0)
    first, second, length = evaluate([*clipped, norm])
    assert length == 5.0
    np.testing.assert_allclose(first, [0.6], rtol=1e-6)
    np.testing.assert_allclose(second, [[0.0, 0.8]], rtol=1e-6)


def test_trap_rows_named_twice_count_as_their_sum():
    gradient, whole = sparse([1, 3, 1], [[3.0], [1.0], [-3.5]])
    assert evaluate([global_norm([gradient])])[0] == pytest.approx(np.linalg.norm(whole))
    clipped = clip_by_value(gradient, -0.75, 0.75)
    assert evaluate([clipped])[0].ravel().tolist() == [0.0, -0.5, 0.0, 0.75]
    clipped = clip_by_norm(gradient, 0.25)
    expected = whole * 0.25 / np.linalg.norm(whole)
    np.testing.assert_allclose(evaluate([clipped])[0], expected, rtol=1e-6)


@pytest.mark.parametrize("clip", [lambda g: clip_by_value(g, -1, 1), lambda g: clip_by_norm(g, 1)])
def test_a_sparse_gradient_stays_sparse(clip):
    gradient, _ = sparse([1, 3], [[3.0], [1.0]])
    assert clip(gradient).op.name == "scatter_rows"
    assert clip(clip(gradient)).op.name == "scatter_rows"


def test_nan_is_not_hidden():
    assert np.isnan(evaluate([clip_by_norm(constant([np.nan, 1.0]), 1.0)])[0]).all()
    assert np.isnan(evaluate([clip_by_value(constant([np.nan]), -1.0, 1.0)])[0]).all()


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_bad_limits(limit):
    with pytest.raises(InvalidValue, match="clip_norm: must be a number above 0"):
        clip_by_norm(constant([1.0]), limit)
    with pytest.raises(InvalidValue, match="zero must be between the limits"):
        clip_by_value(constant([1.0]), limit, 1.0 if limit == 0 else limit)


def test_no_gradients():
    with pytest.raises(InvalidValue, match="needs at least one gradient"):
        clip_by_global_norm([], 1.0)


def test_optimizers_clip_by_value_then_norm_then_global_norm():
    by_value = trace(SGD(learning_rate=1.0, clip_value=2.0), [0.0, 0.0], [[5.0, -1.0]])
    assert by_value.tolist() == [[-2.0, 1.0]]
    by_norm = trace(SGD(learning_rate=1.0, clip_norm=2.5), [0.0, 0.0], [[3.0, 4.0]])
    np.testing.assert_allclose(by_norm, [[-1.5, -2.0]], rtol=1e-6)
    both = SGD(learning_rate=1.0, clip_value=3.0, clip_norm=np.sqrt(4.5))
    np.testing.assert_allclose(trace(both, [0.0, 0.0], [[9.0, 9.0]]), [[-1.5, -1.5]], rtol=1e-6)


def test_the_global_norm_is_over_all_variables_of_a_step():
    a, b = Variable([0.0], "a"), Variable([0.0], "b")
    step = Variable(0, "step", trainable=False)
    optimizer = SGD(learning_rate=1.0, global_clip_norm=1.0)
    updates = optimizer.apply([(a, constant([3.0])), (b, constant([4.0]))], step)
    execution = Program(updates=updates).start()
    execution.run({})
    np.testing.assert_allclose(execution.variables["a"], [-0.6], rtol=1e-6)
    np.testing.assert_allclose(execution.variables["b"], [-0.8], rtol=1e-6)


def test_clipped_rows_of_a_large_table():
    table, ids = Variable(0.0, "table", shape=(50_000, 1)), placeholder("ids", (3,), "int64")
    slope = scatter_rows(ids, placeholder("values", (3, 1)), rows=50_000)
    step = Variable(0, "step", trainable=False)
    updates = SGD(learning_rate=1.0, clip_norm=2.5).apply([(table, slope)], step)
    execution = Program(updates=updates).start()
    execution.run({"ids": [7, 9, 7], "values": [[1.0], [4.0], [2.0]]})
    after = execution.variables["table"]
    np.testing.assert_allclose(after[[7, 9]], [[-1.5], [-2.0]], rtol=1e-6)
    assert np.count_nonzero(after) == 2
