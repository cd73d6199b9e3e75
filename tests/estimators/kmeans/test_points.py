"""C finds the nearest centres that numpy finds, whatever the shape of points and centres."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.estimators.kmeans.points import Points
from cannery.graph.compiler.toolchain import find_toolchain

pytestmark = pytest.mark.skipif(find_toolchain() is None, reason="there is no C compiler")


@pytest.mark.parametrize("rows", [1, 15, 16, 32, 333])
@pytest.mark.parametrize(("width", "clusters"), [(1, 1), (3, 4), (20, 7), (65, 50)])
@pytest.mark.parametrize("weighted", [False, True])
def test_as_numpy_finds_them(rows, width, clusters, weighted):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, width)).astype(np.float32)
    centers = random.normal(size=(clusters, width))
    weights = random.random(rows).astype(np.float32) if weighted else None
    slow, labels, distances = Points(x, weights).distances(centers)
    found, same, near = Points(x, weights, jit=True).distances(centers)
    assert (labels == same).all()
    np.testing.assert_allclose(near, distances, rtol=1e-5, atol=1e-5 * width)
    np.testing.assert_allclose(found.sums, slow.sums, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.weights, slow.weights, rtol=1e-6)
    assert found.inertia == pytest.approx(slow.inertia, rel=1e-5, abs=1e-6)
    again = Points(x, weights, jit=True).assign(centers)
    assert (again.sums == found.sums).all() and again.inertia == found.inertia


def test_of_equal_centres_the_first_is_nearest():
    x = np.ones((40, 2), np.float32)
    centers = np.array([[5.0, 5.0], *[[1.0, 1.0]] * 9])
    for jit in (False, True):
        assert (Points(x, jit=jit).distances(centers)[1] == 1).all()


def test_no_point_depends_on_those_beside_it():
    random = np.random.default_rng(1)
    x, centers = random.normal(size=(50, 7)).astype(np.float32), random.normal(size=(9, 7))
    _, labels, distances = Points(x, jit=True).distances(centers)
    some = np.array([3, 20, 49])
    _, same, near = Points(x[some], jit=True).distances(centers)
    assert (same == labels[some]).all() and (near == distances[some]).all()


@pytest.mark.parametrize("jit", [False, True])
def test_the_farthest_come_first_and_none_that_is_a_centre(jit):
    x = np.array([[0.0], [1.0], [7.0], [3.0], [10.0]], np.float32)
    far = Points(x, jit=jit).farthest(np.array([[0.0], [10.0]]), 4)
    assert far.x[:, 0].tolist() == [7.0, 3.0, 1.0] and far.labels.tolist() == [1, 0, 0]
    assert far.weights.tolist() == [1.0, 1.0, 1.0]
