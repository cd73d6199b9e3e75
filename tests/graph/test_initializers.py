"""Initializers draw what they say, always the same from one seed, and survive pickling."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from cannery.errors import InvalidType, InvalidValue, NotFound
from cannery.graph import Variable
from cannery.graph.initializers import INITIALIZERS, get_initializer

ARGUMENTS = {"constant_value": (0.25,)}
DRAWN = sorted(set(INITIALIZERS) - {"zeros", "ones", "constant_value"})


def make(name):
    return INITIALIZERS[name](*ARGUMENTS.get(name, ()))


def draw(initializer, shape, seed=0):
    return initializer(np.random.default_rng(seed), shape)


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
@pytest.mark.parametrize("shape", [(), (3,), (4, 5), (2, 3, 4), (0, 3)])
def test_shape_dtype_repeatable_and_pickled(name, shape):
    initializer = make(name)
    first = draw(initializer, shape)
    assert first.shape == shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    again = pickle.loads(pickle.dumps(initializer))
    assert again == initializer
    assert np.array_equal(draw(again, shape), first)


@pytest.mark.parametrize("name", DRAWN)
def test_seed_matters(name):
    assert not np.array_equal(draw(make(name), (4, 5), 0), draw(make(name), (4, 5), 1))


@pytest.mark.parametrize(("name", "value"), [("zeros", 0), ("ones", 1), ("constant_value", 0.25)])
def test_constants(name, value):
    assert (draw(make(name), (3, 2)) == value).all()


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / (400 + 100)),
        ("glorot_normal", 2 / (400 + 100)),
        ("he_uniform", 2 / 400),
        ("he_normal", 2 / 400),
        ("lecun_uniform", 1 / 400),
        ("lecun_normal", 1 / 400),
        ("uniform", 0.1**2 / 12),
        ("normal", 0.05**2),
    ],
)
def test_variance(name, variance):
    drawn = draw(make(name), (400, 100))
    # The standard error of a variance over 40,000 draws is below 1 %.
    assert drawn.var() == pytest.approx(variance, rel=0.05)
    assert abs(drawn.mean()) < 5 * math.sqrt(variance / drawn.size)


@pytest.mark.parametrize("shape", [(3, 4, 20, 10), (20,)])
def test_fans_count_the_receptive_field(shape):
    fan_in, fan_out = (240, 120) if len(shape) == 4 else (20, 20)
    limit = math.sqrt(6 / (fan_in + fan_out))
    largest = np.abs(draw(make("glorot_uniform"), shape)).max()
    assert 0.8 * limit < largest <= limit * (1 + 1e-6)


def test_truncated_normal_stays_within_two_deviations_and_keeps_its_shape():
    drawn = draw(INITIALIZERS["truncated_normal"](1.0, 0.5), (100_000,)).astype(np.float64)
    assert np.abs(drawn - 1).max() <= 1 + 1e-6
    assert drawn.mean() == pytest.approx(1.0, abs=0.01)
    assert drawn.std() == pytest.approx(0.5 * 0.8796, rel=0.01)
    inside = np.mean(np.abs(drawn - 1) < 0.5)  # of a whole normal 68.27 % of 95.45 %
    assert inside == pytest.approx(0.6827 / 0.9545, abs=0.01)


def test_variable_draws_from_it():
    weights = Variable(get_initializer("he_uniform"), "weights", shape=(4, 3))
    drawn = weights.initialize(np.random.default_rng(7))
    assert np.array_equal(drawn, draw(make("he_uniform"), (4, 3), 7))


def test_get_initializer_refuses():
    with pytest.raises(NotFound, match="did you mean 'he_normal'"):
        get_initializer("he_norml")
    with pytest.raises(InvalidType, match="must be a name"):
        get_initializer(3)


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("uniform", (1.0, -1.0), InvalidValue),
        ("normal", (0.0, -1.0), InvalidValue),
        ("truncated_normal", (float("nan"), 1.0), InvalidValue),
        ("constant_value", ("one",), InvalidType),
    ],
)
def test_bad_arguments(name, arguments, error):
    with pytest.raises(error, match=f"initializer {name}"):
        INITIALIZERS[name](*arguments)
