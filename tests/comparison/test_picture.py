"""The picture of a comparison: a point for each estimator, times beside it, no text on text."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from cannery import plot_comparison
from cannery.errors import InvalidValue, MissingDependency


def result(means=(0.2, 0.3, np.nan), failures=("", "", "RuntimeError: no")):
    names = ["linear", "RandomForestClassifier with a long name", "svm", "dnn", "baseline"]
    names = names[: len(means)]
    row = {"std": 0.01, "fit_seconds": 12.34, "predict_seconds": 0.000321}
    frame = pd.DataFrame(
        [
            {"estimator": name, "metric": metric, "mean": mean, **row, "failure": failure}
            for metric in ("log_loss", "auc")
            for name, mean, failure in zip(names, means, failures, strict=True)
        ]
    )
    frame.attrs["greater_is_better"] = {"log_loss": False, "auc": True}
    return frame


@pytest.fixture
def pyplot():
    plt = pytest.importorskip("matplotlib.pyplot")
    yield plt
    plt.close("all")


def test_what_is_drawn(pyplot):
    axes = plot_comparison(result())
    assert axes.get_xlabel() == "log loss (less is better)"
    assert axes.get_yticklabels()[0].get_text() == "linear"
    times = axes.figure.axes[1]
    assert [label.get_text() for label in times.get_yticklabels()] == [
        "0.2: 12.3 s / 321 µs",
        "0.3: 12.3 s / 321 µs",
        "failed",
    ]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the best on top


def test_another_metric_on_axes_of_the_users(pyplot):
    _, ax = pyplot.subplots()
    assert plot_comparison(result(), "auc", ax) is ax
    assert ax.get_xlabel() == "auc (more is better)"


def test_without_a_value_it_is_said(pyplot):
    axes = plot_comparison(result(failures=("", "", "")))
    assert axes.figure.axes[1].get_yticklabels()[2].get_text().startswith("no value: 12.3 s")


def test_one_far_behind_does_not_hide_how_the_others_differ(pyplot):
    axes = plot_comparison(result((0.30, 0.31, 0.32, 0.33, 0.9), ("",) * 5))
    left, right = axes.get_xlim()
    assert left < 0.30 < 0.33 < right < 0.4
    arrows = [line for line in axes.lines if line.get_marker() == ">"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in arrows] == [(right, 4)]
    assert not [line for line in plot_comparison(result()).lines if line.get_marker() in "<>"]


@pytest.mark.parametrize(
    "means", [(0.2, 0.3, 0.4), (np.nan,) * 3, (0.2, 0.2, 0.2), (0.30, 0.31, 0.32, 0.33, 0.9)]
)
def test_no_text_lies_on_another(pyplot, means):
    axes = plot_comparison(result(means, ("",) * len(means)))
    figure = axes.figure
    figure.canvas.draw()
    left, right = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    texts = [label for place, label in ticks if left <= place <= right]
    texts += [axes.xaxis.label, *axes.get_yticklabels(), *figure.axes[1].get_yticklabels()]
    texts.append(figure.axes[1]._right_title)
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    whole = figure.bbox
    for at, box in enumerate(boxes):
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 + 1
        assert not any(box.overlaps(other) for other in boxes[at + 1 :])


def test_unknown_metric(pyplot):
    with pytest.raises(InvalidValue, match="metric: not in the comparison, got 'rmse'; choose one"):
        plot_comparison(result(), "rmse")


def test_no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependency, match=r"install cannery\[plot\]"):
        plot_comparison(result())
