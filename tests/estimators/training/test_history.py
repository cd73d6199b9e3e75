"""Learning curves."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from cannery import LinearClassifier
from cannery.errors import InvalidValue


@pytest.fixture
def model(frame, target):
    return LinearClassifier(epochs=3, validation_fraction=0.2, random_state=0).fit(frame, target)


def test_curves_of_training_and_validation(model):
    axes = model.plot_history()
    assert [line.get_label() for line in axes.lines] == ["training loss", "validation loss"]
    assert axes.lines[0].get_ydata().tolist() == model.history_["loss"].tolist()
    assert axes.get_title() == "LinearClassifier" and axes.get_ylabel() == "loss"
    plt.close(axes.figure)


def test_metrics_of_choice_on_axes_given(model):
    figure, axes = plt.subplots()
    assert model.plot_history(["val_auc", "val_accuracy"], ax=axes) is axes
    assert [line.get_label() for line in axes.lines] == ["val_auc", "val_accuracy"]
    plt.close(figure)


def test_unknown_metrics(model):
    with pytest.raises(InvalidValue, match=r"no such metric, got \['auc'\]; choose of \['epoch'"):
        model.plot_history(["auc"])


def test_without_matplotlib(model, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"needs matplotlib; install cannery\[plot\]"):
        model.plot_history()


def test_before_a_fit():
    with pytest.raises(ValueError, match="not fitted"):
        LinearClassifier().plot_history()
