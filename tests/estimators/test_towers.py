"""Towers against the same sums written out in numpy; dropout, batch normalisation, shared parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cannery import DNNClassifier, DNNRegressor, LinearClassifier, WideDeepClassifier
from cannery.feature_columns import (
    bucketized_column,
    categorical_column,
    categorical_column_with_identity,
    categorical_column_with_vocabulary_list,
    dense,
    embedding_column,
    indicator_column,
    numeric_column,
    weighted_categorical_column,
)
from cannery.graph import relu, tanh
from cannery.graph.layers import ACTIVATIONS


def layer(model, x, name):
    values = {key.removeprefix("deep/"): value for key, value in model.variables_.items()}
    return x @ values[f"{name}/kernel"] + values[f"{name}/bias"]


def test_a_deep_tower_is_its_layers_in_a_row(frame, target):
    city, tags = categorical_column("city"), categorical_column("tags")
    given = [
        numeric_column("age", normalizer="standard"),
        indicator_column(city),
        bucketized_column(numeric_column("age"), [30, 50]),
        embedding_column(city, 3),
        indicator_column(tags),
        embedding_column(tags, 2, combiner="sqrtn"),
    ]
    model = DNNClassifier(columns=given, hidden_units=(5, 4), epochs=2, random_state=0)
    model.fit(frame, target)
    number, one_hot, buckets, city_embedding, tag_counts, tag_embedding = model.columns_.columns
    table = {c: model.embedding_table(c).to_numpy() for c in (city_embedding, tag_embedding)}
    views = [number, one_hot, buckets, city_embedding, tag_embedding, tag_counts]
    x = np.concatenate([dense(c, frame, table=table.get(c)) for c in views], axis=1)
    for name in ("hidden_0", "hidden_1"):
        x = np.maximum(layer(model, x, name), 0)
    logits = layer(model, x, "logits")[:, 0]
    np.testing.assert_allclose(model.decision_function(frame), logits, rtol=1e-4, atol=1e-5)


def test_without_hidden_layers_a_deep_tower_is_linear(frame, target):
    model = DNNClassifier(columns=[numeric_column("age")], hidden_units=(), epochs=1)
    model.fit(frame, target)
    logits = layer(model, frame[["age"]].to_numpy(np.float32), "logits")[:, 0]
    np.testing.assert_allclose(model.decision_function(frame), logits, rtol=1e-5)


@pytest.mark.parametrize(
    "activation",
    [*ACTIVATIONS, lambda x: relu(x) + tanh(x)],
    ids=lambda a: a if isinstance(a, str) else "function",
)
def test_activations(frame, target, activation):
    settings = {"hidden_units": (6,), "epochs": 3, "random_state": 0}
    columns = [numeric_column("age", normalizer="standard")]
    model = DNNClassifier(columns=columns, activation=activation, **settings).fit(frame, target)
    assert np.isfinite(model.predict_proba(frame)).all()
    plain = DNNClassifier(columns=columns, activation="relu", **settings).fit(frame, target)
    same = (plain.predict_proba(frame) == model.predict_proba(frame)).all()
    assert same == (activation == "relu")


def test_dropout_is_the_share_that_is_dropped_and_only_while_training(frame, target):
    """Trap 26: other libraries take the share that is kept."""
    settings = {"hidden_units": (32,), "epochs": 8, "random_state": 0}
    losses = {}
    for rate in (0.0, 0.1, 0.9):
        model = DNNClassifier(dropout=rate, **settings).fit(frame, target)
        losses[rate] = model.history_["loss"].iloc[-1]
        assert (model.predict_proba(frame) == model.predict_proba(frame)).all()
    assert losses[0.0] < losses[0.1] < losses[0.9] - 0.05


def test_batch_normalisation_predicts_by_averages_that_training_moves(frame, target):
    settings = {"hidden_units": (16,), "random_state": 0, "batch_norm": True}
    model = DNNClassifier(epochs=6, **settings).fit(frame, target)
    moving = {k: v for k, v in model.variables_.items() if "moving" in k}
    assert len(moving) == 2
    assert all((v != start).all() for v, start in zip(moving.values(), (0, 1), strict=True))
    # A short fit suffices: the averages do not remember where they began.
    assert model.score(frame, target) > 0.9
    alone = model.predict_proba(frame.iloc[[3]])
    np.testing.assert_allclose(alone, model.predict_proba(frame)[[3]], rtol=1e-6)


def test_batch_normalisation_written_out(frame, target):
    model = DNNClassifier(
        columns=[numeric_column("age", normalizer="standard")],
        hidden_units=(4,),
        batch_norm=True,
        epochs=2,
        random_state=0,
    ).fit(frame, target)
    values = {key.rpartition("/")[2]: v for key, v in model.variables_.items() if "norm" in key}
    x = np.maximum(layer(model, dense(model.columns_.columns[0], frame), "hidden_0"), 0)
    x = (x - values["moving_mean"]) / np.sqrt(values["moving_variance"] + 0.001)
    logits = layer(model, x * values["gamma"] + values["beta"], "logits")[:, 0]
    np.testing.assert_allclose(model.decision_function(frame), logits, rtol=1e-4, atol=1e-5)


def test_embeddings_learn_by_row(frame, target):
    """Rows of a table that no example names stay as they were drawn."""
    city = categorical_column_with_identity("code", 50)
    frame["code"] = frame["city"].map({"Oslo": 3, "Rome": 7, "Lima": 11})
    settings = {"columns": [embedding_column(city, 4)], "hidden_units": (4,), "random_state": 0}
    one = DNNClassifier(epochs=1, **settings).fit(frame, target).embedding_table("code")
    more = DNNClassifier(epochs=5, **settings).fit(frame, target).embedding_table("code")
    moved = (one != more).any(axis=1).to_numpy()
    assert moved.nonzero()[0].tolist() == [3, 7, 11]


def test_a_missing_value_adds_nothing(frame, target):
    columns = [categorical_column("city", num_oov_buckets=0), categorical_column("tags")]
    model = LinearClassifier(columns=columns, epochs=3, random_state=0).fit(frame, target)
    nothing = pd.DataFrame([{**frame.iloc[0].to_dict(), "city": None, "tags": []}])
    bias = model.linear_weights_.set_index("column").loc["(bias)", "weight"]
    assert model.decision_function(nothing)[0] == pytest.approx(bias, rel=1e-5)


def test_a_value_named_twice_counts_twice():
    X = {"tags": [["a"], ["b"], ["a", "b"], []] * 30}
    model = LinearClassifier(columns=[categorical_column("tags")], epochs=3, random_state=0)
    model.fit(X, [1, 0, 1, 0] * 30)
    logits = model.decision_function({"tags": [[], ["a"], ["a", "a"]]})
    assert logits[2] - logits[1] == pytest.approx(logits[1] - logits[0], rel=1e-4)


def test_weights_of_values_multiply():
    tags = categorical_column_with_vocabulary_list("tags", ["a", "b"])
    columns = [weighted_categorical_column(tags, "share")]
    X = {"tags": [["a"], ["b"]] * 40, "share": [[1.0], [1.0]] * 40}
    model = LinearClassifier(columns=columns, epochs=3, random_state=0).fit(X, [0, 1] * 40)
    logits = model.decision_function({"tags": [[], ["a"], ["a"]], "share": [[], [1.0], [2.5]]})
    assert logits[2] - logits[0] == pytest.approx(2.5 * (logits[1] - logits[0]), rel=1e-4)


def test_the_towers_add_up(frame, target, wide, deep):
    model = WideDeepClassifier(
        linear_columns=wide, deep_columns=deep, hidden_units=(4,), epochs=2, random_state=0
    ).fit(frame, target)
    logits = model.decision_function(frame)
    assert {name.partition("/")[0] for name in model.variables_} == {"linear", "deep"}
    model.variables_["linear/bias"][...] += 2.0
    np.testing.assert_allclose(model.decision_function(frame), logits + 2.0, rtol=1e-5, atol=1e-5)


def test_one_raw_column_serves_both_towers_and_is_encoded_once(frame, target):
    city = categorical_column("city")
    model = WideDeepClassifier(
        linear_columns=[city], deep_columns=[embedding_column(city, 2), indicator_column(city)]
    ).fit(frame, target)
    assert len(model.columns_.cores) == 1


def test_wide_numbers_are_taken_as_vectors():
    generator = np.random.default_rng(0)
    X = {"point": list(generator.normal(size=(300, 4))), "kind": ["a", "b", "c"] * 100}
    y = np.stack(X["point"])[:, 2] * 3
    model = DNNRegressor(columns=[numeric_column("point", shape=4)], epochs=20, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.9
