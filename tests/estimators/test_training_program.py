"""The program behind a fit, and what it is fed, are there to be looked at."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from cannery import LinearClassifier, WideDeepClassifier
from cannery.errors import InvalidValue
from cannery.graph import explain


def test_a_step_of_the_training_program_starts_like_the_fit(frame, target):
    settings = {"epochs": 1, "batch_size": 60, "hidden_units": (8,), "random_state": 0}
    model = WideDeepClassifier(**settings).fit(frame, target)
    feeds = model.training_feeds(frame, target)
    execution = model.training_program_.start(model.variables_)
    loss = execution.run(feeds, batch_size=len(frame))["loss"]
    judged = model.evaluate(frame, target)["average_loss"]
    np.testing.assert_allclose(loss, [judged], rtol=1e-5)


def test_weights_are_fed(frame, target):
    model = LinearClassifier(epochs=1).fit(frame, target)
    heavier = model.training_feeds(frame, target, np.full(len(frame), 2.0))
    assert (heavier["weights"] == 2.0).all()
    with pytest.raises(InvalidValue, match="nobody"):
        model.training_feeds(frame, ["nobody"] * len(frame))


def test_it_explains_itself(frame, target):
    model = WideDeepClassifier(epochs=1, hidden_units=(8,)).fit(frame, target)
    found = explain(model.training_program_, model.training_feeds(frame, target), jit=False)
    assert len(found.rewrites)
    assert found.ops["name"].str.startswith("deep/").any()
    assert len(explain(model.model_.program).kernels)


def test_before_a_fit_there_is_none():
    with pytest.raises(NotFittedError, match="no training program"):
        _ = WideDeepClassifier().training_program_
