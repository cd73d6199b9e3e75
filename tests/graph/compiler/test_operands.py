"""Products read the rows of the batch, whichever rows of the data these are."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    Program,
    Variable,
    gradients,
    mean,
    placeholder,
    reshape,
    sigmoid,
    squared_error,
)
from cannery.graph.compiler.operands import with_gathered_operands

RANDOM = np.random.default_rng(0)
DATA = {
    "x": RANDOM.normal(size=(150, 12)).astype("float32"),
    "y": RANDOM.normal(size=(150, 16)).astype("float32"),
    "z": RANDOM.normal(size=(150, 3, 4)).astype("float32"),
}


@pytest.fixture(scope="module")
def program():
    x, y = placeholder("x", (None, 12)), placeholder("y", (None, 16))
    z = placeholder("z", (None, 3, 4))
    whole = Variable(RANDOM.normal(size=(12, 16)).astype("float32"), "whole")
    part = Variable(RANDOM.normal(size=(5, 16)).astype("float32"), "part")
    predicted = sigmoid(x @ whole) + x[:, 2:7] @ part + reshape(z, (None, 12)) @ whole
    predicted = predicted + reshape(sigmoid(z), (None, 12)) @ whole
    loss = mean(squared_error(predicted, y))
    slopes = gradients(loss, [whole, part])
    updates = {v: v - 0.1 * g for v, g in zip((whole, part), slopes, strict=True)}
    return Program(outputs={"predicted": predicted, "loss": loss}, updates=updates)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("batch_size", [150, 37])
def test_feeds_are_read_in_the_order_of_the_batch(program, shuffled, batch_size, has_compiler):
    rows = RANDOM.permutation(150) if shuffled else None
    compiled, plain = program.start(jit=True), program.start()
    got = compiled.run(DATA, rows=rows, batch_size=batch_size)
    wanted = plain.run(DATA, rows=rows, batch_size=batch_size)
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-5)
    for name, value in plain.variables.items():
        np.testing.assert_allclose(compiled.variables[name], value, rtol=1e-4, atol=1e-5)


def test_other_programs_stay_as_they_are():
    x = placeholder("x", (None, 3))
    program = Program(outputs={"y": sigmoid(x)})
    assert with_gathered_operands(program) is program
