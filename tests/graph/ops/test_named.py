"""Rows that several tensors of ids name."""

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
    named_rows,
    placeholder,
)
from cannery.graph.compiler.ahead import program_c

ROWS = 10
IDS = arrays.arrays(
    st.sampled_from([np.int32, np.int64]),
    st.one_of(st.just(()), st.tuples(st.integers(0, 4)), st.tuples(st.just(3), st.just(2))),
    elements=st.integers(-3, ROWS - 1),
)


@given(st.lists(IDS, min_size=1, max_size=3))
def test_all_rows_are_those_of_each(ids):
    flat = np.concatenate([one.reshape(-1) for one in ids])
    (named,) = evaluate([named_rows(ids, ROWS)])
    assert np.flatnonzero(named).tolist() == np.unique(flat[flat >= 0]).tolist()


def test_ids_are_checked():
    with pytest.raises(ValueError, match="op 'named_rows': ids must be below 4"):
        evaluate([named_rows([[1], [4]], 4)])
    with pytest.raises(ValueError, match="op 'named_rows': ids must be int32 or int64"):
        named_rows([[1.0]], 4)
    with pytest.raises(ValueError, match="op 'named_rows': needs ids and a number of at most"):
        named_rows([], 4)
    with pytest.raises(ValueError, match="needs ids and a number of at most 2147483647 rows"):
        named_rows([[1]], 2**31)


def test_exported_code_starts_from_no_rows():
    """Its memory is whatever the caller had in it."""
    ids = placeholder("ids", (None, 2), "int32")
    text = program_c(
        Program(outputs={"y": cast(named_rows([ids], 9), "float32")}), {}, "model"
    ).source
    assert "forget_rows" not in text and "name_row(" in text and "rows_named(" in text
