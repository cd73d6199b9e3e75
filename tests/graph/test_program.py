"""A program can simplify itself."""

from __future__ import annotations

import numpy as np

from cannery.graph import Program, Variable, log, placeholder


def test_a_simplified_program_gives_the_same_and_knows_what_it_was():
    x, unused = placeholder("x", (None,)), placeholder("unused", (None,))
    total = Variable(np.float32(1.0), "total")
    program = Program(
        inputs=[x, unused],
        outputs={"y": log(x * 1.0 + 1.0)},
        updates={total: total * 1.0 + 2.0},
    )
    simplified = program.simplified()
    assert simplified.origin is program
    assert program.origin is None
    assert len(simplified.nodes) < len(program.nodes)
    assert [node.name for node in simplified.inputs] == ["x"]
    runs = [p.start() for p in (program, simplified)]
    data = np.linspace(0, 5, 7, dtype="float32")
    first, second = (run.run({"x": data, "unused": data})["y"] for run in runs)
    np.testing.assert_allclose(first, second, rtol=1e-6)
    assert [float(run.variables["total"]) for run in runs] == [3.0, 3.0]
