"""KMeans: what a user relies on, beside scikit-learn's own checks."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans as Reference
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cannery import KMeans, LinearClassifier
from cannery.errors import InvalidType, InvalidValue, ShapeMismatch
from cannery.feature_columns import (
    categorical_column,
    categorical_column_with_vocabulary_list,
    embedding_column,
    numeric_column,
)
from cannery.graph.compiler.toolchain import find_toolchain

ALGORITHMS = [(a, d) for a in ("lloyd", "mini_batch") for d in ("squared_euclidean", "cosine")]
each = pytest.mark.parametrize(("algorithm", "distance"), ALGORITHMS)


def blobs(rows=400, clusters=4, width=3, spread=0.1, seed=0):
    """Return rows around centres, and the centre of each."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(clusters, width)) * 3
    labels = np.arange(rows) % clusters
    return centers[labels] + spread * generator.normal(size=(rows, width)), labels


def raw(width=3):
    return [numeric_column(f"x{i}") for i in range(width)]


@each
def test_well_separated_clusters_are_found(algorithm, distance):
    X, labels = blobs()
    model = KMeans(
        columns=raw(), n_clusters=4, algorithm=algorithm, distance=distance, random_state=0
    )
    assert adjusted_rand_score(labels, model.fit_predict(X)) == 1.0
    assert_array_equal(model.labels_, model.predict(X))
    assert_array_equal(model.labels_, model.transform(X).argmin(axis=1))
    assert model.labels_.dtype == np.int32 and model.n_iter_ >= 1
    assert model.score(X) == -model.inertia_


def test_as_scikit_learn_from_the_same_start():
    X, _ = blobs(500, 5, 4, spread=1.0)
    start = X[:5]
    weights = np.random.default_rng(1).integers(0, 3, 500)
    model = KMeans(columns=raw(4), n_clusters=5, init=start).fit(X, sample_weight=weights)
    theirs = Reference(5, init=start, n_init=1).fit(X, sample_weight=weights)
    assert_allclose(model.cluster_centers_, theirs.cluster_centers_, rtol=1e-5, atol=1e-5)
    assert_allclose(model.inertia_, theirs.inertia_, rtol=1e-5)
    assert model.n_iter_ == theirs.n_iter_
    assert_array_equal(model.labels_, theirs.labels_)
    assert_allclose(model.transform(X), theirs.transform(X), rtol=1e-4, atol=1e-4)
    assert_allclose(model.score(X, None, weights), theirs.score(X, None, weights), rtol=1e-5)


def test_inferred_numbers_are_standardised():
    X, _ = blobs(300, 3, 2, spread=0.5)
    X = X * [1.0, 1000.0]
    start = StandardScaler().fit_transform(X)[:3]
    theirs = Reference(3, init=start, n_init=1).fit(StandardScaler().fit_transform(X))
    assert_allclose(KMeans(n_clusters=3, init=start).fit(X).inertia_, theirs.inertia_, rtol=1e-5)


