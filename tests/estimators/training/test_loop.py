"""The training loop: what it prints, logs and leaves behind when it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from cannery import LinearClassifier, WideDeepClassifier


def interrupt(*given):
    os.kill(os.getpid(), signal.SIGINT)


def test_control_c_keeps_the_epochs_done(frame, target):
    def press(estimator, epoch, logs):
        if epoch == 3:
            interrupt()

    model = WideDeepClassifier(hidden_units=(4,), epochs=50, callbacks=[press], random_state=0)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.warns(ConvergenceWarning, match="interrupted after 3 whole epochs"):
        model.fit(frame, target)
    assert signal.getsignal(signal.SIGINT) is handler
    whole = WideDeepClassifier(hidden_units=(4,), epochs=3, random_state=0).fit(frame, target)
    assert (model.predict_proba(frame) == whole.predict_proba(frame)).all()
    assert model.n_iter_ == len(model.history_) == 3
    model.set_params(callbacks=[]).partial_fit(frame, target)
    assert model.n_iter_ == 4


def test_control_c_from_a_timer_in_the_midst_of_an_epoch(frame, target):
    timer = threading.Timer(0.1, interrupt)
    start = {1: timer.start}
    callbacks = [SimpleNamespace(on_epoch_begin=lambda model, epoch: start.get(epoch, int)())]
    model = LinearClassifier(epochs=10**6, batch_size=1, callbacks=callbacks, random_state=0)
    with pytest.warns(ConvergenceWarning, match="got Ctrl-C; the estimator keeps what it has"):
        model.fit(frame, target)
    timer.join()
    assert model.score(frame, target) > 0.6
    assert model.n_iter_ == len(model.history_) < 10**6
    assert model.evaluate(frame, target)["global_step"] >= 240 * model.n_iter_


def test_control_c_restores_the_best_weights(frame, target):
    def press(estimator, epoch, logs):
        if epoch == 4:
            interrupt()

    model = LinearClassifier(epochs=9, early_stopping=True, callbacks=[press], random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(frame, target, validation_data=(frame, target))
    loss = model.evaluate(frame, target)["average_loss"]
    assert loss == model.history_["val_average_loss"].min()


def test_a_second_control_c_is_not_held_back(frame, target):
    def press(estimator, epoch, logs):
        interrupt()
        interrupt()
        time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        LinearClassifier(epochs=9, callbacks=[press]).fit(frame, target)


def test_fits_in_other_threads(frame, target):
    fitted = []
    fit = LinearClassifier(epochs=2, random_state=0).fit
    worker = threading.Thread(target=lambda: fitted.append(fit(frame, target)))
    worker.start()
    worker.join()
    assert fitted[0].n_iter_ == 2


def test_the_history(frame, target):
    model = LinearClassifier(epochs=4, random_state=0, validation_fraction=0.2).fit(frame, target)
    history = model.history_
    assert list(history)[:4] == ["epoch", "loss", "seconds", "rows_per_second"]
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert {"val_average_loss", "val_auc", "val_accuracy"} <= set(history)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert np.isfinite(history).all(axis=None)
    assert model.training_seconds_ == pytest.approx(history["seconds"].sum())


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(frame, target):
    model = LinearClassifier(epochs=1, random_state=0, batch_size=7)
    model.set_params(optimizer__learning_rate=1e-20).fit(frame, target)
    found = model.history_["loss"][0]
    assert found == pytest.approx(model.evaluate(frame, target)["average_loss"], rel=1e-6)


def test_the_progress_bar(frame, target, capsys):
    LinearClassifier(epochs=3, verbose=1, random_state=0).fit(frame, target)
    text = capsys.readouterr().err
    assert "100%" in text and "720/720" in text and "rows/s" in text
    assert "epoch 3, loss 0." in text


def test_a_line_an_epoch(frame, target, capsys):
    model = LinearClassifier(epochs=2, verbose=2, validation_fraction=0.2, random_state=0)
    model.fit(frame, target)
    out = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in out] == ["epoch 1", "epoch 2"]
    assert " loss 0." in out[0] and "val_auc " in out[1] and out[1].endswith(" rows/s")


def test_silence(frame, target, capsys):
    LinearClassifier(epochs=2).fit(frame, target)
    assert capsys.readouterr() == ("", "")
