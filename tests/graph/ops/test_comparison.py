"""Comparison, logic and choice."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    cast,
    constant,
    equal,
    evaluate,
    gradients,
    greater,
    is_finite,
    is_nan,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    mask,
    not_equal,
    placeholder,
    where,
)

SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("op", "ufunc"),
    [
        (less, np.less),
        (less_equal, np.less_equal),
        (greater, np.greater),
        (equal, np.equal),
        (not_equal, np.not_equal),
    ],
)
def test_comparisons_equal_numpy_on_all_pairs(op, ufunc):
    a, b = SPECIAL[:, None], SPECIAL[None]
    np.testing.assert_array_equal(evaluate([op(constant(a), constant(b))])[0], ufunc(a, b))


def test_logic():
    a, b = constant([True, True, False, False]), constant([True, False, True, False])
    values = evaluate([logical_and(a, b), logical_or(a, b), logical_xor(a, b), logical_not(a)])
    assert [v.astype(int).tolist() for v in values] == [
        [1, 0, 0, 0],
        [1, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
    ]
    assert a & b is logical_and(a, b)


def test_what_is_finite():
    finite, nan = evaluate([is_finite(constant(SPECIAL)), is_nan(constant(SPECIAL))])
    np.testing.assert_array_equal(finite, np.isfinite(SPECIAL))
    np.testing.assert_array_equal(nan, np.isnan(SPECIAL))


def test_where_drops_what_is_not_chosen():
    x = constant(SPECIAL)
    value = evaluate([where(is_finite(x), x, 7.0)])[0]
    np.testing.assert_array_equal(value, np.where(np.isfinite(SPECIAL), SPECIAL, 7))


def test_where_takes_numbers_on_either_side_in_the_dtype_of_the_other():
    x = placeholder("x", (2,), "float64")
    assert where(x > 0, 1.0, x).dtype == where(x > 0, x, 1).dtype == np.float64


def test_guarded_logarithm_has_no_missing_slope():
    x = placeholder("x", (2,))
    y = where(x > 0, log(where(x > 0, x, 1.0)), 0.0)
    assert evaluate(gradients(y, [x]), {x: [2.0, 0.0]})[0].tolist() == [0.5, 0.0]


def test_mask_keeps_or_zeroes():
    x = placeholder("x", (3,))
    y = mask(x, x > 0)
    assert evaluate([y], {x: [1.0, -1.0, 2.0]})[0].tolist() == [1.0, 0.0, 2.0]
    assert evaluate(gradients(y, [x]), {x: [1.0, -1.0, 2.0]})[0].tolist() == [1.0, 0.0, 1.0]


def test_cast_cuts_towards_zero_and_back():
    x = constant([1.9, -1.9])
    assert evaluate([cast(x, "int64")])[0].tolist() == [1, -1]
    assert cast(x, np.float32) is x


def test_gradient_passes_between_floating_dtypes_only():
    x = placeholder("x", (2,))
    (slope,) = gradients(cast(x, "float64") * 3, [x])
    assert slope.dtype == np.float32
    assert gradients(cast(cast(x, "int32"), "float32"), [x]) == [None]


def test_refusals():
    x = placeholder("x", (2,))
    with pytest.raises(ValueError, match="op 'where': takes a condition"):
        where(x, x, x)
    with pytest.raises(ValueError, match="op 'mask': takes numbers and a condition"):
        mask(x, x)
    with pytest.raises(ValueError, match="op 'cast': does not know the dtype complex64"):
        cast(x, "complex64")
