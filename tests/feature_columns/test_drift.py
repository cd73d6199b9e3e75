"""Values that are unseen, missing or of another type than the column learnt from."""

from __future__ import annotations

import datetime
import decimal
from inspect import signature

import numpy as np
import pandas as pd
import pytest

import cannery.feature_columns as fc
from cannery.errors import InvalidValue, MissingColumn, UnseenCategory

# Since pandas 2.3 texts may have NaN for what is missing.
NAN = {"na_value": np.nan} if "na_value" in signature(pd.StringDtype).parameters else {}
NUMBERS_AS = {
    "int64": np.array([5, 7], dtype=np.int64),
    "int8": np.array([5, 7], dtype=np.int8),
    "float64": np.array([5.0, 7.0]),
    "float32": np.array([5.0, 7.0], dtype=np.float32),
    "list of int": [5, 7],
    "text": ["5", "7"],
    "text of float": ["5.0", "7.0"],
    "bytes": [b"5", b"7"],
    "fixed bytes": np.array([b"5", b"7"]),
    "fixed text": np.array(["5", "7"]),
    "object": np.array([5, "7"], dtype=object),
    "Int64": pd.Series([5, 7], dtype="Int64"),
    "Float64": pd.Series([5.0, 7.0], dtype="Float64"),
    "str": pd.Series(["5", "7"], dtype="str"),
    "str in python": pd.Series(["5", "7"], dtype=pd.StringDtype("python", **NAN)),
    "string": pd.Series(["5", "7"], dtype="string"),
    "category of int": pd.Series([5, 7], dtype="category"),
    "category of text": pd.Series(["5", "7"], dtype="category"),
    "decimal": [decimal.Decimal(5), decimal.Decimal(7)],
}
LEARNT_FROM = {"int": [7, 7, 5, 9], "float with gaps": [7.0, 7.0, np.nan, 5.0, 9.0]}


@pytest.mark.parametrize("learnt_from", LEARNT_FROM.values(), ids=LEARNT_FROM)
@pytest.mark.parametrize("cells", NUMBERS_AS.values(), ids=NUMBERS_AS)
def test_a_value_keeps_its_id_whatever_its_type(cells, learnt_from):
    frame = {"x": learnt_from}
    columns = [
        fc.categorical_column("x"),
        fc.categorical_column_with_vocabulary_list("x", [7, 5]),
        fc.categorical_column_with_identity("x", 10),
        fc.crossed_column(["x", "x"], 1000),
    ]
    for column in columns:
        learnt = column.learn(frame)
        expected = learnt.encode({"x": [5, 7]}).tolist()
        assert -1 not in expected
        assert learnt.encode({"x": cells}).tolist() == expected
        assert learnt.encode(pd.DataFrame({"x": cells})).tolist() == expected
        first, last = pd.DataFrame({"x": cells[:1]}), {"x": cells[1:]}
        assert [*learnt.encode(first), *learnt.encode(last)] == expected


@pytest.mark.parametrize("cells", NUMBERS_AS.values(), ids=NUMBERS_AS)
def test_numbers_are_read_from_any_type(cells):
    for rows in (slice(None), slice(1)):
        for frame in ({"x": cells[rows]}, pd.DataFrame({"x": cells[rows]})):
            found = fc.numeric_column("x").encode(frame)
            assert found.ravel().tolist() == [5, 7][rows]


def test_texts_of_texts_are_not_touched():
    column = fc.categorical_column("x").learn({"x": ["5.0", "5", "5", " 5"]})
    assert column.encode({"x": ["5.0", "5", " 5"]}).tolist() == [2, 0, 1]


def test_booleans_stay_themselves_beside_numbers():
    column = fc.categorical_column("x", num_oov_buckets=0).learn({"x": [True, True, False]})
    assert column.encode({"x": ["True", True, np.True_, "False"]}).tolist() == [0, 0, 0, 1]
    mixed = np.array([1, True, 1.0, "1", 0.5], dtype=object)
    assert column.encode({"x": mixed}).tolist() == [-1, 0, -1, -1, -1]
    assert fc.numeric_column("x").encode({"x": [True, False]}).ravel().tolist() == [1, 0]


def test_dates_meet_as_texts_times_and_days():
    day = "2024-02-29"
    column = fc.categorical_column("x").learn({"x": [day]})
    for cell in (pd.Timestamp(day), datetime.date(2024, 2, 29), np.datetime64(day)):
        assert column.encode({"x": [cell]}).tolist() == [0]
        assert column.encode(pd.DataFrame({"x": [cell, cell]})).tolist() == [0, 0]


MISSING = [None, np.nan, float("nan"), pd.NaT, pd.NA, "", np.datetime64("NaT", "ns")]


