"""Traps of TensorFlow's feature columns, by their number in the list they come from."""

from __future__ import annotations

import numpy as np
import pytest

import cannery.feature_columns as fc
from cannery.errors import InvalidValue
from cannery.feature_columns.hashing import CROSS_SEED, concatenate_one, fingerprints, hash_buckets


def fingerprint(text):
    return int(fingerprints([text])[0])


def cross(*leaves, seed=CROSS_SEED):
    for leaf in leaves:
        seed = concatenate_one(seed, leaf & 0xFFFFFFFFFFFFFFFF)
    return seed


def test_trap_01_a_boundary_belongs_to_the_right_bucket_in_float32():
    column = fc.bucketized_column(fc.numeric_column("x"), [0.1, 1.0])
    # 0.1 in float64 is below float32's 0.1; both sides are rounded alike.
    assert column.encode({"x": [0.1, 0.0999, 1.0, np.nan]}).tolist() == [1, 0, 2, 2]
    without = fc.bucketized_column(fc.numeric_column("x"), [0.1, 1.0], missing="none")
    assert without.encode({"x": [0.1, np.nan]}).tolist() == [1, -1]


def test_trap_02_a_cross_hashes_sparse_leaves_first_from_its_hash_key():
    bucketized = fc.bucketized_column(fc.numeric_column("x"), [5])
    features = {"s": ["a"], "x": [7]}
    for hash_key, seed in ((None, CROSS_SEED), (97, 97)):
        for keys in (["s", bucketized], [bucketized, "s"]):
            column = fc.crossed_column(keys, 10**6, hash_key)
            expected = cross(1, fingerprint("a"), seed=seed) % 10**6
            assert column.encode(features).tolist() == [expected]


def test_trap_02_integers_are_not_fingerprinted_and_the_modulo_is_unsigned():
    column = fc.crossed_column(["i", "s"], 1000)
    for value in (5, -3, -(2**62)):
        expected = cross(value, fingerprint("a")) % 1000
        assert column.encode({"i": [value], "s": ["a"]}).tolist() == [expected]
        assert column.encode({"i": [value] * 99, "s": ["a"] * 99}).tolist() == [expected] * 99


def test_trap_03_a_raw_key_in_a_cross_keeps_the_empty_text():
    column = fc.crossed_column(["s", "t"], 1000)
    expected = cross(fingerprint(""), fingerprint("b")) % 1000
    assert column.encode({"s": ["", None], "t": ["b", "b"]}).tolist() == [expected] * 2


@pytest.mark.parametrize("rows", [1, 50])
def test_trap_03_an_unseen_value_of_a_vocabulary_is_crossed_as_minus_one(rows):
    known = fc.categorical_column_with_vocabulary_list("s", ["a", "b"])
    column = fc.crossed_column([known, "t"], 1000)
    found = column.encode({"s": ["zzz"] * rows, "t": ["b"] * rows})
    assert found.tolist() == [cross(-1, fingerprint("b")) % 1000] * rows
    assert column.encode({"s": [""] * rows, "t": ["b"] * rows}).tolist() == [-1] * rows


def test_trap_04_the_name_of_a_cross_is_sorted_and_its_hash_is_not():
    ab, ba = fc.crossed_column(["a", "b"], 1000), fc.crossed_column(["b", "a"], 1000)
    features = {"a": ["x", "y"], "b": ["u", "v"]}
    assert ab.name == ba.name == "a_X_b"
    assert ab.encode(features).tolist() != ba.encode(features).tolist()
    both = fc.encode([ab, ba], features)
    assert sorted(both.layout) == ["a_X_b", "a_X_b_2"] and both.ids.shape == (2, 2)


def test_trap_05_integers_hash_by_their_text_and_texts_by_their_utf8():
    column = fc.categorical_column_with_hash_bucket("x", 1000)
    expected = hash_buckets(["5", "Ünïcode"], 1000).tolist()
    assert column.encode({"x": ["5", "Ünïcode"]}).tolist() == expected
    assert column.encode({"x": np.array([5, -1])}).tolist() == [expected[0], -1]


def test_trap_06_other_values_come_after_the_vocabulary():
    column = fc.categorical_column_with_vocabulary_list("x", ["a", "b"], num_oov_buckets=3)
    found = column.encode({"x": ["a", "b", "c", "d", "e"]}).tolist()
    assert found[:2] == [0, 1]
    assert found[2:] == [2 + bucket for bucket in hash_buckets(["c", "d", "e"], 3).tolist()]


