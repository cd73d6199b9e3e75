"""Row updates: what a sparse optimizer step is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cannery.graph import (
    OPS,
    Program,
    evaluate,
    group_ids,
    group_rows,
    placeholder,
    replace_rows,
    sum_groups,
)
from cannery.graph.compiler.toolchain import find_toolchain

IDS = arrays.arrays(
    st.sampled_from([np.int32, np.int64]),
    st.tuples(st.integers(0, 4), st.integers(1, 4)),
    elements=st.integers(-3, 9),
)


@given(IDS, st.sampled_from([(), (2,)]))
def test_groups_name_each_distinct_id_once(ids, tail):
    values = np.random.default_rng(0).normal(size=(*ids.shape, *tail))
    groups = group_rows(ids)
    ranks, distinct, total = evaluate([groups, group_ids(ids, groups), sum_groups(groups, values)])
    expected = np.unique(ids[ids >= 0])
    np.testing.assert_array_equal(distinct.reshape(-1)[: len(expected)], expected)
    assert (distinct.reshape(-1)[len(expected) :] == -1).all()
    assert (ranks[ids < 0] == -1).all()
    np.testing.assert_array_equal(distinct.reshape(-1)[ranks[ids >= 0]], ids[ids >= 0])
    sums = total.reshape(-1, *tail)
    for k, name in enumerate(expected):
        np.testing.assert_allclose(sums[k], values[ids == name].sum(0), atol=1e-12)
    assert not sums[len(expected) :].any()


def test_replace_rows_skips_missing_ids():
    table, rows = np.zeros((4, 2)), np.arange(6.0).reshape(3, 2)
    result = evaluate([replace_rows(table, np.array([3, -1, 0]), rows)])[0]
    assert result.tolist() == [[4, 5], [0, 0], [0, 0], [0, 1]]


def test_replace_rows_in_place_touches_only_those_rows():
    table = np.zeros((3, 2))
    table[1] = np.nan
    kernel = OPS["replace_rows"].kernel(np)
    out = table[:]  # a view, as programs pass it
    assert kernel(table, np.array([2]), np.ones((1, 2)), out) is out
    np.testing.assert_array_equal(table, [[0, 0], [np.nan, np.nan], [1, 1]])


def test_refusals():
    with pytest.raises(ValueError, match="ids must be below 2, got 2"):
        evaluate([replace_rows([1.0, 2.0], [2], [0.0])])
    with pytest.raises(ValueError, match="op 'replace_rows': needs a row for each id"):
        replace_rows([1.0, 2.0], [1], [0.0, 1.0])
    with pytest.raises(ValueError, match="op 'group_rows': ids must be int32 or int64"):
        group_rows([1.0])
    with pytest.raises(ValueError, match="takes the groups of these ids"):
        group_ids([1, 2], [0])


@pytest.mark.skipif(find_toolchain() is None, reason="no C compiler on this machine")
@pytest.mark.parametrize("axes", [0, 1])
def test_compiled_groups_follow_the_order_of_the_rows(axes):
    fed = placeholder("ids", (None, 2), "int64")
    ids = fed[:, 1] if axes == 0 else fed
    program = Program([fed], {"ranks": group_rows(ids)})
    feeds, rows = {"ids": np.array([[5, 7], [5, -1], [2**40, 5], [0, 7]])}, [3, 2, 0, 1]
    for batch_size in (2, 4):
        expected = program.start().run(feeds, rows, batch_size)["ranks"]
        actual = program.start(jit=True).run(feeds, rows, batch_size)["ranks"]
        assert actual.tolist() == expected.tolist()
