"""C finds how near seeds are as numpy does, and seeds are the same in any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.estimators.kmeans.points import Points
from cannery.estimators.kmeans.seeding import STEP, _closer, _lower, greedy_seeds
from cannery.graph.compiler.toolchain import find_toolchain

compiled = pytest.mark.skipif(find_toolchain() is None, reason="there is no C compiler")


def points(rows, width, weighted, **settings):
    random = np.random.default_rng(rows)
    weights = random.random(rows).astype(np.float32) if weighted else None
    return Points(random.normal(size=(rows, width)).astype(np.float32), weights, **settings)


@compiled
@pytest.mark.parametrize("rows", [9, 32, STEP + 5])
@pytest.mark.parametrize(("width", "seeds"), [(1, 1), (3, 4), (20, 7)])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_with_each_candidate_are_those_of_numpy(rows, width, seeds, weighted):
    found = []
    for jit in (False, True):
        some = points(rows, width, weighted, jit=jit)
        nearest = np.full(rows, 0.7 * width, np.float32)
        sums = _lower(some, nearest, _closer(some, list(range(seeds))), some.shares(STEP))
        assert sums.shape == (-(-rows // STEP), seeds)
        alone = _lower(some, nearest.copy(), _closer(some, [0]), some.shares(STEP))
        np.testing.assert_allclose(alone[:, 0], sums[:, 0], rtol=1e-6)
        found.append((nearest, sums))
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-4, atol=1e-5 * width)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-5)


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=compiled)])
@pytest.mark.parametrize("weighted", [False, True])
def test_seeds_do_not_depend_on_threads(jit, weighted):
    found = [
        greedy_seeds(
            points(3 * STEP + 7, 3, weighted, jit=jit, threads=threads), 9, np.random.default_rng(0)
        ).tolist()
        for threads in (1, 2, 3)
    ]
    assert found[0] == found[1] == found[2] and len(set(found[0])) == 9
