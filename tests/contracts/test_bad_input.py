"""What every estimator in the registry does with input that is wrong, poor or strange.

An error names its subject and says what to do, a treatment gives finite answers; neither harms what
was fitted before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from cannery.errors import CanneryError, InvalidType, InvalidValue, ShapeMismatch, UnseenCategory
from cannery.estimators import ESTIMATORS

N = 24
each = pytest.mark.parametrize("name", ESTIMATORS)
LEARNERS = [name for name in ESTIMATORS if not name.startswith("Baseline")]  # look at features
CLASSIFIERS = [name for name in ESTIMATORS if name.endswith("Classifier")]
REGRESSORS = [name for name in ESTIMATORS if name.endswith("Regressor")]
SUPERVISED = [*CLASSIFIERS, *REGRESSORS]
CLUSTERERS = [name for name in ESTIMATORS if name not in SUPERVISED]


def make(name, **settings):
    """Return an estimator that is fitted in no time."""
    cls = ESTIMATORS[name]
    quicker = {"epochs": 1, "n_estimators": 3, "n_clusters": 3}
    known = {key: value for key, value in quicker.items() if hasattr(cls, key)}
    return cls(random_state=0, **{**known, **settings})


def frame():
    rng = np.random.default_rng(0)
    cities = np.array(["Oslo", "Rome", "Bonn"])[np.arange(N) % 3]
    return pd.DataFrame({"city": cities, "size": rng.normal(size=N), "age": rng.normal(size=N)})


def target(name):
    if name in CLASSIFIERS:
        return np.array(["no", "yes"], object)[np.arange(N) // 2 % 2]
    return np.linspace(-1.0, 1.0, N) if name in REGRESSORS else None


def answers(model, X):
    """Return all that a model says about rows, as one array of numbers."""
    ways = ("predict_proba", "decision_function", "transform")
    found = [getattr(model, way)(X) for way in ways if hasattr(model, way)]
    predicted = model.predict(X)
    assert len(predicted) == len(X)
    if predicted.dtype.kind != "O":
        found.append(predicted)
    return np.column_stack([np.reshape(np.asarray(part, float), (len(X), -1)) for part in found])


def assert_usable(model, X):
    assert np.isfinite(answers(model, X)).all()


def spoilt(position, value, dtype=object):
    def spoil(y):
        y = np.array(y, dtype)
        y[position] = value
        return y

    return spoil


# Targets.


@pytest.mark.parametrize("name", SUPERVISED)
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda y: None, InvalidValue, "requires y to be passed, but the target y is None"),
        (
            lambda y: y[:-1],
            ShapeMismatch,
            "y: inconsistent numbers of samples, got 23 labels",
        ),
        (lambda y: y[:0], InvalidValue, "y: "),
        (spoilt(3, None), InvalidValue, "y: Input y contains NaN, got 1 of 24; drop these rows"),
        (spoilt(3, np.nan), InvalidValue, "y: Input y contains NaN, got 1 of 24; drop these rows"),
        (spoilt(3, pd.NA), InvalidValue, "y: Input y contains NaN, got 1 of 24; drop these rows"),
        (lambda y: pd.Series(y).where(np.arange(N) > 0), InvalidValue, "y: Input y contains NaN"),
        (lambda y: np.resize(y, (N, 2, 2)), InvalidValue, "y: y should be a 1d array"),
        (lambda y: np.array([{"a": 1}] * N), InvalidValue, "y: Unknown label type"),
    ],
    ids="none short empty None nan NA series 3d dicts".split(),
)
def test_targets(name, change, error, message):
    with pytest.raises(error, match=message):
        make(name).fit(frame(), change(target(name)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_one_class_only(name):
    with pytest.raises(InvalidValue, match=r"y: holds only one class, got \['a'\]; give at least"):
        make(name).fit(frame(), ["a"] * N)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_quantities_are_no_classes(name):
    with pytest.raises(InvalidValue, match="y: Unknown label type: continuous"):
        make(name).fit(frame(), np.linspace(0.1, 0.9, N))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_label_that_fit_did_not_see(name):
    model = make(name).fit(frame(), target(name))
    with pytest.raises(UnseenCategory, match=r"holds labels that fit did not see, got \['never'\]"):
        model.evaluate(frame(), ["never"] * N)


@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (["a"] * N, InvalidType, "y: must be numbers, got .*; use a classifier"),
        ([np.inf] * N, InvalidValue, "y: Input y contains infinity"),
        ([1e300] * N, InvalidValue, "y: contains a value too large for float32"),
    ],
)
def test_what_is_no_quantity(name, y, error, message):
    with pytest.raises(error, match=message):
        make(name).fit(frame(), y)


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_constant_target_is_predicted(name):
    settings = {"epochs": 20} if hasattr(ESTIMATORS[name], "epochs") else {}
    model = make(name, **settings).fit(frame(), np.full(N, 7.0))
    assert model.predict(frame()) == pytest.approx(np.full(N, 7.0), abs=0.3)


@pytest.mark.parametrize("name", CLUSTERERS)
def test_clusters_heed_no_target(name):
    X = frame()
    plain = make(name).fit(X)
    assert (answers(make(name).fit(X, [np.nan] * N), X) == answers(plain, X)).all()


# Weights.


@each
@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (
            -np.ones(N),
            InvalidValue,
            "Negative values in data passed to sample_weight, got -1.0",
        ),
        (np.zeros(N), InvalidValue, "must contain at least one non-zero number, got 24 weights of"),
        (np.full(N, np.nan), InvalidValue, "contains NaN or infinity, got nan at row 0"),
        (np.full(N, np.inf), InvalidValue, "contains NaN or infinity, got inf at row 0"),
        (
            np.ones(3),
            ShapeMismatch,
            r"must be a 1D array of 24, one for each row, got shape",
        ),
        (np.ones((N, 1)), ShapeMismatch, "must be a 1D array of 24, one for each row"),
        (["heavy"] * N, InvalidType, "must be numbers, got .*"),
    ],
    ids="negative zero nan infinite short wide text".split(),
)
def test_weights(name, weights, error, message):
    with pytest.raises(error, match=f"sample_weight: {message}") as raised:
        make(name).fit(frame(), target(name), sample_weight=weights)
    assert len(str(raised.value)) < 200


@each
def test_rows_of_weight_zero_may_hold_anything_that_can_be_read(name):
    X, y = frame(), target(name)
    weights = np.where(np.arange(N) < 4, 0.0, 1.0)
    assert_usable(make(name).fit(X, y, sample_weight=weights), X)


# Features.


@each
@pytest.mark.parametrize(
    "X",
    [frame()[:0], np.zeros((0, 2)), {"size": []}, scipy.sparse.csr_array((0, 2))],
    ids=["pandas", "array", "mapping", "sparse"],
)
def test_no_rows(name, X):
    y = target(name)
    with pytest.raises(ValueError, match=r"0 sample|at least one row"):
        make(name).fit(X, None if y is None else y[:0])


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("X", [frame()[[]], np.zeros((N, 0))], ids=["pandas", "array"])
def test_no_columns(name, X):
    with pytest.raises(ValueError, match=r"nothing in X tells rows apart|0 feature\(s\)"):
        make(name).fit(X, target(name))


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    "columns",
    [
        {"a": 1.0, "b": "x"},
        {"a": np.nan, "b": None},
        {"a": pd.array([pd.NA] * N, "Int64"), "b": pd.Categorical([None] * N, ["x"])},
    ],
    ids=["constant", "missing", "NA"],
)
def test_nothing_that_tells_rows_apart(name, columns):
    X = pd.DataFrame(columns, index=range(N))
    with pytest.raises(InvalidValue, match=r"columns: nothing in X tells rows apart, got \['a'"):
        make(name).fit(X, target(name))


@pytest.mark.parametrize("name", LEARNERS)
def test_such_columns_beside_others_are_left_out(name):
    dull = {
        "constant": 1.0,
        "word": "x",
        "nan": np.nan,
        "none": None,
        "never": pd.NaT,
        "na": pd.array([pd.NA] * N, "Int64"),
        "empty": pd.Categorical([None] * N, ["x"]),
        "strange": 1j,
    }
    X, y = frame().assign(**dull), target(name)
    model, plain = make(name).fit(X, y), make(name).fit(frame(), y)
    assert_usable(model, X)
    assert answers(model, X) == pytest.approx(answers(plain, frame()))
    changed = X.assign(constant=5.0, word="y", nan=3.0, none="z", na=7)
    assert answers(model, changed) == pytest.approx(answers(model, X))


@each
def test_a_constant_or_missing_column_of_an_array_is_of_no_harm(name):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=N), np.full(N, 3.0), np.full(N, np.nan)])
    assert_usable(make(name).fit(X, target(name)), X)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("number", [np.inf, -np.inf])
def test_infinite_numbers(name, number):
    X, y = frame(), target(name)
    X.loc[3, "size"] = number
    with pytest.raises(InvalidValue, match=r"column 'size': row 3 is infinite, got -?inf; clip"):
        make(name).fit(X, y)
    model = make(name).fit(frame(), y)
    with pytest.raises(InvalidValue, match=r"column 'size': row 3 is infinite, got -?inf; clip"):
        model.predict(X)


@each
def test_missing_and_unseen_values_have_a_treatment(name):
    X, y = frame(), target(name)
    X.loc[::5, "city"] = None
    X.loc[::7, "size"] = np.nan
    model = make(name).fit(X, y)
    assert_usable(model, X)
    strange = frame().assign(city="Paris", size=np.nan)
    strange.loc[0, "city"] = None
    assert_usable(model, strange)
    assert_usable(model, strange[:1])


@each
def test_values_that_no_fit_saw_missing_have_a_treatment(name):
    model = make(name).fit(frame(), target(name))
    assert_usable(model, frame().assign(city=None, size=np.nan, age=None))


@pytest.mark.parametrize("name", LEARNERS)
def test_strict_refuses_what_fit_did_not_see(name):
    model = make(name, strict=True).fit(frame(), target(name))
    assert_usable(model, frame())
    with pytest.raises(UnseenCategory, match="column 'city': row 0 holds a value outside"):
        model.predict(frame().assign(city="Paris"))
    with pytest.raises(UnseenCategory, match="column 'size': row 0 is missing, and no number was"):
        model.predict(frame().assign(size=np.nan))


@pytest.mark.parametrize("name", LEARNERS)
def test_text_among_numbers(name):
    model = make(name).fit(frame(), target(name))
    with pytest.raises(InvalidValue, match="column 'size': row 0 is not a number, got 'tall'"):
        model.predict(frame().assign(size="tall"))


@each
@pytest.mark.parametrize(
    "X",
    [None, 3, "frame.csv", np.zeros(N), np.zeros((N, 2, 2)), [object()] * N],
    ids=["none", "number", "text", "1d", "3d", "objects"],
)
def test_what_is_no_frame(name, X):
    with pytest.raises((ValueError, TypeError)):
        make(name).fit(X, target(name))


@each
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X.drop(columns="size"), "feature names should match"),
        (lambda X: X.assign(more=1), "feature names should match"),
        (lambda X: X[["size", "age", "city"]], "same order"),
    ],
    ids=["fewer", "more", "order"],
)
def test_other_columns_than_in_fit(name, change, message):
    model = make(name).fit(frame(), target(name))
    with pytest.raises(ValueError, match=message):
        model.predict(change(frame()))


@each
def test_two_columns_of_one_name(name):
    twice = pd.concat([frame(), frame()], axis=1)
    with pytest.raises(InvalidValue, match=r"X: column names must be unique, got \['age', 'city'"):
        make(name).fit(twice, target(name))


@each
def test_prediction_of_no_rows(name):
    model = make(name).fit(frame(), target(name))
    assert len(model.predict(frame()[:0])) == 0


@pytest.mark.parametrize("name", CLUSTERERS)
def test_more_clusters_than_distinct_rows(name):
    X = frame().iloc[np.arange(N) % 2]
    with pytest.warns(ConvergenceWarning, match=r"distinct .*2.* n_clusters \(3\)"):
        model = make(name).fit(X)
    assert_usable(model, X)
    assert len(set(model.predict(X))) == 2


@pytest.mark.parametrize("name", CLUSTERERS)
def test_more_clusters_than_rows(name):
    with pytest.raises(InvalidValue, match="n_clusters: n_samples=2 should be >= n_clusters=3"):
        make(name).fit(frame()[:2])


# Fits that fail.


@each
def test_an_unfitted_estimator_says_so(name):
    with pytest.raises(NotFittedError, match=f"This {name} instance is not fitted yet"):
        make(name).predict(frame())


@each
def test_a_fit_that_fails_leaves_the_earlier_one_as_it_was(name):
    X, y = frame(), target(name)
    model = make(name).fit(X, y)
    before, known = answers(model, X), set(vars(model))
    with pytest.raises(CanneryError):
        model.fit(X, y, sample_weight=-np.ones(N))
    if name in LEARNERS:
        with pytest.raises(CanneryError):
            model.fit(X.assign(size=np.inf).where(X["age"] < 0), y)
    assert (answers(model, X) == before).all()
    assert set(vars(model)) == known


@each
def test_a_first_fit_that_fails_leaves_nothing(name):
    model = make(name)
    known = set(vars(model))
    with pytest.raises(CanneryError):
        model.fit(frame(), target(name), sample_weight=-np.ones(N))
    assert set(vars(model)) == known
    with pytest.raises(NotFittedError):
        model.predict(frame())
