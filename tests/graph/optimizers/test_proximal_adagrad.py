"""Proximal Adagrad: shrinkage at zero gradients, and Adagrad without it."""

from __future__ import annotations

import numpy as np

from cannery.graph import Variable
from cannery.graph.optimizers import Adagrad, ProximalAdagrad, trace

SLOPES = np.random.default_rng(0).normal(size=(10, 4)).round(2)


def test_without_penalties_it_is_adagrad():
    plain, proximal = Adagrad(learning_rate=0.1), ProximalAdagrad(learning_rate=0.1)
    expected = trace(plain, np.ones(4), SLOPES)
    np.testing.assert_allclose(trace(proximal, np.ones(4), SLOPES), expected, rtol=1e-5, atol=1e-6)


def test_it_shrinks_at_a_zero_gradient_too():
    for name in ("l1_regularization_strength", "l2_regularization_strength"):
        optimizer = ProximalAdagrad(**{name: 0.1})
        after = trace(optimizer, [1.0, -1.0], [[0.0, 0.0]])[0]
        assert 0 < after[0] < 1 and after[1] == -after[0]
        assert not optimizer.absorbs_zero(Variable([0.0], "table"))


def test_l1_stops_at_zero():
    optimizer = ProximalAdagrad(learning_rate=1.0, l1_regularization_strength=1.0)
    assert trace(optimizer, [1.0, -1.0], [[0.0, 0.0]]).ravel().tolist() == [0.0, 0.0]
