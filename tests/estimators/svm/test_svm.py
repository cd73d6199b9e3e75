"""Support vector machines as users meet them: raw frames in, answers and certificates out."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import brier_score_loss, hinge_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_info

from cannery import LinearClassifier, SVMClassifier, SVMRegressor
from cannery.errors import InvalidType, InvalidValue
from cannery.estimators.svm.solve import solve
from cannery.feature_columns import (
    categorical_column,
    crossed_column,
    dense,
    embedding_column,
    numeric_column,
    weighted_categorical_column,
)

LINEAR = ("hinge", "squared_hinge")


def make_frame(rows=400, seed=0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(40, 12, rows),
            "city": random.choice(["Oslo", "Rome", "Lima"], rows),
            "job": random.choice(["cook", "nurse", None], rows),
        }
    )
    frame["tags"] = [
        list(random.choice(["red", "blue", "old"], n, replace=False))
        for n in random.integers(0, 4, rows)
    ]
    signal = (frame["age"] - 40) / 12 + 2.0 * (frame["city"] == "Rome")
    signal = signal + frame["tags"].map(lambda tags: "red" in tags) + random.normal(0, 0.4, rows)
    return frame, signal.to_numpy()


@pytest.fixture(scope="module")
def data():
    frame, signal = make_frame()
    return frame, np.where(signal > 1.0, "yes", "no"), np.digitize(signal, [0.3, 1.5]), signal


def spirals(rows=600, seed=0):
    """Two arms around each other, a class each."""
    random = np.random.default_rng(seed)
    angle = np.sqrt(random.random(rows)) * 3 * np.pi
    side = np.where(np.arange(rows) % 2, 1.0, -1.0)
    arm = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) * side[:, None]
    return arm + random.normal(size=(rows, 2)) * 0.2, side > 0


@pytest.mark.parametrize("loss", LINEAR)
def test_the_objective_of_linear_svc_without_the_bias(data, loss):
    X, y, *_ = data
    columns = [
        categorical_column("city", num_oov_buckets=0),
        numeric_column("age", normalizer="standard"),
    ]
    model = SVMClassifier(columns=columns, loss=loss, C=0.3, tol=1e-6, max_iter=10_000).fit(X, y)
    rows = np.column_stack(
        [
            OneHotEncoder(sparse_output=False).fit_transform(X[["city"]]),
            StandardScaler().fit_transform(X[["age"]]),
        ]
    )
    peer = LinearSVC(loss=loss, C=0.3, tol=1e-8, max_iter=10**6, dual=True, random_state=0).fit(
        rows, y
    )
    over = np.maximum(0, 1 - np.where(y == "yes", 1, -1) * peer.decision_function(rows))
    losses = (over**2 if loss == "squared_hinge" else over).sum()
    theirs = float((peer.coef_**2).sum() / 2 + 0.3 * losses)
    assert model.objective_[0] <= theirs * (1 + 1e-5)
    assert model.objective_[0] == pytest.approx(theirs, rel=0.01)
    # What `variables_` hold attains it, up to float32.
    weights = np.concatenate(
        [model.variables_[f"linear/{k}"].ravel() for k in ("weights", "kernel")]
    )
    over = np.maximum(0, 1 - np.where(y == "yes", 1, -1) * model.decision_function(X))
    losses = (over**2 if loss == "squared_hinge" else over).sum()
    assert (weights**2).sum() / 2 + 0.3 * losses == pytest.approx(model.objective_[0], rel=1e-5)


@pytest.mark.parametrize(
    "settings",
    [{"loss": "hinge"}, {"penalty": "l1"}, {"kernel": "rbf"}, {"kernel": "rbf", "exact_rows": 0}],
    ids=str,
)
def test_each_fit_is_certified(data, settings):
    X, y, many, _ = data
    model = SVMClassifier(random_state=0, **settings).fit(X, y)
    assert model.dual_gap_.shape == (1,) and model.dual_gap_[0] >= 0
    assert model.relative_dual_gap_[0] <= model.tol
    assert model.dual_gap_[0] == pytest.approx(model.relative_dual_gap_[0] * model.objective_[0])
    assert model.score(X, y) > 0.85
    several = clone(model).fit(X, many)
    assert several.dual_gap_.shape == several.objective_.shape == (3,)
    assert several.score(X, many) > 0.7


def test_a_fit_that_ends_too_early_warns(data):
    X, y, *_ = data
    with pytest.warns(ConvergenceWarning, match=r"relative duality gap is .* not tol=1e-09 after"):
        model = SVMClassifier(penalty="l1", tol=1e-9, max_iter=2).fit(X, y)
    assert model.relative_dual_gap_[0] > 1e-9 and np.isfinite(model.predict_proba(X)).all()


def test_a_constant_moves_nothing_but_the_bias(data):
    """The bias has no penalty: where numbers have their zero does not matter."""
    X, y, *_ = data
    columns = [numeric_column("age")]
    model = SVMClassifier(columns=columns, tol=1e-8).fit(X, y)
    moved = SVMClassifier(columns=columns, tol=1e-8).fit(X.assign(age=X["age"] + 1000), y)
    kernel = "linear/kernel"
    np.testing.assert_allclose(moved.variables_[kernel], model.variables_[kernel], rtol=1e-4)
    assert moved.objective_[0] == pytest.approx(model.objective_[0], rel=1e-6)


def test_crosses_lists_and_weighted_values(data):
    X, y, *_ = data
    X = X.assign(share=[[0.5] * len(tags) for tags in X["tags"]])
    columns = [
        crossed_column(["city", "job"], 50),
        categorical_column("tags"),
        weighted_categorical_column(categorical_column("tags", max_tokens=2), "share"),
        numeric_column("age", normalizer="standard"),
    ]
    model = SVMClassifier(columns=columns, tol=1e-6).fit(X, y)
    assert model.score(X, y) > 0.75
    weights = model.linear_weights_.set_index(["column", "value"])["weight"]
    red, other = weights["tags", "red"], weights["tags", "blue"]
    assert red > 0.3 > abs(other)
    bias = weights["(bias)", ""]
    nothing = X.head(1).assign(tags=[[]], share=[[]], age=X["age"].mean(), city=None, job=None)
    assert model.decision_function(nothing)[0] == pytest.approx(bias, abs=1e-5)


def test_inferred_columns_are_those_of_a_linear_model(data):
    X, y, *_ = data
    names = [column.name for column in SVMClassifier().fit(X, y).columns_.columns]
    linear = LinearClassifier(epochs=1).fit(X, y)
    assert names == [column.name for column in linear.columns_.columns]


def test_a_sparse_matrix_is_never_made_dense():
    random = np.random.default_rng(0)
    X = scipy.sparse.random_array((300, 5000), density=0.003, rng=random, format="csr")
    y = np.asarray(X[:, :2500].sum(axis=1) > X[:, 2500:].sum(axis=1)).ravel()
    model = SVMClassifier(C=10, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.variables_["linear/weights"].shape == (5000, 1)


def test_class_weight_and_sample_weight_multiply_the_loss(data):
    X, y, *_ = data
    weights = np.where(y == "yes", 3.0, 1.0)
    by_class = SVMClassifier(class_weight={"yes": 3.0}, tol=1e-8, probability=False).fit(X, y)
    by_row = SVMClassifier(tol=1e-8, probability=False).fit(X, y, sample_weight=weights)
    # Scales of numbers heed the weights of rows, those of classes they do not.
    assert by_class.objective_[0] == pytest.approx(by_row.objective_[0], rel=0.02)
    balanced = SVMClassifier(class_weight="balanced").fit(X[:300], y[:300])
    assert (balanced.predict(X) == "yes").mean() > 0
    with pytest.raises(InvalidValue, match="class_weight: leaves no row any weight"):
        SVMClassifier(class_weight={"yes": 0, "no": 0}).fit(X, y)


@pytest.mark.parametrize("settings", [{}, {"kernel": "rbf"}], ids=str)
def test_probabilities_are_calibrated(settings):
    X, signal = make_frame(1500, seed=1)
    y = signal + np.random.default_rng(0).normal(0, 1.0, 1500) > 1.0
    train, test = slice(0, 900), slice(900, None)
    model = SVMClassifier(random_state=0, **settings).fit(X[train], y[train])
    found = brier_score_loss(y[test], model.predict_proba(X[test])[:, 1])
    plain = SVMClassifier(random_state=0, probability=False, **settings)
    assert not hasattr(plain, "predict_proba")
    peer = CalibratedClassifierCV(plain, cv=5, ensemble=False).fit(X[train], y[train])
    assert found <= brier_score_loss(y[test], peer.predict_proba(X[test])[:, 1]) + 0.003
    assert model.evaluate(X[test], y[test])["prediction/mean"] == pytest.approx(
        y[test].mean(), abs=0.06
    )


def test_predictions_go_by_scores(data):
    X, y, many, _ = data
    model = SVMClassifier(random_state=0).fit(X, y)
    assert ((model.decision_function(X) > 0) == (model.predict(X) == "yes")).all()
    several = SVMClassifier(random_state=0).fit(X, many)
    assert (several.decision_function(X).argmax(axis=1) == several.predict(X)).all()
    np.testing.assert_allclose(several.predict_proba(X).sum(axis=1), 1.0, rtol=1e-6)


def test_evaluate_reports_the_loss_by_its_name(data):
    X, y, many, _ = data
    metrics = SVMClassifier(loss="hinge", random_state=0).fit(X, y)
    found = metrics.evaluate(X, y)
    scores = metrics.decision_function(X)
    assert found["average_loss"] == pytest.approx(hinge_loss(y, scores), rel=1e-5)
    assert {"auc", "accuracy", "precision", "recall", "prediction/mean"} <= set(found)
    silent = SVMClassifier(probability=False).fit(X, y).evaluate(X, y)
    assert set(found) - set(silent) == {"prediction/mean"}
    assert set(SVMClassifier(probability=False).fit(X, many).evaluate(X, many)) == {
        "average_loss",
        "loss",
        "accuracy",
    }
    labels = np.stack([many > 0, many > 1], axis=1).astype(int)
    several = SVMClassifier(probability=False).fit(X, labels).evaluate(X, labels)
    assert {"auc", "auc/class0"} <= set(several) and "probability_mean/class0" not in several


def test_spirals_need_a_kernel():
    X, y = spirals()
    test = np.arange(len(X)) % 3 == 0
    straight = SVMClassifier(random_state=0).fit(X[~test], y[~test]).score(X[test], y[test])
    settings = {"kernel": "rbf", "gamma": 8.0, "C": 10.0, "random_state": 0}
    exact = SVMClassifier(**settings).fit(X[~test], y[~test])
    random = SVMClassifier(exact_rows=0, **settings).fit(X[~test], y[~test])
    peer = make_pipeline(StandardScaler(), SVC(gamma=8.0, C=10.0)).fit(X[~test], y[~test])
    scores = [model.score(X[test], y[test]) for model in (exact, random, peer)]
    assert straight < 0.9 < 0.98 < min(scores) and max(scores) - min(scores) <= 0.01
    assert "fourier/weights" in random.variables_ and "kernel/weights" in exact.variables_
    with pytest.raises(AttributeError, match="kernel='linear'"):
        _ = exact.linear_weights_


def test_random_features_are_about_as_good_on_digits():
    X, y = load_digits(return_X_y=True)
    test = np.arange(len(X)) % 3 == 0
    settings = {"kernel": "rbf", "probability": False, "random_state": 0}
    exact = SVMClassifier(**settings).fit(X[~test], y[~test]).score(X[test], y[test])
    random = SVMClassifier(exact_rows=0, **settings).fit(X[~test], y[~test])
    assert exact > 0.97 and random.score(X[test], y[test]) > exact - 0.01


def test_the_exact_kernel_is_libsvms():
    X, y = spirals(200)
    model = SVMClassifier(kernel="rbf", tol=1e-6).fit(X, y)
    scaled = StandardScaler().fit_transform(X)
    peer = SVC(tol=1e-8).fit(scaled, y)
    np.testing.assert_allclose(
        model.decision_function(X), peer.decision_function(scaled), atol=2e-3
    )


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e6])
def test_targets_in_any_unit(data, factor):
    X, *_, signal = data
    y = (signal + 7.0) * factor
    model = SVMRegressor(epsilon=0.1 * factor, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.85
    plain = SVMRegressor(epsilon=0.1, random_state=0).fit(X, signal + 7.0)
    assert model.objective_ == pytest.approx(plain.objective_, rel=1e-3)
    np.testing.assert_allclose(model.predict(X) / factor, plain.predict(X), rtol=1e-3, atol=1e-3)
    found = model.evaluate(X, y)
    over = np.maximum(0, np.abs(model.predict(X) - y) - 0.1 * factor)
    assert found["average_loss"] == pytest.approx((over**2).mean(), rel=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "epsilon_insensitive"},
        {"penalty": "l1"},
        {"kernel": "rbf"},
        {"kernel": "rbf", "exact_rows": 0, "tol": 0.01},
    ],
    ids=str,
)
def test_regressions(data, settings):
    X, *_, signal = data
    y = np.stack([signal, -1000 * signal + 5], axis=1)
    model = SVMRegressor(epsilon=0.05, random_state=0, **settings).fit(X, y)
    assert model.score(X, y) > 0.85 and model.dual_gap_.shape == (2,)
    assert model.predict(X).shape == y.shape


def test_a_tube_that_holds_all_targets_needs_no_weights(data):
    X, *_, signal = data
    model = SVMRegressor(epsilon=100.0).fit(X, signal)
    assert np.ptp(model.predict(X)) < 1e-6
    middle = (signal.min() + signal.max()) / 2
    assert model.predict(X)[0] == pytest.approx(middle, rel=1e-5)


def test_a_weight_of_two_is_two_rows(data):
    X, y, *_ = data
    weights = np.random.default_rng(0).integers(0, 3, len(X))
    twice = np.repeat(np.arange(len(X)), weights)
    weighted = SVMClassifier(random_state=0).fit(X, y, sample_weight=weights)
    repeated = SVMClassifier(random_state=0).fit(X.iloc[twice], y[twice])
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-5, atol=1e-6
    )


def test_a_stream(data):
    X, y, *_ = data
    whole = SVMClassifier(random_state=0).fit(X, y)
    model = SVMClassifier(C=0.1, random_state=0)
    for start in range(0, 400, 40):
        rows = slice(start, start + 40)
        model.partial_fit(X[rows], y[rows], classes=["no", "yes"])
    assert model.score(X, y) > whole.score(X, y) - 0.05
    assert model.evaluate(X, y)["prediction/mean"] == pytest.approx((y == "yes").mean(), abs=0.1)
    before = model.predict_proba(X)
    one_class = y == "yes"
    model.partial_fit(X[one_class][:10], y[one_class][:10])
    assert (model.predict_proba(X) != before).any()
    with pytest.raises(InvalidValue, match="classes: is not the same as on last call"):
        model.partial_fit(X, y, classes=["a", "b"])


def test_a_step_of_a_stream_is_exact(data):
    """It minimises the distance to the weights before plus the loss of its rows."""
    X, y, *_ = data
    columns = [numeric_column("age", normalizer="standard")]
    model = SVMClassifier(columns=columns, C=0.01, tol=1e-10, probability=False)
    model.partial_fit(X[:200], y[:200])
    old = np.append(model.variables_["linear/kernel"], model.variables_["linear/bias"])
    x = dense(model.columns_.columns[0], X[200:]).ravel()
    model.partial_fit(X[200:], y[200:])
    new = np.append(model.variables_["linear/kernel"], model.variables_["linear/bias"])
    signs = np.where(y[200:] == "yes", 1.0, -1.0)

    def objective(point):
        over = np.maximum(0, 1 - signs * (point[0] * x + point[1]))
        return ((point - old) ** 2).sum() / 2 + 0.01 * (over**2).sum()

    around = [objective(new + step) for step in np.eye(2) * 1e-2] + [
        objective(new - step) for step in np.eye(2) * 1e-2
    ]
    assert objective(new) < min(around) and not np.allclose(old, new)


def test_streams_of_regressions_and_kernels(data):
    X, y, _, signal = data
    model = SVMRegressor(C=0.1, random_state=0)
    for start in range(0, 400, 100):
        model.partial_fit(X[start : start + 100], signal[start : start + 100])
    assert model.score(X, signal) > 0.8
    kernel = SVMClassifier(kernel="rbf", n_components=50, C=0.2, tol=0.01, random_state=0)
    for start in range(0, 400, 100):
        kernel.partial_fit(X[start : start + 100], y[start : start + 100])
    assert kernel.score(X, y) > 0.75
    exact = SVMClassifier(kernel="rbf").fit(X, y)
    with pytest.raises(InvalidValue, match="partial_fit: cannot go on from the exact kernel"):
        exact.partial_fit(X, y)
    with pytest.raises(InvalidValue, match="partial_fit: needs penalty='l2'"):
        SVMClassifier(penalty="l1").partial_fit(X, y)
    with pytest.raises(InvalidValue, match="cannot go on training with other settings"):
        kernel.set_params(kernel="linear").partial_fit(X, y)


@pytest.mark.parametrize("settings", [{}, {"kernel": "rbf", "exact_rows": 0, "n_components": 50}])
def test_pickled_copies_go_on_alike(data, settings):
    X, y, *_ = data
    model = SVMClassifier(random_state=0, tol=0.01, **settings).partial_fit(X[:200], y[:200])
    copy = pickle.loads(pickle.dumps(model))
    for each in (model, copy):
        each.partial_fit(X[200:], y[200:])
    assert (copy.predict_proba(X) == model.predict_proba(X)).all()


def test_threads_and_seeds():
    random = np.random.default_rng(0)
    X = {"id": random.integers(0, 3000, 4000), "more": random.integers(0, 3000, 4000)}
    y = (X["id"] + X["more"]) % 4
    columns = [categorical_column("id", max_tokens=3000), categorical_column("more")]
    settings = {"columns": columns, "probability": False, "loss": "hinge", "tol": 0.01}
    first, second, threads, other = (
        SVMClassifier(n_jobs=jobs, random_state=seed, **settings).fit(X, y).decision_function(X)
        for seed, jobs in ((0, None), (0, None), (0, 2), (1, None))
    )
    assert (first == second).all() and (first == threads).all()
    assert (first != other).any()


def test_without_a_compiler_the_objective_is_the_same(data):
    X, y, *_ = data
    X = pd.concat([X] * 5, ignore_index=True).assign(code=np.arange(2000) % 700)
    columns = [
        categorical_column("code", max_tokens=700),
        *map(categorical_column, ("city", "job")),
    ]
    settings = {"columns": columns, "probability": False, "random_state": 0}
    for loss in LINEAR:
        found = [
            SVMClassifier(jit=jit, loss=loss, **settings).fit(X, np.tile(y, 5)).objective_[0]
            for jit in ("auto", False)
        ]
        assert found[0] == pytest.approx(found[1], rel=1.1e-3)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"C": 0}, InvalidValue, "SVMClassifier.C: must be a number above 0, got 0"),
        ({"C": -1.0}, InvalidValue, "SVMClassifier.C: must be a number above 0"),
        ({"kernel": "poly"}, InvalidValue, "SVMClassifier.kernel: must be one of 'linear', 'rbf'"),
        ({"loss": "logistic"}, InvalidValue, "SVMClassifier.loss: must be one of 'auto', 'hinge'"),
        ({"gamma": 0}, InvalidValue, "SVMClassifier.gamma: must be 'scale', 'auto' or a number"),
        ({"tol": 0}, InvalidValue, "SVMClassifier.tol: must be a number above 0"),
        ({"max_iter": 0}, InvalidValue, "SVMClassifier.max_iter: must be a whole number"),
        ({"n_components": 0}, InvalidValue, "SVMClassifier.n_components: must be a whole number"),
        ({"penalty": "l1", "loss": "hinge"}, InvalidValue, "penalty: 'l1' needs the linear kernel"),
        ({"penalty": "l1", "kernel": "rbf"}, InvalidValue, "penalty: 'l1' needs the linear kernel"),
        (
            {"kernel": "rbf", "loss": "squared_hinge"},
            InvalidValue,
            "loss: must not be squared for kernel='rbf', got 'squared_hinge'; choose loss='hinge'",
        ),
        ({"columns": [embedding_column(categorical_column("city"), 2)]}, InvalidType, "a linear m"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_settings_that_cannot_be(data, settings, error, message):
    X, y, *_ = data
    with pytest.raises(error, match=message):
        SVMClassifier(**settings).fit(X, y)


def test_missing_numbers_that_stay_missing(data):
    X, y, *_ = data
    columns = [numeric_column("age", missing="nan")]
    X = X.assign(age=X["age"].where(X.index != 7))
    with pytest.raises(InvalidValue, match="column 'age': row 7 is missing or too large"):
        SVMClassifier(columns=columns).fit(X, y)


def test_a_class_without_weight_is_never_predicted(data):
    X, y, *_ = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SVMClassifier(random_state=0).fit(X, y, sample_weight=(y == "yes").astype(float))
    assert set(model.predict(X)) == {"yes"}


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_matrix_products_keep_to_the_threads_asked_for(monkeypatch, way):
    """On a busy machine more of them than that wait for each other."""
    seen = []

    def spy(*arguments):
        seen.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return solve(*arguments)

    monkeypatch.setattr("cannery.estimators.svm.machine.solve", spy)
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = SVMClassifier(probability=False)
    for _ in range(2):
        getattr(model, way)(X, X[:, 0] > 0)
    assert set(seen) <= {1}
