"""Columns whose learner is fitted inside the fit of the estimator they are in."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import cannery.feature_columns as fc
from cannery import (
    KMeans,
    LinearClassifier,
    LinearRegressor,
    WideDeepClassifier,
)
from cannery.errors import InvalidType, InvalidValue
from cannery.estimators.training.identity import described
from cannery.feature_columns import (
    FeatureColumns,
    as_frame,
    cluster_column,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)
from cannery.feature_columns.column import Number
from cannery.feature_columns.learners import Learner, LearnerColumn


@pytest.fixture(scope="module")
def data():
    """Three groups along a line, of which the middle one differs."""
    generator = np.random.default_rng(0)
    group = np.arange(240) % 3
    size = group * 5.0 + generator.normal(size=240) / 4
    X = pd.DataFrame({"size": size, "city": np.array(["Oslo", "Rome"])[np.arange(240) % 2]})
    return X, (group == 1).astype(int)


def kmeans(**settings):
    return KMeans(columns=[numeric_column("size")], n_clusters=3, **settings)


@pytest.mark.parametrize("use", ["wide", "crossed", "counted", "embedded", "distances"])
def test_clusters_wherever_columns_go(data, use):
    X, y = data
    cluster = cluster_column(kmeans())
    wide = {"wide": [cluster], "crossed": [crossed_column([cluster, "city"], 50)]}
    deep = {
        "counted": [indicator_column(cluster)],
        "embedded": [embedding_column(cluster, 2)],
        "distances": [cluster_column(kmeans(), "distances", normalizer="standard")],
    }
    model = WideDeepClassifier(
        linear_columns=wide.get(use, []),
        deep_columns=deep.get(use, [numeric_column("size")]),
        hidden_units=(8,),
        epochs=30,
        random_state=0,
    )
    assert model.fit(X, y).score(X, y) == 1.0


def test_one_learner_serves_all_its_columns(data, monkeypatch):
    X, y = data
    fits = []
    monkeypatch.setattr(KMeans, "_best", count(KMeans._best, fits))
    model = WideDeepClassifier(
        linear_columns=[cluster_column(kmeans())],
        deep_columns=[
            embedding_column(cluster_column(kmeans()), 2),
            cluster_column(kmeans(), "distances"),
        ],
        epochs=1,
        warm_start=True,
        random_state=0,
    )
    model = clone(model).fit(X, y)
    assert len(fits) == 1
    assert [column.name for column in model.columns_.cores] == [
        "kmeans_cluster",
        "kmeans_distances",
    ]
    model.fit(X, y).partial_fit(X, y).predict(X)
    assert len(fits) == 1


def count(function, calls):
    def counted(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return counted


def test_the_seed_of_the_fit_decides(data):
    X, y = data

    def centers(seed, own=None):
        columns = [cluster_column(kmeans(init="random", n_init=1, max_iter=1, random_state=own))]
        model = LinearClassifier(columns=columns, epochs=1, random_state=seed).fit(X, y)
        return model.columns_.columns[0].learner.estimator.cluster_centers_.tolist()

    assert centers(0) == centers(0) != centers(1)
    assert centers(0, own=5) == centers(1, own=5)


def test_nothing_else_is_drawn_otherwise(data):
    """A model without such columns has the bits that it always had, and so has its training."""
    X, y = data
    plain = LinearClassifier(columns=[numeric_column("size")], epochs=1, random_state=0).fit(X, y)
    drawn = plain._random.integers(2**31)
    columns = [numeric_column("size"), cluster_column(kmeans())]
    model = LinearClassifier(columns=columns, epochs=1, random_state=0).fit(X, y)
    assert model._random.integers(2**31) == drawn


def test_a_fitted_learner_is_used_as_it_is(data):
    X, y = data
    fitted = kmeans(random_state=3).fit(X)
    column = cluster_column(fitted)
    assert column.learned and column.size == 3 and column.keys == ("size",)
    model = clone(LinearClassifier(columns=[column], random_state=0)).fit(X.head(100), y[:100])
    used = model.columns_.columns[0].learner.estimator
    assert_array_equal(used.cluster_centers_, fitted.cluster_centers_)
    assert_array_equal(fc.ids(column, X)[1], fitted.labels_)


def test_weights_of_the_fit_move_the_centres(data):
    X, y = data
    weights = (X["size"] < 7).astype(float)
    columns = [cluster_column(KMeans(columns=[numeric_column("size")], n_clusters=2))]
    model = LinearClassifier(columns=columns, random_state=0).fit(X, y, sample_weight=weights)
    centers = model.columns_.columns[0].learner.estimator.cluster_centers_
    assert np.allclose(np.sort(centers.ravel()), [0, 5], atol=0.5)


def test_inferred_columns_of_the_learner(data):
    X, y = data
    for rows in (X, X.to_dict("list"), X[["size"]].to_numpy()):
        column = cluster_column(KMeans(n_clusters=3), name="group")
        model = LinearClassifier(columns=[column], random_state=0).fit(rows, y)
        assert len(model.predict(rows)) == 240
        assert set(model.linear_weights_["column"]) == {"group", "(bias)"}


def test_grid_search_over_clusters(data):
    X, y = data
    grid = {"columns": [[cluster_column(KMeans(n_clusters=k))] for k in (1, 3)]}
    search = GridSearchCV(LinearClassifier(random_state=0), grid, cv=2).fit(X[["size"]], y)
    assert search.best_params_["columns"][0].learner.estimator.n_clusters == 3


def test_as_features(data):
    X, _ = data
    columns = [cluster_column(kmeans(random_state=0)), numeric_column("size")]
    features = FeatureColumns(columns=columns).fit(X)
    assert features.get_feature_names_out().tolist()[:2] == ["kmeans_cluster=0", "kmeans_cluster=1"]
    assert features.transform(X)[:, :3].sum() == 240


def test_one_row_is_answered_like_many(data):
    X, y = data
    columns = [cluster_column(kmeans()), cluster_column(kmeans(), "distances")]
    model = LinearClassifier(columns=columns, random_state=0).fit(X, y)
    together = model.predict_proba(X.head(20))
    alone = [model.predict_proba(X.iloc[[row]])[0] for row in range(20)]
    assert_array_equal(together, alone)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_checkpoint_knows_learners_apart():
    three, four = (cluster_column(KMeans(n_clusters=k)) for k in (3, 4))
    assert described(three) == described(cluster_column(KMeans(n_clusters=3))) != described(four)


def test_what_stands_in_no_column():
    for wrong in (KMeans, 3, LinearClassifier()):
        with pytest.raises(InvalidType, match="cluster_column: needs a clusterer"):
            cluster_column(wrong)
    with pytest.raises(InvalidValue, match="must be one of 'cluster', 'distances'"):
        cluster_column(KMeans(), "labels")
    with pytest.raises(InvalidValue, match="a cluster has no scale"):
        cluster_column(KMeans(), normalizer="standard")
    with pytest.raises(InvalidValue, match="call learn first"):
        cluster_column(KMeans(columns=[numeric_column("a")])).encode({"a": [1.0]})


# Learners that see targets: a regression stands for any of them.


@dataclass(frozen=True)
class Guess(LearnerColumn, Number):
    """What a regression predicts; zero for the rows it was fitted on."""

    learner: Learner
    width: int = 1

    @property
    def name(self):
        return "guess"

    def _with(self, learner, frame):
        return dataclasses.replace(self, learner=learner)

    def encode(self, frame):
        return np.ascontiguousarray(self.values(as_frame(frame)), np.float32)

    def _ordinary(self, frame):
        return self.learner.answers(frame, "predictions")

    def _held_out(self, frame):
        return np.zeros((frame.rows, 1), np.float32)


def guess(**settings):
    return Guess(Learner(LinearRegressor(columns=[numeric_column("size")], epochs=3, **settings)))


def fed(model, X, y):
    return model.training_feeds(X, y)["numbers"][:, 0]


def test_rows_that_a_learner_saw_are_held_out_in_fits_alone(data):
    X, y = data
    model = LinearClassifier(columns=[guess()], warm_start=True, random_state=0).fit(X, y)
    assert not fed(model, X, y).any()
    assert fed(model, X.tail(100), y[-100:]).all()
    assert model.columns_.encode(X).numbers.all()
    loaded = pickle.loads(pickle.dumps(model.fit(X, y)))
    assert not fed(loaded, X, y).any()


def test_rows_to_validate_with_are_answered_like_any_others(data):
    X, y = data
    model = LinearClassifier(columns=[guess()], validation_fraction=0.25, random_state=0)
    seen = []
    original = Guess._ordinary
    Guess._ordinary = lambda self, frame: seen.append(frame.rows) or original(self, frame)
    try:
        model.fit(X, y)
    finally:
        Guess._ordinary = original
    assert seen == [60]


def test_the_learner_has_the_targets_as_the_fit_encodes_them(data):
    X, y = data
    names = np.array(["no", "yes"])[y]
    model = LinearClassifier(columns=[guess()], random_state=0).fit(X, names)
    inner = model.columns_.columns[0].learner.estimator
    alone = LinearRegressor(
        columns=[numeric_column("size")], epochs=3, random_state=inner.random_state
    ).fit(X, y.astype(np.float32))
    assert_array_equal(inner.predict(X), alone.predict(X))


def test_without_targets_there_is_nothing_to_learn(data):
    X, _ = data
    with pytest.raises(InvalidValue, match="learns from targets, and this frame has none"):
        guess().learn(X)
    with pytest.raises(InvalidValue, match="column 'guess'"):
        KMeans(columns=[guess()], n_clusters=2).fit(X)
