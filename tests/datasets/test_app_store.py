"""The impressions: shape, determinism, calibration, and a signal of two kinds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from cannery.datasets import make_app_store
from cannery.errors import InvalidType, InvalidValue


@pytest.fixture(scope="module")
def impressions():
    return make_app_store(20_000, random_state=0)


def test_shapes_and_types(impressions):
    frame, clicks, probabilities = impressions
    assert frame.shape == (20_000, 9)
    assert clicks.shape == probabilities.shape == (20_000,)
    assert clicks.dtype == np.int64
    assert set(np.unique(clicks)) == {0, 1}
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert pd.api.types.is_integer_dtype(frame["age"])
    assert frame["installed_apps"].map(type).eq(list).all()
    assert not frame.isna().any(axis=None)


def test_installed_apps_are_apps_of_the_store_and_distinct(impressions):
    installed = impressions[0]["installed_apps"]
    assert (installed.map(len) == installed.map(lambda names: len(set(names)))).all()
    assert installed.map(len).between(1, 12).all()
    shown = set(impressions[0]["app"])
    assert len(shown & set(installed.explode())) > 0.9 * len(shown)


def test_an_app_has_one_category_and_one_developer(impressions):
    attributes = impressions[0].groupby("app")[["category", "developer"]].nunique()
    assert (attributes == 1).all(axis=None)


def test_same_random_state_same_data(impressions):
    frame, clicks, probabilities = make_app_store(20_000, random_state=0)
    pd.testing.assert_frame_equal(frame, impressions[0])
    np.testing.assert_array_equal(clicks, impressions[1])
    np.testing.assert_array_equal(probabilities, impressions[2])
    assert not np.array_equal(make_app_store(20_000, random_state=1)[2], probabilities)


def test_clicks_follow_the_probabilities(impressions):
    _, clicks, probabilities = impressions
    for low in np.arange(0, 1, 0.1):
        inside = (probabilities >= low) & (probabilities < low + 0.1)
        error = np.sqrt(probabilities[inside].mean() * (1 - probabilities[inside].mean()))
        gap = clicks[inside].mean() - probabilities[inside].mean()
        assert abs(gap) < 4 * error / np.sqrt(inside.sum())


def test_crosses_memorise_what_single_features_cannot(impressions):
    """The logit has structure beyond the sum of its features, and crosses hold a part of it."""
    frame, clicks, probabilities = impressions
    names = ["country", "device", "category", "app"]
    single = [[f"{name}={row[name]}" for name in names] for row in frame[names].to_dict("records")]
    crossed = [
        [*tokens, *(f"{name}&{app}" for name in installed), f"{country}&{app}"]
        for tokens, installed, country, app in zip(
            single, frame["installed_apps"], frame["country"], frame["app"], strict=True
        )
    ]
    losses = []
    for tokens in (single, crossed):
        X = FeatureHasher(2**18, input_type="string", alternate_sign=False).transform(tokens)
        model = LogisticRegression(C=0.3, max_iter=300).fit(X[:14_000], clicks[:14_000])
        losses.append(log_loss(clicks[14_000:], model.predict_proba(X[14_000:])[:, 1]))
    assert losses[1] < losses[0] - 0.01
    assert log_loss(clicks[14_000:], probabilities[14_000:]) < losses[1] - 0.05


def test_one_impression():
    frame, clicks, probabilities = make_app_store(1, random_state=0)
    assert len(frame) == len(clicks) == len(probabilities) == 1


@pytest.mark.parametrize(
    ("count", "error"),
    [(0, InvalidValue), (-3, InvalidValue), (2.5, InvalidValue), ("9", InvalidType)],
)
def test_impossible_counts(count, error):
    with pytest.raises(error, match="n_impressions: must be a whole number of at least 1, got"):
        make_app_store(count)
