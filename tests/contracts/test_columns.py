"""What every kind of column promises, walked over the registry of kinds."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import scipy.sparse

import cannery.feature_columns as fc
from cannery import KMeans, RandomForestClassifier
from cannery.errors import InvalidValue
from cannery.feature_columns import KINDS, Categorical, Column, Number, Ragged
from cannery.feature_columns.normalizers import NORMALIZERS

FRAME = {
    "city": ["Oslo", "Rome", None, "Rome", "Lima"],
    "apps": [["a", "b"], [], ["b", "b", "zzz"], ["c"], ["a"]],
    "weights": [[1.0, 2.0], [], [0.5, 0.5, 1.0], [3.0], [1.0]],
    "hour": [0, 23, 5, 99, 7],
    "age": [20.0, np.nan, 40.0, 60.0, 25.0],
    "when": ["2024-01-31", None, "2024-02-29T12:00", "2023-12-31", "2024-01-01"],
}
MATRIX = scipy.sparse.csr_array(np.array([[0, 2.5, 0], [1, 0, 4], [0, 0, 0]]))


def double(values):
    return values * 2


city, apps = fc.categorical_column("city"), fc.categorical_column("apps", num_oov_buckets=0)
hour, age = fc.categorical_column_with_identity("hour", 24), fc.numeric_column("age")
ages = fc.bucketized_column(age, [18, 30])
ones = fc.numeric_column("age", normalizer="log", missing=1.0)

FOREST = RandomForestClassifier(n_estimators=4, columns=[age, city], random_state=0)
FOREST.fit(FRAME, [0, 1, 1, 0, 1])

SAMPLES = {
    "numeric": [
        age,
        *(fc.numeric_column("age", normalizer=name) for name in NORMALIZERS),
        fc.numeric_column("age", normalizer_fn=double, missing=3.5),
    ],
    "elapsed": [fc.elapsed_column("when")],
    "bucketized": [ages, fc.bucketized_column(age, 3, missing="none")],
    "identity": [hour, fc.categorical_column_with_identity("hour", 24, default_value=3)],
    "hash_bucket": [
        fc.categorical_column_with_hash_bucket("city", 10),
        fc.categorical_column_with_hash_bucket("apps", 2**40),
    ],
    "vocabulary_list": [
        fc.categorical_column_with_vocabulary_list("city", ["Rome", "Oslo"]),
        fc.categorical_column_with_vocabulary_list("apps", ["a", "b"], num_oov_buckets=2),
    ],
    "learnt_vocabulary": [city, apps, fc.categorical_column("city", 1, num_oov_buckets=3)],
    "date_part": [fc.date_column("when", part) for part in ("month", "weekday", "hour")],
    "weighted": [fc.weighted_categorical_column(apps, "weights")],
    "crossed": [
        fc.crossed_column(["city", "hour"], 100),
        fc.crossed_column([ages, "apps", city], 100, hash_key=5),
    ],
    "sparse": [fc.sparse_column()],
    "cluster": [fc.cluster_column(KMeans(n_clusters=2, columns=[age, city], random_state=0))],
    "cluster_distances": [
        fc.cluster_column(KMeans(n_clusters=2, columns=[ages, age], random_state=0), "distances"),
        fc.cluster_column(
            KMeans(n_clusters=2, columns=[ones, apps], distance="cosine", random_state=0),
            "distances",
            normalizer="standard",
        ),
    ],
    "leaves": [fc.leaf_column(FOREST)],
    "indicator": [fc.indicator_column(city)],
    "embedding": [fc.embedding_column(apps, 4, combiner="sqrtn", initializer=double)],
    "shared_embedding": fc.shared_embeddings([city, fc.categorical_column("apps")], 4),
}
EACH = [
    pytest.param(column, id=f"{kind}-{at}")
    for kind, columns in SAMPLES.items()
    for at, column in enumerate(columns)
]
each = pytest.mark.parametrize("column", EACH)


def frame_of(column):
    return MATRIX if column.kind == "sparse" else FRAME


def rows_of(column, rows):
    if column.kind == "sparse":
        return MATRIX[rows]
    return {key: [FRAME[key][row] for row in rows] for key in column.keys}


def parts(column, frame):
    """What a column encodes, as plain lists."""
    found = fc.encode([column], frame)
    ragged = [
        (r.offsets.tolist(), r.ids.tolist(), None if r.weights is None else r.weights.tolist())
        for r in found.ragged.values()
    ]
    return found.numbers.tolist(), found.ids.tolist(), ragged


def test_every_kind_has_samples():
    kinds = {kind for kind, cls in KINDS.items() if issubclass(cls, Column)}
    assert kinds == SAMPLES.keys()
    for kind, columns in SAMPLES.items():
        assert columns and all(type(column) is KINDS[kind] for column in columns)


@each
def test_learning_again_changes_nothing(column):
    learnt = column.learn(frame_of(column))
    assert learnt.learned and learnt.settled
    assert learnt.learn(frame_of(column)) is learnt
    assert learnt == column.learn(frame_of(column)) and hash(learnt) is not None
    assert learnt.name == column.name and learnt.keys == column.keys


@each
def test_nothing_is_learnt_from_no_rows(column):
    if column.settled:
        assert column.learn(rows_of(column, [])) is column
        return
    with pytest.raises(InvalidValue, match="no rows"):
        column.learn(rows_of(column, []))


@each
def test_a_copy_by_pickle_or_json_encodes_alike(column):
    frame = frame_of(column)
    learnt = column.learn(frame)
    functions = {f"{double.__module__}.double": double}
    written = json.dumps(fc.to_config([learnt, column]), allow_nan=False)
    copies = fc.from_config(json.loads(written), functions)
    assert copies == [learnt, column]
    for copy in (copies[0], pickle.loads(pickle.dumps(learnt))):
        assert copy == learnt and parts(copy, frame) == parts(learnt, frame)


@each
def test_rows_are_encoded_independently(column):
    frame = frame_of(column)
    learnt = column.learn(frame)
    n = 3 if column.kind == "sparse" else 5
    together = [each_row(learnt, parts(learnt, rows_of(column, [row])), 0) for row in range(n)]
    assert together == [each_row(learnt, parts(learnt, frame), row) for row in range(n)]


def each_row(column, found, row):
    numbers, ids, ragged = found
    bags = []
    for offsets, flat, weights in ragged:
        place = slice(offsets[row], offsets[row + 1])
        bags.append((flat[place], None if weights is None else weights[place]))
    return numbers[row], ids[row], bags


@each
def test_an_empty_frame_gives_empty_arrays(column):
    learnt = column.learn(frame_of(column))
    found = fc.encode([learnt], rows_of(column, []))
    assert len(found) == 0 and len(found.ids) == 0
    assert all(bag.offsets.tolist() == [0] and not len(bag.ids) for bag in found.ragged.values())


@each
def test_missing_and_unseen_values_never_crash(column):
    if column.kind == "sparse":
        return
    learnt = column.learn(FRAME)
    missing = {key: [None, np.nan] for key in column.keys}
    found = fc.encode([learnt], missing)
    assert np.isfinite(found.numbers).all()
    unseen = {
        "city": ["Paris", "5"],
        "apps": [["new"], [7]],
        "weights": [[1], [2]],
        "hour": [10**12, "x"],
        "age": [-1e9, 1e9],
        "when": ["1800-01-01", "2200-01-01"],
    }
    found = fc.encode([learnt], {key: unseen[key] for key in column.keys})
    assert np.isfinite(found.numbers).all()


@each
def test_ids_stay_below_the_size_and_numbers_fill_the_width(column):
    learnt = column.learn(frame_of(column))
    found = learnt.encode(frame_of(column)) if isinstance(learnt, (Categorical, Number)) else None
    if isinstance(learnt, Categorical):
        ids = found.ids if isinstance(found, Ragged) else found
        assert ids.dtype == learnt.dtype and ids.max() < learnt.size and ids.min() >= -1
        assert isinstance(found, Ragged) == learnt.several
        assert learnt.size > 10**6 or len(learnt.tokens()) == learnt.size
    elif isinstance(learnt, Number):
        assert found.dtype == np.float32 and found.shape == (5, learnt.width)
        assert found.flags.c_contiguous
    else:
        assert learnt.width >= 1 and learnt.categorical.learned


@pytest.mark.filterwarnings("ignore:Number of distinct clusters:UserWarning")
@each
def test_an_all_missing_column_can_be_learnt(column):
    if column.kind == "sparse":
        return
    frame = {key: [None, np.nan] for key in column.keys}
    found = fc.encode([column.learn(frame)], frame)
    assert np.isfinite(found.numbers).all() and found.ids.shape[0] == 2
