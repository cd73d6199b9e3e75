"""Solvers against each other, and against scikit-learn's and scipy's optimum."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC, LinearSVC, LinearSVR

from cannery.estimators.svm import Design, Problem, solve
from cannery.estimators.svm.ascent import ascend
from cannery.estimators.svm.kernel import Gram, solve_kernel
from cannery.estimators.svm.newton import newton
from cannery.estimators.svm.sparse_penalty import descend

KINDS = ("hinge", "squared_hinge", "epsilon", "squared_epsilon")
each = pytest.mark.parametrize("kind", KINDS)


@each
@pytest.mark.parametrize("bias", [True, False])
def test_both_solvers_find_the_optimum(problem, kind, bias, compiled):
    p = problem(kind, bias=bias)
    ours = ascend(p, 1e-7, 20_000, seed=0)
    numpys = newton(p, 1e-7, 2000)
    for found in (ours, numpys):
        assert found.relative_gap <= 1e-7
        assert found.dual <= found.primal * (1 + 1e-12)
        errors = p.target - p.design.scores(found.weights) - found.bias
        assert found.primal == pytest.approx(p.primal(found.weights, errors), rel=1e-12)
    assert ours.primal == pytest.approx(numpys.primal, rel=2e-7)
    np.testing.assert_allclose(ours.weights, numpys.weights, atol=5e-3)


@pytest.mark.parametrize("kind", ["squared_hinge", "squared_epsilon"])
def test_small_smooth_problems_are_solved_exactly(problem, kind):
    p = problem(kind, rows=60)
    found = solve(p, 0.1, 1000, 0, "auto")
    assert found.relative_gap < 1e-13
    p = problem(kind)  # 413 columns
    assert solve(p, 0.1, 1000, 0, False).relative_gap < 1e-12


@pytest.mark.parametrize("kind", ["squared_hinge", "squared_epsilon"])
def test_scipy_finds_nothing_better(problem, kind):
    p = problem(kind, rows=80)

    def objective(point):
        errors = p.target - p.design.scores(point[:-1]) - point[-1]
        values = p.responses(errors)
        slope = np.append(point[:-1] - p.design.pull(values), -values.sum())
        return p.primal(point[:-1], errors), slope

    start = np.zeros(p.design.width + 1)
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    best = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    found = newton(p, 1e-9, 100)
    assert found.primal == pytest.approx(best.fun, rel=1e-7)
    np.testing.assert_allclose(found.weights, best.x[:-1], atol=1e-4)


@pytest.mark.parametrize("kind", ["hinge", "squared_hinge"])
def test_no_worse_than_linear_svc(problem, kind, compiled):
    """Whose objective has the penalty of its bias in it: without it there is no less to pay."""
    p = problem(kind, costs=0.5)
    with np.errstate(all="ignore"):
        peer = LinearSVC(loss=kind, C=0.5, tol=1e-8, max_iter=100_000, random_state=0, dual=True)
        peer.fit(p.design.array(), p.target)
    weights, bias = peer.coef_[0], float(peer.intercept_[0])
    theirs = p.primal(weights, p.target - p.design.scores(weights) - bias)
    ours = ascend(p, 1e-6, 20_000, seed=0)
    assert ours.primal <= theirs * (1 + 1e-6)
    assert ours.dual >= 0.97 * theirs  # the same problem but for the bias
    assert theirs + bias**2 / 2 >= ours.dual


def test_as_linear_svr_but_for_the_bias(problem, compiled):
    p = problem("epsilon", costs=0.5)
    peer = LinearSVR(C=0.5, epsilon=0.3, tol=1e-8, max_iter=100_000, random_state=0)
    peer.fit(p.design.array(), p.target)
    weights, bias = peer.coef_, float(peer.intercept_[0])
    theirs = p.primal(weights, p.target - p.design.scores(weights) - bias)
    assert ascend(p, 1e-6, 20_000, seed=0).primal <= theirs * (1 + 1e-6)


@pytest.mark.parametrize("kind", ["squared_hinge", "squared_epsilon"])
def test_the_penalty_of_absolute_values(problem, kind):
    p = problem(kind, costs=0.5, penalty="l1")
    found = descend(p, 1e-6, 3000)
    assert found.relative_gap <= 1e-6
    used = np.count_nonzero(found.weights)
    assert 0 < used < 200
    # Slopes of weights that are there equal the penalty, no other exceeds it.
    errors = p.target - p.design.scores(found.weights) - found.bias
    slopes = p.design.pull(p.responses(errors))
    assert np.abs(slopes).max() < 1.01
    there = np.abs(found.weights) > 1e-4
    np.testing.assert_allclose(slopes[there], np.sign(found.weights[there]), atol=0.01)


def test_fewer_weights_the_less_a_loss_costs(problem):
    counts = [
        np.count_nonzero(
            descend(problem("squared_hinge", costs=c, penalty="l1"), 1e-4, 500).weights
        )
        for c in (0.02, 0.2, 2.0)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_a_start_saves_passes(problem, compiled):
    p = problem("squared_hinge", rows=3000)
    whole = ascend(p, 1e-4, 1000, 0)
    again = ascend(p, 1e-4, 1000, 1, whole.values)
    assert again.relative_gap <= 1e-4 and again.iterations < whole.iterations


def test_the_seed_decides_every_bit(problem, compiled):
    p = problem("hinge", rows=3000)
    first, second, other = (ascend(p, 1e-3, 1000, seed) for seed in (1, 1, 2))
    assert (first.weights == second.weights).all() and first.bias == second.bias
    assert (first.weights != other.weights).any()


def test_what_ends_too_early_says_so(problem, compiled):
    p = problem("hinge", rows=3000)
    found = ascend(p, 1e-9, 3, 0)
    assert found.iterations == 3 and found.relative_gap > 1e-3
    best = ascend(p, 1e-5, 10_000, 0)
    assert found.dual <= best.primal and best.dual <= found.primal


@pytest.mark.parametrize("kind", ["hinge", "epsilon"])
def test_libsvm_is_certified(kind):
    random = np.random.default_rng(0)
    points = random.normal(size=(150, 2))
    target = np.sign((points**2).sum(axis=1) - 1.5)
    costs = random.uniform(0.5, 2.0, 150)
    gram = Gram(points, 0.7)
    if kind == "hinge":
        p = Problem.classification(gram, target, costs, False)
    else:
        p = Problem.regression(gram, points[:, 0] ** 2, costs, False, 0.1)
    found = solve_kernel(p, costs, 1e-5, 1000)
    assert found.relative_gap <= 1e-5 and abs(found.values.sum()) < 1e-9
    scores = rbf_kernel(points, gamma=0.7) @ found.weights
    np.testing.assert_allclose(gram.products(points, found.weights), scores)
    primal = found.weights @ scores / 2 + p.losses(p.target - scores - found.bias).sum()
    assert found.primal == pytest.approx(primal)
    if kind == "hinge":
        peer = SVC(gamma=0.7, tol=1e-6).fit(points, target, costs)
        np.testing.assert_allclose(scores + found.bias, peer.decision_function(points), atol=0.02)


@each
def test_rows_that_say_nothing(kind, compiled):
    """Without columns or with rows of zeros there is a bias alone."""

    target = np.array([1.0, 1.0, 1.0, -1.0] * 20)
    for design in (Design.of(dense=np.zeros((80, 0))), Design.of(dense=np.zeros((80, 2)))):
        squared = kind.startswith("squared")
        if kind.endswith("hinge"):
            p = Problem.classification(design, target, np.ones(80), squared)
        else:
            p = Problem.regression(design, target, np.ones(80), squared, 0.1)
        for found in (ascend(p, 1e-6, 100, 0), newton(p, 1e-6, 100)):
            assert found.relative_gap <= 1e-6 and not found.weights.any()


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rows_of_one_class_need_a_bias_alone(squared, sign):
    design = Design.of(dense=np.random.default_rng(0).normal(size=(30_000, 2)))
    p = Problem.classification(design, np.full(30_000, sign), np.ones(30_000), squared)
    found = solve(p, 1e-3, 1000, 0, "auto")
    assert not found.weights.any() and found.relative_gap == found.iterations == 0
    assert found.bias * sign >= 1.0 - 1e-9