def test_starts_are_as_good_as_scikit_learns():
    X, _ = blobs(300, 6, 2, spread=0.4, seed=3)
    settings = {"n_clusters": 6, "n_init": 1, "max_iter": 1}
    ours = [KMeans(columns=raw(2), random_state=s, **settings).fit(X).inertia_ for s in range(12)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = [Reference(random_state=s, **settings).fit(X).inertia_ for s in range(12)]
    assert np.mean(ours) < 1.2 * np.mean(theirs)


def test_far_from_the_origin_little_cancels_out():
    X, _ = blobs(200, 2, 2, spread=0.01)
    X = X + 1e4
    model = KMeans(columns=raw(2), n_clusters=2, random_state=0).fit(X)
    narrow = X.astype(np.float32).astype(np.float64)
    exact = np.linalg.norm(narrow[:, None] - model.cluster_centers_, axis=2)
    assert_allclose(model.transform(X), exact, atol=3e-3)
    assert_allclose(model.inertia_, (exact.min(axis=1) ** 2).sum(), rtol=1e-3)


def test_of_several_starts_the_best_is_kept():
    X, _ = blobs(200, 8, 2, spread=0.05, seed=5)
    settings = {"columns": raw(2), "n_clusters": 8, "init": "random"}
    one = [KMeans(n_init=1, random_state=s, **settings).fit(X).inertia_ for s in range(5)]
    assert KMeans(random_state=0, **settings).fit(X).inertia_ <= np.median(one)


def test_a_callable_is_given_rows_as_they_are():
    X, _ = blobs(100, 3)
    seen = []

    def first(x, clusters, random_state):
        seen.append(x)
        return x[random_state.permutation(len(x))[:clusters]]

    model = KMeans(columns=raw(), n_clusters=3, init=first, n_init=2, random_state=0).fit(X)
    assert len(seen) == 2
    assert_allclose(seen[0], X, rtol=1e-5, atol=1e-5)
    assert model.inertia_ < np.inf


@each
def test_empty_clusters_start_anew_and_never_at_the_origin(algorithm, distance):
    """Two of three starts are nearest to no row at all."""
    X, _ = blobs(300, 3, 3, spread=0.05, seed=2)
    X = X + 5
    start = np.array([X[0], X[0] + 100, X[0] + 101])
    model = KMeans(
        columns=raw(),
        n_clusters=3,
        init=start,
        algorithm=algorithm,
        distance=distance,
        batch_size=50,
        random_state=0,
    ).fit(X)
    assert len(np.unique(model.labels_)) == 3
    if distance == "squared_euclidean":
        assert np.linalg.norm(model.cluster_centers_, axis=1).min() > 3
    else:
        assert_allclose(np.linalg.norm(model.cluster_centers_, axis=1), 1, rtol=1e-5)


@each
def test_more_clusters_than_distinct_rows(algorithm, distance):
    X = np.repeat([[3.0, 4.0], [5.0, 1.0]], 20, axis=0)
    settings = {"algorithm": algorithm, "distance": distance, "random_state": 0}
    model = KMeans(columns=raw(2), n_clusters=3, **settings)
    with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(2\)"):
        model.fit(X)
    assert model.inertia_ == pytest.approx(0, abs=1e-5)
    assert np.isfinite(model.cluster_centers_).all()
    assert np.abs(model.cluster_centers_).max(axis=1).min() > 0.1


@each
def test_a_weight_of_zero_leaves_a_row_out(algorithm, distance):
    X, _ = blobs(200, 3)
    start = X[:3]
    settings = {"algorithm": algorithm, "distance": distance, "random_state": 0}
    settings |= {"columns": raw(), "n_clusters": 3, "init": start}
    weights = np.ones(200)
    weights[150:] = 0
    whole = KMeans(**settings).fit(X, sample_weight=weights)
    part = KMeans(**settings).fit(X[:150])
    assert_allclose(whole.cluster_centers_, part.cluster_centers_, rtol=1e-5, atol=1e-5)
    assert whole.inertia_ == pytest.approx(part.inertia_, rel=1e-5)
    assert len(whole.labels_) == 200


def test_batches_that_stream_in():
    X, labels = blobs(2000, 4)
    model = KMeans(n_clusters=4, random_state=0)
    for rows in np.array_split(X, 20):
        model.partial_fit(rows)
    assert model.n_iter_ == 20 and len(model.labels_) == 100
    assert adjusted_rand_score(labels, model.predict(X)) == 1.0
    with pytest.raises(InvalidValue, match="cannot change"):
        model.set_params(n_clusters=5).partial_fit(X)
    assert len(model.transform(X)[0]) == 4


def test_a_batch_after_a_fit_moves_centres_little():
    X, _ = blobs(1000, 2)
    model = KMeans(columns=raw(), n_clusters=2, random_state=0).fit(X)
    before = model.cluster_centers_
    model.partial_fit(X[:10] + 1)
    assert 0 < np.abs(model.cluster_centers_ - before).max() < 0.05


def test_a_batch_that_fails_leaves_the_model_as_it_was():
    X, _ = blobs(100, 2)
    model = KMeans(n_clusters=2, random_state=0).partial_fit(X)
    before = copy.deepcopy(model)
    with pytest.raises(InvalidValue):
        model.partial_fit(X, sample_weight=-np.ones(100))
    model.partial_fit(X)
    before.partial_fit(X)
    assert_array_equal(model.cluster_centers_, before.cluster_centers_)


def test_categories_are_counted_and_named():
    X = pd.DataFrame({"size": [1.0, 1.1, 9.0, 9.1], "city": ["Oslo", "Oslo", "Rome", None]})
    city = categorical_column_with_vocabulary_list("city", ["Oslo", "Rome"])
    model = KMeans(columns=[numeric_column("size"), city], n_clusters=2, random_state=0).fit(X)
    assert model.centers_.columns.tolist() == ["size", "city=Oslo", "city=Rome"]
    assert_allclose(np.sort(model.centers_["city=Rome"]), [0, 0.5], atol=1e-6)
    assert_allclose(model.transform(X)[0, model.labels_[0]], 0.05, atol=1e-5)


def test_an_embedding_has_a_fixed_table():
    X = {"city": ["a", "b", "c", "d"] * 10}
    table = np.array([[0, 0], [0, 1], [9, 9], [9, 8], [5, 5]], float)
    column = embedding_column(
        categorical_column("city"), 2, initializer=lambda generator, shape: table[: shape[0]]
    )
    model = KMeans(columns=[column], n_clusters=2, random_state=0).fit(X)
    assert model.labels_[0] == model.labels_[1] != model.labels_[2] == model.labels_[3]
    drawn = embedding_column(categorical_column("city"), 16)
    first, second = (KMeans(columns=[drawn], n_clusters=4, random_state=0).fit(X) for _ in range(2))
    assert_array_equal(first.cluster_centers_, second.cluster_centers_)
    assert first.inertia_ == pytest.approx(0, abs=1e-4)


def test_missing_numbers_are_treated_by_their_column():
    X = pd.DataFrame({"a": [1.0, None, 1.2, 9.0, 9.1], "b": [None] * 5})
    model = KMeans(n_clusters=2, random_state=0).fit(X)
    assert model.centers_.columns.tolist() == ["a"] and np.isfinite(model.inertia_)
    with pytest.raises(InvalidValue, match="leaves missing numbers missing"):
        KMeans(columns=[numeric_column("a", missing="nan")]).fit(X)


def test_constant_columns():
    X = np.array([[1.0, 5.0]] * 3 + [[2.0, 5.0]] * 3)
    model = KMeans(n_clusters=2, random_state=0).fit(X)
    assert model.inertia_ == pytest.approx(0, abs=1e-9)
    with pytest.raises(InvalidValue, match="nothing in X tells rows apart"):
        KMeans(n_clusters=2).fit(pd.DataFrame({"a": [1, 1, 1]}))


@pytest.mark.parametrize("width", [20, 3000])
def test_a_sparse_matrix(width):
    generator = np.random.default_rng(0)
    X = np.zeros((60, width), np.float32)
    for row in range(60):
        block = (row % 3) * (width // 3)
        X[row, block + generator.choice(width // 3, min(6, width // 3), replace=False)] = 1
    settings = {"n_clusters": 3, "distance": "cosine", "n_init": 5, "random_state": 0}
    model = KMeans(**settings).fit(scipy.sparse.csr_array(X))
    if width == 20:
        dense = KMeans(columns=raw(20), **settings).fit(X)
        assert model.inertia_ == pytest.approx(dense.inertia_, rel=1e-4)
        assert adjusted_rand_score(np.arange(60) % 3, model.labels_) == 1.0
    assert model.cluster_centers_.shape[1] == min(width, model.cluster_centers_.shape[1])


def test_cosine_looks_at_directions_alone():
    X, _ = blobs(300, 3)
    scale = np.random.default_rng(0).uniform(0.1, 1e3, (300, 1))
    settings = {"columns": raw(), "n_clusters": 3, "distance": "cosine", "random_state": 0}
    model = KMeans(**settings).fit(X)
    longer = KMeans(**settings).fit(X * scale)
    assert_array_equal(model.labels_, longer.labels_)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    assert_allclose(model.transform(X), 1 - unit @ model.cluster_centers_.T, atol=1e-6)


def test_rows_without_a_direction():
    X, _ = blobs(100, 3)
    X[7] = 0
    settings = {"columns": raw(), "n_clusters": 3, "distance": "cosine", "random_state": 0}
    model = KMeans(**settings).fit(X)
    assert_array_equal(model.transform(X)[7], 1)
    assert model.labels_[7] == 0
    with pytest.raises(InvalidValue, match="no direction"):
        KMeans(**settings).fit(np.zeros((5, 3)))


def test_what_evaluate_says():
    X, _ = blobs(500, 4)
    model = KMeans(n_clusters=4, random_state=0).fit(X)
    found = model.evaluate(X)
    assert found["score"] == -found["inertia"] == -model.inertia_
    assert sorted(found["cluster_sizes"]) == [125] * 4
    assert 0.8 < found["silhouette"] <= 1
    assert model.evaluate(X, sample_weight=[2] * 500)["cluster_sizes"] == [250.0] * 4
    assert np.isnan(KMeans(n_clusters=1).fit(X).evaluate(X)["silhouette"])


def test_names_and_frames_of_distances():
    X, _ = blobs(100, 3)
    model = KMeans(n_clusters=3, random_state=0).set_output(transform="pandas")
    assert model.fit_transform(X).columns.tolist() == ["kmeans0", "kmeans1", "kmeans2"]


def test_distances_feed_other_models():
    X, labels = blobs(300, 4)
    pipeline = make_pipeline(KMeans(n_clusters=4, random_state=0), LinearClassifier(random_state=0))
    assert pipeline.fit(X, labels % 2).score(X, labels % 2) == 1.0
    assert clone(pipeline)[0].n_clusters == 4


def test_pickled_and_streamed_on():
    X, _ = blobs(100, 3)
    model = KMeans(n_clusters=3, random_state=0).fit(X)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.transform(X), model.transform(X))
    assert_array_equal(
        loaded.partial_fit(X).cluster_centers_, model.partial_fit(X).cluster_centers_
    )


@each
def test_no_result_depends_on_the_number_of_threads(algorithm, distance):
    X, _ = blobs(3000, 5, 8, spread=1.0)
    settings = {"algorithm": algorithm, "distance": distance, "random_state": 0, "max_iter": 5}
    settings |= {"n_clusters": 200}
    one, two = (KMeans(n_jobs=n, **settings).fit(X) for n in (1, 2))
    assert_allclose(one.inertia_, two.inertia_, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_clusters": 0}, InvalidValue, "whole number of at least 1"),
        ({"n_clusters": 11}, InvalidValue, "n_samples=10 should be >= n_clusters=11"),
        ({"init": "best"}, InvalidType, "must be 'k-means"),
        ({"init": np.zeros((2, 5))}, ShapeMismatch, r"must have shape \(2, 3\)"),
        ({"init": np.full((2, 3), np.nan)}, InvalidValue, "NaN"),
        ({"n_init": 0}, InvalidValue, "'auto' or a whole number"),
        ({"tol": -1}, InvalidValue, "at least 0"),
        ({"distance": "manhattan"}, InvalidValue, "one of"),
        ({"algorithm": "elkan"}, InvalidValue, "one of"),
        ({"columns": []}, InvalidValue, "at least one column"),
        ({"columns": ["x0"]}, InvalidType, "must be feature columns"),
        ({"columns": 3}, InvalidType, "must be a list of feature columns"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    X, _ = blobs(10, 2)
    with pytest.raises(error, match=message):
        KMeans(**{"n_clusters": 2, **settings}).fit(X)


@pytest.mark.parametrize("weights", [[-1.0] * 10, [0.0] * 10, [np.nan] * 10, [1.0] * 9])
def test_bad_weights_are_refused(weights):
    X, _ = blobs(10, 2)
    with pytest.raises(InvalidValue, match="sample_weight"):
        KMeans(n_clusters=2).fit(X, sample_weight=weights)


def test_rows_of_weight_zero_do_not_make_up_for_clusters():
    X, _ = blobs(10, 2)
    with pytest.raises(InvalidValue, match="n_samples=2 should be >= n_clusters=3"):
        KMeans(n_clusters=3).fit(X, sample_weight=[1, 1] + [0] * 8)


def test_numbers_too_large_for_their_squares():
    X = np.array([[1.0], [1e25], [2.0]])
    with pytest.raises(InvalidValue, match="column 'x0': row 1 is too large"):
        KMeans(columns=raw(1), n_clusters=2).fit(X)
    assert KMeans(n_clusters=2, random_state=0).fit(X).inertia_ < 1e-6


@pytest.mark.parametrize("distance", ["squared_euclidean", "cosine"])
def test_compiled_answers(distance):
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")
    X, _ = blobs(100, 3)
    X[7] = 0
    settings = {"columns": raw(), "n_clusters": 3, "distance": distance, "random_state": 0}
    compiled, interpreted = (KMeans(jit=jit, **settings).fit(X) for jit in (True, False))
    assert_allclose(compiled.transform(X), interpreted.transform(X), atol=1e-5)
    assert_array_equal(compiled.labels_, compiled.predict(X))
    assert compiled.inertia_ == pytest.approx(interpreted.inertia_, rel=1e-5)


def test_each_start_is_heard_of(capsys):
    X, _ = blobs(50, 2)
    KMeans(n_clusters=2, n_init=2, verbose=1, random_state=0).fit(X)
    assert capsys.readouterr().out.startswith("start 1: ")
