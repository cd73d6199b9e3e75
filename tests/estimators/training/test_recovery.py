"""A fit that was cut off ends where one ends that nobody disturbs, to the last bit."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from cannery import LinearClassifier, LinearRegressor, WideDeepClassifier, WideDeepRegressor
from cannery.errors import InvalidType, InvalidValue
from cannery.graph.compiler.toolchain import find_toolchain
from cannery.graph.optimizers import Adam

PROGRAM = Path(__file__).with_name("kill_and_resume.py")
compiles = pytest.mark.skipif(find_toolchain() is None, reason="there is no C compiler")


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Flushing files guards against a loss of power alone, and takes most of a small fit's time."""
    monkeypatch.setattr(os, "fsync", int)


class Cut(Exception):
    """Ends a fit from within, as an error in a callback does."""


def cut(epoch):
    def call(estimator, now, logs):
        if now == epoch:
            raise Cut

    return call


def same(model, other):
    """Whether two fits are the same in all but the time they took."""
    assert model._state.keys() == other._state.keys()
    for name, value in model._state.items():
        assert value.tobytes() == other._state[name].tobytes(), name
    times = ["seconds", "rows_per_second"]
    pd.testing.assert_frame_equal(
        model.history_.drop(columns=times), other.history_.drop(columns=times), check_exact=True
    )
    assert model.n_iter_ == other.n_iter_
    assert getattr(model, "best_epoch_", None) == getattr(other, "best_epoch_", None)
    assert model._random.bit_generator.state == other._random.bit_generator.state
    return True


def small(folder=None, **options):
    chosen = {"hidden_units": (4,), "epochs": 5, "random_state": 0, "jit": False, **options}
    return WideDeepClassifier(checkpoint_dir=folder, checkpoint_seconds=0, **chosen)


def cut_off(model, epoch, *data, **options):
    with pytest.raises(Cut):
        clone(model).set_params(callbacks=[cut(epoch)]).fit(*data, **options)


@pytest.mark.parametrize(
    ("moments", "options"),
    [
        (["steps", "write", "flush", "rename", "remove", "epoch"], {"jit": False}),
        pytest.param(["steps"], {"jit": True, "n_jobs": 2}, marks=compiles),
    ],
    ids=["interpreted", "compiled"],
)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_killed_at_any_moment(moments, options):
    command = [sys.executable, str(PROGRAM), json.dumps(moments), json.dumps(options)]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    found = [json.loads(line) for line in out.stdout.splitlines()]
    assert [moment for moment, *_ in found] == moments
    assert all(killed and ended for _, killed, ended in found), found


@pytest.mark.parametrize("options", [{}, {"early_stopping": "auc", "patience": 1}, {"n_jobs": 2}])
def test_an_error_in_a_callback(frame, target, tmp_path, options):
    model = small(tmp_path, **options)
    cut_off(model, 3, frame, target)
    whole = small(**options).fit(frame, target)
    assert same(model.fit(frame, target), whole)
    assert (model.predict_proba(frame) == whole.predict_proba(frame)).all()
    assert model.evaluate(frame, target) == whole.evaluate(frame, target)
    assert model.training_seconds_ == pytest.approx(model.history_["seconds"].sum())
    for each in (model, whole):  # all goes on alike, too
        each.partial_fit(frame, target)
    assert same(model, whole)


def test_a_fit_that_is_over_is_not_begun_again(frame, target, tmp_path, capsys):
    first = small(tmp_path).fit(frame, target)
    before = sorted(tmp_path.iterdir())
    heard = []
    again = small(tmp_path, callbacks=[lambda *given: heard.append(given)], verbose=2)
    assert same(again.fit(frame, target), first) and not heard
    assert "fit: was over after 5 epochs" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == before and len(before) == 4


def test_what_stopped_early_stays_stopped(frame, target, tmp_path):
    options = {"early_stopping": "auc", "patience": 2, "epochs": 60}
    stopped = small(tmp_path, **options).fit(frame, target)
    assert stopped.n_iter_ < 60
    assert same(small(tmp_path, **options).fit(frame, target), stopped)
    assert same(small(tmp_path, **{**options, "epochs": 90}).fit(frame, target), stopped)
    assert same(small(**options).fit(frame, target), stopped)


