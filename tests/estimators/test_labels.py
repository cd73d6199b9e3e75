"""What users pass as `y`, and how it comes back."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from cannery.errors import CanneryError, InvalidType, InvalidValue, NotFound, UnseenCategory
from cannery.estimators.heads import BinaryHead, MultiClassHead, MultiLabelHead
from cannery.estimators.labels import (
    ClassLabels,
    IndicatorLabels,
    NumericLabels,
    labels_from_config,
    learn_labels,
)

FRUIT = ["pear", "apple", "pear", "quince"]


# Classes


@pytest.mark.parametrize(
    "y",
    [
        FRUIT,
        tuple(FRUIT),
        np.array(FRUIT),
        np.array(FRUIT, object),
        pd.Series(FRUIT),
        pd.Series(FRUIT, dtype=object),
        pd.Series(FRUIT, dtype="string"),
        pd.Series(FRUIT, dtype="category"),
        pd.Series(FRUIT, index=[7, 7, 1, 0]),
        pd.Categorical(FRUIT, categories=["quince", "pear", "apple", "medlar"]),
        pd.Index(FRUIT),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_text_in_every_container(y):
    labels = ClassLabels.learn(y)
    assert labels.classes.tolist() == ["apple", "pear", "quince"]
    encoded = labels.encode(y)
    assert encoded.dtype == np.int32
    assert encoded.tolist() == [1, 0, 1, 2]
    assert labels.decode(encoded).tolist() == FRUIT


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([3, 1, 3, -2], [-2, 1, 3]),
        (np.array([3, 1, 3, -2], np.int8), [-2, 1, 3]),
        ([3.0, 1.0, 3.0, -2.0], [-2.0, 1.0, 3.0]),
        (pd.Series([3, 1, 3, -2], dtype="Int64"), [-2, 1, 3]),
        (np.array([3, 1, 3, -2], object), [-2, 1, 3]),
        (np.array([2**63, 1, 2**63, 0], np.uint64), [0, 1, 2**63]),
    ],
    ids=["list", "int8", "float", "Int64", "object", "uint64"],
)
def test_numbers_in_every_container(y, classes):
    labels = ClassLabels.learn(y)
    assert labels.classes.tolist() == classes
    assert labels.encode(y).tolist() == [2, 1, 2, 0]
    np.testing.assert_array_equal(labels.decode(labels.encode(y)), np.asarray(y))


@pytest.mark.parametrize(
    "y", [[True, False], np.array([True, False]), pd.Series([True, False], dtype="boolean")]
)
def test_two_classes_become_a_column_of_zeros_and_ones(y):
    labels = ClassLabels.learn(y)
    assert labels.head() == BinaryHead()
    assert labels.classes.dtype == bool
    assert labels.encode(y).dtype == np.float32
    assert labels.encode(y).tolist() == [[1.0], [0.0]]
    assert labels.decode([[1], [0]]).tolist() == [True, False]


def test_numbers_are_the_same_class_in_every_dtype():
    assert ClassLabels.learn([0, 1]).encode([1.0, 0.0]).tolist() == [[1.0], [0.0]]
    assert ClassLabels.learn([0, 1]).encode([True, False]).tolist() == [[1.0], [0.0]]
    assert ClassLabels.learn([False, True]).encode([1, 0]).tolist() == [[1.0], [0.0]]


def test_trap_18_ids_follow_sorted_classes_and_nothing_else_passes():
    labels = ClassLabels.learn(["yes", "no", "yes"])
    assert labels.classes.tolist() == ["no", "yes"]  # so "no" is the negative class
    assert labels.encode(["no", "yes"]).tolist() == [[0.0], [1.0]]
    with pytest.raises(UnseenCategory, match=r"y: holds labels .*'maybe'.*classes are \['no'"):
        labels.encode(["no", "maybe"])
    for numbers in ([0, 1], [0.0, 1.0], [True, False]):
        with pytest.raises(UnseenCategory):
            labels.encode(numbers)
    with pytest.raises(UnseenCategory):
        ClassLabels.learn([0, 1]).encode(["0", "1"])
    with pytest.raises(UnseenCategory):
        ClassLabels.learn([0, 1]).encode([0.5, 1.0])
    assert ClassLabels.learn(range(5)).head() == MultiClassHead(5)


def test_classes_may_be_given_beforehand():
    labels = ClassLabels.learn(["b", "b"], classes=["c", "b", "a", "b"])
    assert labels.classes.tolist() == ["a", "b", "c"]
    assert labels.encode(["b"]).tolist() == [1]
    assert len(ClassLabels.learn([1, 1], classes=range(500)).classes) == 500
    with pytest.raises(UnseenCategory, match="'d'"):
        ClassLabels.learn(["d"], classes=["a", "b"])


def test_many_classes_are_no_reason_to_warn():
    assert len(ClassLabels.learn(np.arange(100)).classes) == 100


def test_a_column_is_taken_with_scikit_learns_warning():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array"):
        labels = ClassLabels.learn(np.array(FRUIT)[:, None])
    assert labels.classes.tolist() == ["apple", "pear", "quince"]


def test_what_is_learnt_is_not_the_users_memory():
    y = np.array([0, 1])
    labels = ClassLabels.learn(y)
    y[:] = 7
    assert labels.classes.tolist() == [0, 1]


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.text(max_size=4), min_size=2).filter(lambda y: len(set(y)) > 1),
        st.lists(st.integers(-(2**62), 2**62), min_size=2).filter(lambda y: len(set(y)) > 1),
    )
)
def test_decode_undoes_encode(y):
    # numpy drops zeros at the end of text, so fixed-width text cannot hold them.
    y = np.array(y, object if isinstance(y[0], str) else np.int64)
    labels = ClassLabels.learn(y)
    ids = labels.encode(y)
    assert labels.decode(ids).tolist() == y.tolist()
    rebuilt = labels_from_config(json.loads(json.dumps(labels.to_config())))
    assert rebuilt.classes.dtype == labels.classes.dtype
    np.testing.assert_array_equal(rebuilt.encode(y), ids)


# What no label may be, in scikit-learn's words


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ("text", "y should be a 1d array"),
        (3, "y should be a 1d array"),
        (np.zeros((2, 2, 2)), "y should be a 1d array"),
        ([[1, 2], [3]], "rows must be equally long"),
        ([], "has no rows"),
        ([1.0, np.nan], "Input y contains NaN, got 1 of 2; drop these rows"),
        ([1.0, np.inf], "Input y contains infinity"),
        (["a", None, "b"], "Input y contains NaN"),
        (pd.Series(["a", np.nan, "b"]), "Input y contains NaN"),
        (pd.Series([1, None, 0], dtype="Int64"), "Input y contains NaN"),
        (pd.Series(["a", None], dtype="category"), "Input y contains NaN"),
        ([0.5, 1.5], "Unknown label type: continuous"),
        ([1 + 2j, 1j], "Complex data not supported"),
        (np.array([1 + 2j, 1j], object), "Complex data not supported"),
        (["a", 1], "Unknown label type: mixed-integer"),
        ([b"a", b"b"], r"Unknown label type: \|S1"),
        (np.array([b"a", b"b"], object), "Unknown label type: bytes"),
        (np.array(["2020-01-01", "2021-01-01"], "datetime64[D]"), "Unknown label type: datetime"),
        (np.array([{}, []], object), "Unknown label type"),
        ([[1, 2], [3, 4], [5, 0]], "Unknown label type: multiclass-multioutput"),
        ([[0.5, 1.0], [0.0, 1.0]], "Unknown label type: continuous-multioutput"),
        ([1, 1, 1], r"holds only one class, got \[1\]; give at least two classes"),
    ],
    ids=str,
)
def test_bad_labels_are_refused(y, words):
    if isinstance(y, list) and y[:1] == ["a"] and 1 in y:
        y = np.array(y, object)  # a plain list would become text
    with pytest.raises(InvalidValue, match=words):
        learn_labels(y)


def test_a_list_of_text_and_numbers_is_refused():
    with pytest.raises(InvalidValue, match="Unknown label type"):
        learn_labels(["a", 1, "b"])


def test_rows_are_counted():
    message = "inconsistent numbers of samples, got 2 labels for 3 rows"
    for labels in (ClassLabels.learn([0, 1]), IndicatorLabels(1), NumericLabels()):
        with pytest.raises(InvalidValue, match=message):
            labels.encode([0, 1], rows=3)


# Several labels a row


@pytest.mark.parametrize(
    "kind", [list, np.array, sparse.csr_matrix, sparse.csr_array, pd.DataFrame, "bool", "float"]
)
def test_indicators_in_every_container(kind):
    matrix = [[1, 0, 1], [0, 0, 1]]
    y = np.array(matrix, kind) if isinstance(kind, str) else kind(matrix)
    labels = learn_labels(y)
    assert labels.head() == MultiLabelHead(3)
    assert labels.encode(y).dtype == np.float32
    assert labels.encode(y).tolist() == matrix
    assert labels.decode(labels.encode(y)).tolist() == matrix
    assert labels.classes.tolist() == [0, 1, 2]


def test_columns_name_the_labels():
    labels = learn_labels(pd.DataFrame({"sweet": [1, 0], "red": [1, 1]}))
    assert labels.names == ("sweet", "red")
    assert labels_from_config(json.loads(json.dumps(labels.to_config()))) == labels


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[1, 0]], "y: must have 3 columns, got shape"),
        ([1, 0], "y: must have 3 columns, got shape"),
        ([[1, 0, 2]], r"must be 0 or 1 for each label, got \[0, 1, 2\]"),
        ([["a", "b", "a"]], "must be 0 or 1"),
        ([[1, 0, np.nan]], "Input y contains NaN"),
    ],
)
def test_bad_indicators_are_refused(y, words):
    with pytest.raises(InvalidValue, match=words):
        IndicatorLabels(3).encode(y)


def test_minus_one_is_no_indicator():
    with pytest.raises(InvalidValue, match="must be 0 or 1"):
        learn_labels([[-1, 1], [1, 1]])


# Numbers


@pytest.mark.parametrize("y", [[1, 2.5], pd.Series([1, 2.5]), np.array([1, 2.5], object), (1, 2.5)])
def test_numbers_become_a_column(y):
    labels = NumericLabels.learn(y)
    assert labels.width == 1
    assert labels.encode(y).dtype == np.float32
    assert labels.encode(y).tolist() == [[1.0], [2.5]]
    assert labels.decode(labels.encode(y)).shape == (2,)


@pytest.mark.parametrize("width", [1, 3])
def test_predictions_have_the_dimensions_of_y(width):
    y = np.ones((4, width))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # several outputs are supported, so no column is odd
        labels = NumericLabels.learn(y)
    assert labels.width == width
    assert labels.decode(labels.encode(y)).shape == (4, width)


@pytest.mark.parametrize(
    ("labels", "y", "error", "words"),
    [
        (NumericLabels(), ["a", "b"], InvalidType, "y: must be numbers"),
        (NumericLabels(), [1.0, np.nan], InvalidValue, "Input y contains NaN"),
        (NumericLabels(), [1.0, -np.inf], InvalidValue, "Input y contains infinity"),
        (NumericLabels(), [1.0, 1e300], InvalidValue, "too large for float32, got 1e.300"),
        (NumericLabels(), [[1.0, 2.0]], InvalidValue, "y should be a 1d array"),
        (NumericLabels(columns=3), [[1.0, 2.0]], InvalidValue, "must have 3 columns"),
        (NumericLabels(least=0.0), [1.0, -0.5], InvalidValue, "at least 0, got -0.5"),
        (NumericLabels(), None, InvalidValue, "requires y to be passed"),
        (NumericLabels(), [1j], InvalidValue, "Complex data not supported"),
    ],
)
def test_bad_numbers_are_refused(labels, y, error, words):
    with pytest.raises(error, match=words):
        labels.encode(y)


def test_poisson_targets_start_at_zero():
    assert NumericLabels.learn([0, 3], least=0.0).encode([0.0]).tolist() == [[0.0]]
    with pytest.raises(InvalidValue, match="at least 0"):
        NumericLabels.learn([0, -1], least=0.0)


@pytest.mark.parametrize("labels", [NumericLabels(), NumericLabels(3, 0.0), NumericLabels(1)])
def test_numeric_labels_survive_json(labels):
    assert labels_from_config(json.loads(json.dumps(labels.to_config()))) == labels


def test_an_unknown_kind_of_labels_is_refused():
    with pytest.raises(NotFound, match="classes, indicators or numbers"):
        labels_from_config({"name": "words"})


def test_every_refusal_is_one_of_ours():
    for y in (None, "x", [], [[1], [2, 3]], [np.nan], ["a", None], [1j], [b"a"], [{}], object()):
        for learn in (learn_labels, NumericLabels.learn, IndicatorLabels.learn):
            with pytest.raises(CanneryError):
                learn(y)
