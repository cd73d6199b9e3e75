"""What the C compiler is asked for never changes how the rest of the process computes."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from cannery.graph import Program, placeholder
from cannery.graph.compiler.compiled import Compiled, CompiledExecution


def test_loading_and_running_leaves_denormals_and_rounding_alone(has_compiler):
    script = """
        import ctypes
        import numpy as np
        from cannery.graph import Program, Variable, exp, matmul, placeholder, sigmoid

        def mode():
            tiny = np.float32(2e-39)
            small = np.full(64, 1e-30, np.float32) * np.float32(1e-10)
            third = [float(x / np.float32(3)) for x in np.array([1, 2, -1], np.float32)]
            whole = [float(x) for x in np.rint(np.array([0.5, 1.5, 2.5, -0.5]))]
            bits = ctypes.CDLL(None).fegetround()
            return float(tiny * np.float32(0.5)), small.tobytes(), third, whole, bits

        before = mode()
        assert before[0] > 0 and any(before[1])
        x = placeholder("x", (None, 9))
        weight = Variable(np.ones((9, 12), np.float32), "weight")
        y = sigmoid(matmul(exp(x), weight))
        program = Program([x], {"y": y}, {weight: weight * 0.5})
        execution = program.start(jit=True, threads=2)
        assert mode() == before
        execution.run({"x": np.full((300, 9), 1e-39, np.float32)}, batch_size=130)
        assert mode() == before
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_whole_numbers_overflow_as_numpys_do(has_compiler, kind):
    x = placeholder("x", (None,), kind)
    most = np.iinfo(kind).max
    program = Program([x], {"up": x + 1, "grows": x + 1 > x, "twice": x * 2, "turned": -(x + 1)})
    feeds = {"x": np.array([most, most - 1, -most - 1, 0], kind)}
    found = CompiledExecution(Compiled(program), {}).run(feeds)
    for name, value in program.start().run(feeds).items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