def test_more_epochs_go_on_and_fewer_are_refused(frame, target, tmp_path, capsys):
    small(tmp_path).fit(frame, target)
    more = small(tmp_path, epochs=8, verbose=2).fit(frame, target)
    out = capsys.readouterr().out
    assert "fit: goes on after 5 epochs" in out and "epoch 5" not in out and "epoch 6" in out
    assert same(more, small(epochs=8).fit(frame, target))
    with pytest.raises(InvalidValue, match="8 are done in checkpoint_dir, got 7; ask for as many"):
        small(tmp_path, epochs=7).fit(frame, target)


def test_without_a_seed_it_goes_on_with_the_draws_it_began_with(frame, target, tmp_path):
    model = small(tmp_path, random_state=None, early_stopping=True, dropout=0.3)
    first = clone(model).fit(frame, target)
    again = clone(model).fit(frame, target)
    assert same(again, first)
    sixth = clone(model).set_params(epochs=6).fit(frame, target)
    assert sixth.history_["loss"][:5].tolist() == first.history_["loss"].tolist()


def test_control_c_can_be_taken_back(frame, target, tmp_path):
    def press(estimator, epoch, logs):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    options = {"early_stopping": True, "checkpoint_seconds": 1000.0}
    model = small(tmp_path).set_params(**options)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 whole epochs"):
        clone(model).set_params(callbacks=[press]).fit(frame, target)
    whole = clone(model).set_params(checkpoint_dir=None).fit(frame, target)
    assert same(model.fit(frame, target), whole)


def test_control_c_in_the_midst_of_an_epoch(frame, target, tmp_path, monkeypatch):
    model = LinearClassifier(epochs=3, batch_size=2, random_state=0, jit=False)
    whole = clone(model).fit(frame, target)
    model.set_params(checkpoint_dir=tmp_path)
    from cannery.estimators.training.loop import Trainer

    calls, run = iter([int, int, int, lambda: os.kill(os.getpid(), signal.SIGINT)]), Trainer._run

    def pressed(*given):
        next(calls, int)()
        return run(*given)

    monkeypatch.setattr(Trainer, "_run", pressed)
    with pytest.warns(ConvergenceWarning, match="interrupted after 0 whole epochs"):
        clone(model).fit(frame, target)
    assert same(model.fit(frame, target), whole)


