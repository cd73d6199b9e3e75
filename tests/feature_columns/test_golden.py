"""What TensorFlow 2.15.1 gave for the same columns and features."""

from __future__ import annotations

import numpy as np
import pytest

import cannery.feature_columns as fc
from cannery.feature_columns.hashing import hash_buckets

GIVES_IDS = (
    "categorical_column_with_hash_bucket",
    "categorical_column_with_identity",
    "categorical_column_with_vocabulary_list",
)


@pytest.fixture(scope="module")
def cases(golden):
    return golden("feature_columns")["cases"]


def of_kind(cases, *kinds):
    found = [case for case in cases if case["kind"] in kinds]
    assert found
    return found


def test_every_case_is_used(cases):
    kinds = {"string_to_hash_bucket", "bucketized_column", "crossed_column", *GIVES_IDS}
    kinds |= {"indicator_column", "indicator_column_weighted"}
    kinds |= {"embedding_column", "embedding_column_weighted"}
    assert {case["kind"] for case in cases} == kinds and len(cases) == 39


def test_hash_buckets(cases):
    for case in of_kind(cases, "string_to_hash_bucket"):
        found = hash_buckets(case["features"]["s"], case["args"]["num_buckets"])
        assert found.tolist() == case["expected"]


def test_ids(cases):
    for case in of_kind(cases, *GIVES_IDS):
        column = getattr(fc, case["kind"])(**case["args"])
        rows, ids, weights = fc.ids(column, case["features"])
        assert rows.tolist() == case["rows"] and ids.tolist() == case["ids"] and weights is None


def test_bucketized(cases):
    for case in of_kind(cases, "bucketized_column"):
        source = fc.numeric_column(case["args"]["key"])
        column = fc.bucketized_column(source, case["args"]["boundaries"])
        expected = np.array(case["expected"])
        assert fc.ids(column, case["features"])[1].tolist() == expected.tolist()
        one_hot = np.eye(column.size, dtype=np.float32)[expected]
        np.testing.assert_array_equal(fc.dense(column, case["features"]), one_hot)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_crossed(cases, one_by_one):
    for case in of_kind(cases, "crossed_column"):
        args, features = case["args"], case["features"]
        bucketized = fc.bucketized_column(fc.numeric_column("x"), args["boundaries"])
        keys = [bucketized if key == "x_bucketized" else key for key in args["keys"]]
        column = fc.crossed_column(keys, args["hash_bucket_size"], args["hash_key"])
        if one_by_one:
            column = column.learn(features)
            rows = ({key: [cells[row]] for key, cells in features.items()} for row in case["rows"])
            assert [int(column.encode(row)[0]) for row in rows] == case["ids"]
        else:
            rows, ids, _ = fc.ids(column, features)
            assert rows.tolist() == case["rows"] and ids.tolist() == case["ids"]


def bag(case):
    column = fc.categorical_column_with_vocabulary_list("m", case["args"]["vocabulary_list"])
    weighted = case["kind"].endswith("weighted")
    return fc.weighted_categorical_column(column, "w") if weighted else column


def test_indicator(cases):
    for case in of_kind(cases, "indicator_column", "indicator_column_weighted"):
        found = fc.dense(fc.indicator_column(bag(case)), case["features"])
        np.testing.assert_allclose(found, case["expected"], rtol=0, atol=1e-6)


def test_embedding(cases):
    for case in of_kind(cases, "embedding_column", "embedding_column_weighted"):
        args = case["args"]
        table = np.array(args["table"])
        column = fc.embedding_column(
            bag(case), table.shape[1], combiner=args["combiner"], max_norm=args["max_norm"]
        )
        found = fc.dense(column, case["features"], table)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, case["expected"], rtol=0, atol=1e-6)
