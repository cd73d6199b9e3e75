"""`cannery fit`: what it guesses, what it refuses, and a fit from end to end."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from cannery.commands import fit_file
from cannery.commands.fit import _apply, _value
from cannery.comparison import MODELS
from cannery.datasets import make_census
from cannery.errors import CanneryError, InvalidValue, MissingColumn, NotFound


@pytest.fixture(scope="module")
def census(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "census.csv"
    make_census(1500, random_state=0).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("None", None),
        ("relu", "relu"),
        ("/var/fits/one-1", "/var/fits/one-1"),
        ("./fits/one.d", "./fits/one.d"),
        ("'auc'", "auc"),
        ("64,32", (64, 32)),
        ("[8]", [8]),
    ],
)
def test_value(text, value):
    assert _value(f"key={text}", text) == value


@pytest.mark.parametrize("text", ["", "[64,", "1 2", "(", "a b"])
def test_value_that_cannot_be_read(text):
    with pytest.raises(InvalidValue, match="--set: cannot read the value, got 'key="):
        _value(f"key={text}", text)


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ("epochs", InvalidValue, "must be key=value"),
        ("=3", InvalidValue, "must be key=value"),
        ("epoch=3", NotFound, "did you mean 'epochs'"),
        ("zzz=3", NotFound, "choose one of"),
        ("deep_columns=3", NotFound, "unknown name"),
        ("deep_optimizer__learning_rat=3", NotFound, "did you mean 'learning_rate'"),
        ("epochs__x=3", InvalidValue, "has no such part"),
        ("deep_optimizer=adagrat", CanneryError, "did you mean 'adagrad'"),
    ],
)
def test_settings_that_are_wrong(census, tmp_path, setting, error, message):
    with pytest.raises(error, match=message):
        fit_file(census, "income", out=tmp_path, settings=[setting])


def test_a_setting_out_of_range(census, tmp_path):
    with pytest.raises(CanneryError, match="epochs: must be a whole number of at least 1, got 0"):
        fit_file(census, "income", out=tmp_path, settings=["epochs=0"])


def test_settings_reach_the_model():
    estimator = MODELS["wide_deep"][0]()
    for setting in ("epochs=3", "hidden_units=8,4", "deep_optimizer__learning_rate=0.25"):
        _apply([estimator], setting)
    assert estimator.epochs == 3
    assert estimator.hidden_units == (8, 4)
    assert estimator.deep_optimizer.learning_rate == 0.25


def test_unknown_target(census, tmp_path):
    with pytest.raises(MissingColumn, match="--target: no such column, got 'incom'; did you mean"):
        fit_file(census, "incom", out=tmp_path)


def test_constant_target(tmp_path):
    pd.DataFrame({"a": [1, 2, 3], "y": [1, 1, 1]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InvalidValue, match="'y': needs at least two different values"):
        fit_file(tmp_path / "a.csv", "y", out=tmp_path)


def test_regression_of_texts(census, tmp_path):
    with pytest.raises(InvalidValue, match="--task: regression needs a target of numbers"):
        fit_file(census, "income", task="regression", out=tmp_path)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_impossible_test_fraction(census, tmp_path, share):
    with pytest.raises(InvalidValue, match="--test-fraction: must be above 0 and below 1"):
        fit_file(census, "income", test_fraction=share, out=tmp_path)


def test_too_few_rows_to_hold_out(tmp_path):
    pd.DataFrame({"a": [1, 2], "y": ["u", "v"]}).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InvalidValue, match="--test-fraction: leaves no usable split"):
        fit_file(tmp_path / "a.csv", "y", test_fraction=0.99, out=tmp_path / "b")


def test_nothing_to_learn_from(tmp_path):
    frame = pd.DataFrame({"a": 1, "y": np.arange(40) % 2})
    frame.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(InvalidValue, match="no column is left to learn from"):
        fit_file(tmp_path / "a.csv", "y", out=tmp_path)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_classification_from_end_to_end(census, tmp_path, capsys, model):
    pytest.importorskip("matplotlib")
    step_by_step = hasattr(MODELS[model][0], "epochs")
    settings = ["epochs=3"] if step_by_step else []
    fit_file(census, "income", model=model, out=tmp_path, settings=settings)
    printed = capsys.readouterr().out
    assert "1,200 rows to fit, 300 held out; classification of 'income'" in printed
    metrics = dict(line.split() for line in printed.splitlines() if len(line.split()) == 2)
    assert (0.6 if model != "baseline" else 0.5) <= float(metrics["auc"]) <= 1
    assert (tmp_path / "learning_curves.png").exists() == step_by_step


def test_all_models_compared(census, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    settings = ["epochs=1", "hidden_units=4,"]
    found = fit_file(
        census, "income", model="all", test_fraction=0.5, out=tmp_path, settings=settings
    )
    printed = capsys.readouterr().out
    assert "1,500 rows; classification of 'income'" in printed
    assert "over 2 parts of the rows" in printed
    assert "behind the best" in printed
    for model in MODELS:
        assert re.search(rf"^{model} +0\.\d{{4}} ± 0\.\d{{4}} ", printed, re.MULTILINE)
    assert set(found["estimator"]) == set(MODELS)
    assert not found["failure"].any()
    assert (tmp_path / "comparison.png").stat().st_size > 5000


def test_a_model_that_fails_is_told_under_the_table(census, tmp_path, capsys, monkeypatch):
    def broken(self, *args, **options):
        raise RuntimeError("out of luck")

    for model, (classifier, _) in MODELS.items():
        if model != "baseline":
            monkeypatch.setattr(classifier, "fit", broken)
    fit_file(census, "income", model="all", test_fraction=0.5, out=tmp_path)
    printed = capsys.readouterr().out
    assert "linear failed: RuntimeError: out of luck" in printed
    assert "baseline failed" not in printed
    assert "nan" not in printed


def test_a_setting_that_no_model_has(census, tmp_path):
    with pytest.raises(NotFound, match="did you mean 'epochs'"):
        fit_file(census, "income", model="all", out=tmp_path, settings=["epoch=3"])


def test_a_setting_out_of_range_ends_a_comparison(census, tmp_path):
    with pytest.raises(CanneryError, match="epochs: must be a whole number of at least 1, got 0"):
        fit_file(census, "income", model="all", out=tmp_path, settings=["epochs=0"])


def test_regression_from_end_to_end(tmp_path, capsys):
    frame = make_census(600, random_state=0)
    frame.loc[:9, "age"] = np.nan
    frame.to_csv(tmp_path / "a.csv", index=False)
    estimator = fit_file(tmp_path / "a.csv", "age", out=tmp_path, settings=["epochs=2"])
    printed = capsys.readouterr().out
    assert "10 rows without 'age' are left out" in printed
    assert "regression of 'age'" in printed
    assert len(estimator.history_) == 2
