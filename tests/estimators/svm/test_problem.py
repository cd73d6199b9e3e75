"""Losses, duals and the gap between them: a bound that holds for any two points whatever."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from cannery.estimators.svm import Design, Problem

KINDS = ("hinge", "squared_hinge", "epsilon", "squared_epsilon")
each = pytest.mark.parametrize("kind", KINDS)


@each
def test_losses_are_what_their_names_say(problem, kind):
    p = problem(kind, costs=0.7)
    errors = np.random.default_rng(1).normal(size=300) * 3
    hinge = kind.endswith("hinge")
    over = np.maximum(0, p.target * errors if hinge else np.abs(errors) - 0.3)
    expected = 0.7 * (over**2 if kind.startswith("squared") else over)
    np.testing.assert_allclose(p.losses(errors), expected, rtol=1e-12)


@each
@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("bias", [True, False])
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3))
@settings(max_examples=15, deadline=None)
def test_no_dual_point_exceeds_a_primal_point(problem, kind, penalty, bias, seed, scale):
    p = problem(kind, penalty=penalty, bias=bias)
    random = np.random.default_rng(seed)
    weights = random.normal(size=p.design.width) * random.choice([0, 0.1, 1])
    scores = p.design.scores(weights)
    primal = p.primal(weights, p.target - scores - (random.normal() if bias else 0.0))
    values = random.normal(size=300) * scale * random.integers(0, 2, 300)
    assert p.dual(values) <= primal + 1e-9 * abs(primal)


@each
def test_repaired_points_are_feasible_and_lose_little(problem, kind):
    p = problem(kind)
    values = p.responses(p.target - p.best_bias(np.zeros(300)), p.curvature + 1.0)
    values = values - values.sum() / np.count_nonzero(values) * (values != 0)
    bent = values * np.random.default_rng(0).uniform(0.99, 1.01, 300)
    found = p.feasible(bent)
    assert abs(found.sum()) < 1e-9
    assert (found >= p.low).all() and (found <= p.high).all()
    assert p.dual(bent) == pytest.approx(p.dual(p.feasible(values)), rel=0.02)


@each
def test_the_best_bias_is_the_best(problem, kind):
    p = problem(kind)
    scores = p.design.scores(np.random.default_rng(2).normal(size=p.design.width))
    found = p.best_bias(scores)
    loss = lambda bias: p.losses(p.target - scores - bias).sum()  # noqa: E731
    best = minimize_scalar(loss, bounds=(-20, 20), method="bounded", options={"xatol": 1e-9})
    assert loss(found) <= best.fun * (1 + 1e-9)


def test_in_the_middle_of_equally_good_biases():
    design = Design.of(dense=np.zeros((4, 1)))
    p = Problem.classification(design, np.array([1, 1, -1, -1]), np.ones(4), False)
    assert p.best_bias(np.array([3.0, 2.0, -2.0, -3.0])) == pytest.approx(0.0)


@each
def test_rows_without_cost_are_as_good_as_gone(problem, kind):
    p = problem(kind)
    gone = np.arange(300) % 3 == 0
    rest = dataclasses.replace(
        p,
        design=p.design.take(np.flatnonzero(~gone)),
        **{name: getattr(p, name)[~gone] for name in ("target", "low", "high", "curvature")},
    )
    weights = np.random.default_rng(3).normal(size=p.design.width)
    errors = p.target - p.design.scores(weights)
    expected = pytest.approx(rest.primal(weights, errors[~gone]), rel=1e-12)
    assert p.without(gone).primal(weights, errors) == expected
    scores = p.design.scores(weights)
    bias = p.without(gone).best_bias(scores)
    assert bias == pytest.approx(rest.best_bias(scores[~gone]), rel=1e-12)


def test_a_design_is_its_matrix():
    random = np.random.default_rng(0)
    dense = random.normal(size=(7, 3)).astype(np.float32)
    sparse = random.normal(size=(7, 5)) * (random.random((7, 5)) < 0.5)
    design = Design.of(sparse, dense)
    whole, w, v = design.array(), random.normal(size=8), random.normal(size=7)
    np.testing.assert_allclose(design.scores(w), whole @ w)
    np.testing.assert_allclose(design.pull(v), whole.T @ v)
    np.testing.assert_allclose(design.squares(v), (whole**2).T @ v)
    chosen = np.array([0, 4, 6])
    np.testing.assert_array_equal(design.columns(chosen).array(), whole[:, chosen])
    np.testing.assert_array_equal(design.take(chosen).array(), whole[chosen])