@pytest.mark.parametrize("missing", MISSING, ids=map(repr, MISSING))
@pytest.mark.parametrize("others", [["a"], ["a", "b", "a"], [1.5, 2.5]], ids=len)
def test_every_missing_value_has_no_id(missing, others):
    column = fc.categorical_column("x").learn({"x": others})
    for cells in ([missing], [*others, missing]):
        array = np.array(cells, dtype=object)
        for frame in ({"x": cells}, {"x": array}, pd.DataFrame({"x": pd.Series(array)})):
            assert column.encode(frame)[-1] == -1
            assert fc.ids(column, frame)[0].tolist() == list(range(len(cells) - 1))


@pytest.mark.parametrize("missing", [*MISSING[:5], ""], ids=repr)
def test_every_missing_number_follows_the_policy(missing):
    frame = {"x": np.array([1, missing, 3.0], dtype=object)}
    policies = {"mean": 2, "zero": 0, 7.5: 7.5}
    for policy, expected in policies.items():
        column = fc.numeric_column("x", missing=policy).learn(frame)
        assert column.encode(frame).ravel().tolist() == [1, expected, 3]
        assert column.encode({"x": [missing]}).ravel().tolist() == [expected]
    with pytest.raises(InvalidValue, match=r"'x': row 1 is missing"):
        fc.numeric_column("x", missing="refuse").encode(frame)
    with pytest.raises(InvalidValue, match="no mean has been learnt"):
        fc.numeric_column("x").encode(frame)


def test_categories_that_do_not_occur_are_not_learnt():
    cells = pd.Series(["b", "b", None], dtype=pd.CategoricalDtype(["a", "b", ""]))
    column = fc.categorical_column("x").learn(pd.DataFrame({"x": cells}))
    assert column.tokens() == ["b", "<other 0>"]


def encode_strictly(column, learnt_from, cells):
    return fc.encode([column.learn({"x": learnt_from})], {"x": cells}, strict=True)


@pytest.mark.parametrize(
    ("column", "learnt_from", "cells", "row", "given"),
    [
        (fc.categorical_column("x"), ["a", "b"], ["a", "c"], 1, "'c'"),
        (fc.categorical_column("x"), [["a"], ["b"]], [["a", "b"], ["a", "c"]], 1, "'c'"),
        (fc.categorical_column("x"), ["a", "b"], ["b", "a", None], 2, "a missing value"),
        (fc.categorical_column("x"), [1, 2], ["1", 2], 0, "'1'"),
        (
            fc.categorical_column_with_vocabulary_list("x", ["a"], num_oov_buckets=2),
            ["a"],
            ["a", "b"],
            1,
            "'b'",
        ),
        (fc.categorical_column_with_identity("x", 3), [0], [0, 3], 1, "3"),
        (fc.categorical_column_with_hash_bucket("x", 3), ["a"], ["z", 3], 1, "3"),
        (fc.crossed_column(["x", fc.categorical_column("x")], 9), ["a"], ["a", "b"], 1, "'b'"),
        (fc.categorical_column("x"), np.array([1, 2]), np.array([2, 7]), 1, "7;"),
        (fc.numeric_column("x"), [1.0, 2.0], [1.0, np.nan], 1, "nan;"),
        (fc.numeric_column("x"), [1.0, 2.0], [1.0, "2"], 1, "'2'"),
        (fc.numeric_column("x"), [1.0, 2.0], pd.Series(["1", "2"], dtype="category"), 0, "'1'"),
        (fc.numeric_column("x", 2), [[1.0, 2.0]], [[1, 2], [3, "4"]], 1, "'4'"),
    ],
)
def test_strict_names_column_row_and_value(column, learnt_from, cells, row, given):
    with pytest.raises(UnseenCategory, match=rf"column 'x': row {row} .* got {given}"):
        encode_strictly(column, learnt_from, cells)


def test_an_infinite_number_is_shown_as_a_number():
    with pytest.raises(InvalidValue, match="column 'x': row 1 is infinite, got -inf; clip it"):
        fc.encode([fc.numeric_column("x")], {"x": [1.0, -np.inf]})


def test_strict_numbers_may_be_texts_where_they_were_texts_before():
    column = fc.numeric_column("x")
    assert encode_strictly(column, ["1", "2"], ["3", 4, True]).numbers.tolist() == [[3], [4], [1]]
    assert encode_strictly(column, [1.0], pd.Series([2, 3], dtype="category")).numbers[1] == 3
    assert encode_strictly(column, [1.0, None], [2.0, ""]).numbers[0] == 2


