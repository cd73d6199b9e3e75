"""Adam and AdamW: bias correction, fading rows, lazy rows, decay."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import Program, Variable, constant
from cannery.graph.optimizers import Adam, AdamW, CosineDecay, trace


def reference(start, slopes, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    """Adam in float64, as published."""
    w, m, v, path = np.array(start, float), 0.0, 0.0, []
    for t, g in enumerate(np.asarray(slopes, float), 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        scale = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = w * (1 - rate * decay) - scale * m / (np.sqrt(v) + epsilon)
        path.append(w)
    return np.array(path)


@pytest.mark.parametrize("beta1", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("beta2", [0.0, 0.9, 0.9999])
def test_against_float64(beta1, beta2):
    slopes = np.random.default_rng(0).normal(size=(50, 4))
    after = trace(Adam(learning_rate=0.01, beta1=beta1, beta2=beta2), np.ones(4), slopes)
    np.testing.assert_allclose(after, reference(np.ones(4), slopes, 0.01, beta1, beta2), rtol=1e-5)


def test_the_correction_is_exact_while_betas_are_near_one():
    """In float32, ``1 - 0.999999`` has lost most of its digits."""
    after = trace(Adam(learning_rate=0.5, beta2=0.999999), [1.0], [[3.0]])
    assert after.item() == pytest.approx(0.5, rel=1e-5)


def test_the_correction_counts_the_callers_steps():
    weight, step = Variable([1.0], "weight"), Variable(999, "step", trainable=False)
    execution = Program(updates=Adam().apply([(weight, constant([1.0]))], step)).start()
    execution.run({})
    scale = np.sqrt(1 - 0.999**1000) / (1 - 0.9**1000)
    expected = 1 - 0.001 * scale * 0.1 / np.sqrt(0.001)
    assert execution.variables["weight"].item() == pytest.approx(expected, rel=1e-6)


def test_trap_rows_without_a_gradient_still_move():
    slopes, rows = [[[1.0]], [[1.0]]], [[0], [1]]
    eager = trace(Adam(), [[1.0], [1.0]], slopes, rows)
    lazy = trace(Adam(lazy=True), [[1.0], [1.0]], slopes, rows)
    assert eager[1, 0] < eager[0, 0]
    assert lazy[1, 0] == lazy[0, 0]


def test_decay_is_apart_from_the_gradient():
    slopes = np.random.default_rng(0).normal(size=(20, 3))
    after = trace(AdamW(learning_rate=0.01, weight_decay=0.3), np.ones(3), slopes)
    np.testing.assert_allclose(after, reference(np.ones(3), slopes, 0.01, decay=0.3), rtol=1e-5)


def test_decay_follows_the_schedule():
    schedule = CosineDecay(initial_learning_rate=0.5, decay_steps=2)
    after = trace(AdamW(learning_rate=schedule, weight_decay=1.0), [1.0], [[0.0]] * 3)
    np.testing.assert_allclose(after.ravel(), [0.5, 0.375, 0.375], rtol=1e-6)


def test_lazy_decay_shrinks_only_the_rows_named():
    eager = trace(AdamW(), [[1.0], [1.0]], [[[0.0]]], rows=[[0]])
    lazy = trace(AdamW(lazy=True), [[1.0], [1.0]], [[[0.0]]], rows=[[0]])
    assert eager[0, 1] < 1 and lazy[0, 1] == 1 and lazy[0, 0] == eager[0, 0]


def test_no_decay_is_adam():
    slopes = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(
        trace(AdamW(weight_decay=0.0), np.ones(3), slopes), trace(Adam(), np.ones(3), slopes)
    )
