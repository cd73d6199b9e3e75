"""The trajectories TensorFlow gave, and what `trace` refuses."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue, ShapeMismatch
from cannery.graph.optimizers import SGD, get_optimizer, trace
from cannery.graph.optimizers import optimizer as module

NAMES = {"GradientDescent": "sgd", "ProximalAdagrad": "proximal_adagrad"}


@pytest.mark.parametrize("small_table", [0, 16_384])
@pytest.mark.parametrize("case", range(30))
def test_tensorflows_trajectories(golden, case, small_table, monkeypatch):
    monkeypatch.setattr(module, "SMALL_TABLE", small_table)
    given = golden("optimizers")["cases"][case]
    name = NAMES.get(given["optimizer"], given["optimizer"])
    optimizer = get_optimizer(name).set_params(**given["args"])
    after = trace(optimizer, given["initial"], given["gradients"], given["rows"])
    expected = np.array(given["trajectory"])
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_every_golden_case_is_tried(golden):
    assert len(golden("optimizers")["cases"]) == 30


def test_a_name_stands_for_its_defaults():
    np.testing.assert_array_equal(trace("sgd", [1.0], [[1.0]]), trace(SGD(), [1.0], [[1.0]]))


def test_a_single_number_and_no_steps():
    assert trace("sgd", 1.0, [1.0, 1.0]).shape == (2,)
    assert trace("sgd", [1.0], []).shape == (0, 1)
    assert trace("sgd", [1.0], [], rows=[]).shape == (0, 1)


@pytest.mark.parametrize(
    ("initial", "gradients", "rows", "message"),
    [
        ([1.0, 2.0], [[1.0]], None, r"gradient: must have shape \(2,\), got"),
        ([[1.0], [2.0]], [[1.0]], [[0]], r"gradient: must have shape \(1, 1\) for its rows"),
        ([1.0, 2.0], [[1.0]], [[2]], r"rows: must be whole numbers in \[0, 2\), got \[2\]"),
        ([1.0, 2.0], [[1.0]], [[-1]], r"rows: must be whole numbers in \[0, 2\)"),
        ([1.0, 2.0], [[1.0]], [[0.5]], "rows: must be whole numbers"),
        ([1.0, 2.0], [[1.0], [1.0]], [[0]], "rows: must be given for each of 2 gradients, got 1"),
        (1.0, [1.0], [[0]], "initial: must have an axis of rows"),
    ],
)
def test_what_does_not_fit_is_refused(initial, gradients, rows, message):
    with pytest.raises(InvalidValue, match=message):
        trace("sgd", initial, gradients, rows)


def test_shapes_have_their_own_error():
    with pytest.raises(ShapeMismatch):
        trace("sgd", [1.0, 2.0], [[1.0]])
