"""Estimators inside scikit-learn: searches, pipelines, calibration, explanation, routing."""

from __future__ import annotations

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cannery import (
    DNNClassifier,
    DNNRegressor,
    FeatureColumns,
    LinearClassifier,
    LinearRegressor,
    WideDeepClassifier,
)
from cannery.feature_columns import categorical_column, indicator_column, numeric_column
from cannery.graph.optimizers import Adagrad, Adam, ExponentialDecay, Ftrl

SMALL = {"hidden_units": (8,), "epochs": 4, "random_state": 0}


def test_a_search_changes_the_model(frame, target):
    narrow = [numeric_column("age", normalizer="standard")]
    grid = {
        "hidden_units": [(2,), (4, 3)],
        "deep_optimizer__learning_rate": [1e-6, 0.2],
        "deep_columns": [narrow, [*narrow, indicator_column(categorical_column("city"))]],
    }
    model = WideDeepClassifier(linear_columns=[categorical_column("job")], epochs=3, random_state=0)
    search = GridSearchCV(model, grid, cv=2, n_jobs=2, scoring="neg_log_loss").fit(frame, target)
    assert len(set(search.cv_results_["mean_test_score"])) == 8
    best = search.best_estimator_
    assert best.deep_optimizer.learning_rate == search.best_params_["deep_optimizer__learning_rate"]
    units = [a.shape for name, a in best.variables_.items() if "hidden" in name and a.ndim == 1]
    assert units == [(n,) for n in search.best_params_["hidden_units"]]
    assert model.deep_optimizer == "adagrad"


def test_a_search_over_optimizers_and_their_settings_at_once(frame, target):
    grid = {"optimizer": ["adam", "sgd"], "optimizer__learning_rate": [0.001, 0.3]}
    search = GridSearchCV(
        LinearClassifier(epochs=2, random_state=0), grid, cv=2, error_score="raise"
    )
    results = search.fit(frame, target).cv_results_
    assert len(results["params"]) == 4
    assert (
        type(search.best_estimator_.optimizer).__name__.lower() == search.best_params_["optimizer"]
    )


def test_settings_of_an_optimizer_given_as_an_object_or_by_name():
    model = WideDeepClassifier(linear_optimizer=Ftrl(learning_rate=0.3))
    assert model.get_params()["linear_optimizer__learning_rate"] == 0.3
    model.set_params(linear_optimizer__learning_rate=0.5, deep_optimizer__learning_rate=0.25)
    assert model.linear_optimizer.learning_rate == 0.5
    assert isinstance(model.deep_optimizer, Adagrad) and model.deep_optimizer.learning_rate == 0.25
    copy = clone(model).set_params(deep_optimizer__learning_rate=0.125)
    assert model.deep_optimizer.learning_rate == 0.25 != copy.deep_optimizer.learning_rate
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        model.set_params(deep_optimizer__rate=1)


def test_settings_reach_the_training(frame, target):
    still = WideDeepClassifier(**SMALL).set_params(
        linear_optimizer__learning_rate=1e-20, deep_optimizer__learning_rate=1e-20
    )
    still.fit(frame, target)
    assert np.ptp(still.history_["loss"]) < 1e-6
    decay = ExponentialDecay(initial_learning_rate=0.5, decay_steps=10, decay_rate=0.5)
    model = LinearClassifier(optimizer=Adam(learning_rate=decay), epochs=2, random_state=0)
    slower = clone(model).set_params(optimizer__learning_rate__decay_rate=1e-6)
    weights = [m.fit(frame, target).linear_weights_["weight"] for m in (model, slower)]
    assert abs(weights[0]).sum() > abs(weights[1]).sum()


def test_a_pipeline_after_a_transformer_that_keeps_the_frame(frame, target):
    scale = make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough")
    scale.set_output(transform="pandas")
    pipeline = make_pipeline(scale, WideDeepClassifier(**SMALL)).fit(frame, target)
    assert set(pipeline[-1].feature_names_in_) == {
        "standardscaler__age",
        *(f"remainder__{key}" for key in frame if key != "age"),
    }
    assert pipeline.score(frame, target) > 0.8
    pipeline.set_params(widedeepclassifier__deep_optimizer__learning_rate=0.3)
    assert pipeline[-1].deep_optimizer.learning_rate == 0.3


def test_a_pipeline_behind_feature_columns(frame, target):
    city = indicator_column(categorical_column("city"))
    encode = FeatureColumns(columns=[numeric_column("age"), city])
    pipeline = make_pipeline(encode, StandardScaler(), DNNClassifier(**SMALL)).fit(frame, target)
    assert pipeline.score(frame, target) > 0.7


