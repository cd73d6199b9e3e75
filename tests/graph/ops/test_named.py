"""Rows that several tensors of ids name, and the sums of what is given for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cannery.graph import (
    Program,
    cast,
    evaluate,
    gradients,
    named_rows,
    placeholder,
    scatter_all,
    scatter_rows,
)
from cannery.graph import sum as sum_of
from cannery.graph.compiler.ahead import program_c

ROWS = 10
IDS = arrays.arrays(
    st.sampled_from([np.int32, np.int64]),
    st.one_of(st.just(()), st.tuples(st.integers(0, 4)), st.tuples(st.just(3), st.just(2))),
    elements=st.integers(-3, ROWS - 1),
)


@given(st.lists(IDS, min_size=1, max_size=3), st.sampled_from([(), (2,)]))
def test_all_rows_are_those_of_each(ids, tail):
    random = np.random.default_rng(0)
    values = [random.normal(size=(*one.shape, *tail)) for one in ids]
    named, total = evaluate([named_rows(ids, ROWS), scatter_all(ids, values, ROWS)])
    flat = np.concatenate([one.reshape(-1) for one in ids])
    assert np.flatnonzero(named).tolist() == np.unique(flat[flat >= 0]).tolist()
    parts = [scatter_rows(one, given, ROWS) for one, given in zip(ids, values, strict=True)]
    np.testing.assert_allclose(total, np.sum(evaluate(parts), axis=0), atol=1e-12)


def test_each_value_has_the_slope_of_its_row():
    values = [placeholder("a", (3, 2)), placeholder("b", (2, 2))]
    total = scatter_all([np.array([1, -1, 1]), np.array([0, 1])], values, 4)
    slopes = gradients(sum_of(total * np.arange(8.0, dtype=np.float32).reshape(4, 2)), values)
    found = evaluate(slopes, {"a": np.zeros((3, 2)), "b": np.zeros((2, 2))})
    assert found[0].tolist() == [[2, 3], [0, 0], [2, 3]]
    assert found[1].tolist() == [[0, 1], [2, 3]]


def test_ids_are_checked():
    with pytest.raises(ValueError, match="op 'named_rows': ids must be below 4"):
        evaluate([named_rows([[1], [4]], 4)])
    with pytest.raises(ValueError, match="op 'scatter_all': ids must be below 4"):
        evaluate([scatter_all([[1], [4]], [[1.0], [1.0]], 4)])
    with pytest.raises(ValueError, match="op 'named_rows': ids must be int32 or int64"):
        named_rows([[1.0]], 4)
    with pytest.raises(ValueError, match="op 'named_rows': needs ids and a number of at most"):
        named_rows([], 4)
    with pytest.raises(ValueError, match="needs ids and a number of at most 2147483647 rows"):
        named_rows([[1]], 2**31)


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
    with pytest.raises(ValueError, match=f"op 'scatter_all': {words}"):
        scatter_all(ids, values, 4)


def test_exported_code_starts_from_no_rows():
    """Its memory is whatever the caller had in it."""
    ids = placeholder("ids", (None, 2), "int32")
    text = program_c(
        Program(outputs={"y": cast(named_rows([ids], 9), "float32")}), {}, "model"
    ).source
    assert "forget_rows" not in text and "name_row(" in text and "rows_named(" in text
