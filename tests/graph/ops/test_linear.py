"""Matrix products: every layout the kernel may meet gives what numpy gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cannery.graph import OPS, evaluate, gradients, matmul, placeholder, sum

DRAW = np.random.default_rng(0)


@pytest.mark.parametrize(("left", "right"), list(itertools.product([False, True], repeat=2)))
def test_transposed_views_into_memory_given(left, right):
    a = DRAW.normal(size=(5, 4) if left else (4, 5)).astype(np.float32)
    b = DRAW.normal(size=(3, 5) if right else (5, 3)).astype(np.float32)
    a, b = (a.T if left else a), (b.T if right else b)
    out = np.full((4, 3), np.nan, np.float32)
    assert OPS["matmul"].kernel(np)(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b"), [((2, 4, 5), (2, 5, 3)), ((2, 4, 5), (5, 3)), ((4, 5), (2, 5, 3)), ((0, 5), (5, 3))]
)
def test_leading_axes_broadcast(a, b):
    x, y = (placeholder(name, shape) for name, shape in (("x", a), ("y", b)))
    feeds = {x: DRAW.normal(size=a), y: DRAW.normal(size=b)}
    value, *slopes = evaluate([x @ y, *gradients(sum(x @ y), [x, y])], feeds)
    np.testing.assert_allclose(value, (feeds[x] @ feeds[y]), rtol=1e-4, atol=1e-5)
    assert [s.shape for s in slopes] == [a, b]


def test_the_batch_may_be_unknown():
    assert matmul(placeholder("x", (None, 3)), placeholder("w", (3, 2))).shape == (None, 2)


def test_refusals():
    with pytest.raises(ValueError, match=r"op 'matmul': takes matrices .*x \(None, 3\) float32"):
        placeholder("x", (None, 3)) @ placeholder("w", (4, 2))
    with pytest.raises(ValueError, match="takes numbers of one dtype"):
        placeholder("x", (None, 3)) @ placeholder("w", (3, 2), "float64")


def test_a_step_multiplies_by_a_turned_matrix_like_the_kernel():
    draw = np.random.default_rng(0)
    a = draw.normal(size=(40, 70)).astype("float32")
    weights = draw.normal(size=(60, 70)).astype("float32")
    out = np.empty((40, 60), "float32")
    y = matmul(placeholder("a", a.shape), placeholder("b", (70, 60)))
    calls = y.op.calls(y, [a, weights.T], out, False)
    for _ in range(2):
        weights *= 2.0  # as an update in place does
        for call in calls:
            call()
        np.testing.assert_allclose(out, a @ weights.T, rtol=1e-4, atol=1e-4)
