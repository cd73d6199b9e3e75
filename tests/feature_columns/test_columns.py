"""Arguments of each column function, and what only one kind does."""

from __future__ import annotations

import gzip
import itertools

import numpy as np
import pytest

import cannery.feature_columns as fc
from cannery.errors import InvalidType, InvalidValue, NotFound

x, i = fc.numeric_column("x"), fc.categorical_column_with_identity("i", 5)
hashed = fc.categorical_column_with_hash_bucket("s", 10)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fc.numeric_column(5), InvalidType, "name of a column"),
        (lambda: fc.numeric_column("x", shape=0), InvalidValue, "shape: must be at least 1"),
        (lambda: fc.numeric_column("x", shape=(2.0,)), InvalidType, "whole number"),
        (lambda: fc.numeric_column("x", normalizer="std"), NotFound, "unknown name"),
        (lambda: fc.numeric_column("x", missing="median"), InvalidValue, "one of 'mean'"),
        (lambda: fc.numeric_column("x", missing=np.inf), InvalidValue, "finite"),
        (lambda: fc.numeric_column("x", normalizer_fn=3), InvalidType, "callable"),
        (lambda: fc.numeric_column("x", default_value=[1, 2]), InvalidValue, "hold 1 numbers"),
        (lambda: fc.bucketized_column(x, []), InvalidValue, "strictly increase"),
        (lambda: fc.bucketized_column(x, [1, 1]), InvalidValue, "strictly increase"),
        (lambda: fc.bucketized_column(x, [3, 1]), InvalidValue, r"got \[3.0, 1.0\]; sort them"),
        (lambda: fc.bucketized_column(x, [1, np.nan]), InvalidValue, "finite"),
        (lambda: fc.bucketized_column(x, "ab"), InvalidType, "must be numbers"),
        (lambda: fc.bucketized_column(x, 1), InvalidValue, "at least 2"),
        (lambda: fc.bucketized_column(i, [1]), InvalidType, "numeric_column"),
        (lambda: fc.bucketized_column(fc.numeric_column("x", (2, 2)), [1]), InvalidValue, "rank 1"),
        (lambda: fc.categorical_column_with_identity("i", 0), InvalidValue, "at least 1"),
        (lambda: fc.categorical_column_with_identity("i", 3, 3), InvalidValue, "below 3"),
        (lambda: fc.categorical_column_with_hash_bucket("s", 0), InvalidValue, "at least 1"),
        (lambda: fc.categorical_column_with_hash_bucket("s", 2.5), InvalidType, "whole"),
        (lambda: fc.categorical_column_with_vocabulary_list("s", []), InvalidValue, "empty"),
        (lambda: fc.categorical_column_with_vocabulary_list("s", "ab"), InvalidType, "a list"),
        (
            lambda: fc.categorical_column_with_vocabulary_list("s", [1, "1"]),
            InvalidValue,
            "repeats",
        ),
        (
            lambda: fc.categorical_column_with_vocabulary_list("s", ["a"], default_value=1),
            InvalidValue,
            "below 1",
        ),
        (lambda: fc.categorical_column("s", max_tokens=0), InvalidValue, "at least 1"),
        (lambda: fc.categorical_column("s", num_oov_buckets=-1), InvalidValue, "at least 0"),
        (lambda: fc.crossed_column(["a"], 5), InvalidValue, "at least two"),
        (lambda: fc.crossed_column("ab", 5), InvalidType, "must be a list"),
        (lambda: fc.crossed_column(["a", hashed], 5), InvalidValue, "cannot cross the hash_bucket"),
        (
            lambda: fc.crossed_column(["a", fc.weighted_categorical_column(i, "w")], 5),
            InvalidValue,
            "cannot cross the weighted",
        ),
        (lambda: fc.crossed_column(["a", x], 5), InvalidType, "name of a column"),
        (lambda: fc.weighted_categorical_column(x, "w"), InvalidType, "categorical"),
        (lambda: fc.indicator_column(x), InvalidType, "categorical"),
        (lambda: fc.embedding_column(i, 0), InvalidValue, "at least 1"),
        (lambda: fc.embedding_column(i, 2, "max"), InvalidValue, "one of 'mean'"),
        (lambda: fc.embedding_column(i, 2, max_norm=0), InvalidValue, "above 0"),
        (lambda: fc.shared_embeddings([], 2), InvalidValue, "at least one"),
        (lambda: fc.shared_embeddings([i, hashed], 2), InvalidValue, "one kind"),
        (
            lambda: fc.shared_embeddings([i, fc.categorical_column_with_identity("j", 6)], 2),
            InvalidValue,
            "one size",
        ),
        (lambda: fc.date_column("d", "year"), InvalidValue, "one of 'month'"),
        (lambda: fc.ColumnSet(["a"]), InvalidType, "feature columns"),
        (lambda: fc.ids(x, {"x": [1]}), InvalidType, "use dense"),
        (lambda: fc.dense(i, {"i": [1]}), InvalidType, "indicator_column or embedding_column"),
        (lambda: fc.dense(fc.embedding_column(i, 2), {"i": [1]}), InvalidValue, r"\(5, 2\)"),
        (
            lambda: fc.dense(fc.embedding_column(i, 2), {"i": [1]}, np.zeros((5, 3))),
            InvalidValue,
            r"\(5, 3\)",
        ),
        (lambda: fc.from_config({"kind": "nonsense"}), NotFound, "nonsense"),
        (lambda: fc.from_config({"kind": "identity", "size": 3}), InvalidValue, "unknown fields"),
        (lambda: fc.from_config({"function": "os.system"}), NotFound, "os.system"),
        (
            lambda: fc.to_config(fc.numeric_column("x", normalizer_fn=lambda v: v)),
            InvalidType,
            "named function",
        ),
        (
            lambda: fc.numeric_column("x", normalizer_fn=np.ravel).encode({"x": [1, 2]}),
            InvalidValue,
            "keep the shape",
        ),
        (
            lambda: fc.date_column("d", "month").encode({"d": ["2024-01-01", "soon"]}),
            InvalidValue,
            "row 1 is not a date, got 'soon'",
        ),
        (
            lambda: fc.weighted_categorical_column(i, "w").encode(
                {"i": [[1, 2], [3]], "w": [[1], [2]]}
            ),
            InvalidValue,
            "row 0 has 2 ids, got 1 weights",
        ),
    ],
)
def test_wrong_arguments_say_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_names():
    weighted = fc.weighted_categorical_column(hashed, "w")
    buckets = fc.bucketized_column(x, [1])
    assert [column.name for column in (buckets, fc.indicator_column(buckets), weighted)] == [
        "x_bucketized",
        "x_bucketized_indicator",
        "s_weighted_by_w",
    ]
    assert fc.embedding_column(weighted, 2).name == "s_weighted_by_w_embedding"
    nested = fc.crossed_column([fc.crossed_column(["b", "a"], 5), buckets], 9)
    assert nested.name == "a_X_b_X_x_bucketized" and nested.keys == ("b", "a", "x")


