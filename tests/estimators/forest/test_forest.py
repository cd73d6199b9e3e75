"""Forests on raw frames: what they see, what they answer, what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.inspection import permutation_importance

import cannery
from cannery import RandomForestClassifier, RandomForestRegressor
from cannery.errors import InvalidType, InvalidValue
from cannery.feature_columns import (
    bucketized_column,
    categorical_column,
    categorical_column_with_hash_bucket,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)


def classifier(**settings):
    return RandomForestClassifier(n_estimators=10, random_state=0, **settings)


def regressor(**settings):
    return RandomForestRegressor(n_estimators=10, random_state=0, **settings)


@pytest.fixture(scope="module")
def shop():
    """Rows whose price hangs on one of 3,000 makers; text, dates and lists, some missing."""
    random = np.random.default_rng(0)
    maker = random.integers(0, 3000, 6000)
    size = random.normal(size=6000)
    X = pd.DataFrame({"maker": [f"m{i}" for i in maker], "size": size, "blank": np.nan})
    X["made"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 99, 6000), "D")
    X["tags"] = [["red"] if i % 3 else ["red", "big"] for i in range(6000)]
    X["same"] = "always"
    worth = random.normal(size=3000)[maker] * 3 + size
    X.loc[::7, "size"] = np.nan
    X.loc[::11, "maker"] = None
    return X, worth


def test_thousands_of_categories_with_gaps_are_split_without_one_hot(shop):
    X, worth = shop
    model = regressor(n_jobs=2).fit(X[:5000], worth[:5000])
    assert model.score(X[5000:], worth[5000:]) > 0.3
    assert model.importances().index[0] == "maker"
    assert model.columns_.columns[0].size > 2000
    strange = X.iloc[[1] * 4].assign(maker=["m1", "never seen", None, 5])
    assert np.isfinite(model.predict(strange)).all()
    assert model.predict(strange)[1] == model.predict(strange)[3]


def test_missing_numbers_tell_something():
    random = np.random.default_rng(0)
    x, other = random.normal(size=(2, 400))
    y = np.isnan(np.where(other > 0, np.nan, x)).astype(int)
    X = pd.DataFrame({"x": np.where(other > 0, np.nan, x)})
    assert classifier().fit(X, y).score(X, y) == 1.0
    # Where the fit saw none, missing ones follow the heavier child, whatever x is.
    model = classifier().fit(pd.DataFrame({"x": x}), x > 1)
    assert not model.predict(pd.DataFrame({"x": [np.nan]}))[0]


def test_predictions_are_the_mean_of_the_leaves():
    X, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 3
    model = classifier().fit(X, y)
    shares = model.predict_proba(X)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    assert set(np.unique(np.round(shares * 10, 4) % 1)) == {0.0}  # pure leaves of ten trees
    assert (model.predict(X) == shares.argmax(axis=1)).all()
    found = model.evaluate(X, y)
    assert found["accuracy"] == model.score(X, y) and np.isfinite(found["average_loss"])


def test_probabilities_of_zero_cost_a_finite_loss():
    X = np.array([[0.0], [1.0]] * 20)
    y = np.array([0, 1] * 20)
    model = classifier(bootstrap=False).fit(X, y)
    assert model.predict_proba(X)[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert model.evaluate(X, 1 - y)["average_loss"] == pytest.approx(23 * np.log(2), rel=1e-3)
    assert abs(model.decision_function(X)).max() < 16


def test_compiled_or_not_the_forest_is_the_same(shop):
    X, worth = shop[0][:600], shop[1][:600]
    for cls, y in ((classifier, worth > 0), (regressor, worth)):
        quick, slow = (cls(jit=jit, n_jobs=n).fit(X, y) for jit, n in (("auto", 2), (False, 1)))
        for name, table in quick.variables_.items():
            assert (slow.variables_[name] == table).all()
        assert (quick.feature_importances_ == slow.feature_importances_).all()
        np.testing.assert_allclose(quick.predict(X) * 1.0, slow.predict(X) * 1.0, rtol=1e-5)


def test_several_outputs_are_grown_together(shop):
    X, worth = shop
    labels = np.stack([worth > 0, X["size"] > 0], axis=1).astype(int)
    model = classifier(criterion="entropy").fit(X[:2000], labels[:2000])
    assert model.predict(X[:9]).shape == (9, 2)
    assert "auc/class1" in model.evaluate(X[2000:3000], labels[2000:3000])
    numbers = np.stack([worth, X["size"].fillna(0) * 1e6], axis=1)
    both = regressor().fit(X[:2000], numbers[:2000])
    assert both.predict(X[:9]).shape == (9, 2)
    assert both.score(X[:2000], numbers[:2000]) > 0.7


def test_rows_out_of_bag_judge_the_forest():
    random = np.random.default_rng(0)
    X = random.normal(size=(1500, 4))
    y = (X[:, 0] + X[:, 1] + random.normal(0, 0.7, 1500) > 0).astype(int)
    new = random.normal(size=(1500, 4))
    model = RandomForestClassifier(oob_score=True, n_jobs=2, random_state=0).fit(X, y)
    truth = model.score(new, new[:, 0] + new[:, 1] > 0)
    assert model.oob_score_ == pytest.approx(truth, abs=0.12) and model.oob_score_ < 0.95
    assert model.oob_decision_function_.shape == (1500, 2)
    few = RandomForestRegressor(n_estimators=1, oob_score=True, random_state=0).fit(X, X[:, 0])
    known = ~np.isnan(few.oob_prediction_)
    assert known.mean() == pytest.approx(1 / np.e, abs=0.05) and few.oob_score_ > 0.9
    with pytest.raises(InvalidValue, match=r"oob_score: .*set bootstrap=True"):
        classifier(oob_score=True, bootstrap=False).fit(X, y)


def test_importances_are_those_of_raw_columns(shop):
    X, worth = shop
    model = regressor().fit(X[:1000], worth[:1000])
    assert model.feature_importances_.shape == (X.shape[1],)
    assert model.feature_importances_.sum() == pytest.approx(1.0)
    named = model.importances()
    assert named["same"] == named["blank"] == 0.0 and named["made"] > 0
    pairs = pd.DataFrame({"a": list("xyz") * 40, "b": list("pq") * 60})
    crossed = crossed_column(["a", "b"], 50)
    model = classifier(columns=[crossed]).fit(pairs, (pairs["a"] == "x") & (pairs["b"] == "p"))
    assert model.importances().tolist() == [0.5, 0.5]
    found = permutation_importance(regressor().fit(X, worth), X, worth, n_repeats=1)
    assert found.importances_mean.argmax() == 0


def test_importances_are_drawn(shop):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    model = regressor().fit(shop[0][:300], shop[1][:300])
    axes = model.plot_importances(3)
    assert len(axes.patches) == 3
    pyplot.close(axes.figure)


def test_columns_of_ones_own(shop):
    X, worth = shop[0][:2000], shop[1][:2000]
    columns = [
        numeric_column("size", missing="nan"),
        bucketized_column(numeric_column("size"), [-1, 0, 1]),
        indicator_column(categorical_column("tags")),
        categorical_column_with_hash_bucket("maker", 100),
    ]
    model = regressor(columns=columns).fit(X, worth)
    assert model.score(X, worth) > 0.3
    assert model.predict(X[:1]) == model.predict(X[:3])[:1]
    with pytest.raises(InvalidType, match="numbers and categories, got Embedding"):
        regressor(columns=[embedding_column(categorical_column("maker"), 4)]).fit(X, worth)
    with pytest.raises(InvalidType, match="must be a list of feature columns"):
        regressor(columns="maker").fit(X, worth)


def test_constraints_by_name(shop):
    X, worth = shop
    random = np.random.default_rng(0)
    y = X["size"].fillna(0) + random.normal(0, 2, len(X))
    model = regressor(monotonic_cst={"size": 1}).fit(X, y)
    line = X[:1].loc[[0] * 50].assign(size=np.linspace(-2, 2, 50))
    assert (np.diff(model.predict(line)) >= 0).all()
    for wrong, said in (
        ({"weight": 1}, "names no column"),
        ({"size": 2}, "must have -1, 0 or 1"),
        ({"maker": 1}, "has no order"),
        ([1, 0], "must have 6 signs"),
    ):
        with pytest.raises(InvalidValue, match=f"monotonic_cst: .*{said}"):
            regressor(monotonic_cst=wrong).fit(X, worth)
    with pytest.raises(InvalidValue, match="one output or two classes"):
        classifier(monotonic_cst={"size": 1}).fit(X, np.arange(len(X)) % 3)


def test_limits_are_kept():
    X = np.random.default_rng(0).normal(size=(300, 3))
    y = X[:, 0] + X[:, 1] ** 2

    def leaves(**limits):
        variables = regressor(bootstrap=False, **limits).fit(X, y).variables_
        return len(variables["leaf_values"]) / 10

    assert leaves() == 300 and leaves(max_depth=3) <= 8
    assert leaves(max_leaf_nodes=17) == 17
    assert leaves(min_samples_leaf=30) <= 10 and leaves(min_samples_leaf=0.5) <= 2
    assert leaves(min_samples_split=0.6) < 20 and leaves(min_weight_fraction_leaf=0.25) <= 4


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_features": 4}, "max_features: must be at most the number of columns, 3"),
        ({"max_features": 0}, "max_features: must be"),
        ({"max_features": 1.5}, "max_features: must be"),
        ({"max_features": "all"}, "max_features: must be"),
        ({"min_samples_leaf": 0}, "min_samples_leaf: must be"),
        ({"min_samples_split": 1}, "min_samples_split: must be"),
        ({"max_leaf_nodes": 1}, "max_leaf_nodes: must be"),
        ({"min_weight_fraction_leaf": 0.6}, "min_weight_fraction_leaf: must be"),
        ({"max_samples": 0.0}, "max_samples: must be"),
        ({"max_samples": 9, "bootstrap": False}, "max_samples: means nothing without"),
        ({"class_weight": {0: 0, 1: 0}}, "class_weight: leaves no row any weight"),
    ],
)
def test_settings_out_of_range(settings, said):
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    with pytest.raises(InvalidValue, match=said):
        classifier(**settings).fit(X, y)


def test_data_that_no_forest_takes():
    y = np.arange(20) % 2
    with pytest.raises(InvalidValue, match="nothing in X tells rows apart"):
        classifier().fit(pd.DataFrame({"x": [1] * 20, "gone": [np.nan] * 20}), y)
    wide = scipy.sparse.csr_array((20, 2**31))
    with pytest.raises(InvalidValue, match="a forest makes it dense"):
        classifier().fit(wide, y)


def test_a_constant_column_gives_one_leaf():
    X = np.ones((20, 2))
    model = regressor(bootstrap=False).fit(X, np.arange(20.0))
    assert model.predict(X).tolist() == [9.5] * 20
    assert model.feature_importances_.tolist() == [0.0, 0.0]


def test_sparse_rows_are_dense_ones():
    X = scipy.sparse.random(200, 6, 0.3, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel()
    sparse, dense = regressor().fit(X, y), regressor().fit(X.toarray(), y)
    assert (sparse.predict(X) == dense.predict(X.toarray())).all()


def test_a_forest_is_small():
    X = np.random.default_rng(0).normal(size=(2000, 5))
    model = classifier().fit(X, X[:, 0] > 0.3)
    nodes = len(model.variables_["nodes"])
    assert len(pickle.dumps(model)) < 25 * nodes + 20_000  # scikit-learn takes 80 bytes a node


def test_compared_by_name():
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 2
    table = cannery.compare({"forest": classifier()}, X, y, cv=2)
    assert len(table)
