"""Shapes: what they become, and what is refused at definition."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    broadcast_like,
    constant,
    evaluate,
    expand,
    ones_like,
    placeholder,
    reshape,
    squeeze,
    transpose,
    zeros_like,
)

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize("shape", [(6, 4), (-1,), (2, -1, 2), (24, 1), (4, -1)])
def test_reshape_equals_numpy(shape):
    np.testing.assert_array_equal(evaluate([reshape(constant(X), shape)])[0], X.reshape(shape))


def test_the_batch_may_move_but_not_mix():
    x = placeholder("x", (None, 2, 3))
    assert reshape(x, (-1, 6)).shape == reshape(x, (None, 6)).shape == (None, 6)
    assert reshape(x, (2, None, 3)).shape == (2, None, 3)
    assert reshape(x, (None, 2, 3)) is x
    for wrong in ((6,), (None, 5), (-1, 4), (None, None)):
        with pytest.raises(ValueError, match="op 'reshape': cannot take the shape"):
            reshape(x, wrong)


def test_an_empty_batch_keeps_its_other_axes():
    x = placeholder("x", (None, 2, 3))
    assert evaluate([reshape(x, (-1, 6))], {x: np.zeros((0, 2, 3))})[0].shape == (0, 6)


def test_ragged_axes_pass_through():
    x = placeholder("x", ("words", 2))
    assert reshape(x, (-1, 2, 1)).shape == ("words", 2, 1)


@pytest.mark.parametrize("axes", [None, (0, 2, 1), (-1, 0, 1)])
def test_transpose_equals_numpy(axes):
    np.testing.assert_array_equal(evaluate([transpose(constant(X), axes)])[0], X.transpose(axes))


def test_expand_and_squeeze_undo_each_other():
    x = constant(X)
    for axis in (0, 1, 3, -1):
        wide = expand(x, axis)
        assert wide.shape == np.expand_dims(X, axis).shape
        assert squeeze(wide).shape == squeeze(wide, axis).shape == X.shape
    assert squeeze(x) is x


def test_broadcast_like():
    x = placeholder("x", (None, 3))
    assert broadcast_like(x, x) is x
    both = evaluate([zeros_like(x), ones_like(x)], {x: np.ones((2, 3))})
    np.testing.assert_array_equal(both, [np.zeros((2, 3)), np.ones((2, 3))])
    with pytest.raises(ValueError, match="cannot be repeated to that shape"):
        broadcast_like(placeholder("y", (2, 2, 3)), placeholder("z", (1, 3)))


def test_refusals():
    x = constant(X)
    with pytest.raises(ValueError, match="op 'transpose': cannot order axes"):
        transpose(x, (0, 0, 1))
    with pytest.raises(ValueError, match=r"op 'squeeze': axes .* must have size 1"):
        squeeze(x, 0)
    with pytest.raises(ValueError, match="op 'expand': has no axis 5"):
        expand(x, 5)
