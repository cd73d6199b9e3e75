"""Forests and k-means on a pool: the same bits wherever workers run, and whoever dies."""

from __future__ import annotations

import os
import signal

import joblib
import numpy as np
import pandas as pd
import pytest

from cannery import KMeans, LinearClassifier, RandomForestClassifier, RandomForestRegressor
from cannery.errors import InvalidType, InvalidValue, WorkerLost
from cannery.estimators import Pool, plot_pool_report
from cannery.estimators.pool import rounds
from cannery.feature_columns import (
    cluster_column,
    from_config,
    ids,
    leaf_column,
    numeric_column,
    to_config,
)


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


def clusters(pool=2, **settings):
    usual = {"n_clusters": 5, "jit": False, "random_state": 0, "pool": pool}
    return KMeans(**{**usual, **settings})


def bits(estimator):
    learnt = {**vars(estimator), **estimator.variables_}
    return {name: array.tobytes() for name, array in learnt.items() if hasattr(array, "tobytes")}


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


each = pytest.mark.parametrize("make", [forest, clusters])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
@each
def test_a_killed_worker_costs_no_bit(rows, make, monkeypatch, tmp_path, caplog):
    with joblib.parallel_config(backend="sequential"):
        undisturbed = make().fit(*rows)
    monkeypatch.setattr(rounds, "run_part", dies(tmp_path, rounds.run_part, 1))
    with joblib.parallel_config(backend="loky"):
        fitted = make().fit(*rows)
    assert len(list(tmp_path.iterdir())) == 1 and "a worker was lost" in caplog.text
    assert bits(fitted) == bits(undisturbed)


@each
@pytest.mark.usefixtures("one_dies")
def test_a_worker_that_keeps_dying_is_named(rows, make, tmp_path):
    estimator = make(Pool(folder=tmp_path))
    with joblib.parallel_config(backend="threading"), pytest.raises(WorkerLost, match="worker 1"):
        estimator.fit(*rows)
    assert not hasattr(estimator, "model_") and list(tmp_path.iterdir()) == []


@each
def test_the_folder_is_removed(rows, make, tmp_path):
    with joblib.parallel_config(backend="sequential"):
        make(Pool(folder=tmp_path)).fit(*rows)
    assert list(tmp_path.iterdir()) == []


@each
@pytest.mark.parametrize(
    ("pool", "error", "words"),
    [
        ("two", InvalidType, "pool: must be a Pool, a number of workers or None"),
        (0, InvalidValue, "Pool.workers: must be a whole number of at least 1"),
        (Pool(folder="/no/such/folder"), InvalidValue, "Pool.folder: cannot be written"),
    ],
)
def test_settings_out_of_range(rows, make, pool, error, words):
    with pytest.raises(error, match=words):
        make(pool).fit(*rows)


def test_trees_tell_of_their_rounds(rows, capsys):
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


@each
def test_a_pool_in_a_search(rows, make):
    from sklearn.model_selection import GridSearchCV

    grid = {"pool__workers": [1, 2]}
    search = GridSearchCV(make(Pool()), grid, cv=2, n_jobs=2).fit(*rows)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_learners_inside_columns_have_pools_that_are_not_written_down(rows):
    X, y = rows
    columns = [numeric_column("b"), numeric_column("c")]
    groups = cluster_column(clusters(Pool(), columns=columns))
    leaves = leaf_column(forest(Pool(), columns=columns))
    with joblib.parallel_config(backend="threading"):
        fitted = LinearClassifier(columns=[groups, leaves], epochs=1, jit=False).fit(X, y)
    again = from_config(to_config(fitted.columns_.columns))
    assert (ids(again[0], X)[1] == ids(fitted.columns_.columns[0], X)[1]).all()


def test_a_pool_of_one_clusters_as_no_pool(rows):
    X, weights = rows[0], np.arange(300) % 3
    alone = clusters(None, distance="cosine").fit(X, sample_weight=weights)
    with joblib.parallel_config(backend="sequential"):
        one = clusters(1, distance="cosine").fit(X, sample_weight=weights)
    assert bits(one) == bits(alone)
    assert one.n_iter_ == alone.n_iter_ > 1 and len(one.pool_report_) - one.n_iter_ in (0, 1)
    assert one.pool_report_["rows"].eq(200).all()


@pytest.mark.parametrize("jit", [False, "auto"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"distance": "cosine"},
        {"init": "random", "n_init": 3},
        {"algorithm": "mini_batch", "batch_size": 64},
        {"tol": 0.0},
    ],
)
def test_clusters_are_those_of_a_fit_without_workers(rows, settings, jit):
    X, weights = rows[0], np.arange(300) % 3
    fitted = {}
    for backend, pool in [("loky", None), ("sequential", 3), ("threading", 3)]:
        with joblib.parallel_config(backend=backend):
            model = clusters(pool, **{"n_clusters": 3, "jit": jit, **settings})
            fitted[backend] = model.fit(X, sample_weight=weights)
    alone, one, three = fitted.values()
    assert bits(one) == bits(three)
    assert (one.labels_ == alone.labels_).all() and one.n_iter_ == alone.n_iter_
    assert one.inertia_ == pytest.approx(alone.inertia_, rel=1e-5)


def test_clusters_are_the_same_in_processes(rows):
    fitted = {}
    for backend in ("sequential", "loky"):
        with joblib.parallel_config(backend=backend):
            fitted[backend] = clusters(jit="auto").fit(rows[0])
    assert bits(fitted["sequential"]) == bits(fitted["loky"])
    assert (fitted["loky"].predict(rows[0]) == fitted["loky"].labels_).all()


@pytest.mark.parametrize("distance", ["squared_euclidean", "cosine"])
def test_clusters_that_lose_their_rows_start_anew_on_workers(distance):
    X = np.array([[1.0, 0.1], [1.1, 0.1], [0.1, 1.0], [0.1, 1.2], [-1.0, -1.0], [-1.2, -1.0]])
    far = np.array([[1.0, 0.1], [-50.0, 50.0], [50.0, -50.0]])  # near to no row
    settings = {"n_clusters": 3, "init": far, "distance": distance}
    with joblib.parallel_config(backend="threading"):
        fitted = clusters(**settings).fit(X)
    assert (fitted.labels_ == clusters(None, **settings).fit(X).labels_).all()
    assert len(set(fitted.labels_)) == 3


def test_each_start_tells_of_its_workers(rows, capsys):
    with joblib.parallel_config(backend="sequential"):
        fitted = clusters(verbose=1).fit(rows[0])
    said = capsys.readouterr().out
    rounds_done = fitted.pool_report_["round"].max()
    assert said.startswith("start 1: ") and said.endswith(f"round {rounds_done}, 1 worker\n")
