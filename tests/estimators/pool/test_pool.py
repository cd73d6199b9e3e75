"""One fit on several workers: same bits wherever they run, and nothing lost when one dies."""

from __future__ import annotations

import os
import signal
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import reusable_executor

from cannery import LinearClassifier, LinearRegressor, WideDeepClassifier
from cannery.datasets import make_census
from cannery.errors import InvalidType, InvalidValue, NonFinite, WorkerLost
from cannery.estimators import Pool, plot_pool_report
from cannery.estimators.pool import merge, rounds
from cannery.estimators.pool.messages import Merging
from cannery.estimators.training.folder_lock import locked
from cannery.feature_columns import (
    categorical_column,
    crossed_column,
    embedding_column,
    numeric_column,
)
from cannery.graph.optimizers import SGD

SMALL = Pool(workers=2, local_steps=3)


@pytest.fixture(scope="module")
def rows():
    """A frame with a multi-valued column, and labels that it can tell."""
    random = np.random.default_rng(0)
    city = random.integers(0, 300, 600)
    tags = [list(random.choice(["a", "b", "c", "d"], n)) for n in random.integers(0, 4, 600)]
    frame = pd.DataFrame({"city": city.astype(str), "age": random.normal(size=600), "tags": tags})
    return frame, (city % 2) ^ (frame["age"] > 0)


def model(pool=SMALL, **settings):
    city, tags = categorical_column("city"), categorical_column("tags")
    both = crossed_column(["city", "tags"], 20_000)  # workers tell its changed rows alone
    usual = {"epochs": 2, "batch_size": 16, "jit": False, "random_state": 0, "pool": pool}
    return WideDeepClassifier(
        linear_columns=[city, tags, both],
        deep_columns=[embedding_column(city, 64), embedding_column(tags, 3), numeric_column("age")],
        hidden_units=(8,),
        **{**usual, **settings},
    )


def bits(estimator):
    return {name: value.tobytes() for name, value in estimator.variables_.items()}


@pytest.fixture(scope="module")
def undisturbed(rows):
    with joblib.parallel_config(backend="sequential"):
        return model().fit(*rows)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_the_same_bits_on_every_backend(rows, undisturbed, backend):
    with joblib.parallel_config(backend=backend):
        fitted = model().fit(*rows)
    assert bits(fitted) == bits(undisturbed)
    pd.testing.assert_series_equal(fitted.history_["loss"], undisturbed.history_["loss"])
    assert (fitted.predict_proba(rows[0]) == undisturbed.predict_proba(rows[0])).all()


@pytest.mark.parametrize("jit", [False, "auto"])
def test_a_pool_of_one_is_no_pool(rows, jit):
    alone = model(None, jit=jit).fit(*rows)
    with joblib.parallel_config(backend="sequential"):
        pooled = model(Pool(workers=1), jit=jit).fit(*rows)
    assert bits(pooled) == bits(alone)
    assert pooled.evaluate(*rows) == alone.evaluate(*rows)


def test_many_workers_learn_as_well():
    census = make_census(6000, random_state=0)
    X, y = census.drop(columns="income"), census["income"]
    with joblib.parallel_config(backend="sequential"):
        alone, four = (
            WideDeepClassifier(epochs=4, batch_size=100, random_state=0, jit=False, pool=pool).fit(
                X[:4000], y[:4000]
            )
            for pool in (None, 4)
        )
    assert set(four.pool_report_["worker"]) == {0, 1, 2, 3}
    aucs = [fitted.evaluate(X[4000:], y[4000:])["auc"] for fitted in (alone, four)]
    assert abs(aucs[0] - aucs[1]) < 0.01


def test_few_batches_go_to_few_workers(rows):
    alone = model(None, batch_size=60).fit(*rows)
    with joblib.parallel_config(backend="sequential"):
        eight = model(Pool(workers=8), batch_size=60).fit(*rows)
        two = model(Pool(workers=8), batch_size=32).fit(*rows)
    assert bits(eight) == bits(alone)
    assert set(two.pool_report_["worker"]) == {0, 1}
    assert two.pool_report_["round"].max() == 2 * 10  # epochs of 19 batches


def test_fitting_goes_on_with_or_without_a_pool(rows):
    with joblib.parallel_config(backend="sequential"):
        fitted = model(warm_start=True).fit(*rows).fit(*rows)
    alone = fitted.set_params(pool=None).partial_fit(*rows)
    assert list(alone.history_["epoch"]) == [1, 2, 3, 4, 5]


def test_early_stopping_judges_what_was_merged(rows):
    with joblib.parallel_config(backend="sequential"):
        fitted = model(early_stopping=True, epochs=6, patience=1).fit(*rows)
    best = fitted.history_["val_average_loss"].idxmin() + 1
    assert fitted.best_epoch_ == best


