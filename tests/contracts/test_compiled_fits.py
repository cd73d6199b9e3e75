"""Fits that run as C end where interpreted ones do, whatever the head, columns and tower."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from cannery import DNNClassifier, DNNRegressor, LinearClassifier, WideDeepClassifier
from cannery.estimators import LinearRegressor, WideDeepRegressor
from cannery.feature_columns import (
    bucketized_column,
    categorical_column,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)
from cannery.graph.compiler.compiled import Compiled, CompiledExecution
from cannery.graph.compiler.toolchain import find_toolchain

pytestmark = pytest.mark.skipif(find_toolchain() is None, reason="no C compiler on this machine")

ROWS = 300


@pytest.fixture(scope="module")
def frame():
    """Numbers with gaps, words, and cells with no word or several."""
    draw = np.random.default_rng(0)
    words = np.array(["red", "blue", "old", "new", "far"])
    return pd.DataFrame(
        {
            "age": np.where(draw.random(ROWS) < 0.1, np.nan, draw.integers(18, 80, ROWS)),
            "city": draw.choice(["Oslo", "Rome", "Lima", None], ROWS),
            "job": draw.choice(["cook", "nurse", "clerk"], ROWS),
            "tags": [list(draw.choice(words, n)) for n in draw.integers(0, 4, ROWS)],
        }
    )


@pytest.fixture(scope="module")
def score(frame):
    noise = np.random.default_rng(1).normal(0, 0.5, ROWS)
    return (frame["city"] == "Rome") * 2.0 + frame["tags"].map(len) * 0.5 + noise


@pytest.fixture
def quick(monkeypatch):
    """Compile in less time; what is generated is the same."""
    compiled = functools.partial(Compiled, extra=("-O1",))
    monkeypatch.setattr("cannery.graph.program.Compiled", compiled)


def test_200_steps_of_wide_and_deep(frame, score, quick):
    """Weights and slots, with crosses, ragged cells, embeddings, dropout and batch_norm."""
    age, city, tags = numeric_column("age"), categorical_column("city"), categorical_column("tags")
    model = WideDeepClassifier(
        linear_columns=[city, tags, crossed_column(["city", "job"], 30)],
        deep_columns=[
            numeric_column("age", normalizer="standard"),
            indicator_column(bucketized_column(age, [30, 50])),
            embedding_column(tags, 3, combiner="sqrtn"),
            embedding_column(crossed_column(["tags", "job"], 40), 2),
        ],
        hidden_units=(12, 9),
        dropout=0.2,
        batch_norm=True,
        epochs=1,
        jit=False,
        random_state=0,
    ).fit(frame, score > 1)
    program, feeds = model.training_program_, model.training_feeds(frame, score > 1)
    start = program.initial_values(seed=4)
    order = np.random.default_rng(2).integers(0, ROWS, 200 * 32)
    interpreted = program.start(start)
    expected = interpreted.run(feeds, order, 32, finite="loss")["loss"]
    assert len(expected) == 200 and expected[-20:].mean() < expected[:20].mean()
    for threads in (1, 2):
        execution = program.start(start, jit=True, threads=threads)
        actual = execution.run(feeds, order, 32, finite="loss")["loss"]
        np.testing.assert_allclose(actual, expected, rtol=1e-4)
        for name, array in interpreted.variables.items():
            size = np.abs(array).max(initial=0)
            np.testing.assert_allclose(
                execution.variables[name], array, 1e-4, 1e-4 * size, err_msg=name
            )


def classes(score):
    return pd.cut(score, [-99, 0.5, 1.5, 99], labels=["low", "middle", "high"]).astype(str)


def labels(score):
    return np.column_stack([score > 0.5, score > 1.5]).astype(int)


SMALL = {"hidden_units": (6,)}
FITS = {
    "two classes": (LinearClassifier, {}, lambda score: score > 1),
    "three classes": (WideDeepClassifier, SMALL, classes),
    "several labels": (DNNClassifier, SMALL, labels),
    "squared_error": (WideDeepRegressor, SMALL, np.asarray),
    "absolute_error": (LinearRegressor, {}, np.asarray),
    "huber": (DNNRegressor, SMALL, np.asarray),
    "quantile": (LinearRegressor, {}, np.asarray),
    "poisson": (DNNRegressor, {**SMALL, "activation": "tanh"}, np.abs),
}


@pytest.mark.parametrize("name", FITS)
def test_predictions_after_a_short_fit(frame, score, quick, name):
    kind, given, target = FITS[name]
    if issubclass(kind, LinearRegressor | DNNRegressor | WideDeepRegressor):
        given = {**given, "loss": name}
    settings = {**given, "epochs": 3, "batch_size": 50, "random_state": 0}
    one, two = (kind(**settings, jit=jit).fit(frame, target(score)) for jit in (False, True))
    answer = "predict_proba" if hasattr(one, "predict_proba") else "predict"
    expected, actual = (getattr(model, answer)(frame) for model in (one, two))
    assert isinstance(two.model_._execution, CompiledExecution)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)
    history = [model.evaluate(frame, target(score)) for model in (one, two)]
    for metric, value in history[0].items():
        assert history[1][metric] == pytest.approx(value, rel=1e-4, abs=1e-6), metric
