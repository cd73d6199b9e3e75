"""`FeatureColumns` keeps scikit-learn's contract and turns frames into matrices."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from cannery.errors import InvalidValue, MissingColumn, UnseenCategory
from cannery.feature_columns import (
    FeatureColumns,
    bucketized_column,
    categorical_column,
    categorical_column_with_identity,
    embedding_column,
    indicator_column,
    numeric_column,
    weighted_categorical_column,
)


@parametrize_with_checks([FeatureColumns(), FeatureColumns(sparse_output=True)])
def test_scikit_learn_check(estimator, check):
    check(estimator)


def test_scikit_learn_runs_its_whole_battery():
    assert len(list(estimator_checks_generator(FeatureColumns()))) >= 45


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "age": [20.0, 40.0, np.nan, 60.0],
            "city": ["Oslo", "Rome", "Rome", None],
            "apps": [["a", "b"], ["a", "a"], [], ["c"]],
        }
    )


def columns():
    age = numeric_column("age")
    return [
        age,
        bucketized_column(age, [30], missing="none"),
        indicator_column(categorical_column("city")),
        embedding_column(categorical_column("apps", num_oov_buckets=0), 8),
    ]


EXPECTED = [
    [20, 1, 0, 0, 1, 0, 1, 1, 0],
    [40, 0, 1, 1, 0, 0, 2, 0, 0],
    [40, 0, 0, 1, 0, 0, 0, 0, 0],
    [60, 0, 1, 0, 0, 0, 0, 0, 1],
]


def test_transform_counts_ids(frame):
    found = FeatureColumns(columns=columns()).fit_transform(frame)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, EXPECTED)


def test_sparse_output_holds_the_same_numbers(frame):
    found = FeatureColumns(columns=columns(), sparse_output=True).fit_transform(frame)
    assert scipy.sparse.issparse(found) and found.format == "csr" and found.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), EXPECTED)


def test_names_and_pandas_output(frame):
    features = FeatureColumns(columns=columns()).set_output(transform="pandas").fit(frame)
    found = features.transform(frame)
    names = ["age", "age_bucketized=< 30", "age_bucketized=>= 30"]
    names += ["city=Rome", "city=Oslo", "city=<other 0>", "apps=a", "apps=b", "apps=c"]
    assert list(found.columns) == names == list(features.get_feature_names_out())
    np.testing.assert_array_equal(found.to_numpy(), EXPECTED)


def test_a_vector_of_numbers_has_numbered_names():
    features = FeatureColumns(columns=[numeric_column("v", shape=2)]).fit({"v": [[1, 2], [3, 4]]})
    assert list(features.get_feature_names_out()) == ["v_0", "v_1"]


def test_weights_are_summed():
    column = weighted_categorical_column(categorical_column_with_identity("i", 3), "w")
    rows = {"i": [[0, 0], [2]], "w": [[1, 2.5], [-1]]}
    for sparse in (False, True):
        found = FeatureColumns(columns=[column], sparse_output=sparse).fit_transform(rows)
        found = found.toarray() if sparse else found
        np.testing.assert_array_equal(found, [[3.5, 0, 0], [0, 0, -1]])


def test_sparse_input_stays_sparse():
    matrix = scipy.sparse.random_array((20, 50), density=0.05, format="csc", rng=0)
    found = FeatureColumns(sparse_output=True).fit_transform(matrix)
    np.testing.assert_allclose(found.toarray(), matrix.toarray(), rtol=1e-6)


def test_in_a_pipeline_with_a_grid_search(frame):
    big = pd.concat([frame] * 10, ignore_index=True)
    labels = np.arange(40) % 2
    model = make_pipeline(FeatureColumns(), LogisticRegression())
    model.fit(big, labels).predict(big.head(3))
    choices = {"featurecolumns__columns": [None, [numeric_column("age")]]}
    search = GridSearchCV(model, choices, cv=2).fit(big, labels)
    assert search.cv_results_["params"][1]["featurecolumns__columns"] is not None


def test_after_a_step_that_gives_frames(frame):
    first = ColumnTransformer(
        [("scale", StandardScaler(), ["age"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(first, FeatureColumns(columns=columns()))
    assert model.fit_transform(frame).shape == (4, 9)


def test_inside_a_column_transformer(frame):
    inner = FeatureColumns(columns=[categorical_column("city")])
    outer = ColumnTransformer([("city", inner, ["city"])]).fit(frame)
    assert outer.get_feature_names_out()[0] == "city__city=Rome"


def test_pickling_keeps_the_result(frame):
    features = FeatureColumns(columns=columns()).fit(frame)
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.transform(frame), EXPECTED)


def test_learning_does_not_touch_the_parameters(frame):
    given = columns()
    features = FeatureColumns(columns=given).fit(frame)
    assert features.columns is given and given == columns()


def test_a_fit_replaces_the_last_one(frame):
    features = FeatureColumns(columns=[categorical_column("city")]).fit(frame)
    other = pd.DataFrame({"city": ["Lima"]})
    assert features.fit(other).get_feature_names_out()[0] == "city=Lima"


@pytest.mark.parametrize("make", [dict, pd.DataFrame])
def test_dict_and_frame_agree(frame, make):
    features = FeatureColumns(columns=columns()).fit(make(frame.to_dict("list")))
    np.testing.assert_array_equal(features.transform(frame.to_dict("list")), EXPECTED)
    assert list(features.feature_names_in_) == ["age", "city", "apps"]


def test_polars_agrees(frame):
    polars = pytest.importorskip("polars")
    other = polars.DataFrame(frame.to_dict("list") | {"city": ["Oslo", "Rome", "Rome", None]})
    found = FeatureColumns(columns=columns()).fit(other).transform(other)
    np.testing.assert_array_equal(found, EXPECTED)


def test_strict_refuses_what_fit_did_not_see(frame):
    features = FeatureColumns(columns=[categorical_column("city")], strict=True).fit(frame)
    with pytest.raises(UnseenCategory, match=r"'city': row 1 holds .* got 'Lima'"):
        features.transform(frame.assign(city=["Oslo", "Lima", "Rome", "Lima"]))


def test_a_missing_column_is_named(frame):
    features = FeatureColumns(columns=columns()).fit(frame)
    with pytest.raises(MissingColumn, match="'city'"):
        features.transform(frame.drop(columns="city"))
    with pytest.raises(MissingColumn, match="did you mean 'city'"):
        FeatureColumns(columns=[categorical_column("citty")]).fit(frame)


def test_an_empty_frame_cannot_be_learnt(frame):
    with pytest.raises(InvalidValue, match="no rows"):
        FeatureColumns(columns=columns()).fit(frame.head(0))
    assert FeatureColumns(columns=columns()).fit(frame).transform(frame.head(0)).shape == (0, 9)