def test_vocabulary_files(tmp_path):
    plain, zipped = tmp_path / "v.txt", tmp_path / "v.txt.gz"
    plain.write_bytes("a\r\nü\r\nc\r\n".encode())
    zipped.write_bytes(gzip.compress("a\nü\nc".encode()))
    for path in (plain, str(zipped)):
        make = fc.categorical_column_with_vocabulary_file
        assert make("s", path).tokens() == ["a", "ü", "c"]
        assert make("s", path, 2, num_oov_buckets=1).encode({"s": ["c", "ü"]}).tolist() == [2, 1]
        assert make("s", path, default_value=2).encode({"s": ["z"]}).tolist() == [2]
        with pytest.raises(InvalidValue, match="only 3 lines"):
            make("s", path, 4)
    plain.write_text("a\na\n")
    with pytest.raises(InvalidValue, match="repeats a line"):
        make("s", plain)
    with pytest.raises(NotFound, match="no such vocabulary file"):
        make("s", tmp_path / "absent")


def test_a_learnt_vocabulary_is_ranked_and_cut():
    cells = {"s": ["b", "a", "c", "c", "a", "d", "a"]}
    learnt = fc.categorical_column("s").learn(cells)
    assert learnt.tokens() == ["a", "c", "b", "d", "<other 0>"] and learnt.size == 5
    assert fc.categorical_column("s", max_tokens=2).learn(cells).tokens()[:2] == ["a", "c"]
    frequent = fc.categorical_column("s", min_frequency=2, num_oov_buckets=0).learn(cells)
    assert frequent.encode(cells).tolist() == [-1, 0, 1, 1, 0, -1, 0]


