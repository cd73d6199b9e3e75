"""FTRL: zeros, what first values mean, and how many operations it takes."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue
from cannery.graph import Program, Variable, placeholder
from cannery.graph.optimizers import Adagrad, ExponentialDecay, Ftrl, trace

STEP = Variable(0, "step", trainable=False)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).round(2)


def test_l1_gives_exact_zeros():
    after = trace(Ftrl(l1_regularization_strength=2.0), np.zeros(50), 0.5 * noise(8, 50))[-1]
    assert 0 < np.count_nonzero(after) < 25


def test_without_penalties_a_weight_that_starts_at_zero_moves_as_with_adagrad():
    slopes = noise(20, 6)
    ftrl, adagrad = Ftrl(learning_rate=0.1), Adagrad(learning_rate=0.1)
    expected = trace(adagrad, np.zeros(6), slopes)
    np.testing.assert_allclose(trace(ftrl, np.zeros(6), slopes), expected, rtol=1e-4, atol=1e-6)


def test_trap_a_first_value_fades_at_its_own_first_step():
    """A zero gradient makes a dense weight forget its first value; an absent row keeps it."""
    dense = trace(Ftrl(), [[5.0], [5.0]], [[[0.0], [1.0]]])
    assert dense[0, 0, 0] == 0
    by_rows = trace(Ftrl(), [[5.0], [5.0]], [[[1.0]]], rows=[[1]])
    assert by_rows[0, 0, 0] == 5 and by_rows[0, 1, 0] == dense[0, 1, 0]


@pytest.mark.parametrize(
    ("first", "settings", "expected"),
    [
        (0.0, {}, True),
        (0.0, {"l1_regularization_strength": 0.1, "l2_regularization_strength": 1.0}, True),
        (0.0, {"l2_shrinkage_regularization_strength": 0.1}, False),
        (0.5, {}, False),
        (lambda generator, shape: np.zeros(shape), {}, True),
        (lambda generator, shape: generator.normal(size=shape), {}, False),
    ],
)
def test_absorbs_zero_only_from_zero(first, settings, expected):
    assert Ftrl(**settings).absorbs_zero(Variable(first, "table", shape=(3, 1))) is expected


def test_shrinkage_pulls_towards_zero_and_is_not_l2():
    slopes = np.ones((30, 1))
    plain = trace(Ftrl(), [0.0], slopes)[-1]
    shrunk = trace(Ftrl(l2_shrinkage_regularization_strength=0.5), [0.0], slopes)[-1]
    penalised = trace(Ftrl(l2_regularization_strength=0.5), [0.0], slopes)[-1]
    assert plain < shrunk < 0 and plain < penalised < 0 and shrunk != penalised


def test_the_general_power_meets_the_square_root():
    slopes = noise(10, 5)
    near = trace(Ftrl(learning_rate_power=-0.500001), noise(5), slopes)
    np.testing.assert_allclose(near, trace(Ftrl(), noise(5), slopes), rtol=1e-3, atol=1e-5)


def test_power_zero_keeps_the_rate():
    after = trace(Ftrl(learning_rate=0.5, learning_rate_power=0.0), [0.0], [[1.0], [1.0]])
    assert after.ravel().tolist() == [-0.5, -1.0]


def test_a_positive_power_is_refused():
    with pytest.raises(InvalidValue, match="learning_rate_power: must be a number of at most 0"):
        trace(Ftrl(learning_rate_power=0.5), [0.0], [[1.0]])


def test_the_common_settings_take_few_operations():
    weight, slope = Variable([0.0], "weight"), placeholder("gradient", (1,))
    leaves = {"variable", "constant", "placeholder"}

    def count(optimizer):
        nodes = Program(updates=optimizer.apply([(weight, slope)], STEP)).nodes
        return sum(node.op.name not in leaves for node in nodes)

    assert count(Adagrad()) == 6
    assert count(Ftrl()) == 11


def test_a_schedule_enters_at_each_step_with_its_own_rate():
    schedule = ExponentialDecay(initial_learning_rate=0.5, decay_steps=1, decay_rate=0.5)
    slopes, w, n, z, expected = noise(4), 0.0, 0.1, 0.0, []
    for t, g in enumerate(slopes):
        rate, grown = 0.5**t * 0.5, n + g * g
        z += g - (np.sqrt(grown) - np.sqrt(n)) / rate * w
        w, n = -z / (np.sqrt(grown) / rate), grown
        expected.append([w])
    after = trace(Ftrl(learning_rate=schedule), [0.0], slopes[:, None])
    np.testing.assert_allclose(after, expected, rtol=1e-5)
