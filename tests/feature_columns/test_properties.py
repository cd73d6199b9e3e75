"""Laws that hold for any frame."""

from __future__ import annotations

import farmhash
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import cannery.feature_columns as fc
from cannery.feature_columns import as_frame
from cannery.feature_columns.hashing import concatenate, concatenate_one, fingerprints

TEXTS = st.text(max_size=40)
MAYBE = st.one_of(st.none(), st.sampled_from(["a", "b", "", "ü", "5"]), TEXTS)
FINITE = st.floats(-1e6, 1e6, width=32)
WORDS = st.integers(0, 2**64 - 1)


def lists(cells, rows):
    return st.lists(cells, min_size=rows, max_size=rows)


@given(st.lists(TEXTS))
def test_hashing_distinct_texts_is_hashing_each(texts):
    column = fc.categorical_column_with_hash_bucket("x", 2**40)
    expected = [farmhash.fingerprint64(text.encode()) % 2**40 if text else -1 for text in texts]
    assert column.encode({"x": texts}).tolist() == expected


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1))
def test_fingerprints_combine_alike_in_arrays_and_alone(pairs):
    left, right = np.array(pairs, dtype=np.uint64).T
    found = concatenate(left, right).tolist()
    assert found == [concatenate_one(*pair) for pair in pairs]


COLUMNS = [
    fc.categorical_column("x", max_tokens=3),
    fc.categorical_column_with_hash_bucket("x", 7),
    fc.crossed_column(["x", "y"], 1000),
    fc.crossed_column([fc.categorical_column("x", num_oov_buckets=0), "tags", "y"], 1000),
    fc.categorical_column("tags"),
    fc.numeric_column("y", normalizer="quantile"),
    fc.bucketized_column(fc.numeric_column("y"), 4),
]


@st.composite
def frames(draw, least=0):
    n = draw(st.integers(least, 12))
    tags = st.one_of(st.none(), st.lists(MAYBE, max_size=4))
    return pd.DataFrame(
        {
            "x": pd.Series(draw(lists(MAYBE, n)), dtype=object),
            "y": draw(lists(st.integers(-5, 5), n)),
            "tags": pd.Series(draw(lists(tags, n)), dtype=object),
        }
    )


def equal(left, right):
    np.testing.assert_array_equal(left.numbers, right.numbers)
    np.testing.assert_array_equal(left.ids, right.ids)
    for name, bag in left.ragged.items():
        np.testing.assert_array_equal(bag.offsets, right.ragged[name].offsets)
        np.testing.assert_array_equal(bag.ids, right.ragged[name].ids)


@settings(deadline=None, max_examples=60)
@given(frames(1), frames(), frames())
def test_encoding_joined_frames_is_joining_encoded_ones(seen, first, second):
    # Without a list among them, `tags` would be learnt as a column of single values.
    seen.at[0, "tags"] = ["a"]
    columns = fc.ColumnSet(COLUMNS).learn(seen)
    parts = [columns.encode(part) for part in (first, second)]
    offsets = {
        name: np.concatenate([bag.offsets, bag.offsets[-1] + parts[1].ragged[name].offsets[1:]])
        for name, bag in parts[0].ragged.items()
    }
    joined = fc.Encoded(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.ids for part in parts]),
        {
            name: fc.Ragged(offsets[name], np.concatenate([p.ragged[name].ids for p in parts]))
            for name in offsets
        },
        columns.layout,
    )
    equal(columns.encode(pd.concat([first, second], ignore_index=True)), joined)


@settings(deadline=None)
@given(frames(1))
def test_every_kind_of_frame_encodes_alike(frame):
    frame.at[0, "tags"] = ["a"]
    columns = fc.ColumnSet(COLUMNS).learn(frame)
    expected = columns.encode(frame)
    equal(columns.encode(frame.to_dict("list")), expected)
    equal(columns.encode(frame.astype({"x": "str"})), expected)
    equal(columns.encode(frame.astype({"x": "category"})), expected)
    shuffled = frame[["tags", "y", "x"]].set_index(np.arange(len(frame)) + 7)
    equal(columns.encode(shuffled), expected)