def test_shared_vocabularies_are_learnt_together():
    frame = {"seen": [["a", "b"], ["b"]], "shown": ["c", "b"], "w": [[1, 2], [3]]}
    seen = fc.weighted_categorical_column(fc.categorical_column("seen"), "w")
    columns = fc.shared_embeddings([seen, fc.categorical_column("shown")], 4)
    learnt = fc.learn(columns, frame)
    assert learnt[0].categorical.tokens()[:3] == learnt[1].categorical.tokens()[:3] == list("bac")
    assert learnt[0].table_name == learnt[1].table_name
    found = fc.encode(learnt, frame)
    assert found.ids.tolist() == [[2], [0]]
    assert found.ragged[learnt[0].categorical.name].ids.tolist() == [1, 0, 0]
    table = np.eye(4, dtype=np.float32)
    assert fc.dense(learnt[1], frame, table).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


def test_buckets_of_a_vector():
    column = fc.bucketized_column(fc.numeric_column("v", shape=2), [0, 10])
    assert column.size == 6 and column.several
    cells = {"v": [[-1, 5], [10, 99]]}
    assert fc.ids(column, cells)[1].tolist() == [0, 4, 2, 5]
    assert fc.dense(column, cells).tolist() == [[1, 0, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]]
    assert column.tokens()[3] == "1: < 0"


def test_buckets_of_a_normalized_source():
    source = fc.numeric_column("x", normalizer="standard")
    column = fc.bucketized_column(source, [0]).learn({"x": [0, 10]})
    assert column.encode({"x": [4.9, 5, 6]}).tolist() == [0, 1, 1]


def test_quantiles_of_a_mostly_zero_column_still_cut():
    column = fc.bucketized_column(x, 4).learn({"x": [0] * 95 + [1, 2, 3, 4, 5]})
    assert column.encode({"x": [0, 1, 5]}).tolist() == [0, 1, 1]
    assert fc.bucketized_column(x, 4).learn({"x": [7, 7]}).encode({"x": [7]}).tolist() == [1]


def test_normalizers():
    def encoded(normalizer, learnt_from, values):
        column = fc.numeric_column("x", normalizer=normalizer).learn({"x": learnt_from})
        return column.encode({"x": values}).ravel()

    np.testing.assert_allclose(encoded("standard", [1, 3], [1, 2, 5]), [-1, 0, 3])
    np.testing.assert_allclose(encoded("minmax", [2, 4], [2, 3, 6]), [0, 0.5, 2])
    np.testing.assert_allclose(
        encoded("quantile", [1, 2, 3, 4], [0, 1, 2.5, 9]), [0.125, 0.125, 0.5, 0.875]
    )
    np.testing.assert_allclose(encoded("log", [0, np.e - 1], [0, np.e - 1, 1 - np.e]), [-1, 1, -3])
    assert encoded("standard", [5, 5], [5, 6]).tolist() == [0, 1]
    vector = fc.numeric_column("v", shape=2, normalizer="standard").learn({"v": [[0, 0], [2, 20]]})
    assert vector.encode({"v": [[2, 0]]}).tolist() == [[1, -1]]


def test_date_parts_and_elapsed_days():
    frame = {"d": ["2024-02-29T23:59", "2023-12-31", None]}
    parts = {
        "month": [1, 11],
        "quarter": [0, 3],
        "day": [28, 30],
        "weekday": [3, 6],
        "hour": [23, 0],
        "minute": [59, 0],
    }
    for part, expected in parts.items():
        column = fc.date_column("d", part)
        assert column.encode(frame).tolist() == [*expected, -1]
        assert len(column.tokens()) == column.size
    elapsed = fc.elapsed_column("d").learn({"d": ["2024-01-01", "2024-01-03"]})
    assert elapsed.encode({"d": ["2024-01-04", None]}).ravel().tolist() == [2, 0]


def test_int64_ids_only_where_they_are_needed():
    small, large = fc.categorical_column_with_hash_bucket("s", 2**31 - 1), 2**40
    assert fc.encode([small], {"s": ["a"]}).ids.dtype == np.int32
    large = fc.categorical_column_with_hash_bucket("s", large)
    assert fc.encode([small, large], {"s": ["a"]}).ids.dtype == np.int64


