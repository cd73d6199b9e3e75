"""Cutting and joining, and that each undoes the other."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    concat,
    constant,
    evaluate,
    gradients,
    pad,
    placeholder,
    slice,
    split,
    stack,
    sum,
    tile,
)

X = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(
    "key",
    [
        (0,),
        (slice(constant(X), (0, 0, 1), (2, 3, 3)),),
        (Ellipsis, -1),
        (1, Ellipsis, None),
        (None, 0),
    ],
    ids=str,
)
def test_brackets_mean_what_they_do_in_numpy(key):
    if not isinstance(key[0], (int, type(Ellipsis), type(None))):
        np.testing.assert_array_equal(evaluate([key[0]])[0], X[:, :, 1:3])
    else:
        np.testing.assert_array_equal(evaluate([constant(X)[key]])[0], X[key])


def test_one_block_has_one_spelling():
    x = placeholder("x", (None, 4))
    assert slice(x, (0, 1), (None, 4)) is slice(x, (0, 1), (None, None))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concat_joins_what_split_cut(axis):
    x = constant(X)
    parts = split(x, [1] * X.shape[axis], axis)
    np.testing.assert_array_equal(evaluate([concat(parts, axis)])[0], X)
    np.testing.assert_array_equal(evaluate([stack([x, x], axis)])[0], np.stack([X, X], axis=axis))


def test_split_in_equal_parts():
    values = evaluate(split(constant(X), 2, -1))
    np.testing.assert_array_equal(values, np.split(X, 2, -1))


def test_pad_and_tile_equal_numpy():
    padded, tiled = evaluate([pad(constant(X), (0, 1, 2), (3, 0, 1)), tile(constant(X), (2, 1, 3))])
    np.testing.assert_array_equal(padded, np.pad(X, ((0, 3), (1, 0), (2, 1))))
    np.testing.assert_array_equal(tiled, np.tile(X, (2, 1, 3)))


def test_slopes_go_back_to_where_the_parts_came_from():
    x, y = placeholder("x", (None, 1)), placeholder("y", (None, 2))
    joined = concat([x, y], 1)
    slopes = gradients(sum(joined[:, 1:] * [[3.0, 5.0]]), [x, y])
    values = evaluate(slopes, {x: np.ones((2, 1)), y: np.ones((2, 2))})
    assert [v.tolist() for v in values] == [[[0], [0]], [[3, 5], [3, 5]]]


def test_one_part_is_itself():
    x = placeholder("x", (None, 1))
    assert concat([x], 1) is x
    assert pad(x, (0, 0), (0, 0)) is x


def test_refusals():
    x = placeholder("x", (None, 3))
    with pytest.raises(ValueError, match="op 'concat': needs at least one input"):
        concat([])
    with pytest.raises(ValueError, match="cannot join along an axis of unknown size"):
        concat([x, x], 0)
    with pytest.raises(ValueError, match="inputs may differ along axis 1 only"):
        concat([x, placeholder("y", (2, 3))], 1)
    with pytest.raises(ValueError, match="parts must add up to 3"):
        split(x, 2, 1)
    with pytest.raises(ValueError, match="cannot pad an axis of unknown size"):
        pad(x, (1, 0), (0, 0))
    with pytest.raises(ValueError, match="op 'slice': cannot cut 2:5"):
        slice(x, (0, 2), (None, 5))
    with pytest.raises(ValueError, match="cannot cut an axis of unknown size"):
        slice(x, (1, 0), (None, None))
    with pytest.raises(ValueError, match="needs one count of copies an axis"):
        tile(x, (2,))
