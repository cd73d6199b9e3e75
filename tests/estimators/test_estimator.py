"""The fit of an estimator: rows, repeats, going on, validation, what fails and what is left."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars
import pytest
import scipy.sparse
from sklearn.base import clone

from cannery import (
    BaselineClassifier,
    DNNClassifier,
    DNNRegressor,
    LinearClassifier,
    LinearRegressor,
    WideDeepClassifier,
    WideDeepRegressor,
)
from cannery.errors import (
    InvalidType,
    InvalidValue,
    MissingColumn,
    MissingDependency,
    NonFinite,
    UnseenCategory,
)
from cannery.estimators.rows import Rows, hold_out
from cannery.feature_columns import (
    as_frame,
    categorical_column,
    categorical_column_with_hash_bucket,
    embedding_column,
    frames,
    numeric_column,
    weighted_categorical_column,
)
from cannery.feature_columns.factor import factorize
from cannery.graph.optimizers import SGD, Adagrad

SMALL = {"hidden_units": (8, 4), "epochs": 3, "random_state": 0}


def same(one, other, X):
    return one.predict_proba(X).tobytes() == other.predict_proba(X).tobytes()


# Repeats


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3, "batch_norm": True},
        {"validation_fraction": 0.2},
        {"early_stopping": True, "patience": 1},
        {"batch_size": 7},
        {"n_jobs": 1},
    ],
    ids=str,
)
def test_equal_seeds_give_equal_bits(frame, target, settings):
    fits = [WideDeepClassifier(**SMALL, **settings).fit(frame, target) for _ in range(2)]
    assert same(*fits, frame)
    logs = [fit.history_.drop(columns=["seconds", "rows_per_second"]) for fit in fits]
    pd.testing.assert_frame_equal(*logs, check_exact=True)
    other = WideDeepClassifier(**{**SMALL, "random_state": 1}, **settings).fit(frame, target)
    assert not same(fits[0], other, frame)


def test_random_states_of_every_kind(frame, target):
    seeds = [np.random.RandomState(5), np.random.RandomState(5)]
    fits = [clone(LinearClassifier(epochs=1, random_state=s)).fit(frame, target) for s in seeds]
    assert same(*fits, frame)
    with pytest.raises(ValueError, match="cannot be used to seed"):
        LinearClassifier(random_state="zero").fit(frame, target)


@pytest.mark.parametrize("threads", [None, 1, 2, -1])
def test_any_number_of_threads(frame, target, threads):
    alone = WideDeepClassifier(**SMALL, n_jobs=1).fit(frame, target)
    many = WideDeepClassifier(**SMALL, n_jobs=threads).fit(frame, target)
    found, expected = many.predict_proba(frame), alone.predict_proba(frame)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("jit", ["auto", False])
def test_without_a_compiler_the_interpreter_answers(frame, target, jit):
    fits = [WideDeepClassifier(**SMALL, jit=choice).fit(frame, target) for choice in ("auto", jit)]
    assert same(*fits, frame)


def test_a_row_answers_alike_in_any_company(frame, target):
    model = WideDeepClassifier(**SMALL, batch_norm=True).fit(frame, target)
    together = model.predict_proba(frame)
    alone = np.concatenate([model.predict_proba(frame.iloc[[i]]) for i in range(40)])
    np.testing.assert_allclose(alone, together[:40], rtol=2e-7)
    turned = model.predict_proba(frame[::-1])[::-1]
    np.testing.assert_allclose(turned, together, rtol=2e-7)
    assert model.predict_proba(frame[:0]).shape == (0, 2)
    assert model.predict(frame[:0]).shape == (0,)


# Kinds of X


def test_frames_of_every_kind_say_the_same(frame, target):
    frame = frame.drop(columns="tags")
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    expected = model.predict_proba(frame)
    foreign = polars.from_pandas(frame)
    for other in (foreign, foreign.to_arrow(), frame.to_dict("series"), frame.to_dict("list")):
        assert (model.predict_proba(other) == expected).all()
        again = WideDeepClassifier(**SMALL).fit(other, target)
        assert (again.predict_proba(frame) == expected).all()
        assert again.n_features_in_ == 5


def test_a_validation_part_of_every_kind(frame, target):
    frame = frame.drop(columns="tags")
    expected = LinearClassifier(epochs=2, validation_fraction=0.25, random_state=0)
    expected.fit(frame, target)
    for other in (polars.from_pandas(frame), frame.to_dict("list"), frame.to_dict("series")):
        model = clone(expected).fit(other, target)
        assert model.history_["val_auc"].equals(expected.history_["val_auc"])


def test_arrays_and_sparse_matrices(target):
    X = np.random.default_rng(0).poisson(0.5, size=(240, 6)).astype(float)
    X[:, 0] += (target == "yes") * 2
    for make in (scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.dok_array):
        for cls in (LinearClassifier, DNNClassifier, WideDeepClassifier):
            model = cls(epochs=10, random_state=0, validation_fraction=0.1).fit(make(X), target)
            assert model.score(make(X), target) > 0.8
            assert (model.predict_proba(X) == model.predict_proba(make(X))).all()
    dense = LinearClassifier(epochs=2, random_state=0).fit(X, target)
    assert (dense.predict(scipy.sparse.csr_array(X)) == dense.predict(X)).all()


def test_text_in_lists_and_arrays():
    rows = [["red", 1], ["blue", 5], ["blue", 2], ["red", 7]] * 20
    y = [0, 1, 1, 0] * 20
    model = WideDeepClassifier(**SMALL, linear_columns=[categorical_column("x0")]).fit(rows, y)
    assert model.score(rows, y) == 1.0
    assert (model.predict(np.array(rows, dtype=object)) == y).all()


def test_names_that_are_numbers(frame, target):
    X = pd.DataFrame(frame[["age", "city"]].to_numpy(), columns=[0, 1])
    assert LinearClassifier(epochs=2, random_state=0).fit(X, target).predict(X).shape == (240,)


def test_columns_of_lists_and_weights(frame, target):
    frame["share"] = [[1.0 + len(tag) for tag in tags] for tags in frame["tags"]]
    tags = categorical_column_with_hash_bucket("tags", 20)
    weighted = weighted_categorical_column(tags, "share")
    model = WideDeepClassifier(
        linear_columns=[tags, weighted], deep_columns=[embedding_column(weighted, 3)], **SMALL
    ).fit(frame, target)
    before = model.predict_proba(frame)
    heavier = frame.assign(share=[[3 * w for w in row] for row in frame["share"]])
    some = frame["tags"].map(len) > 0
    changed = (model.predict_proba(heavier) != before).any(axis=1)
    assert changed[some].all() and not changed[~some].any()


# Going on


def test_a_warm_start_goes_on(frame, target):
    whole = LinearClassifier(epochs=6, random_state=0).fit(frame, target)
    parts = LinearClassifier(epochs=4, random_state=0, warm_start=True).fit(frame, target)
    parts.set_params(epochs=2).fit(frame, target)
    assert same(whole, parts, frame)
    assert parts.n_iter_ == 6 and parts.history_["epoch"].tolist() == [1, 2, 3, 4, 5, 6]
    assert parts.history_["loss"].tolist() == whole.history_["loss"].tolist()
    again = LinearClassifier(epochs=2, random_state=0).fit(frame, target)
    assert again.fit(frame, target).n_iter_ == 2


def test_a_warm_start_refuses_another_model(frame, target):
    model = WideDeepClassifier(**SMALL, warm_start=True).fit(frame, target)
    before = model.predict_proba(frame)
    for change in (
        {"hidden_units": (9, 4)},
        {"deep_optimizer": Adagrad(learning_rate=0.3)},
        {"linear_columns": [categorical_column("city")]},
    ):
        old = model.get_params(deep=False)
        model.set_params(**change)
        with pytest.raises(InvalidValue, match=f"other settings, got \\['{next(iter(change))}'"):
            model.fit(frame, target)
        model.set_params(**{name: old[name] for name in change})
    assert (model.predict_proba(frame) == before).all()
    assert model.set_params(warm_start=False, hidden_units=(9,)).fit(frame, target).n_iter_ == 3


def test_a_warm_start_refuses_new_classes(frame, target):
    model = LinearClassifier(epochs=1, random_state=0, warm_start=True).fit(frame, target)
    with pytest.raises(UnseenCategory, match="did not see, got \\['perhaps'\\]"):
        model.fit(frame, target.where(target == "yes", "perhaps"))


def test_a_stream(frame, target):
    model = LinearClassifier(random_state=0)
    for start in range(0, 240, 60):
        part = slice(start, start + 60)
        model.partial_fit(frame[part], target[part], classes=["no", "yes"])
    assert model.n_iter_ == 4 and model.score(frame, target) > 0.7
    with pytest.raises(InvalidValue, match="not the same as on last call to partial_fit"):
        model.partial_fit(frame, target, classes=["no", "maybe"])
    first = target[target == "no"].index
    one = LinearClassifier(random_state=0).partial_fit(
        frame.loc[first], target[first], ["no", "yes"]
    )
    assert one.partial_fit(frame, target).classes_.tolist() == ["no", "yes"]
    numbers = LinearRegressor(random_state=0).partial_fit(frame, frame["age"])
    assert numbers.partial_fit(frame, frame["age"]).n_iter_ == 2


def test_partial_fit_holds_nothing_back(frame, target):
    model = LinearClassifier(random_state=0, early_stopping=True, validation_fraction=0.5)
    model.partial_fit(frame, target)
    assert "val_loss" not in model.history_


# Validation


@pytest.mark.parametrize("metric", [True, "auc", "accuracy", "average_loss", "recall"])
def test_the_best_weights_are_restored(frame, target, metric):
    train, test = slice(0, 160), slice(160, 240)
    noisy = target[train].where(np.random.default_rng(0).random(160) < 0.7, "yes")
    model = WideDeepClassifier(
        hidden_units=(16,),
        deep_optimizer=Adagrad(learning_rate=0.3),
        epochs=40,
        early_stopping=metric,
        patience=4,
        random_state=0,
    )
    model.fit(frame[train], noisy, validation_data=(frame[test], target[test]))
    name = "average_loss" if metric is True else metric
    logged = model.history_.set_index("epoch")[f"val_{name}"]
    best = logged.min() if name.endswith("loss") else logged.max()
    assert logged[model.best_epoch_] == best == model.evaluate(frame[test], target[test])[name]
    assert len(logged) == model.best_epoch_ + 4 < 40
    assert model.best_epoch_ == (logged == best).idxmax()


def test_a_regressor_stops_early(frame, amount):
    model = WideDeepRegressor(**{**SMALL, "epochs": 60}, early_stopping="r2", patience=2)
    model.fit(frame, amount, validation_data=(frame, amount))
    assert model.history_["val_r2"].max() == model.evaluate(frame, amount)["r2"]


def test_least_improvement(frame, target):
    model = LinearClassifier(epochs=50, early_stopping=True, min_delta=10.0, patience=3)
    assert model.fit(frame, target).n_iter_ == 4 and model.best_epoch_ == 1


@pytest.mark.parametrize("metric", ["luck", "val_auc", "label/mean", "accuracy_baseline"])
def test_metrics_nobody_can_stop_by(frame, target, metric):
    model = LinearClassifier(epochs=1, early_stopping=metric)
    with pytest.raises(InvalidValue, match=r"choose of .*'auc', 'auc_precision_recall'"):
        model.fit(frame, target)


def test_a_metric_that_is_not_defined(frame, target):
    model = LinearClassifier(epochs=2, early_stopping="auc")
    ones = target == "yes"
    with pytest.raises(InvalidValue, match="'auc' is not defined on the validation data"):
        model.fit(frame, target, validation_data=(frame[ones], target[ones]))


def test_validation_metrics_are_those_of_evaluate(frame, target):
    weights = np.arange(240) % 3
    model = LinearClassifier(epochs=2, class_weight="balanced", random_state=0)
    model.fit(frame, target, validation_data=(frame, target, weights))
    found = model.evaluate(frame, target, weights)
    last = model.history_.iloc[-1]
    for name in ("average_loss", "loss", "auc", "accuracy", "precision"):
        assert last[f"val_{name}"] == found[name]


def test_the_held_out_part_keeps_the_classes(frame, target):
    rare = pd.Series(np.where(np.arange(240) % 12 == 0, "yes", "no"))
    model = LinearClassifier(epochs=1, validation_fraction=0.25, random_state=0).fit(frame, rare)
    assert model.history_["val_label/mean"][0] == pytest.approx(1 / 12, abs=0.01)


def test_columns_are_factorized_once_for_both_parts(frame, target, monkeypatch):
    read = []
    monkeypatch.setattr(
        frames, "factorize", lambda key, cells: read.append(key) or factorize(key, cells)
    )
    LinearClassifier(epochs=1, validation_fraction=0.25).fit(frame.drop(columns="tags"), target)
    assert len(read) == len(set(read)) > 0


def test_each_class_is_held_out_by_its_share():
    targets = np.repeat([0, 1, 2], [500, 40, 10])
    rows = Rows({"row": np.arange(550)}, targets, None)
    train, held = hold_out(rows, 0.1, np.random.default_rng(0), stratify=True)
    assert np.bincount(held.targets).tolist() == [50, 4, 1]
    both = [as_frame(part.X).numbers("row").ravel().tolist() for part in (train, held)]
    assert sorted(both[0] + both[1]) == list(range(550))
    again = hold_out(rows, 0.1, np.random.default_rng(1), stratify=True)[1]
    assert as_frame(again.X).numbers("row").ravel().tolist() != both[1]
    few = Rows(rows.X, np.arange(550), None)  # a class a row: no shares to keep
    assert len(hold_out(few, 0.1, np.random.default_rng(0), stratify=True)[1]) == 55


def test_bad_validation_data(frame, target):
    model = LinearClassifier(epochs=1)
    with pytest.raises(InvalidType, match=r"must be \(X, y\) or \(X, y, sample_weight\), got Data"):
        model.fit(frame, target, validation_data=frame)
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(frame, target, validation_data=(frame[["age"]], target))
    with pytest.raises(UnseenCategory):
        model.fit(frame, target, validation_data=(frame, target.replace("no", "never")))


# Values at prediction


@pytest.fixture
def settled(frame, target):
    return WideDeepClassifier(**SMALL, linear_columns=None).fit(frame, target), frame


def test_unseen_and_missing_values_change_their_row_alone(settled):
    model, frame = settled
    before = model.predict_proba(frame)
    for key, value in [
        ("city", "Quito"),
        ("city", ""),
        ("city", None),
        ("job", np.nan),
        ("job", pd.NA),
        ("age", np.nan),
        ("age", None),
        ("pay", None),
        ("member", None),
        ("tags", None),
    ]:
        changed = frame.copy()
        changed[key] = changed[key].astype(object)
        changed.at[3, key] = value
        after = model.predict_proba(changed)
        assert np.isfinite(after).all()
        assert (np.delete(after, 3, axis=0) == np.delete(before, 3, axis=0)).all()


def test_drifted_types_change_nothing(settled):
    model, frame = settled
    before = model.predict_proba(frame)
    for key, dtype in [
        ("city", object),
        ("city", "category"),
        ("city", "string"),
        ("age", float),
        ("age", object),
        ("age", "Int64"),
        ("age", str),
        ("member", object),
        ("job", "category"),
    ]:
        after = model.predict_proba(frame.assign(**{key: frame[key].astype(dtype)}))
        np.testing.assert_array_equal(after, before, err_msg=f"{key} {dtype}")


def test_strict_models_refuse(frame, target):
    model = WideDeepClassifier(**SMALL, strict=True).fit(frame, target)
    frame.loc[7, "city"] = "Quito"
    with pytest.raises(UnseenCategory, match=r"'city'.*Quito.*row 7|'city'.*row 7.*Quito"):
        model.predict(frame)


# What is refused


def test_bad_rows(frame, target):
    model = LinearClassifier(epochs=1)
    with pytest.raises(InvalidValue, match=r"0 sample\(s\)"):
        model.fit(frame[:0], target[:0])
    with pytest.raises(InvalidValue, match="must have at least one row"):
        model.fit({"age": []}, [])
    with pytest.raises(InvalidValue, match="columns of one length"):
        model.fit({"age": [1, 2], "pay": [1]}, [0, 1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(frame, target[:-1])
    with pytest.raises(InvalidValue, match="Input y contains NaN"):
        model.fit(frame, target.where(target == "yes"))
    with pytest.raises(InvalidValue, match="only one class"):
        model.fit(frame, ["yes"] * 240)
    with pytest.raises(MissingColumn, match=r"column 'aeg': not in the frame; did you mean 'age'"):
        LinearClassifier(columns=[numeric_column("aeg")]).fit(frame, target)
    with pytest.raises(InvalidValue, match=r"tells rows apart, got \['same'\]"):
        model.fit(pd.DataFrame({"same": ["a"] * 240}), target)
    fitted = model.fit(frame.to_dict("list"), target)
    with pytest.raises(MissingColumn, match=r"no \['city'\]"):
        fitted.predict(frame.drop(columns="city").to_dict("list"))


@pytest.mark.parametrize("number", [np.inf, -np.inf])
def test_infinite_numbers(frame, target, number):
    fitted = LinearClassifier(epochs=1).fit(frame, target)
    frame.loc[5, "pay"] = number
    for call in (fitted.predict, lambda X: LinearClassifier(epochs=1).fit(X, target)):
        with pytest.raises(InvalidValue, match=r"'pay'.*infin.*row 5|'pay'.*row 5.*infin"):
            call(frame)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, r"epochs: must be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, r"batch_size: must be a whole number"),
        ({"validation_fraction": 1.0}, r"validation_fraction: must be a number in \[0, 1\)"),
        ({"early_stopping": 3}, r"early_stopping: must be True, False or a metric's name"),
        ({"patience": None}, r"patience: must be a whole number of at least 1"),
        ({"hidden_units": (3, 0)}, r"hidden_units: must be a list of whole numbers of at least 1"),
        ({"hidden_units": 8}, r"hidden_units: .*, got 8; write \(64, 32\), or \(64,\)"),
        ({"activation": "rleu"}, r"activation: must be one of .*'relu'"),
        ({"dropout": 1}, r"dropout: must be a number in \[0, 1\)"),
        ({"n_jobs": 0}, r"n_jobs: must be None, -1 or a number of threads, got 0"),
        ({"n_jobs": "all"}, r"n_jobs: must be None, -1"),
        ({"jit": "maybe"}, r"jit: must be one of 'auto', True, False"),
        ({"deep_optimizer": "adagard"}, r"optimizer: unknown name.*did you mean 'adagrad'"),
        ({"deep_optimizer": Adagrad(learning_rate=-1)}, r"Adagrad.learning_rate: must be"),
        ({"callbacks": print}, r"callbacks: must be a list of callbacks"),
        ({"callbacks": [3]}, r"callbacks: has an object without any hook, got 3"),
        ({"deep_columns": numeric_column("age")}, r"deep columns: must be a list"),
        ({"deep_columns": ["age"]}, r"columns: must be feature columns, got 'age'"),
        ({"deep_columns": []}, r"deep columns: must name at least one column"),
        ({"deep_columns": [categorical_column("city")]}, r"'city'.*takes dense columns"),
        ({"class_weight": {"maybe": 2}}, r"class_weight: names classes that y lacks"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_bad_settings(frame, target, settings, message):
    model = WideDeepClassifier(**{"hidden_units": (4,), "epochs": 1, **settings})
    with pytest.raises((ValueError, TypeError, LookupError), match=message) as caught:
        model.fit(frame, target)
    assert type(caught.value).__module__ == "cannery.errors"
    assert not hasattr(model, "model_") and not hasattr(model, "classes_")


def test_jit_true_needs_a_compiler(frame, target, monkeypatch):
    monkeypatch.setenv("CANNERY_JIT", "0")
    model = WideDeepClassifier(hidden_units=(4,), epochs=1, jit=True)
    with pytest.raises(MissingDependency, match=r"C compiler: switched off, got CANNERY_JIT=0"):
        model.fit(frame, target)
    assert not hasattr(model, "model_")
    assert model.set_params(jit="auto").fit(frame, target).n_iter_ == 1


def test_embeddings_are_not_linear(frame, target):
    city = embedding_column(categorical_column("city"), 2)
    with pytest.raises(InvalidType, match=r"'city_embedding': a linear.*give it 'city' itself"):
        LinearClassifier(columns=[city]).fit(frame, target)


def test_a_failed_fit_leaves_the_last_one(frame, target):
    model = WideDeepClassifier(**SMALL).fit(frame, target)
    expected, state = model.predict(frame), dict(vars(model))
    for X, y in [
        (frame, target.where(target == "yes")),
        (frame, np.arange(240.0) / 7),
        (frame[["age"]], target[:-1]),
        (frame.replace({"pay": {np.nan: np.inf}}), pd.Series(["a", "b", "c"] * 80)),
    ]:
        with pytest.raises(ValueError):
            model.fit(X, y)
        assert vars(model) == state
    broken = model.set_params(epochs=9, callbacks=[lambda *given: 1 / 0])
    with pytest.raises(ZeroDivisionError):
        broken.fit(frame[["age"]], target)
    assert (model.predict(frame) == expected).all() and model.n_iter_ == 3


# Numbers that run away


def test_a_loss_that_runs_away_names_the_first_tensor(frame, target):
    model = WideDeepClassifier(**SMALL, deep_optimizer=SGD(learning_rate=1e30))
    with pytest.raises(
        NonFinite,
        match=r"tensor 'deep/.*' is the first.*lower the learning rate|"
        r"tensor 'deep/.*: is the first.*lower the learning rate",
    ):
        model.fit(frame, target)
    assert not hasattr(model, "model_")


def test_lists_run_away_as_well(frame, target):
    tags = [embedding_column(categorical_column("tags"), 2)]
    model = DNNClassifier(columns=tags, optimizer=SGD(learning_rate=1e30), epochs=3)
    with pytest.raises(NonFinite, match="tensor '"):
        model.fit(frame, target)


def test_the_last_step_is_looked_at_too(frame, target):
    model = LinearRegressor(optimizer=SGD(learning_rate=1e38), epochs=1, batch_size=240)
    with pytest.raises(NonFinite):
        model.fit(frame, frame["age"])


# Sizes


@pytest.mark.parametrize("rows", [2, 3, 11, 100])
def test_few_rows(rows):
    X = np.arange(2.0 * rows).reshape(rows, 2)
    y = np.arange(rows) % 2
    model = WideDeepClassifier(hidden_units=(3,), epochs=2, random_state=0).fit(X, y)
    steps = -(-rows // max(1, rows // 10))
    assert model.evaluate(X, y)["global_step"] == 2 * steps
    assert DNNRegressor(epochs=1, random_state=0).fit(X[:1], y[:1]).predict(X).shape == (rows,)


def test_a_batch_is_no_larger_than_asked(frame, target):
    model = BaselineClassifier(epochs=1, batch_size=5).fit(frame, target)
    assert model.evaluate(frame, target)["global_step"] == 48


def test_weights(frame, target):
    with pytest.raises(InvalidValue, match="at least one non-zero"):
        LinearClassifier(epochs=1).fit(frame, target, sample_weight=np.zeros(240))
    with pytest.raises(ValueError, match="must be a 1D array of 240"):
        LinearClassifier(epochs=1).fit(frame, target, sample_weight=[1.0])
    nothing = np.where(np.arange(240) < 120, 1.0, 0.0)
    one = LinearClassifier(epochs=3, random_state=0).fit(frame, target, nothing)
    other = target.where(nothing > 0, target.map({"yes": "no", "no": "yes"}))
    # Labels of rows without weight play no part.
    assert same(one, LinearClassifier(epochs=3, random_state=0).fit(frame, other, nothing), frame)


def test_inputs_are_left_alone(frame, target):
    copy, weights = frame.copy(deep=True), np.ones(240)
    weights.flags.writeable = False
    WideDeepClassifier(**SMALL, early_stopping=True).fit(frame, target, weights)
    pd.testing.assert_frame_equal(frame, copy)