def test_strict_accepts_what_was_there():
    column = fc.categorical_column("x")
    found = encode_strictly(column, ["a", None, 5], ["a", np.nan, 5])
    assert found.ids.tolist() == [[1], [-1], [0]]
    categories = pd.Series(["a", "a"], dtype=pd.CategoricalDtype(["a", "unused"]))
    assert encode_strictly(column, ["a"], categories).ids.tolist() == [[0], [0]]


def test_lists_come_as_they_were_learnt():
    several = fc.categorical_column("x").learn({"x": [["a"], ["b", "a"]]})
    found = several.encode({"x": ["b", None, "a"]})
    assert found.offsets.tolist() == [0, 1, 1, 2] and found.ids.tolist() == [1, 0]
    single = fc.categorical_column("x").learn({"x": ["a", "b"]})
    with pytest.raises(InvalidValue, match=r"'x': row 1 holds a list"):
        single.encode({"x": [["a"], ["a", "b"]]})
    with pytest.raises(InvalidValue, match=r"'x': row 0 holds a list"):
        single.encode({"x": [["a"]]})


@pytest.mark.parametrize("several", [tuple, set, frozenset, np.array, list])
def test_any_collection_is_several_values(several):
    column = fc.categorical_column("x").learn({"x": [["a", "a"], ["b"]]})
    found = column.encode({"x": [several(["b", "a"]), None, several(["a"])]})
    assert sorted(found.ids[:2].tolist()) == [0, 1] and found.offsets.tolist() == [0, 2, 2, 3]


def test_infinite_numbers_and_words_are_refused_by_row():
    column = fc.numeric_column("x")
    for cells in ([1.0, np.inf], [1.0, -np.inf], ["1", "inf"]):
        with pytest.raises(InvalidValue, match=r"'x': row 1 is infinite"):
            column.encode({"x": cells})
    for cells in (["1", "one"], pd.Series(["1", "one"]), pd.Series(["1", "one"], dtype="category")):
        with pytest.raises(InvalidValue, match=r"'x': row 1 is not a number, got 'one'"):
            column.encode({"x": cells})
    with pytest.raises(InvalidValue, match=r"'x': row 0 is not a number"):
        column.encode({"x": ["one"]})


def test_frames_that_cannot_be_read_say_so():
    with pytest.raises(InvalidValue, match="'a': is in the frame more than once"):
        fc.as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(InvalidValue, match="one length"):
        fc.as_frame({"a": [1], "b": [1, 2]})
    with pytest.raises(TypeError, match="must be a pandas or polars frame"):
        fc.as_frame("frame")
    with pytest.raises(TypeError, match="shape \\(2,\\)"):
        fc.as_frame(np.zeros(2))
    with pytest.raises(MissingColumn, match="did you mean 'city'"):
        fc.categorical_column("citi").learn({"city": ["a"]})
    with pytest.raises(InvalidValue, match="has not learnt"):
        fc.encode([fc.categorical_column("city")], {"city": ["a"]})


@pytest.mark.parametrize("cells", [[[1.5], 2], [2, [1.5]], [None, [1.5]], [[1.5], ""]])
def test_a_list_of_one_number_is_that_number_wherever_it_stands(cells):
    column = fc.numeric_column("x", missing=7.0)
    alone = [column.encode({"x": [cell]}).item() for cell in cells]
    assert column.encode({"x": cells}).ravel().tolist() == alone


@pytest.mark.parametrize("cells", [[3, [1, 2]], [[1], "no"], [[None, 1], 2]])
def test_other_lists_are_no_number(cells):
    with pytest.raises(InvalidValue, match=r"column 'x': row [01] is not a number"):
        fc.numeric_column("x").encode({"x": cells})


def test_a_missing_weight_is_zero_beside_lists_too():
    column = fc.weighted_categorical_column(fc.categorical_column_with_identity("app", 9), "hours")
    found = column.encode({"app": [[3], [5, 6], []], "hours": [None, [1, None], None]})
    assert found.offsets.tolist() == [0, 1, 3, 3]
    assert found.weights.tolist() == [0.0, 1.0, 0.0]


def test_the_smallest_whole_number_has_a_logarithm():
    column = fc.numeric_column("x", normalizer="log").learn({"x": [0, 10]})
    smallest = np.array([-(2**63)], dtype=np.int64)
    same = column.encode({"x": smallest.astype(float)})
    np.testing.assert_array_equal(column.encode({"x": smallest}), same)


def test_a_column_may_be_called_what_models_call_their_feeds():
    column = fc.categorical_column("ids")
    columns = fc.ColumnSet([column]).learn({"ids": [["a"], ["b", "a"]]})
    assert columns.slot(columns.columns[0]) == fc.Slot("ragged", "ids_2")
