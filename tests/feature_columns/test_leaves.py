"""Leaves as ids: what rows that the trees saw are given, and what all others."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.ensemble
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

import cannery.feature_columns as fc
from cannery import (
    KMeans,
    LinearClassifier,
    LinearRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    WideDeepClassifier,
)
from cannery.errors import InvalidType, InvalidValue
from cannery.feature_columns import crossed_column, embedding_column, indicator_column, leaf_column

TREES = 30


@pytest.fixture(scope="module")
def data():
    """A target that neither column tells alone."""
    generator = np.random.default_rng(0)
    X = pd.DataFrame(
        {"size": generator.normal(size=600), "city": generator.choice(["a", "b"], 600)}
    )
    return X, ((X["size"] > 0) ^ (X["city"] == "a")).astype(int).to_numpy()


def forest(**settings):
    return RandomForestClassifier(n_estimators=TREES, max_leaf_nodes=12, **settings)


@pytest.fixture(scope="module")
def fitted(data):
    columns = [leaf_column(forest())]
    return LinearClassifier(columns=columns, random_state=0, warm_start=True).fit(*data)


def fed(model, X, y):
    (bag,) = (feed for feed in model.training_feeds(X, y).values() if hasattr(feed, "offsets"))
    return bag


def per_row(bag):
    return np.split(bag.ids, bag.offsets[1:-1])


def test_rows_of_the_fit_have_ids_of_trees_that_were_grown_without_them(data, fitted):
    X, y = data
    (column,) = fitted.columns_.columns
    inner = column.learner.estimator
    every = inner.apply(X)
    drawn = [set(samples.tolist()) for samples in inner.estimators_samples_]
    found = fed(fitted, X, y)
    for row, ids in enumerate(per_row(found)):
        assert ids.tolist() == [every[row, t] for t in range(TREES) if row not in drawn[t]]
    counts = np.diff(found.offsets)
    assert 0.3 < counts.mean() / TREES < 0.44
    assert_allclose(np.bincount(np.repeat(np.arange(600), counts), found.weights), TREES, rtol=1e-5)


def test_all_other_rows_have_an_id_of_each_tree(data, fitted):
    X, y = data
    (column,) = fitted.columns_.columns
    rows, ids, weights = fc.ids(column, X)
    assert_array_equal(ids.reshape(600, TREES), column.learner.estimator.apply(X))
    assert (weights == 1).all() and (np.bincount(rows) == TREES).all()
    # Rows to validate with, and other rows to go on training with, are such.
    assert (np.diff(fed(fitted, X.head(99), y[:99]).offsets) == TREES).all()
    seen = []
    original = fc.Leaves._ordinary
    fc.Leaves._ordinary = lambda self, frame: seen.append(frame.rows) or original(self, frame)
    try:
        LinearClassifier(
            columns=[leaf_column(forest())], validation_fraction=0.25, epochs=1, random_state=0
        ).fit(X, y)
    finally:
        fc.Leaves._ordinary = original
    assert seen == [150]


def test_ids_of_a_tree_are_a_range_of_their_own(data, fitted):
    (column,) = fitted.columns_.columns
    every = column.learner.estimator.apply(data[0])
    tokens = column.tokens()
    assert len(tokens) == len(set(tokens)) == column.size > every.max()
    for tree in range(TREES):
        assert {tokens[leaf].split(".")[0] for leaf in every[:, tree]} == {str(tree)}


@pytest.mark.parametrize("use", ["wide", "crossed", "embedded", "counted"])
def test_leaves_wherever_categories_go(data, use):
    X, y = data
    leaves = leaf_column(forest())
    model = WideDeepClassifier(
        linear_columns={"wide": [leaves], "crossed": [crossed_column([leaves, "city"], 500)]}.get(
            use, []
        ),
        deep_columns={
            "embedded": [embedding_column(leaves, 4)],
            "counted": [indicator_column(leaves)],
        }.get(use, [fc.numeric_column("size")]),
        hidden_units=(8,),
        epochs=20,
        random_state=0,
    )
    model = clone(model).fit(X, y)
    assert model.score(X, y) > 0.97
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    alone = [model.predict_proba(X.iloc[[row]])[0] for row in range(5)]
    assert_allclose(model.predict_proba(X.head(5)), alone, rtol=1e-5)


def test_a_cross_has_the_weights_of_its_leaves(data, fitted):
    X, y = data
    cross = crossed_column([leaf_column(forest()), "city"], 1000)
    model = LinearClassifier(columns=[cross], random_state=0, warm_start=True).fit(X, y)
    found = fed(model, X, y)
    each = np.add.reduceat(found.weights, found.offsets[:-1])
    assert_allclose(each, TREES, rtol=1e-5)


def test_random_targets_are_not_learnt_by_heart(data):
    X, _ = data
    y = np.random.default_rng(1).integers(0, 2, len(X))
    column = leaf_column(RandomForestClassifier(n_estimators=TREES))
    model = LinearClassifier(columns=[column], epochs=1, random_state=0, warm_start=True).fit(X, y)
    inner = model.columns_.columns[0].learner.estimator
    says = inner.variables_["leaf_values"][:, 0]

    def auc(ids):
        return roc_auc_score(y, [says[leaves].mean() for leaves in ids])

    assert auc(inner.apply(X)) > 0.9  # all trees together know each row
    assert auc(per_row(fed(model, X, y))) < 0.6


def test_targets_of_every_kind(data):
    X, y = data
    column = leaf_column(forest(random_state=0))
    names = np.array(["low", "middle", "high"])[y + (X["size"] > 1)]
    assert LinearClassifier(columns=[column], random_state=0).fit(X, names).score(X, names) > 0.9
    numbers = leaf_column(RandomForestRegressor(n_estimators=TREES, max_leaf_nodes=12))
    model = LinearRegressor(columns=[numbers], random_state=0).fit(X, y * 1000.0)
    assert model.score(X, y * 1000.0) > 0.8


def test_weights_reach_the_forest(data):
    X, y = data
    model = LinearClassifier(columns=[leaf_column(forest())], random_state=0)
    weights = np.where(np.arange(600) < 300, 1.0, 0.0)
    model.fit(X, y, sample_weight=weights)
    drawn = np.concatenate(model.columns_.columns[0].learner.estimator.estimators_samples_)
    assert drawn.max() < 300


def test_the_seed_of_the_fit_decides_and_a_grid_chooses(data):
    X, y = data

    def logits(seed):
        model = LinearClassifier(columns=[leaf_column(forest())], random_state=seed)
        return model.fit(X, y).decision_function(X)

    assert_array_equal(logits(0), logits(0))
    assert (logits(0) != logits(1)).any()
    grid = {"columns": [[leaf_column(forest(max_depth=depth))] for depth in (1, 4)]}
    search = GridSearchCV(LinearClassifier(random_state=0), grid, cv=2).fit(X, y)
    assert search.best_params_["columns"][0].learner.estimator.max_depth == 4


def test_a_fitted_forest_is_used_as_it_is(data):
    X, y = data
    grown = forest(random_state=0).fit(X, y)
    column = leaf_column(grown, name="paths")
    assert column.learned and column.name == "paths"
    model = LinearClassifier(columns=[column], random_state=0, warm_start=True).fit(X, y)
    assert (np.diff(fed(model, X, y).offsets) == TREES).all()
    assert_array_equal(fc.ids(column, X)[1].reshape(600, -1), grown.apply(X))


def test_a_constant_target_of_the_forest_gives_trees_of_one_leaf(data):
    X, _ = data
    stumps = RandomForestRegressor(n_estimators=3).fit(X, np.ones(600))
    column = leaf_column(stumps)
    assert column.size == 3 and column.tokens() == ["0.0", "1.0", "2.0"]
    assert fc.ids(column, X.head(2))[1].tolist() == [0, 1, 2, 0, 1, 2]


def test_what_stands_in_no_column(data):
    X, y = data
    theirs = sklearn.ensemble.RandomForestClassifier()
    for wrong in (RandomForestClassifier, KMeans(), LinearClassifier(), theirs, 3):
        with pytest.raises(InvalidType, match="leaf_column: needs a forest of this library"):
            leaf_column(wrong)
    with pytest.raises(InvalidValue, match="needs trees that have not seen every row"):
        LinearClassifier(columns=[leaf_column(forest(bootstrap=False))]).fit(X, y)
    with pytest.raises(InvalidValue, match="takes a sparse matrix apart, and a column cannot"):
        LinearClassifier(columns=[leaf_column(forest())]).fit(scipy.sparse.eye_array(len(y)), y)
    with pytest.raises(InvalidValue, match="learns from targets, and this frame has none"):
        leaf_column(forest()).learn(X)
    with pytest.raises(InvalidValue, match="call learn first"):
        leaf_column(forest()).encode(X)


def test_continuing_a_fit_after_json_says_that_the_rows_are_forgotten(data, fitted):
    X, _ = data
    (column,) = fitted.columns_.columns
    copy = fc.from_config(fc.to_config(column))
    assert_array_equal(copy.encode(X).ids, column.encode(X).ids)
    with pytest.raises(InvalidValue, match="does not remember which rows"):
        copy._left_out(len(X))