class Killer:
    """Kills a worker process with signal 9 once it is at work, `times` times."""

    def __init__(self, times):
        self.times, self.killed = times, 0

    def __call__(self, original):
        def send(this, part, arrived):
            if self.killed < self.times:
                self.killed += 1
                threading.Thread(target=self._kill, daemon=True).start()
            original(this, part, arrived)

        return send

    def _kill(self):
        for _ in range(2000):
            executor = reusable_executor._executor
            processes = dict(executor._processes or {}) if executor else {}
            if processes:
                os.kill(next(iter(processes)), signal.SIGKILL)
                return
            time.sleep(0.005)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_killed_worker_costs_no_bit(rows, undisturbed, monkeypatch, caplog):
    killer = Killer(1)
    monkeypatch.setattr(rounds.Rounds, "_send", killer(rounds.Rounds._send))
    with joblib.parallel_config(backend="loky"):
        fitted = model().fit(*rows)
    assert killer.killed == 1 and "a worker was lost" in caplog.text
    assert bits(fitted) == bits(undisturbed)


@pytest.fixture
def divided_merge(monkeypatch):
    """Have workers merge, however little it is, from files where they share no memory."""
    monkeypatch.setattr(merge, "LEAST_MERGED", 1)
    monkeypatch.setattr(merge, "LEAST_SLICE", 64)
    monkeypatch.setattr(rounds, "ASIDE", 0)


@pytest.mark.parametrize("files", [False, True])
@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_workers_that_merge_cost_no_bit(
    rows, undisturbed, monkeypatch, divided_merge, backend, files
):
    def run(job, part):
        kinds.append(type(part))
        return original(job, part)

    kinds, original = [], rounds.run_part
    monkeypatch.setattr(rounds, "run_part", run)
    if files:
        monkeypatch.setattr(rounds.Rounds, "shares_memory", False)
    with joblib.parallel_config(backend=backend):
        fitted = model().fit(*rows)
    assert bits(fitted) == bits(undisturbed)
    assert kinds.count(Merging) == len(kinds) // 2  # the last round of an epoch has two parts too


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")
def test_a_worker_killed_while_it_merges_costs_no_bit(
    rows, undisturbed, monkeypatch, divided_merge, tmp_path, caplog
):
    died = tmp_path / "died"

    def run(job, part):
        from cannery.estimators.pool.jobs import run_part
        from cannery.estimators.pool.messages import Merging

        if isinstance(part, Merging) and part.number == 1 and not died.exists():
            assert all(message.folder for message in part.messages)  # not through the chief
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return run_part(job, part)

    monkeypatch.setattr(rounds, "run_part", run)
    with joblib.parallel_config(backend="loky"):
        fitted = model().fit(*rows)
    assert died.exists() and "a worker was lost" in caplog.text
    assert bits(fitted) == bits(undisturbed)


def test_a_disk_that_is_full_for_a_worker_is_said(rows, monkeypatch, divided_merge, tmp_path):
    def write(folder, arrays):
        raise InvalidValue(f"folder {folder}", "cannot be written (No space left on device)")

    monkeypatch.setattr("cannery.estimators.pool.messages.write_arrays", write)
    monkeypatch.setattr(rounds.Rounds, "shares_memory", False)
    with joblib.parallel_config(backend="threading"), pytest.raises(InvalidValue, match="No space"):
        model(Pool(workers=2, local_steps=3, folder=tmp_path)).fit(*rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("undisturbed", "one_dies")
def test_a_worker_that_keeps_dying_is_named(rows):
    estimator = model()
    with joblib.parallel_config(backend="threading"), pytest.raises(WorkerLost) as caught:
        estimator.fit(*rows)
    assert not hasattr(estimator, "model_")
    assert "worker 1: did not survive 3 tries" in str(caught.value)
    assert "MemoryError: too much" in str(caught.value)


@pytest.mark.parametrize("late", [{1}, {0, 1}])
def test_late_workers_are_not_waited_for(rows, undisturbed, monkeypatch, caplog, late):
    def run(job, part):
        elsewhere = threading.current_thread() is not threading.main_thread()
        if elsewhere and part.start >= 96 and part.number in late - hung:  # in the second round
            hung.add(part.number)
            over.wait(10)
            return None
        return original(job, part)

    hung, over, original = set(), threading.Event(), rounds.run_part
    monkeypatch.setattr(rounds, "run_part", run)
    monkeypatch.setattr(rounds, "LEAST_PATIENCE", 0.2)
    with joblib.parallel_config(backend="threading"):
        fitted = model().fit(*rows)
    over.set()
    assert all(f"worker {number} is late" in caplog.text for number in late)
    assert bits(fitted) == bits(undisturbed)


def test_only_touched_rows_travel(rows, monkeypatch):
    sent = []

    def run(job, part):
        sent.append(original(job, part))
        return sent[-1]

    original = rounds.run_part
    monkeypatch.setattr(rounds, "run_part", run)
    with joblib.parallel_config(backend="sequential"):
        fitted = model(epochs=1, jit=False).fit(*rows)
    tables = {name for message in sent for _, found in message.rows for name in found}
    assert any("city" in name for name in tables) and "linear/weights" in tables
    for message in sent:
        for touched, found in message.rows:
            values = 9 if "linear/weights" in found else 1  # a city, up to four tags, as many pairs
            assert len(touched) <= 3 * 16 * values and (np.diff(touched) > 0).all()
            assert all(len(values) == len(touched) for values in found.values())
        assert not tables & set(message.whole)
    assert set(message.whole) | tables == {v.name for v in fitted.training_program_.updates}


def test_a_loss_that_is_not_finite_ends_the_fit(rows):
    X = np.random.default_rng(0).normal(size=(200, 2)) * 1e10
    settings = {"optimizer": SGD(learning_rate=1e30), "jit": False, "pool": SMALL}
    with joblib.parallel_config(backend="sequential"), pytest.raises(NonFinite):
        LinearRegressor(epochs=5, **settings).fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("pool", "error", "words"),
    [
        ("two", InvalidType, "pool: must be a Pool, a number of workers or None"),
        (True, InvalidType, "pool: must be a Pool"),
        (0, InvalidValue, "Pool.workers: must be a whole number of at least 1"),
        (Pool(local_steps=0), InvalidValue, "Pool.local_steps"),
        (Pool(tries=0), InvalidValue, "Pool.tries"),
        (Pool(folder="/no/such/folder"), InvalidValue, "Pool.folder: cannot be written"),
        (Pool(folder=3), InvalidValue, "Pool.folder: cannot be written"),
    ],
)
def test_settings_out_of_range(rows, pool, error, words):
    with pytest.raises(error, match=words):
        model(pool).fit(*rows)