def test_trap_07_a_default_id_is_a_value_of_the_vocabulary_and_integers_may_be_large():
    column = fc.categorical_column_with_vocabulary_list("x", [2**40, 7], default_value=1)
    assert column.encode({"x": [2**40, 7, 8]}).tolist() == [0, 1, 1]
    with pytest.raises(InvalidValue, match="not both"):
        fc.categorical_column_with_vocabulary_list("x", [7], default_value=0, num_oov_buckets=1)


@pytest.mark.parametrize("combiner", ["mean", "sqrtn", "sum"])
def test_trap_08_combiners_divide_by_weights_and_keep_bad_ones_only_in_sums(combiner):
    ids = fc.categorical_column_with_identity("i", 2)
    column = fc.embedding_column(fc.weighted_categorical_column(ids, "w"), 1, combiner=combiner)
    table = [[1.0], [10.0]]
    features = {"i": [[0, 1], [0, 1], [], [1]], "w": [[3.0, 4.0], [2.0, -1.0], [], [0.0]]}
    expected = {
        "mean": [43 / 7, 1, 0, 0],
        "sqrtn": [43 / 5, 1, 0, 0],
        "sum": [43, -8, 0, 0],
    }[combiner]
    np.testing.assert_allclose(fc.dense(column, features, table).ravel(), expected, rtol=1e-6)


def test_trap_09_an_embedding_takes_the_mean_by_default():
    column = fc.embedding_column(fc.categorical_column_with_identity("i", 2), 1)
    assert column.combiner == "mean"
    assert fc.dense(column, {"i": [[0, 1]]}, [[1], [2]]).tolist() == [[1.5]]


def test_trap_10_an_indicator_counts():
    column = fc.indicator_column(fc.categorical_column_with_identity("i", 2))
    assert fc.dense(column, {"i": [[0, 0, 1]]}).tolist() == [[2, 1]]


def test_trap_11_the_norm_is_cut_before_combining_and_never_raised():
    ids = fc.categorical_column_with_identity("i", 2)
    column = fc.embedding_column(ids, 2, combiner="sum", max_norm=1.0)
    table = [[3, 4], [0.3, 0.4]]
    np.testing.assert_allclose(fc.dense(column, {"i": [[0, 1]]}, table), [[0.9, 1.2]], rtol=1e-6)


def test_trap_31_places_go_by_column_and_not_by_sorted_name():
    b, a = fc.numeric_column("b"), fc.numeric_column("a")
    found = fc.encode([b, a], {"a": [1], "b": [2]})
    assert found.numbers.tolist() == [[2, 1]]
    assert fc.ColumnSet([b, a]).slot(a).place == slice(1, 2)


def test_trap_31_a_default_is_no_imputation():
    column = fc.numeric_column("x", default_value=9, missing="nan")
    assert np.isnan(column.encode({"x": [np.nan]})).all()
    assert fc.numeric_column("x", default_value=9, missing="zero").encode({"x": [None]}) == 0


def test_trap_31_large_integers_keep_their_differences_on_a_learnt_scale():
    cells = {"x": [2**24, 2**24 + 1, 2**24 + 2]}
    column = fc.numeric_column("x", normalizer="minmax").learn(cells)
    assert column.encode(cells).ravel().tolist() == [0, 0.5, 1]


def test_trap_32_weights_stay_with_their_ids():
    ids = fc.categorical_column_with_identity("i", 9)
    column = fc.weighted_categorical_column(ids, "w")
    rows, found, weights = fc.ids(column, {"i": [3, -1, 5], "w": [0.0, 2.0, 0.5]})
    assert (rows.tolist(), found.tolist(), weights.tolist()) == ([0, 2], [3, 5], [0.0, 0.5])


def test_trap_33_weights_are_used_as_they_are():
    column = fc.weighted_categorical_column(fc.categorical_column_with_identity("i", 2), "w")
    assert column.encode({"i": [[0, 1]], "w": [[2, 6]]}).weights.tolist() == [2, 6]


def test_trap_34_nan_in_an_object_column_is_missing():
    cells = np.array(["a", np.nan, None], dtype=object)
    column = fc.categorical_column_with_vocabulary_list("x", ["a", "nan"], num_oov_buckets=1)
    assert column.encode({"x": cells}).tolist() == [0, -1, -1]


def test_trap_34_float_minus_one_is_a_value_and_integer_minus_one_is_missing():
    column = fc.categorical_column_with_vocabulary_list("x", [-1, 4])
    assert column.encode({"x": np.array([-1.0, 4.0])}).tolist() == [0, 1]
    assert column.encode({"x": np.array([-1, 4])}).tolist() == [-1, 1]


def test_trap_34_an_identity_column_reads_whole_floats():
    column = fc.categorical_column_with_identity("x", 10)
    assert column.encode({"x": [3.0, 3.5, np.nan, 10.0, 1e300]}).tolist() == [3, -1, -1, -1, -1]
