"""Values of elementwise ops against closed forms and SciPy, tails and odd values included."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from cannery.graph import (
    clip,
    constant,
    elu,
    erf,
    evaluate,
    gelu,
    gradients,
    leaky_relu,
    maximum,
    minimum,
    placeholder,
    power,
    relu,
    remainder,
    selu,
    sigmoid,
    softplus,
    sqrt,
    swish,
)

X = np.array([-200, -88, -20, -1.5, -0.25, 0, 0.25, 1.5, 20, 88, 200], np.float32)


def of(function, array=X):
    return evaluate([function(constant(array))])[0]


def slope(function, at):
    x = placeholder("x", np.shape(at), np.asarray(at).dtype)
    return evaluate(gradients(function(x), [x]), {x: at})[0]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (sigmoid, lambda x: scipy.special.expit(x)),
        (softplus, lambda x: np.logaddexp(x, 0)),
        (relu, lambda x: np.maximum(x, 0)),
        (erf, lambda x: scipy.special.erf(x)),
        (elu, lambda x: np.where(x > 0, x, np.expm1(x))),
        (
            selu,
            lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
        ),
        (gelu, lambda x: x * scipy.special.ndtr(x)),
        (swish, lambda x: x * scipy.special.expit(x)),
        (lambda x: leaky_relu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
        (lambda x: clip(x, -1.0, 2.0), lambda x: np.clip(x, -1, 2)),
    ],
)
def test_functions_equal_their_closed_forms(function, expected):
    np.testing.assert_allclose(of(function), expected(X.astype(np.float64)), rtol=3e-6, atol=1e-7)


def test_sigmoid_and_softplus_keep_their_relative_precision_in_the_tail():
    x = np.array([-60.0, -80.0], np.float32)
    np.testing.assert_allclose(of(sigmoid, x), np.exp(x.astype(float)), rtol=1e-5)
    np.testing.assert_allclose(of(softplus, x), np.exp(x.astype(float)), rtol=1e-5)


@pytest.mark.parametrize("function", [elu, selu, gelu, swish, softplus, sigmoid, relu, leaky_relu])
def test_activations_have_finite_slopes_far_out(function):
    assert np.isfinite(slope(function, X)).all()


def test_the_tanh_form_of_gelu_is_close():
    x = np.linspace(-4, 4, 50)
    np.testing.assert_allclose(of(lambda t: gelu(t, True), x), x * scipy.special.ndtr(x), atol=5e-4)


@pytest.mark.parametrize(
    "function", [sigmoid, softplus, relu, elu, gelu, lambda x: clip(x, -1.0, 1.0)]
)
def test_missing_numbers_stay_missing(function):
    assert np.isnan(of(function, np.array([np.nan], np.float32))).all()


def test_ties_give_the_whole_slope_to_the_first():
    x, y = placeholder("x", ()), placeholder("y", ())
    for function in (maximum, minimum):
        assert evaluate(gradients(function(x, y), [x, y]), {x: 1.0, y: 1.0}) == [1.0, 0.0]


def test_power_differentiates_at_bases_that_are_not_positive():
    np.testing.assert_allclose(slope(lambda x: power(x, 2.0), np.array([-3.0, 0.0])), [-6.0, 0.0])


def test_remainder_has_the_sign_of_the_divisor():
    assert of(lambda x: remainder(x, 3.0), np.array([-1.0, 4.0])).tolist() == [2.0, 1.0]


def test_refuses_mixed_dtypes_and_wrong_kinds_where_they_are_written():
    with pytest.raises(ValueError, match=r"op 'add': inputs must have one dtype \(use cast\)"):
        placeholder("x", (), "float32") + placeholder("y", (), "float64")
    with pytest.raises(ValueError, match="op 'sqrt': is not defined for int32"):
        sqrt(placeholder("x", (), "int32"))
    with pytest.raises(ValueError, match="do not broadcast"):
        placeholder("x", (2,)) + placeholder("y", (3,))