def test_a_full_disk_is_said_and_nothing_stays(rows, tmp_path, monkeypatch):
    def write(folder, arrays):
        raise InvalidValue(f"folder {folder}", "cannot be written (No space left on device)")

    monkeypatch.setattr("cannery.estimators.pool.execution.write_arrays", write)
    with pytest.raises(InvalidValue, match="No space left"):
        model(Pool(folder=tmp_path)).fit(*rows)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_removed(rows, tmp_path):
    with joblib.parallel_config(backend="sequential"):
        model(Pool(workers=2, folder=tmp_path)).fit(*rows)
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_have_left_is_removed(rows, tmp_path):
    left, busy, new = (tmp_path / f"cannery-pool-{name}" for name in ("left", "busy", "new"))
    for folder, holder in ((left, "1 on a machine"), (busy, "2 on a machine"), (new, "")):
        folder.mkdir()
        (folder / "state").mkdir()
        (folder / "owner.lock").write_text(holder)
    with locked(busy / "owner.lock"), joblib.parallel_config(backend="sequential"):
        model(Pool(workers=2, folder=tmp_path)).fit(*rows)
    assert sorted(tmp_path.iterdir()) == [busy, new]


def test_the_report_adds_up(undisturbed):
    report = undisturbed.pool_report_
    assert list(report) == ["round", "worker", "rows", "compute", "transfer", "merge", "wait"]
    assert report["rows"].sum() == 2 * 600
    assert (report[["compute", "transfer", "merge", "wait"]] >= 0).all(axis=None)
    ax = plot_pool_report(report)
    assert ax.get_xlabel() == "seconds" and len(ax.containers) == 4
    with pytest.raises(InvalidValue, match="has no rounds"):
        plot_pool_report(report.iloc[:0])


def test_what_is_shown_of_rounds(rows, capsys):
    with joblib.parallel_config(backend="sequential"):
        model(verbose=2).fit(*rows)
        model(verbose=1, epochs=1).fit(*rows)
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split(", ")[-2:] for line in lines] == [
        ["round 10", "1 worker"],
        ["round 20", "1 worker"],
    ]
    assert all("rows/s" in line for line in lines)
    assert "1 worker" in shown.err and "rows/s" in shown.err


def test_a_pool_in_a_search(rows):
    from sklearn.model_selection import GridSearchCV

    grid = {"pool__workers": [1, 2]}
    estimator = LinearClassifier(columns=[categorical_column("city")], epochs=1, random_state=0)
    search = GridSearchCV(estimator.set_params(pool=Pool(local_steps=4)), grid, cv=2, n_jobs=2)
    search.fit(*rows)
    assert search.best_estimator_.pool.workers in (1, 2)


def test_a_chief_that_stops_goes_on_to_the_same_bits(rows, undisturbed, tmp_path):
    def stop(estimator, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    settings = {"checkpoint_dir": tmp_path, "checkpoint_seconds": 0}
    with joblib.parallel_config(backend="sequential"):
        with pytest.raises(KeyboardInterrupt):
            model(callbacks=[stop], **settings).fit(*rows)
        resumed = model(**settings).fit(*rows)
    assert bits(resumed) == bits(undisturbed)
