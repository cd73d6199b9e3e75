"""What default settings reach on two data sets that everyone knows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cannery import DNNRegressor, LinearClassifier, WideDeepClassifier, WideDeepRegressor


@pytest.fixture(scope="module")
def parts(shared):
    """Return a function from a file and its target to a training part and a third held out."""

    def read(name, target):
        data = pd.read_parquet(shared / "data" / f"{name}.parquet")
        X, y = data.drop(columns=target), data[target].to_numpy()
        order = np.random.default_rng(0).permutation(len(data))
        test, train = np.sort(order[: len(data) // 3]), np.sort(order[len(data) // 3 :])
        return X.iloc[train], y[train], X.iloc[test], y[test]

    return read


def test_adult_with_columns_inferred(parts):
    X, y, test_X, test_y = parts("adult", "income")
    for cls, wanted in ((LinearClassifier, 0.90), (WideDeepClassifier, 0.905)):
        found = cls(epochs=3, random_state=0).fit(X, y).evaluate(test_X, test_y)
        assert found["auc"] > wanted and found["accuracy"] > 0.84, cls.__name__


def test_housing_with_columns_inferred(parts):
    X, y, test_X, test_y = parts("california_housing", "MedHouseVal")
    for cls, epochs in ((DNNRegressor, 20), (WideDeepRegressor, 10)):
        assert cls(epochs=epochs, random_state=0).fit(X, y).score(test_X, test_y) > 0.75
    grouped = WideDeepRegressor(epochs=10, batch_norm=True, random_state=0).fit(X, y)
    assert grouped.score(test_X, test_y) > 0.7