@given(st.lists(MAYBE, min_size=1))
def test_a_vocabulary_gives_back_its_values(cells):
    column = fc.categorical_column("x", num_oov_buckets=0).learn({"x": cells})
    found = column.encode({"x": cells})
    tokens = column.tokens()
    assert [tokens[at] if at >= 0 else None for at in found] == [cell or None for cell in cells]
    counts = np.bincount(found[found >= 0], minlength=len(tokens))
    assert (np.diff(counts) <= 0).all()


@given(st.lists(FINITE, min_size=1, max_size=90, unique=True), st.lists(FINITE, max_size=200))
def test_bucketizing_counts_boundaries(boundaries, values):
    boundaries = sorted(boundaries)
    column = fc.bucketized_column(fc.numeric_column("x"), boundaries)
    values = np.array(values, dtype=np.float32)
    expected = [sum(boundary <= value for boundary in boundaries) for value in values]
    assert column.encode({"x": values}).tolist() == expected


@given(st.lists(FINITE, min_size=1, max_size=300), st.integers(2, 12))
def test_learnt_buckets_are_used(values, count):
    column = fc.bucketized_column(fc.numeric_column("x"), count).learn({"x": values})
    assert column.size <= count
    distinct = len(np.unique(np.array(values, dtype=np.float32)))
    if distinct > 1:
        assert len(np.unique(column.encode({"x": values}))) == column.size


@given(st.lists(FINITE, min_size=2))
def test_normalizers_are_monotonic_and_ranks_stay_in_the_unit_range(values):
    ordered = np.sort(np.array(values))
    for normalizer in ("standard", "minmax", "quantile", "log"):
        column = fc.numeric_column("x", normalizer=normalizer).learn({"x": values})
        found = column.encode({"x": ordered}).ravel()
        assert (np.diff(found) >= -1e-6).all() and np.isfinite(found).all()
        if normalizer in ("minmax", "quantile"):
            assert found.min() >= 0 and found.max() <= 1


@given(st.lists(st.lists(st.integers(0, 3), max_size=3), min_size=1), st.integers(1, 3))
def test_a_cross_holds_every_combination(rows, copies):
    leaf = fc.categorical_column_with_identity("x", 4)
    column = fc.crossed_column([leaf] * (copies + 1), 2**50).learn({"x": [[0], *rows]})
    found = column.encode({"x": [[0], *rows]})
    lengths = [1, *(len(row) ** (copies + 1) for row in rows)]
    assert np.diff(found.offsets).tolist() == lengths
    for row, start in zip(rows, found.offsets[1:-1], strict=True):
        if row:
            pair = [fingerprint_of([row[0]] * copies + [last]) for last in row]
            assert found.ids[start : start + len(row)].tolist() == pair


def fingerprint_of(values):
    combined = 0xDECAFCAFFE
    for value in values:
        combined = concatenate_one(combined, value)
    return combined % 2**50


def test_fingerprints_of_nothing():
    assert fingerprints([]).tolist() == []


CELL = st.one_of(MAYBE, st.integers(-2, 2), st.booleans(), st.lists(MAYBE, max_size=2))


@settings(deadline=None, max_examples=60)
@given(st.data(), frames(2))
def test_some_rows_of_a_frame_are_a_frame_of_these_rows(data, frame):
    cells = data.draw(st.sampled_from([MAYBE, st.integers(-2, 2), CELL]))
    frame["x"] = pd.Series(data.draw(lists(cells, len(frame))), dtype=object)
    mask = np.array(data.draw(lists(st.booleans(), len(frame))))
    mask[data.draw(st.integers(0, len(frame) - 1))] = True
    whole, alone = as_frame(frame), frame[mask]
    several = alone["tags"].map(lambda cell: isinstance(cell, list)).any()
    columns = COLUMNS if several else [c for c in COLUMNS if "tags" not in c.keys]
    found, expected = (fc.ColumnSet(columns).learn(rows) for rows in (whole.where(mask), alone))
    assert found.columns == expected.columns
    equal(found.encode(whole.where(mask)), expected.encode(alone))
    assert whole.where(mask).factor("x").kinds == as_frame(alone).factor("x").kinds
