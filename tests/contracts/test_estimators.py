"""What every estimator in the registry must do: scikit-learn's contract, all of it."""

from __future__ import annotations

import collections
import pickle
import pydoc
import re

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import cannery
from cannery.estimators import ESTIMATORS
from cannery.graph.compiler.toolchain import find_toolchain

# Steps are taken over shuffled batches, and columns learn from rows, whatever these weigh: a row
# of weight two is one longer step and its copies are two, as in scikit-learn's own SGDClassifier.
STEP_BY_STEP = {
    "check_sample_weight_equivalence_on_dense_data": "a weight of two is not two steps",
    "check_sample_weight_equivalence_on_sparse_data": "a weight of two is not two steps",
}
# A tag can switch off whole batteries of checks, so that their number is worth a test.
CHECKS = {
    "1.6": {"classifier": 66, "regressor": 59, "clusterer": 56},
    "1.9": {"classifier": 67, "regressor": 60, "clusterer": 57},
}
# A BLAS may round a row of float32 products otherwise in another place; compiled ones stay equal.
ORDER = "check_methods_sample_order_invariance"
VERSION = ".".join(sklearn.__version__.split(".")[:2])
each = pytest.mark.parametrize("name", ESTIMATORS)


# As for scikit-learn's own KMeans and forests: seeds, and bootstrap samples, are drawn among other
# rows. Without bootstrap a forest passes, see tests/estimators/forest/test_weights.py.
DRAWN = dict.fromkeys(STEP_BY_STEP, "a weight of two is not two rows to draw from")


def expected_to_fail(estimator):
    draws = hasattr(estimator, "n_clusters") or hasattr(estimator, "bootstrap")
    drawn = DRAWN if draws else {}
    return STEP_BY_STEP if hasattr(estimator, "epochs") else drawn


def quick(name):
    """Return an estimator that is fitted in no time."""
    cls = ESTIMATORS[name]
    quicker = {"epochs": 2, "n_estimators": 5, "n_clusters": 3}
    known = {key: value for key, value in quicker.items() if hasattr(cls, key)}
    return cls(random_state=0, **known)


def kind(estimator):
    if is_classifier(estimator):
        return "classifier"
    return "regressor" if is_regressor(estimator) else "clusterer"


checks = parametrize_with_checks(
    [cls() for cls in ESTIMATORS.values()],
    expected_failed_checks=expected_to_fail,
)
names, values = checks.args  # before scikit-learn 1.8 a generator, which pytest refuses


# Some checks have two distinct rows, and eight clusters by default.
@pytest.mark.filterwarnings("ignore:Number of distinct clusters:UserWarning")
@pytest.mark.parametrize(names, list(values), **checks.kwargs)
def test_scikit_learns_checks(estimator, check):
    layers = hasattr(estimator, "hidden_units")
    if layers and check.func.__name__ == ORDER and find_toolchain() is not None:
        estimator = clone(estimator).set_params(jit=True)
    check(estimator)


@each
def test_no_check_is_switched_off(name):
    estimator = ESTIMATORS[name]()
    found = collections.Counter(
        check.func.__name__ for _, check in estimator_checks_generator(estimator)
    )
    least = min(checks[kind(estimator)] for checks in CHECKS.values())
    assert sum(found.values()) == CHECKS.get(VERSION, {}).get(kind(estimator), sum(found.values()))
    assert sum(found.values()) >= least
    assert set(expected_to_fail(estimator)) <= set(found)


@each
def test_poor_scores_are_those_of_baselines(name):
    """A baseline looks at no feature, so that it cannot score well; all others must."""
    tags = ESTIMATORS[name]().__sklearn_tags__()
    scored = tags.classifier_tags or tags.regressor_tags
    assert (scored is not None and scored.poor_score) == name.startswith("Baseline")
    assert tags.input_tags.allow_nan and tags.input_tags.sparse and tags.input_tags.categorical
    assert not tags.non_deterministic and not tags.no_validation


def test_the_registry_is_complete():
    public = {
        name
        for name in cannery.__all__
        if isinstance(getattr(cannery, name), type)
        and issubclass(getattr(cannery, name), BaseEstimator)
        and hasattr(getattr(cannery, name), "evaluate")
    }
    assert public == set(ESTIMATORS) == set(cannery.estimators.canned.__all__) - {"ESTIMATORS"}
    alone = {name for name in public if kind(ESTIMATORS[name]()) == "clusterer"}
    stems = collections.Counter(re.sub("(Classifier|Regressor)$", "", name) for name in public)
    assert all(count == 2 for stem, count in stems.items() if stem not in alone)


@each
def test_a_classifier_is_no_regressor(name):
    estimator = ESTIMATORS[name]()
    assert is_classifier(estimator) == name.endswith("Classifier")
    assert is_regressor(estimator) == name.endswith("Regressor")


@each
def test_parameters_survive_cloning_and_printing(name):
    estimator = quick(name).set_params(random_state=7)
    params = estimator.get_params()
    assert clone(estimator).get_params() == params
    assert eval(repr(estimator), dict(ESTIMATORS)).get_params() == params
    assert "random_state" in estimator._repr_html_()
    with pytest.raises(ValueError, match="Invalid parameter 'random_stat'"):
        estimator.set_params(random_stat=3)
    with pytest.raises(TypeError):
        ESTIMATORS[name](random_stat=3)


@each
def test_the_documentation_lists_every_parameter(name):
    cls = ESTIMATORS[name]
    text = pydoc.getdoc(cls)
    section = text.split("Parameters\n----------\n")[1].split("\n\nAttributes\n")[0]
    documented = [line.split(" : ")[0] for line in section.splitlines() if line[:1].strip()]
    assert sorted(documented) == sorted(cls().get_params(deep=False))
    assert "Examples\n--------" in text and ">>> " in text


@each
def test_pickled_as_it_is(name):
    rows = np.random.default_rng(0)
    X, y = rows.normal(size=(40, 3)), rows.integers(0, 2, 40)
    fitted = quick(name).fit(X, y)
    copy = pickle.loads(pickle.dumps(fitted))
    assert copy.evaluate(X, y) == fitted.evaluate(X, y)
    assert (copy.predict(X) == fitted.predict(X)).all()
    if not hasattr(fitted, "partial_fit"):
        return
    for model in (fitted, copy):
        model.partial_fit(X, y)
    assert (copy.predict(X) == fitted.predict(X)).all()
    if hasattr(fitted, "epochs"):
        assert copy.evaluate(X, y)["global_step"] == 30
