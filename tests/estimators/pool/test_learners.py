"""Forests on a pool: the bits of a fit without one, wherever workers run and whoever dies."""

from __future__ import annotations

import os
import signal

import joblib
import numpy as np
import pandas as pd
import pytest

from cannery import RandomForestClassifier, RandomForestRegressor
from cannery.errors import InvalidType, InvalidValue, WorkerLost
from cannery.estimators import Pool, plot_pool_report
from cannery.estimators.pool import rounds


@pytest.fixture(scope="module")
def rows():
    """A frame of numbers, some missing, and categories; and three classes."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 3)), columns=["a", "b", "c"])
    frame.loc[::7, "a"] = np.nan
    frame["city"] = random.choice(["Oslo", "Rome", "Lima"], 300)
    y = np.where(frame["b"] > 0.5, "high", np.where(frame["city"] == "Oslo", "cold", "low"))
    return frame, y


def forest(pool=2, **settings):
    usual = {"n_estimators": 7, "oob_score": True, "jit": False, "random_state": 0, "pool": pool}
    return RandomForestClassifier(**{**usual, **settings})


def bits(estimator):
    learnt = {**estimator.variables_, "oob": estimator.oob_decision_function_}
    return {name: value.tobytes() for name, value in learnt.items()}


@pytest.fixture(scope="module")
def alone(rows):
    return forest(None).fit(*rows)


@pytest.mark.parametrize(
    ("backend", "pool"),
    [("sequential", 3), ("threading", 2), ("threading", 20), ("loky", 2), ("loky", 1)],
)
def test_a_forest_is_the_same_whoever_grows_it(rows, alone, backend, pool):
    with joblib.parallel_config(backend=backend):
        grown = forest(pool).fit(*rows)
    assert bits(grown) == bits(alone)
    assert grown.oob_score_ == alone.oob_score_
    assert (grown.feature_importances_ == alone.feature_importances_).all()


def test_compiled_trees_of_numbers_with_few_leaves(rows):
    X, settings = rows[0], {"n_estimators": 5, "max_leaf_nodes": 9, "random_state": 0}
    y = np.stack([X["b"], X["c"] ** 2], axis=1)
    one = RandomForestRegressor(**settings).fit(X, y)
    with joblib.parallel_config(backend="threading"):
        two = RandomForestRegressor(pool=2, **settings).fit(X, y)
    assert (one.predict(X) == two.predict(X)).all()


def dies(folder, original, times):
    """Return what runs parts but kills the worker of the second part, so many times."""

    def run(job, part):
        if part.number == 1 and len(list(folder.iterdir())) < times:
            (folder / f"{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return original(job, part)

    return run


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_worker_costs_no_tree(rows, alone, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(rounds, "run_part", dies(tmp_path, rounds.run_part, 1))
    with joblib.parallel_config(backend="loky"):
        grown = forest().fit(*rows)
    assert len(list(tmp_path.iterdir())) == 1 and "a worker was lost" in caplog.text
    assert bits(grown) == bits(alone)


def test_a_worker_that_keeps_dying_is_named(rows, monkeypatch, tmp_path):
    def run(job, part):
        if part.number == 1:
            raise MemoryError("too much")
        return original(job, part)

    original = rounds.run_part
    monkeypatch.setattr(rounds, "run_part", run)
    estimator = forest(Pool(folder=tmp_path))
    with joblib.parallel_config(backend="threading"), pytest.raises(WorkerLost, match="worker 1"):
        estimator.fit(*rows)
    assert not hasattr(estimator, "model_") and list(tmp_path.iterdir()) == []


def test_the_folder_is_removed(rows, tmp_path):
    with joblib.parallel_config(backend="sequential"):
        forest(Pool(folder=tmp_path)).fit(*rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pool", "error", "words"),
    [
        ("two", InvalidType, "pool: must be a Pool, a number of workers or None"),
        (0, InvalidValue, "Pool.workers: must be a whole number of at least 1"),
        (Pool(folder="/no/such/folder"), InvalidValue, "Pool.folder: cannot be written"),
    ],
)
def test_settings_out_of_range(rows, pool, error, words):
    with pytest.raises(error, match=words):
        forest(pool).fit(*rows)


def test_what_is_told_of_the_rounds(rows, capsys):
    with joblib.parallel_config(backend="sequential"):
        grown = forest(verbose=2).fit(*rows)
        forest(verbose=1).fit(*rows)
    shown, report = capsys.readouterr(), grown.pool_report_
    first, second = shown.out.splitlines()
    assert first.startswith("2 trees, ") and first.endswith("trees/s, round 1, 1 worker")
    assert second.startswith("7 trees, ")
    assert "7/7" in shown.err and "round 2, 1 worker" in shown.err
    assert list(report) == ["round", "worker", "trees", "compute", "transfer", "merge", "wait"]
    assert report["trees"].tolist() == [1, 1, 3, 2]
    assert plot_pool_report(report).get_xlabel() == "seconds"


def test_a_pool_in_a_search(rows):
    from sklearn.model_selection import GridSearchCV

    grid = {"pool__workers": [1, 2]}
    search = GridSearchCV(forest(Pool()), grid, cv=2, n_jobs=2).fit(*rows)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1] > 0.8
