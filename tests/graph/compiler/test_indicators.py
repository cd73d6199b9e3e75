"""Matrix products with indicators among the columns."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    Program,
    Variable,
    concat,
    gradients,
    matmul,
    multi_hot,
    placeholder,
    transpose,
)
from cannery.graph import sum as total

ROWS = 200


@pytest.fixture(scope="module")
def program():
    """A product and its slope, of numbers and indicators side by side."""
    x, g = placeholder("x", (None, 5)), placeholder("g", (None, 8))
    ids = placeholder("ids", (None, 2), "int32")
    draw = np.random.default_rng(0)
    kernel = Variable(draw.normal(size=(29, 8)).astype(np.float32), "kernel")
    mixed = matmul(concat([x, multi_hot(ids, 24)], 1), kernel)
    (slope,) = gradients(total(mixed * g), [kernel])
    outputs = {
        "mixed": mixed,
        "slope": slope,
        "part": matmul(transpose(x[:, 1:4], (1, 0)), g),
    }
    return Program(outputs=outputs)


@pytest.mark.parametrize("batch_size", [50, 64, ROWS])
def test_indicators_are_left_out_of_products(program, batch_size, has_compiler):
    draw = np.random.default_rng(1)
    feeds = {
        "x": draw.normal(size=(ROWS, 5)).astype(np.float32),
        "g": draw.normal(size=(ROWS, 8)).astype(np.float32),
        "ids": draw.integers(-1, 24, (ROWS, 2), dtype=np.int32),
    }
    order = draw.permutation(ROWS)
    expected = program.start().run(feeds, order, batch_size)
    found = program.start(jit=True).run(feeds, order, batch_size)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4, err_msg=name)
