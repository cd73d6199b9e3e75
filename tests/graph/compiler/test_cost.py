"""Whether compiling pays is decided by what a program does, not by a clock."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import Program, Variable, matmul, placeholder, relu, reshape
from cannery.graph.compiler.cost import interpreted_seconds, step_work


def network(width):
    x = placeholder("x", (None, 10))
    weight = Variable(np.zeros((10, width), np.float32), "weight")
    return Program(outputs={"y": relu(reshape(matmul(x, weight), (-1, width)))})


def test_work_grows_with_the_batch_and_views_are_free():
    assert step_work(network(8), 5) == (2, 2 * 5 * 8, 5 * 8 * 10)
    assert step_work(network(8), 50) == (2, 2 * 50 * 8, 50 * 8 * 10)


def test_more_work_takes_longer_and_more_steps_in_proportion():
    small, large = network(4), network(400)
    assert interpreted_seconds(small, 64, 10) < interpreted_seconds(large, 64, 10)
    many = interpreted_seconds(small, 64, 1000)
    assert many == pytest.approx(100 * interpreted_seconds(small, 64, 10))
    assert interpreted_seconds(small, 64, 10) == interpreted_seconds(network(4), 64, 10)
