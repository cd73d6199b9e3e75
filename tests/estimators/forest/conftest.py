"""Examples of every kind for trees to be grown from."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.estimators.forest import compiled
from cannery.estimators.forest.examples import Examples, bin_edges, put_into_bins
from cannery.graph.compiler.toolchain import find_toolchain


@pytest.fixture(scope="session")
def c_compiler():
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")
    compiled.put_into_bins(np.zeros(1, np.float32), np.zeros(0, np.float32))  # compiles now


def targets_of(kind, signal):
    if kind == "classes":
        classes = np.digitize(signal, np.quantile(signal, [0.25, 0.5, 0.75])).astype(np.int32)
        return {"outputs": 4, "classes": classes, "alike": classes}
    targets = {
        "binary": lambda: signal > 0,
        "numbers": lambda: signal,
        "labels": lambda: np.stack([signal > 0, signal > 1], axis=1),
        "several": lambda: np.stack([signal, np.sin(signal), signal**2], axis=1),
    }[kind]()
    targets = targets.reshape(len(signal), -1).astype(np.float64)
    _, alike = np.unique(targets, axis=0, return_inverse=True)
    alike = alike.reshape(-1).astype(np.int32)
    return {"outputs": targets.shape[1], "targets": targets, "alike": alike}


@pytest.fixture(scope="session")
def make_examples():
    """Return what makes rows with numbers and categories, some missing, and targets of a kind."""
    return _make_examples


def _make_examples(kind="binary", rows=300, sizes=(7, 60), missing=0.1, random_state=0):
    random = np.random.default_rng(random_state)
    X = random.normal(size=(rows, 4)).astype(np.float32)
    X[:, 1] = np.round(X[:, 1])
    X[random.random(X.shape) < missing] = np.nan
    ids = np.array(
        [np.where(random.random(rows) < missing, -1, random.integers(0, n, rows)) for n in sizes],
        np.int32,
    ).reshape(len(sizes), rows)
    signal = np.nansum(X[:, :2], axis=1) + (ids % 3).sum(axis=0) + random.normal(size=rows)
    bins = np.stack([put_into_bins(column, bin_edges(column)) for column in X.T])
    return Examples(
        bins=bins,
        ids=ids,
        sizes=np.array(sizes, np.int32),
        **targets_of(kind, signal - signal.mean()),
    )