def test_a_pipeline_whose_output_is_pandas(frame, target):
    pipeline = make_pipeline(FunctionTransformer(), LinearClassifier(epochs=2, random_state=0))
    pipeline.set_output(transform="pandas")
    assert pipeline.fit(frame, target).predict(frame).shape == (240,)


def test_cross_validation(frame, target, amount):
    scores = cross_val_score(WideDeepClassifier(**SMALL), frame, target, cv=3, scoring="roc_auc")
    assert scores.min() > 0.8
    scoring = ["r2", "neg_mean_absolute_error"]
    found = cross_validate(DNNRegressor(**SMALL), frame, amount, cv=2, scoring=scoring)
    assert found["test_r2"].min() > 0.3


def test_calibration(frame, target):
    model = CalibratedClassifierCV(WideDeepClassifier(**SMALL), cv=2, method="sigmoid")
    probabilities = model.fit(frame, target).predict_proba(frame)
    assert probabilities.shape == (240, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert model.score(frame, target) > 0.8


def test_permutation_importance_on_the_raw_frame(frame, target):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    found = permutation_importance(model, frame, target, n_repeats=2, random_state=0)
    importance = dict(zip(frame, found.importances_mean, strict=True))
    assert importance["city"] > 0.1 > importance["job"]


def test_weights_are_routed(frame, target):
    weights = np.where(target == "yes", 10.0, 0.1)
    with sklearn.config_context(enable_metadata_routing=True):
        model = LinearClassifier(epochs=3, random_state=0)
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), model)
        pipeline.fit(frame, target, sample_weight=weights)
        search = GridSearchCV(model, {"epochs": [2, 3]}, cv=2)
        search.fit(frame, target, sample_weight=weights)
        routed = pipeline.score(frame, target, sample_weight=weights)
    direct = LinearClassifier(epochs=3, random_state=0).fit(frame, target, sample_weight=weights)
    assert (pipeline.predict_proba(frame) == direct.predict_proba(frame)).all()
    assert routed == direct.score(frame, target, weights)
    plain = LinearClassifier(epochs=3, random_state=0).fit(frame, target)
    assert direct.predict_proba(frame)[:, 1].mean() > plain.predict_proba(frame)[:, 1].mean() + 0.1


def test_joblib_and_pickle_keep_every_bit(frame, target):
    model = WideDeepClassifier(**SMALL, dropout=0.2, batch_norm=True).fit(frame, target)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for copy in (joblib.load(file), pickle.loads(pickle.dumps(model))):
        assert (copy.predict_proba(frame) == model.predict_proba(frame)).all()
        pd.testing.assert_frame_equal(copy.history_, model.history_)
        pd.testing.assert_frame_equal(copy.linear_weights_, model.linear_weights_)
    # The next step needs the optimizers' slots, the step's number and the order of the rows.
    for further in (copy, model):
        further.partial_fit(frame, target)
    assert (copy.predict_proba(frame) == model.predict_proba(frame)).all()


def test_memory_mapped_models_predict_and_train_on(frame, target, tmp_path):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert (mapped.predict_proba(frame) == model.predict_proba(frame)).all()
    mapped.partial_fit(frame, target)
    assert (mapped.predict_proba(frame) != model.predict_proba(frame)).any()


def test_a_pickle_holds_weights_once(frame, target):
    model = LinearClassifier(
        columns=[categorical_column("city", num_oov_buckets=100_000)], epochs=1, random_state=0
    ).fit(frame, target)
    state = model.__getstate__()
    pickled = pickle.dumps({name: state[name] for name in ("_state", "model_")})
    assert 3 < len(pickled) / (100_003 * 4) < 3.1  # the weights and two slots of FTRL


def test_copies_in_threads(frame, target):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    expected = model.predict_proba(frame)
    found = joblib.Parallel(n_jobs=4, backend="threading")(
        joblib.delayed(model.predict_proba)(frame) for _ in range(16)
    )
    assert all((part == expected).all() for part in found)


def test_names_of_features(frame, target):
    model = LinearClassifier(epochs=1, random_state=0).fit(frame, target)
    assert list(model.feature_names_in_) == list(frame) and model.n_features_in_ == 6
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.drop(columns="city"))
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[list(frame)[::-1]])
    model.fit(np.zeros((240, 2)) + np.arange(240)[:, None], target)
    assert not hasattr(model, "feature_names_in_") and model.n_features_in_ == 2


def test_the_html_shows_the_settings(wide, deep):
    html = WideDeepClassifier(linear_columns=wide, deep_columns=deep, epochs=7)._repr_html_()
    assert "WideDeepClassifier" in html and "epochs" in html


def test_a_regressor_in_a_search(frame, amount):
    grid = {"loss": ["squared_error", "absolute_error"], "columns": [None, [numeric_column("age")]]}
    search = GridSearchCV(LinearRegressor(epochs=2, random_state=0), grid, cv=2).fit(frame, amount)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
