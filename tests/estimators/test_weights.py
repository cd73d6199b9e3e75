"""`sample_weight` and `class_weight`, as scikit-learn means them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from cannery.errors import InvalidType, InvalidValue
from cannery.estimators.labels import ClassLabels, NumericLabels
from cannery.estimators.weights import check_sample_weight, row_weights


@pytest.mark.parametrize(
    "weight", [[1, 0, 2], (1.0, 0.0, 2.0), np.array([1, 0, 2], np.int8), pd.Series([1, 0, 2.0])]
)
def test_weights_in_every_container(weight):
    checked = check_sample_weight(weight, 3)
    assert checked.dtype == np.float64
    assert checked.tolist() == [1.0, 0.0, 2.0]


def test_no_weights_stay_none_and_one_number_is_for_all_rows():
    assert check_sample_weight(None, 3) is None
    assert check_sample_weight(2, 3).tolist() == [2.0, 2.0, 2.0]
    assert check_sample_weight([], 0).shape == (0,)


def test_the_users_weights_are_copied():
    weight = np.ones(3)
    weight.flags.writeable = False
    checked = check_sample_weight(weight, 3)
    checked[0] = 5.0
    assert weight[0] == 1.0


@pytest.mark.parametrize(
    ("weight", "error", "words"),
    [
        ([1.0, 2.0], InvalidValue, r"must be a 1D array of 3.*got shape \(2,\)"),
        (np.ones((3, 2)), InvalidValue, "must be a 1D array of 3"),
        (np.ones((3, 1)), InvalidValue, "must be a 1D array of 3"),
        ([1.0, np.nan, 1.0], InvalidValue, "contains NaN or infinity, got nan at row 1"),
        ([1.0, np.inf, 1.0], InvalidValue, "contains NaN or infinity"),
        ([1.0, 1.0, -2.0], InvalidValue, "Negative values in data.*got -2.0 at row 2"),
        ([0, 0, 0], InvalidValue, "sample_weight: must contain at least one non-zero number"),
        (["a", "b", "c"], InvalidType, "must be numbers"),
        ([1.0, [2.0], 3.0], InvalidType, "must be numbers"),
    ],
)
def test_bad_weights_are_refused(weight, error, words):
    with pytest.raises(error, match=words):
        check_sample_weight(weight, 3)


y_strategy = st.lists(st.sampled_from("abc"), min_size=2, max_size=30)
mapping = st.fixed_dictionaries({name: st.floats(0, 10) for name in "abc"})


@settings(max_examples=60, deadline=None)
@given(y_strategy.filter(lambda y: len(set(y)) > 1), st.one_of(st.just("balanced"), mapping))
def test_class_weights_are_scikit_learns(y, class_weight):
    labels = ClassLabels.learn(y)
    found = row_weights(labels, labels.encode(y), class_weight, None)
    np.testing.assert_allclose(found, compute_sample_weight(class_weight, y))


def test_class_weight_multiplies_sample_weight():
    labels = ClassLabels.learn([0, 1, 2])
    weights = np.array([1.0, 2.0, 3.0])
    found = row_weights(labels, labels.encode([2, 0, 1]), {2: 10.0}, weights)
    assert found.tolist() == [10.0, 2.0, 3.0]
    assert row_weights(labels, labels.encode([2, 0, 1]), None, weights) is weights
    assert row_weights(labels, labels.encode([0]), None, None) is None


def test_balanced_sees_a_weight_of_two_as_a_row_twice():
    labels = ClassLabels.learn(["a", "b"])
    weights = np.array([2.0, 1.0, 0.0])
    once = row_weights(labels, labels.encode(["a", "b", "b"]), "balanced", weights)
    twice = row_weights(labels, labels.encode(["a", "a", "b"]), "balanced", None)
    assert once.tolist() == [twice[0] + twice[1], twice[2], 0.0]


@pytest.mark.parametrize("y", [[True, False], [1, 0], [1.0, 0.0]])
def test_keys_may_be_any_equal_number(y):
    labels = ClassLabels.learn(y)
    assert row_weights(labels, labels.encode(y), {1: 3.0}, None).tolist() == [3.0, 1.0]


def test_a_fold_may_lack_a_class_that_has_a_weight():
    labels = ClassLabels.learn([0, 1])
    found = row_weights(labels, labels.encode([0, 1]), {0: 2.0, 1: 3.0, 2: 4.0}, None)
    assert found.tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("class_weight", "error", "words"),
    [
        ("balance", InvalidValue, "must be 'balanced', a mapping"),
        ([1.0, 2.0], InvalidType, "must be 'balanced', a mapping"),
        ({"A": 2.0}, InvalidValue, r"names classes that y lacks, got \['A'\]; y has \['a', 'b'\]"),
        ({"a": -1.0}, InvalidValue, "finite numbers of at least 0"),
        ({"a": np.nan}, InvalidValue, "finite numbers of at least 0"),
        ({"a": "heavy"}, InvalidValue, "finite numbers of at least 0"),
    ],
)
def test_bad_class_weights_are_refused(class_weight, error, words):
    labels = ClassLabels.learn(["a", "b"])
    with pytest.raises(error, match=words):
        row_weights(labels, labels.encode(["a", "b"]), class_weight, None)


def test_class_weights_need_classes():
    with pytest.raises(InvalidValue, match="needs one class for each row"):
        row_weights(NumericLabels(), np.ones((2, 1)), "balanced", None)
