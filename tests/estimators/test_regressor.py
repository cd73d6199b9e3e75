"""Losses and what they predict, targets in any unit, several outputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from cannery import BaselineRegressor, DNNRegressor, LinearRegressor, WideDeepRegressor
from cannery.errors import InvalidType, InvalidValue

SMALL = {"hidden_units": (16,), "epochs": 20, "random_state": 0}


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_targets_in_any_unit(frame, amount, loss, unit):
    """What is learnt does not depend on the unit, but for a Huber loss, whose delta has one."""
    scale = unit if loss == "huber" else 1.0
    one = WideDeepRegressor(**SMALL, loss=loss, delta=100.0).fit(frame, amount)
    other = WideDeepRegressor(**SMALL, loss=loss, delta=100.0 * scale).fit(frame, amount * unit)
    np.testing.assert_allclose(other.predict(frame), one.predict(frame) * unit, rtol=2e-2)
    assert other.score(frame, amount * unit) > 0.9


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles(quantile):
    generator = np.random.default_rng(0)
    X = generator.integers(0, 3, size=(3000, 1)).astype(float)
    y = X[:, 0] * 10 + generator.exponential(5, 3000)
    model = LinearRegressor(loss="quantile", quantile=quantile, random_state=0).fit(X, y)
    assert (y < model.predict(X)).mean() == pytest.approx(quantile, abs=0.03)
    for value in (0, 1, 2):
        part = X[:, 0] == value
        assert (y < model.predict(X))[part].mean() == pytest.approx(quantile, abs=0.08)


def test_outliers_move_the_mean_and_not_the_median(frame):
    y = np.where(np.arange(240) % 10 == 0, 1e4, 10.0 + np.arange(240) % 3)
    found = {
        loss: BaselineRegressor(loss=loss, epochs=40, random_state=0)
        .fit(frame, y)
        .predict(frame)[0]
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert found["squared_error"] == pytest.approx(y.mean(), rel=0.1)
    assert abs(found["absolute_error"] - 11) < 60 and abs(found["huber"] - 11) < 60


def test_counts():
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"size": generator.uniform(0, 3, 2000), "kind": ["a", "b"] * 1000})
    mean = np.exp(X["size"] + 0.5 * (X["kind"] == "a"))
    y = generator.poisson(mean)
    model = WideDeepRegressor(**SMALL, loss="poisson").fit(X, y)
    predicted = model.predict(X)
    assert (predicted > 0).all() and r2_score(mean, predicted) > 0.97
    assert model.evaluate(X, y)["prediction/mean"] == pytest.approx(y.mean(), rel=0.05)
    with pytest.raises(InvalidValue, match="y: must be at least 0, got -1"):
        model.fit(X, y - 1)


def test_several_outputs(frame, amount):
    y = np.stack([amount, frame["age"] / 1000, -frame["member"].astype(float)], axis=1)
    for cls in (LinearRegressor, DNNRegressor, WideDeepRegressor):
        model = cls(epochs=30, random_state=0).fit(frame, y)
        predicted = model.predict(frame)
        assert predicted.shape == (240, 3) and predicted.dtype == np.float64
        assert (r2_score(y, predicted, multioutput="raw_values") > 0.8).all(), cls.__name__
        assert model.evaluate(frame, y)["r2"] == pytest.approx(model.score(frame, y), rel=1e-5)
    one = LinearRegressor(epochs=2, random_state=0).fit(frame, y[:, :1])
    assert one.predict(frame).shape == (240, 1)
    with pytest.raises(ValueError, match="must have 3 columns"):
        model.evaluate(frame, amount)


def test_evaluate_is_scikit_learns(frame, amount):
    model = DNNRegressor(**SMALL).fit(frame, amount)
    weights = np.random.default_rng(0).integers(0, 4, 240)
    predicted = model.predict(frame)
    for weight in (None, weights):
        found = model.evaluate(frame, amount, weight)
        squared = mean_squared_error(amount, predicted, sample_weight=weight)
        assert found["average_loss"] == pytest.approx(squared, rel=1e-5)
        assert found["rmse"] == pytest.approx(squared**0.5, rel=1e-5)
        assert found["r2"] == pytest.approx(model.score(frame, amount, weight), rel=1e-6)
        assert found["label/mean"] == pytest.approx(np.average(amount, weights=weight))
    model = DNNRegressor(**SMALL, loss="absolute_error").fit(frame, amount)
    absolute = mean_absolute_error(amount, model.predict(frame))
    assert model.evaluate(frame, amount)["average_loss"] == pytest.approx(absolute, rel=1e-5)


def test_logged_losses_are_in_the_unit_of_the_targets(frame, amount):
    model = BaselineRegressor(epochs=3, random_state=0).fit(frame, amount)
    assert model.history_["loss"].iloc[-1] == pytest.approx(amount.var(), rel=0.05)


def test_constant_targets(frame):
    y = np.full(240, 7.0)
    assert (LinearRegressor(epochs=2).fit(frame, y).predict(frame) == 7.0).all()
    found = WideDeepRegressor(**SMALL).fit(frame, y).predict(frame)
    np.testing.assert_allclose(found, y, atol=0.5)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([np.nan, 1.0] * 120, InvalidValue, "Input y contains NaN"),
        ([np.inf, 1.0] * 120, InvalidValue, "Input y contains infinity"),
        ([1e60, 1.0] * 120, InvalidValue, "too large for float32"),
        (["a", "b"] * 120, InvalidType, "must be numbers.*use a classifier"),
        (None, InvalidValue, "requires y to be passed"),
    ],
    ids=["missing", "infinite", "too large", "text", "nothing"],
)
def test_bad_targets(frame, y, error, message):
    with pytest.raises(error, match=message):
        LinearRegressor(epochs=1).fit(frame, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "squared"}, "loss: must be one of 'squared_error'"),
        ({"delta": 0}, "delta: must be a number above 0"),
        ({"quantile": 1.0}, "quantile: must lie between 0 and 1"),
    ],
)
def test_bad_settings(frame, amount, settings, message):
    with pytest.raises(InvalidValue, match=message):
        LinearRegressor(epochs=1, **settings).fit(frame, amount)
