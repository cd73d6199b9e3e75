"""The distinct values of a raw column, in every layout; nothing shows where pieces meet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.errors import InvalidValue
from cannery.feature_columns import factor
from cannery.feature_columns.factor import CELLS_AT_ONCE, LISTS_AT_ONCE, ROWS_AT_ONCE, factorize

ROWS = 2 * CELLS_AT_ONCE + 7
TEXTS = ["Oslo", "", None, "Rome", "Lima", float("nan")]
LISTS = [[7, 2], [7, 7], [2, 9]]


def cells(number: int, late: object = "Quito") -> np.ndarray:
    """`number` distinct texts and missing cells in turn, and one more at the very end."""
    values = [*TEXTS, *(f"town {at}" for at in range(number))]
    found = np.array([values[row % len(values)] for row in range(ROWS)], dtype=object)
    found[-1] = late
    return found


@pytest.mark.parametrize("number", [0, 300, 30_000])
@pytest.mark.parametrize("dtype", [object, pd.StringDtype("python"), "str"])
def test_every_cell_keeps_its_text(number, dtype):
    raw = cells(number)
    factor = factorize("town", pd.Series(raw, dtype=dtype))
    missing = np.array([not isinstance(cell, str) or not cell for cell in raw])
    assert ((factor.codes < 0) == missing).all()
    assert len(set(factor.values)) == len(factor.values)
    values = np.array([*factor.values, None], dtype=object)
    assert (values[factor.codes[~missing]] == raw[~missing]).all()
    assert list(factor.values[:3]) == ["Oslo", "Rome", "Lima"]


@pytest.mark.parametrize(("late", "kinds"), [(5, {"text", "number"}), (b"x", {"text"})])
def test_a_late_cell_of_another_type_is_kept_as_it_is(late, kinds):
    factor = factorize("town", cells(3, late))
    assert factor.values[factor.codes[-1]] == late
    assert type(factor.values[factor.codes[-1]]) is type(late)
    assert factor.kinds == kinds | {"missing"}


def test_a_late_list_makes_every_cell_a_list():
    factor = factorize("town", cells(3, ["Oslo", "Quito"]))
    assert np.diff(factor.offsets)[-1] == 2
    assert factor.values[factor.codes[-1]] == "Quito"


@pytest.mark.parametrize(
    "late", ["Quito", "", None, float("nan"), 5, True, b"x", np.str_("Oslo"), ("a", "b")]
)
def test_lists_keep_every_text_whatever_comes_late(late):
    rows = [["Oslo", "Rome"], [], None, ["", "Oslo", None], ["Lima", late]]
    if isinstance(late, tuple):
        with pytest.raises(InvalidValue, match="row 4 holds a list of lists"):
            factorize("towns", pd.Series(rows))
        return
    factor = factorize("towns", pd.Series(rows))
    assert np.diff(factor.offsets).tolist() == [2, 0, 0, 3, 2]
    found = [factor.values[code] if code >= 0 else None for code in factor.codes]
    missing = late is None or late != late or late == ""
    assert found == ["Oslo", "Rome", None, "Oslo", None, "Lima", None if missing else late]
    assert missing or type(found[-1]) in (type(late), str)


def test_no_cells():
    factor = factorize("town", np.array([], dtype=object))
    assert len(factor.codes) == len(factor.values) == 0


@pytest.mark.parametrize(
    "cells",
    [
        np.array(LISTS, np.int32),
        pd.Series([np.array(row) for row in LISTS]),
        pd.Series(LISTS),
        pd.Series([tuple(row) for row in LISTS]),
        np.array(LISTS, object),
    ],
    ids=["matrix", "arrays", "lists", "tuples", "objects"],
)
def test_whole_numbers_are_the_same_in_every_layout(cells):
    found = factorize("ids", cells)
    assert found.values[found.codes].tolist() == [7, 2, 7, 7, 2, 9]
    assert found.offsets.tolist() == [0, 2, 4, 6]
    assert isinstance(found.values, np.ndarray)


def test_lists_of_different_lengths_and_missing_numbers():
    found = factorize("ids", pd.Series([np.array([1.0, np.nan]), np.array([]), np.array([1.0])]))
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert (found.codes.tolist(), list(found.values)) == ([0, -1, 0], [1.0])


def test_numbers_of_several_types_stay_apart():
    assert factorize("ids", pd.Series([[1, True], [1.0, 1]])).codes.tolist() == [0, 1, 2, 0]


def test_numbers_too_large_for_an_integer_are_kept():
    assert factorize("ids", pd.Series([[2**70, 3], [3]])).values == [2**70, 3]


@pytest.mark.parametrize("rows", [8, LISTS_AT_ONCE + 1, ROWS_AT_ONCE + 3])
@pytest.mark.parametrize("cells", [[["b", "a"], [], ["a", None, "c"], None], [[2**70, 3], [3], []]])
def test_lists_that_many_rows_share_read_like_lists_of_their_own(cells, rows):
    which = np.random.default_rng(0).integers(0, len(cells), rows)
    shared = np.empty(rows, object)
    shared[:] = [cells[row] for row in which]
    own = pd.Series([cells[row] and list(cells[row]) for row in which])
    found, expected = factorize("ids", pd.Series(shared)), factorize("ids", own)
    assert found.offsets.tolist() == expected.offsets.tolist()
    assert found.codes.tolist() == expected.codes.tolist()
    assert found.values == expected.values


def test_the_first_row_with_a_shared_list_of_lists_is_named():
    good, bad = ["a"], [["b"]]
    with pytest.raises(InvalidValue, match="row 5 holds a list of lists"):
        factorize("ids", pd.Series([*[good] * 5, *[bad] * LISTS_AT_ONCE]))


@given(st.lists(st.integers(0, 40), min_size=1), st.sampled_from([8, 1 << 14, 1 << 24]))
def test_objects_are_numbered_in_order_of_appearance(places, apart):
    addresses = (1 << 40) + np.array(places, np.intp) * apart
    for most in (0, 1 << 40):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(factor, "MOST_PLACES", most)
            which, first = factor._numbered(addresses)
        expected, distinct = pd.factorize(addresses)
        np.testing.assert_array_equal(which, expected)
        np.testing.assert_array_equal(addresses[first], distinct)
        assert (which[first] == np.arange(len(first))).all()
        assert (first == [places.index(place) for place in dict.fromkeys(places)]).all()


@given(st.lists(st.sampled_from(["a", "b", "", "c"]), min_size=1))
def test_counts_are_of_present_cells(cells):
    found = factorize("x", np.array(cells, object))
    expected = [cells.count(value) for value in found.values]
    assert found.counts.tolist() == expected
