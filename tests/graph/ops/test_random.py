"""Random numbers: the published generator bit for bit, and the distributions asked for."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from cannery.graph import OPS, dropout, evaluate, gradients, normal, placeholder, uniform
from cannery.graph.ops.random import key

WORD = 2**64 - 1


def squares64(counter, factor):
    """Return 64 bits as Widynski's C program does."""

    def swapped(word):
        return ((word >> 32) | (word << 32)) & WORD

    x = y = (counter * factor) & WORD
    z = (y + factor) & WORD
    for addend in (y, z, y):
        x = swapped((x * x + addend) & WORD)
    t = x = (x * x + z) & WORD
    x = swapped(x)
    return t ^ (((x * x + y) & WORD) >> 32)


@pytest.mark.parametrize("step", [0, 1, 2**31 + 5])
def test_bits_are_those_of_the_published_generator(step):
    result = evaluate([uniform((7,), seed=3, step=step)])[0]
    words = [squares64((step << 32) + i, key(3)) for i in range(4)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    assert result.tolist() == [(half >> 8) / 2**24 for half in halves[:7]]


def test_seed_step_and_place_each_matter_and_nothing_else():
    x = placeholder("x", (None, 4))
    step = placeholder("step", (), "int64")

    def draw(rows, number, seed):
        return evaluate([uniform(x, seed, step)], {x: np.zeros((rows, 4)), step: number})[0]

    np.testing.assert_array_equal(draw(5, 1, 1)[:3], draw(3, 1, 1))
    for other in (draw(5, 2, 1), draw(5, 1, 2)):
        assert (other != draw(5, 1, 1)).all()
    assert len(np.unique(draw(100, 1, 1))) > 390


def test_distributions():
    u, n = evaluate([uniform((200, 100), 5, 9), normal((200, 100), 5, 9)])
    assert scipy.stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    assert scipy.stats.kstest(n.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(n[:, :-1].ravel(), n[:, 1:].ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_at_its_rate_and_scales_the_rest(rate):
    x = np.full((200, 100), 3.0, np.float32)
    y = evaluate([dropout(x, rate, seed=1, step=0)])[0]
    assert abs((y == 0).mean() - rate) < 0.01
    np.testing.assert_allclose(y[y != 0], 3 / (1 - rate), rtol=1e-6)


def test_the_gradient_passes_where_the_value_did():
    x = placeholder("x", (None, 50))
    y = dropout(x, 0.4, seed=1, step=placeholder("step", (), "int64"))
    value, slope = evaluate([y, *gradients(y, [x])], {x: np.ones((20, 50)), "step": 3})
    np.testing.assert_array_equal(value, slope)


def test_no_dropout_is_no_node():
    x = placeholder("x", (None, 50))
    assert dropout(x, 0.0, seed=1, step=0) is x


def test_refusals():
    x = placeholder("x", (2,))
    with pytest.raises(ValueError, match=r"dropout: rate must be at least 0 and below 1, got 1.0"):
        dropout(x, 1.0, 0, 0)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        uniform(x, -1, 0)
    with pytest.raises(ValueError, match=r"takes floating point and a step \(int64, scalar\)"):
        OPS["uniform"](x, x, seed=0)
