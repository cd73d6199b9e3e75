"""Callbacks: cannery's small protocol, and scikit-learn's where it has one."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV

from cannery import DNNClassifier, LinearClassifier
from cannery.estimators.training import Callback

NEW = tuple(map(int, sklearn.__version__.split(".")[:2])) >= (1, 9)
since_1_9 = pytest.mark.skipif(not NEW, reason="scikit-learn has callbacks since 1.9")


class Recorder:
    def __init__(self):
        self.heard = []

    def on_fit_begin(self, estimator):
        self.heard.append("begin")

    def on_epoch_begin(self, estimator, epoch):
        self.heard.append(epoch)

    def on_epoch_end(self, estimator, epoch, logs):
        self.heard.append(sorted(logs))

    def on_fit_end(self, estimator):
        self.heard.append("end")


def test_every_hook_is_called_in_order(frame, target):
    recorder = Recorder()
    assert isinstance(recorder, Callback)
    LinearClassifier(epochs=2, callbacks=[recorder]).fit(frame, target)
    logs = ["epoch", "loss", "rows_per_second", "seconds"]
    assert recorder.heard == ["begin", 1, logs, 2, logs, "end"]


def test_hooks_that_are_missing_are_passed_over(frame, target):
    class Last:
        def on_fit_end(self, estimator):
            self.score = estimator.score(frame, target)

    last = Last()
    model = LinearClassifier(epochs=2, callbacks=[last]).fit(frame, target)
    assert last.score == model.score(frame, target)


def test_a_function_may_stop_the_fit_and_predict(frame, target):
    scores = []

    def enough(estimator, epoch, logs):
        scores.append(estimator.score(frame, target))
        logs["score"] = scores[-1]
        return epoch == 3

    model = LinearClassifier(epochs=9, callbacks=(enough,), random_state=0).fit(frame, target)
    assert model.n_iter_ == 3 and model.history_["score"].tolist() == scores
    assert scores[-1] == model.score(frame, target)


def test_every_callback_hears_of_the_end(frame, target):
    heard = []
    callbacks = [lambda *given: True, lambda estimator, epoch, logs: heard.append(epoch)]
    LinearClassifier(epochs=5, callbacks=callbacks).fit(frame, target)
    assert heard == [1]


@since_1_9
def test_scikit_learns_scoring_monitor(frame, target):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = DNNClassifier(hidden_units=(4,), epochs=4, random_state=0)
    assert model.set_callbacks(monitor) is model
    model.fit(frame, target)
    log = monitor.get_logs().data_as_pandas
    epochs = log[log["task_name"] == "epoch"]
    parts = [
        DNNClassifier(hidden_units=(4,), epochs=n, random_state=0).fit(frame, target)
        for n in (1, 2, 3, 4)
    ]
    losses = [-part.evaluate(frame, target)["average_loss"] for part in parts]
    np.testing.assert_allclose(epochs["neg_log_loss"], losses, rtol=1e-5)


@since_1_9
def test_scikit_learns_protocol(frame, target):
    class Watch:
        def __init__(self):
            self.heard, self.kept = [], []

        def setup(self, estimator, context):
            self.heard.append(("setup", context.max_subtasks))

        def on_fit_task_begin(self, estimator, context):
            self.heard.append(("begin", context.task_name, context.task_id))

        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            assert X is frame and y is target and metadata == {"sample_weight": None}
            self.heard.append(("end", context.task_name, context.task_id))
            self.kept.append((fitted_estimator, fitted_estimator.predict_proba(frame)))
            return context.task_name == "epoch" and context.task_id == 1

        def teardown(self, estimator, context):
            self.heard.append("teardown")

    watch = Watch()
    model = LinearClassifier(epochs=5, random_state=0).set_callbacks(watch).fit(frame, target)
    epochs = [(kind, "epoch", n) for n in (0, 1) for kind in ("begin", "end")]
    assert watch.heard == [
        ("setup", 5),
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        "teardown",
    ]
    assert model.n_iter_ == 2
    # What was handed out stays as it was then, although training went on.
    for fitted, probabilities in watch.kept:
        assert (fitted.predict_proba(frame) == probabilities).all()
    assert (watch.kept[0][1] != watch.kept[1][1]).any()
    watch.heard.clear()
    with pytest.raises(ValueError):
        model.fit(frame, target[:3])
    assert watch.heard == []
    model.set_params(callbacks=[lambda *given: 1 / 0])
    with pytest.raises(ZeroDivisionError):
        model.fit(frame, target)
    assert watch.heard[-1] == "teardown"


@since_1_9
def test_scikit_learns_callbacks_reach_into_a_search(frame, target):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    model = LinearClassifier(epochs=2, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(model, {"epochs": [2, 3]}, cv=2).fit(frame, target)
    assert len(monitor.get_logs(select="all")) >= 1 and search.best_score_ > 0.5


@pytest.mark.skipif(NEW, reason="scikit-learn has callbacks")
def test_nothing_is_missing_before_1_9(frame, target):
    model = LinearClassifier(epochs=1).fit(frame, target)
    assert not hasattr(model, "set_callbacks")