def test_each_distinct_column_is_encoded_once():
    city = fc.categorical_column("city")
    frame = {"city": ["a", "b"], "x": [1, 2]}
    columns = fc.ColumnSet(
        [city, fc.indicator_column(city), fc.embedding_column(city, 3), x, fc.numeric_column("x")]
    ).learn(frame)
    found = columns.encode(frame)
    assert found.ids.shape == (2, 1) and found.numbers.shape == (2, 1)
    assert found.ids.flags.c_contiguous and found.numbers.flags.c_contiguous
    assert columns.slot(columns.columns[1]) == columns.slot(columns.columns[0])
    with pytest.raises(InvalidValue, match="not in this set"):
        columns.slot(fc.categorical_column("city"))


def test_crosses_by_table_by_row_and_one_by_one_agree():
    random = np.random.default_rng(0)
    frame = {
        "a": random.choice(["u", "v", "", "w"], 3000).astype(object),
        "b": random.integers(-1, 4, 3000),
        "c": random.integers(0, 1000, 3000).astype(str),
    }
    known = fc.categorical_column_with_vocabulary_list("a", ["u", "v"])
    for keys in (["a", "b"], [known, "b"], [known, "b", "c"]):
        column = fc.crossed_column(keys, 10**6).learn(frame)
        whole = column.encode(frame)
        parts = [{k: cells[at : at + 1] for k, cells in frame.items()} for at in range(40)]
        assert [int(column.encode(part)[0]) for part in parts] == whole[:40].tolist()
        two = {k: cells[:500] for k, cells in frame.items()}
        assert column.encode(two).tolist() == whole[:500].tolist()
        assert (whole == -1).any() == (known in keys)


@pytest.mark.parametrize("sides", [["many", "one"], ["one", "many"], ["many", "more", "one"]])
def test_crosses_of_lists_have_every_combination_and_the_last_side_turns_fastest(sides):
    random = np.random.default_rng(0)

    def some():
        return random.choice(["u", "v", "w", "x", ""], random.integers(0, 4)).tolist()

    frame = {
        "many": [some() for _ in range(300)],
        "more": [some() for _ in range(300)],
        "one": random.choice(["p", "q", "r"], 300).astype(object),
    }
    column = fc.crossed_column(sides, 10**6).learn(frame)
    # Sides with lists come first.
    found = column.encode(frame)
    known = [side for side in sides if side != "one"] + ["one"]
    flat = fc.crossed_column(known, 10**6).learn({key: ["u"] for key in known})
    for row in range(300):
        cells = [frame[key][row] if key != "one" else [frame[key][row]] for key in known]
        each = [
            int(flat.encode({key: [cell] for key, cell in zip(known, values, strict=True)})[0])
            for values in itertools.product(*cells)
        ]
        assert found.ids[found.offsets[row] : found.offsets[row + 1]].tolist() == each


def test_a_column_shows_what_is_not_as_by_default():
    city = fc.categorical_column("city", max_tokens=9)
    assert repr(city) == "Learnt(key='city', max_tokens=9)"
    learnt = city.learn({"city": ["Oslo", "Rome"]})
    assert repr(learnt).endswith("max_tokens=9, vocabulary=Vocabulary('Oslo', 'Rome'; 2 tokens))")
    assert repr(fc.embedding_column(city, 8)) == f"Embedding(categorical={city!r}, dimension=8)"
    crossed = fc.crossed_column(["city", "age"], 10)
    assert repr(crossed) == "Crossed(leaves=('city', 'age'), hash_bucket_size=10)"
    assert "scale" in repr(fc.numeric_column("age", normalizer="log").learn({"age": [1.0]}))


def test_quantiles_of_weighted_rows_are_those_of_copies():
    random = np.random.default_rng(0)
    for draw in range(50):
        values = random.normal(size=40).round(1)
        values[::9] = np.nan
        weights = random.integers(1, 4, 40)
        column = fc.bucketized_column(fc.numeric_column("x"), int(random.integers(2, 12)))
        frame, copies = fc.as_frame({"x": values}), {"x": np.repeat(values, weights)}
        found = column.learn(frame).weighed(frame, weights.astype(float)).boundaries
        assert found == column.learn(copies).boundaries, draw
    halves = column.learn(frame).weighed(frame, np.full(40, 0.5)).boundaries
    assert np.isin(halves, np.float32(values)).all()
