"""Matrix products: in loops of our own, or by the BLAS of this process where it is faster."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import Program, Variable, matmul, placeholder, transpose


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
