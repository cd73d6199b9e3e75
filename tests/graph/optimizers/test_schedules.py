"""Schedules against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from cannery.errors import InvalidType, InvalidValue, NotFound
from cannery.graph import evaluate, placeholder
from cannery.graph.optimizers import (
    ConstantSchedule,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
    Schedule,
    WarmUp,
)

rates = st.floats(1e-4, 2.0)
steps = st.integers(0, 5000)
periods = st.integers(1, 1000)


def at(schedule, step):
    """Return the schedule's rate at a fed step."""
    return float(evaluate([schedule(placeholder("step", (), "int64"))], {"step": step})[0])


def near(value):
    return pytest.approx(value, rel=1e-5, abs=1e-9)


@given(rates, steps)
def test_constant(rate, step):
    assert at(ConstantSchedule(learning_rate=rate), step) == np.float32(rate)


@given(rates, steps, periods, st.floats(0.5, 1.0), st.booleans())
def test_exponential(rate, step, period, decay, staircase):
    schedule = ExponentialDecay(
        initial_learning_rate=rate, decay_steps=period, decay_rate=decay, staircase=staircase
    )
    times = step // period if staircase else step / period
    # float32 rounds the exponent, which the power multiplies by log(decay).
    assert at(schedule, step) == pytest.approx(rate * decay**times, rel=1e-3, abs=1e-9)


@given(rates, steps, periods, st.floats(0.0, 2.0), st.booleans())
def test_inverse_time(rate, step, period, decay, staircase):
    schedule = InverseTimeDecay(
        initial_learning_rate=rate, decay_steps=period, decay_rate=decay, staircase=staircase
    )
    times = step // period if staircase else step / period
    assert at(schedule, step) == near(rate / (1 + decay * times))


@given(rates, steps, periods, st.floats(0.0, 0.1), st.sampled_from([1.0, 2.0]))
def test_polynomial(rate, step, period, end, power):
    schedule = PolynomialDecay(
        initial_learning_rate=rate, decay_steps=period, end_learning_rate=end, power=power
    )
    left = 1 - min(step, period) / period
    expected = (rate - end) * left**power + end
    assert at(schedule, step) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(rates, steps, periods)
def test_polynomial_in_cycles(rate, step, period):
    schedule = PolynomialDecay(
        initial_learning_rate=rate, decay_steps=period, end_learning_rate=0.01, cycle=True
    )
    length = period * max(1, math.ceil(step / period))
    expected = (rate - 0.01) * (1 - step / length) + 0.01
    assert at(schedule, step) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_a_cycle_starts_above_the_end():
    schedule = PolynomialDecay(
        initial_learning_rate=1.0, decay_steps=10, end_learning_rate=0.0, cycle=True
    )
    assert [at(schedule, step) for step in (0, 10, 20)] == [1.0, 0.0, 0.0]
    assert at(schedule, 11) == near(1 - 11 / 20)


@given(rates, steps, periods, st.floats(0.0, 0.5))
def test_cosine(rate, step, period, alpha):
    schedule = CosineDecay(initial_learning_rate=rate, decay_steps=period, alpha=alpha)
    wave = (1 + math.cos(math.pi * min(step, period) / period)) / 2
    expected = rate * ((1 - alpha) * wave + alpha)
    assert at(schedule, step) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@given(rates, steps, periods, st.sampled_from([1.0, 2.0]))
def test_warm_up(rate, step, period, power):
    schedule = WarmUp(learning_rate=rate, warmup_steps=period, power=power)
    assert at(schedule, step) == near(rate * min(1, (step + 1) / period) ** power)


def test_warm_up_hands_over_to_a_schedule_that_counted_all_along():
    inner = ExponentialDecay(initial_learning_rate=1.0, decay_steps=10, decay_rate=0.5)
    schedule = WarmUp(learning_rate=inner, warmup_steps=4)
    assert at(schedule, 0) == near(0.25)
    assert at(schedule, 20) == near(0.25)


def test_a_staircase_steps_at_multiples():
    schedule = ExponentialDecay(
        initial_learning_rate=1.0, decay_steps=7, decay_rate=0.5, staircase=True
    )
    assert [at(schedule, step) for step in (0, 6, 7, 13, 14)] == [1, 1, 0.5, 0.5, 0.25]


def test_clone_and_nested_parameters():
    inner = CosineDecay(initial_learning_rate=0.1, decay_steps=10)
    schedule = clone(WarmUp(learning_rate=inner, warmup_steps=4))
    schedule.set_params(learning_rate__decay_steps=20)
    assert schedule.learning_rate.decay_steps == 20 and inner.decay_steps == 10


@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        (
            ConstantSchedule(learning_rate=0),
            InvalidValue,
            "learning_rate: must be a number above 0",
        ),
        (
            CosineDecay(initial_learning_rate=0.1, decay_steps=0),
            InvalidValue,
            "CosineDecay.decay_steps: must be a whole number of at least 1, got 0",
        ),
        (
            ExponentialDecay(initial_learning_rate=0.1, decay_steps=1, decay_rate=None),
            InvalidValue,
            "decay_rate: must be a number above 0, got None",
        ),
        (WarmUp(learning_rate=[], warmup_steps=1), InvalidType, "a number above 0 or a schedule"),
    ],
)
def test_bad_parameters_are_refused_when_used(schedule, error, message):
    with pytest.raises(error, match=message):
        at(schedule, 0)


def test_an_inner_schedule_is_checked_too():
    inner = CosineDecay(initial_learning_rate=0.1, decay_steps=0)
    with pytest.raises(InvalidValue, match=r"CosineDecay\.decay_steps"):
        at(WarmUp(learning_rate=inner, warmup_steps=1), 0)


def test_the_ancestor_has_no_rate():
    with pytest.raises(NotFound, match="has no rate"):
        at(Schedule(), 0)
