"""Matrix products: in loops of our own, or by the BLAS of this process where it is faster."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import Program, Variable, matmul, placeholder, transpose
from cannery.graph.compiler.compiled import Compiled, CompiledExecution


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("size", "large"), [(256, True), (255, False)])
def test_large_products_of_weights_go_to_a_blas(has_compiler, size, large, turned):
    draw = np.random.default_rng(size)
    one, two = (draw.normal(size=(size, size)).astype(np.float32) for _ in range(2))
    a, b, scale = Variable(one, "a"), Variable(two, "b"), placeholder("scale", ())
    product = matmul(transpose(a, (1, 0)) if turned else a, b) * scale
    program = Program(outputs={"product": product})
    execution = program.start(jit=True)
    assert ("multiply_large(256" in execution.compiled.source) is large
    found = execution.run({"scale": np.float32(2)})["product"]
    np.testing.assert_allclose(found, 2 * (one.T if turned else one) @ two, rtol=1e-4, atol=1e-3)


def test_products_of_every_width(has_compiler):
    # Vectors of 16, 8 or 4 numbers, halves of them, and one to three side by side.
    widths = (*range(8, 34), 40, 41, 50, 57, 64, 72, 75, 88, 100, 104, 105, 120)
    draw = np.random.default_rng(0)
    tables = [draw.normal(size=(21, width)).astype(np.float32) for width in widths]
    x = draw.normal(size=(15, 21)).astype(np.float32)
    fed = placeholder("x", (None, 21))
    products = {
        f"{table.shape[1]}": matmul(fed, Variable(table, f"table_{table.shape[1]}"))
        for table in tables
    }
    program = Program(outputs=products)
    found = CompiledExecution(Compiled(program, ("-O0",)), program.initial_values()).run({"x": x})
    for table in tables:
        product = found[f"{table.shape[1]}"]
        np.testing.assert_allclose(product, x @ table, rtol=1e-5, atol=1e-5)
