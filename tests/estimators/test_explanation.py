"""Tables of weights and embeddings add up to what the model says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cannery import DNNClassifier, LinearClassifier, LinearRegressor, WideDeepClassifier
from cannery.errors import InvalidValue
from cannery.feature_columns import (
    bucketized_column,
    categorical_column,
    categorical_column_with_hash_bucket,
    categorical_column_with_vocabulary_list,
    crossed_column,
    embedding_column,
    numeric_column,
    shared_embeddings,
)


def weights_of(model, column="weight"):
    return model.linear_weights_.set_index(["column", "value"])[column]


def test_linear_weights_add_up_to_the_logit(frame, target):
    age = bucketized_column(numeric_column("age"), [30, 60])
    columns = [categorical_column("city"), age, numeric_column("pay", normalizer="log")]
    model = LinearClassifier(columns=columns, random_state=0).fit(frame, target)
    table = model.linear_weights_
    assert list(table) == ["column", "value", "weight"]
    weight = weights_of(model)
    row = frame[frame["pay"].notna() & (frame["city"] == "Rome") & (frame["age"] > 60)].head(1)
    logit = weight["city", "Rome"] + weight["(bias)", ""]
    logit += table.loc[table["column"] == "age_bucketized", "weight"].to_numpy()[2]
    logit += weight["pay", ""] * model.columns_.encode(row).numbers[0, 0]
    assert model.decision_function(row)[0] == pytest.approx(logit, rel=1e-5)
    assert len(table) == model.columns_.columns[0].size + 3 + 1 + 1


def test_a_regressors_weights_are_in_the_unit_of_the_targets(frame, amount):
    columns = [categorical_column("city"), numeric_column("age")]
    model = LinearRegressor(columns=columns, epochs=50, random_state=0).fit(frame, amount)
    weight = weights_of(model)
    found = weight["city", "Rome"] + 30 * weight["age", ""] + weight["(bias)", ""]
    row = pd.DataFrame([{**frame.iloc[0].to_dict(), "city": "Rome", "age": 30}])
    assert model.predict(row)[0] == pytest.approx(found, rel=1e-4)
    assert weight["city", "Rome"] - weight["city", "Oslo"] == pytest.approx(1000, rel=0.1)


def test_weights_of_several_classes(frame):
    model = LinearClassifier(columns=[categorical_column("city")], epochs=5, random_state=0)
    table = model.fit(frame, frame["city"]).linear_weights_.set_index("value")
    assert list(table)[1:] == ["weight_Lima", "weight_Oslo", "weight_Rome"]
    assert (table.loc["Rome"].iloc[1:].astype(float).idxmax()) == "weight_Rome"


def test_weights_of_several_labels(frame):
    y = pd.DataFrame({"old": (frame["age"] > 50) * 1, "young": (frame["age"] < 30) * 1})
    model = LinearClassifier(columns=[categorical_column("city")], epochs=1).fit(frame, y)
    assert list(model.linear_weights_)[2:] == ["weight_old", "weight_young"]
    several = LinearRegressor(columns=[categorical_column("city")], epochs=1).fit(frame, y)
    assert list(several.linear_weights_)[2:] == ["weight_0", "weight_1"]


def test_crosses_and_lists_have_rows_of_their_own(frame, target):
    columns = [crossed_column(["city", "job"], 7), categorical_column("tags")]
    model = LinearClassifier(columns=columns, epochs=1).fit(frame, target)
    sizes = model.linear_weights_["column"].value_counts()
    assert sizes["city_X_job"] == 7 and sizes["tags"] == model.columns_.columns[1].size


def test_an_embedding_by_token(frame, target):
    city = categorical_column("city")
    columns = [embedding_column(city, 3), numeric_column("age")]
    model = DNNClassifier(columns=columns, epochs=2, random_state=0).fit(frame, target)
    table = model.embedding_table("city")
    assert table.shape == (model.columns_.columns[0].categorical.size, 3)
    assert {"Oslo", "Rome", "Lima"} < set(table.index) and table.index.name == "city"
    for name in ("city_embedding", city, columns[0]):
        pd.testing.assert_frame_equal(model.embedding_table(name), table)
    table.iloc[:] = 0.0
    assert model.embedding_table("city").to_numpy().any()
    with pytest.raises(InvalidValue, match=r"no embedding of 'age'; choose one of \['city_emb"):
        model.embedding_table("age")


def test_shared_embeddings_are_one_table(frame, target):
    frame["twin"] = frame["city"].to_numpy()[::-1]
    names = ["Oslo", "Rome", "Lima"]
    both = [categorical_column_with_vocabulary_list(key, names) for key in ("city", "twin")]
    model = DNNClassifier(columns=shared_embeddings(both, 2), epochs=1, random_state=0)
    model.fit(frame, target)
    pd.testing.assert_frame_equal(
        model.embedding_table("city"), model.embedding_table("twin"), check_names=False
    )
    tables = [a for a in model.variables_.values() if a.shape == (3, 2)]
    assert len(tables) == 1


def test_an_embedding_that_stays_as_it_is(frame, target):
    def start(generator, shape):
        return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)

    given = start(None, (3, 2))
    city = categorical_column_with_vocabulary_list("city", ["Oslo", "Rome", "Lima"])
    fixed = embedding_column(city, 2, initializer=start, trainable=False)
    model = DNNClassifier(columns=[fixed], epochs=2).fit(frame, target)
    assert (model.embedding_table("city") == given).all(axis=None)


def test_hashed_values_have_numbers(frame, target):
    hashed = categorical_column_with_hash_bucket("city", 5)
    model = WideDeepClassifier(
        linear_columns=[hashed], deep_columns=[embedding_column(hashed, 2)], epochs=1
    ).fit(frame, target)
    assert len(model.embedding_table("city")) == 5
    assert (model.linear_weights_["column"] == "city").sum() == 5


def test_before_a_fit():
    with pytest.raises(ValueError, match="not fitted"):
        LinearClassifier().linear_weights_  # noqa: B018
    with pytest.raises(ValueError, match="not fitted"):
        DNNClassifier().embedding_table("city")
    assert not hasattr(DNNClassifier(), "linear_weights_")
