"""Tables by id: plain loops say what is meant."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cannery.graph import (
    OPS,
    evaluate,
    gather,
    gradients,
    multi_hot,
    placeholder,
    scatter_all,
    scatter_rows,
    sum,
    take,
)

ROWS = 6
IDS = arrays.arrays(
    st.sampled_from([np.int32, np.int64]),
    st.tuples(st.integers(0, 5), st.integers(1, 4)),
    elements=st.integers(-3, ROWS - 1),
)
FEW = arrays.arrays(np.int32, st.sampled_from([(), (0,), (4,)]), elements=st.integers(-3, ROWS - 1))


def draw(*shape):
    return np.random.default_rng(0).normal(size=shape)


@given(IDS)
def test_take_picks_rows_or_zeros(ids):
    table = draw(ROWS, 2)
    expected = np.where(ids[..., None] < 0, 0, table[ids])
    np.testing.assert_array_equal(evaluate([take(table, ids)])[0], expected)


@given(IDS, st.sampled_from([(), (1,), (3,), (2, 2)]))
def test_scatter_adds_each_value_to_its_row(ids, tail):
    values = draw(*ids.shape, *tail)
    expected = np.zeros((ROWS, *tail))
    for place in np.ndindex(ids.shape):
        if ids[place] >= 0:
            expected[ids[place]] += values[place]
    result = evaluate([scatter_rows(ids, values, ROWS)])[0]
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_scatter_takes_broadcast_values_and_a_table_too_large_for_int32_indices():
    ids = np.array([2, 0], np.int32)
    values = np.broadcast_to(np.float32(2), (2, 1))
    assert evaluate([scatter_rows(ids, values, 3)])[0].tolist() == [[2], [0], [2]]
    rows = 2**16
    wide = evaluate([scatter_rows(np.array([rows - 1], np.int32), draw(1, 2**4), rows)])[0]
    np.testing.assert_array_equal(wide[-1], draw(1, 2**4)[0])


@given(st.lists(IDS | FEW, min_size=1, max_size=3), st.sampled_from([(), (2,)]))
def test_a_scatter_of_several_is_the_sum_of_each(ids, tail):
    values = [draw(*one.shape, *tail) for one in ids]
    parts = [scatter_rows(one, given, ROWS) for one, given in zip(ids, values, strict=True)]
    total, *each = evaluate([scatter_all(ids, values, ROWS), *parts])
    np.testing.assert_allclose(total, np.sum(each, axis=0), atol=1e-12)


def test_each_value_has_the_slope_of_its_row():
    values = [placeholder("a", (3, 2)), placeholder("b", (2, 2))]
    total = scatter_all([np.array([1, -1, 1]), np.array([0, 1])], values, 4)
    slopes = gradients(sum(total * np.arange(8.0, dtype=np.float32).reshape(4, 2)), values)
    found = evaluate(slopes, {"a": np.zeros((3, 2)), "b": np.zeros((2, 2))})
    assert found[0].tolist() == [[2, 3], [0, 0], [2, 3]]
    assert found[1].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("ids", "values", "words"),
    [
        ([[1]], [], "needs values for all ids"),
        ([], [], "needs values for all ids and the number of rows"),
        ([[1, 2]], [[1.0]], "needs a value for each id"),
        ([[1], [2]], [[1.0], [[1.0, 2.0]]], "needs rows of one shape and dtype"),
    ],
)
def test_values_must_fit_the_ids(ids, values, words):
    with pytest.raises(ValueError, match=f"op 'scatter_rows': {words}"):
        scatter_all(ids, values, 4)


def test_the_gradient_of_take_is_left_as_a_scatter():
    table, ids = placeholder("table", (ROWS, 2)), placeholder("ids", (None, 3), "int32")
    (slope,) = gradients(sum(take(table, ids)), [table])
    assert slope.op.name == "scatter_rows"
    assert slope.attributes == {"rows": ROWS}
    assert slope.inputs[0] is ids


@pytest.mark.parametrize(
    "build",
    [
        lambda ids: take(draw(ROWS, 2), ids),
        lambda ids: scatter_rows(ids, draw(2), ROWS),
        lambda ids: scatter_all([[1], ids], [draw(1), draw(2)], ROWS),
        lambda ids: multi_hot(ids, ROWS),
        lambda ids: gather(draw(ROWS), ids),
    ],
)
def test_ids_past_the_end_are_refused(build):
    ids = placeholder("ids", (2,), "int32")
    with pytest.raises(ValueError, match=rf"op '\w+': ids must be below {ROWS}, got {ROWS}"):
        evaluate([build(ids)], {ids: [ROWS, -1]})


@pytest.mark.parametrize("name", ["take", "scatter_rows", "gather", "multi_hot", "sum_rows"])
def test_ids_must_be_whole_numbers(name):
    ids, table = placeholder("ids", (2, 3), "float32"), placeholder("table", (2, 3))
    inputs = (ids, table) if name in ("scatter_rows", "multi_hot") else (table, ids)
    attributes = {"scatter_rows": {"rows": 2}, "multi_hot": {"depth": 2, "dtype": "float32"}}
    with pytest.raises(ValueError, match=f"op '{name}': ids must be int32 or int64"):
        OPS[name](*inputs, **attributes.get(name, {}))


def test_infinite_rows_do_not_leak_into_missing_ones():
    table = np.full((2, 2), np.inf)
    assert evaluate([take(table, np.array([-1, 0]))])[0].tolist() == [[0, 0], [np.inf, np.inf]]
