"""The census has the shape of Adult and an income that can be predicted."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from cannery.datasets import make_census
from cannery.errors import InvalidValue


def test_columns_and_dtypes_of_adult(shared):
    pytest.importorskip("pyarrow")
    adult = pd.read_parquet(shared / "data" / "adult.parquet")
    census = make_census(2000, random_state=0)
    assert list(census.columns) == list(adult.columns)
    assert census.dtypes.astype(str).tolist() == adult.dtypes.astype(str).tolist()
    for name in census.columns[census.dtypes != "int64"]:
        assert set(census[name]) <= set(adult[name])


def test_education_has_one_number():
    census = make_census(3000, random_state=0)
    assert (census.groupby("education")["educational-num"].nunique() == 1).all()


def test_spouses_are_married():
    census = make_census(3000, random_state=0)
    spouses = census["relationship"].isin(["Husband", "Wife"])
    assert (spouses == (census["marital-status"] == "Married-civ-spouse")).all()


def test_income_can_be_predicted():
    census = make_census(6000, random_state=0)
    rich = census.pop("income") == ">50K"
    assert 0.15 < rich.mean() < 0.35
    X = census.select_dtypes("number").assign(married=census["marital-status"].str.contains("civ"))
    model = HistGradientBoostingClassifier(max_iter=50).fit(X[:4000], rich[:4000])
    assert 0.8 < roc_auc_score(rich[4000:], model.predict_proba(X[4000:])[:, 1]) < 0.95


def test_same_random_state_same_frame():
    pd.testing.assert_frame_equal(make_census(50, 3), make_census(50, 3))
    assert not make_census(50, 3).equals(make_census(50, 4))


def test_no_rows():
    with pytest.raises(InvalidValue, match="n_rows: must be a whole number of at least 1, got 0"):
        make_census(0)
