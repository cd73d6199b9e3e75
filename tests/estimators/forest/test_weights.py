"""What scikit-learn asks of weights holds where no bootstrap sample is drawn."""

from __future__ import annotations

import pytest
from sklearn.utils import estimator_checks

from cannery import RandomForestClassifier, RandomForestRegressor


@pytest.mark.parametrize("cls", [RandomForestClassifier, RandomForestRegressor])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_weight_of_two_is_two_rows(cls, kind):
    check = getattr(estimator_checks, f"check_sample_weight_equivalence_on_{kind}_data")
    model = cls(n_estimators=5, max_features=1, bootstrap=False, random_state=0)
    check(cls.__name__, model)