OTHERS = {
    "hidden_units": {"hidden_units": (5,)},
    "deep_optimizer": {"deep_optimizer": Adam()},
    "random_state": {"random_state": 1},
    "batch_size": {"batch_size": 100},
    "patience": {"patience": 9},
    "activation": {"activation": "tanh"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_settings_are_another_fit(frame, target, tmp_path, name):
    small(tmp_path, epochs=1).fit(frame, target)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.npz")}
    with pytest.raises(InvalidValue, match=f"checkpoints of another fit, got other {name}"):
        small(tmp_path, **OTHERS[name]).fit(frame, target)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.npz")} == before


def test_other_data_are_another_fit(frame, target, amount, tmp_path):
    def refused(said, *data, **options):
        model = LinearRegressor(checkpoint_dir=tmp_path, epochs=1, random_state=0)
        with pytest.raises(InvalidValue, match=f"another fit, got other {said}"):
            model.fit(*data, **options)
        assert not hasattr(model, "model_")

    held = frame[:40], amount[:40]
    model = LinearRegressor(checkpoint_dir=tmp_path, epochs=1, random_state=0)
    model.fit(frame, amount, validation_data=held)
    refused(r"rows=239 \(there 240\), X numbers, ", frame[1:], amount[1:], validation_data=held)
    refused("X numbers", frame.assign(age=frame["age"] ** 2), amount, validation_data=held)
    refused("X ids", frame.assign(city="Rome"), amount, validation_data=held)
    refused("y", frame, amount + 1e-3 * (np.arange(240) == 7), validation_data=held)
    refused("weights", frame, amount, np.linspace(1, 2, 240), validation_data=held)
    refused("validation_data y", frame, amount, validation_data=(frame[:40], -amount[:40]))
    refused(r"validation_data rows=0 \(there 40\)", frame, amount)
    with pytest.raises(InvalidValue, match="other estimator=LinearClassifier"):
        LinearClassifier(checkpoint_dir=tmp_path).fit(frame, target)


def test_what_may_change(frame, target, tmp_path):
    cut_off(small(tmp_path), 2, frame, target)
    free = {"checkpoint_seconds": 3.0, "keep_checkpoints": 1, "callbacks": [lambda *given: None]}
    model = small(str(tmp_path)).set_params(**free).fit(frame, target)
    assert same(model, small().fit(frame, target))
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_other_threads_are_said(frame, target, tmp_path):
    cut_off(small(tmp_path), 3, frame, target)
    with pytest.warns(RuntimeWarning, match=r"goes on with Engine\(jit=False, threads=2\), was"):
        model = small(tmp_path, n_jobs=2).fit(frame, target)
    assert model.n_iter_ == 5


def test_the_newest_is_damaged(frame, target, tmp_path):
    cut_off(small(tmp_path), 3, frame, target)
    last = sorted(tmp_path.glob("checkpoint-*.npz"))[-1]
    os.truncate(last, last.stat().st_size - 9)
    with pytest.warns(RuntimeWarning, match="the one before, is used"):
        model = small(tmp_path).fit(frame, target)
    assert same(model, small().fit(frame, target))


def test_a_full_disk_harms_neither_model_nor_checkpoints(frame, target, tmp_path, monkeypatch):
    model = small().fit(frame, target)
    before = model.predict_proba(frame)
    fsync, calls = os.fsync, iter(range(6))

    def full(number):
        if next(calls, None) is None:
            raise OSError(28, "No space left on device")
        fsync(number)

    monkeypatch.setattr(os, "fsync", full)
    model.set_params(checkpoint_dir=tmp_path, checkpoint_seconds=0, random_state=1)
    with pytest.raises(InvalidValue, match="cannot hold checkpoints, got No space left on device"):
        model.fit(frame, target)
    assert (model.predict_proba(frame) == before).all()
    monkeypatch.undo()
    assert same(model.fit(frame, target), small(random_state=1).fit(frame, target))


def test_two_fits_in_one_folder(frame, target, tmp_path):
    met = []

    def other(estimator, epoch, logs):
        with pytest.raises(InvalidValue, match="another fit is at work in it"):
            small(tmp_path).fit(frame, target)
        met.append(epoch)

    model = small(tmp_path, epochs=2, callbacks=[other]).fit(frame, target)
    assert met == [1, 2] and model.n_iter_ == 2


def test_a_warm_start_is_a_fit_of_its_own(frame, target, tmp_path):
    options = {"warm_start": True, "epochs": 3}
    whole = small(**options).fit(frame, target).fit(frame, target)
    model = small(tmp_path / "first", **options).fit(frame, target)
    loaded = pickle.loads(pickle.dumps(model))
    with pytest.raises(InvalidValue, match="another fit, got other first weights"):
        model.fit(frame, target)
    model.set_params(checkpoint_dir=tmp_path / "second", callbacks=[cut(5)])
    with pytest.raises(Cut):
        model.fit(frame, target)
    loaded.set_params(checkpoint_dir=tmp_path / "second")
    assert same(loaded.fit(frame, target), whole) and loaded.n_iter_ == 6


def test_partial_fit_keeps_nothing(frame, target, tmp_path):
    small(tmp_path / "none").partial_fit(frame, target)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["", 3, ["a"]])
def test_what_is_no_folder(frame, target, folder):
    with pytest.raises((InvalidValue, InvalidType), match="must be None or a path"):
        small(folder).fit(frame, target)


def test_what_a_callback_logs_is_kept(frame, target, tmp_path):
    def log(estimator, epoch, logs):
        logs["twice"], logs["name"] = np.float32(2 * epoch), f"epoch {epoch}"

    cut_off(small(tmp_path), 3, frame, target)
    model = small(tmp_path / "a", callbacks=[log, cut(3)])
    with pytest.raises(Cut):
        model.fit(frame, target)
    model.set_params(callbacks=[log]).fit(frame, target)
    assert model.history_["name"].tolist() == [f"epoch {n}" for n in range(1, 6)]
    assert model.history_["twice"].tolist() == [2, 4, 6, 8, 10]
    with pytest.raises(InvalidType, match="cannot hold such a value, got object"):
        small(tmp_path / "b", callbacks=[lambda m, e, logs: logs.update(x=object())]).fit(
            frame, target
        )


def test_regressors_too(frame, amount, tmp_path):
    options = {"hidden_units": (4,), "epochs": 4, "loss": "huber", "random_state": 0}
    model = WideDeepRegressor(checkpoint_dir=tmp_path, checkpoint_seconds=0, **options)
    cut_off(model, 2, frame, amount)
    assert same(model.fit(frame, amount), WideDeepRegressor(**options).fit(frame, amount))
