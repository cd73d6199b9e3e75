"""The loops that are written: what a reader of the C sees, and what they compute."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cannery.graph import Program, concat, cumsum, gradients, pad, placeholder, tanh
from cannery.graph import max as largest
from cannery.graph import sum as total
from cannery.graph.compiler.source import Source

X = placeholder("x", (None, 6))


def text_of(**outputs):
    """Return the C text without the library in front of it."""
    text = Source(Program(outputs=outputs)).text
    return text[text.index("static void rows_") :]


def test_a_value_needed_twice_is_computed_once():
    y = tanh(X)
    text = text_of(y=y * y + y, z=y - 1.0)
    assert len(re.findall(r"= tanh_f32\(", text)) == 1


def test_names_come_from_the_graph():
    pay = placeholder("deep/pay", (None,))
    assert re.search(r"const float pay_\d+ = ", text_of(twice=pay + pay))


def test_what_does_not_depend_on_the_inner_loop_stays_outside_it():
    scale = placeholder("scale", ())
    text = text_of(y=X * tanh(scale))
    assert text.index("tanh_f32(scale") < text.index("for (int64_t j")


def test_independent_loops_and_sums_are_marked_for_vectorising():
    assert "INDEPENDENT" in text_of(y=X * 2.0)
    assert "#pragma omp simd reduction(+ : " in text_of(y=total(X * X, 1))


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("threads", [1, 2])
def test_tiles_of_rows_make_no_difference(has_compiler, rows, threads, loops):
    feeds = {"x": np.random.default_rng(rows).normal(size=(rows, 6)).astype(np.float32)}
    expected = loops.start().run(feeds)
    actual = loops.start(jit=True, threads=threads).run(feeds)
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.fixture(scope="module")
def loops():
    """Views, folds along every axis, and slopes of them."""
    y = tanh(X)
    joined = concat([y[:, 1:4], pad(y[:, :2] * 2.0, [0, 1], [0, 1])], 1)
    loss = total(largest(joined, 1) * total(cumsum(y, 0), 1)) / (largest(X) + 9.0)
    outputs = {"joined": joined, "cumsum": cumsum(y, 1), "loss": loss}
    outputs["slope"] = gradients(loss, [X])[0]
    outputs["shares"] = y / total(y * y, 0)
    return Program([X], outputs)
