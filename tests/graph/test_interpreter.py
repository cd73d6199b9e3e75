"""Buffers, in-place updates and batches change no bit of what `evaluate` says."""

from __future__ import annotations

import numpy as np
import pytest
from cannery import graph as g
from cannery.errors import InvalidType, InvalidValue, NonFinite, ShapeMismatch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_execution_equals_evaluate_bit_by_bit(random_programs, data):
    program = data.draw(random_programs.strategy())
    values = program.initial_values()
    execution = program.start(values)
    for run in range(2):  # the second one finds the buffers of the first
        feeds = random_programs.feeds(data.draw(st.integers(1, 6)), seed=run)
        count = len(feeds["x"])
        batch_size = data.draw(st.integers(1, count))
        rows = data.draw(st.none() | st.lists(st.integers(0, count - 1), max_size=8))
        visited = np.arange(count) if rows is None else np.array(rows, int)
        expected, values = random_programs.run_plainly(program, values, feeds, visited, batch_size)
        outputs = execution.run(feeds, rows, batch_size)
        for name, array in outputs.items():
            wanted = np.array(expected[name], array.dtype).reshape(array.shape)
            random_programs.assert_same_bits(array, wanted)
        for name, array in execution.variables.items():
            random_programs.assert_same_bits(array, values[name])
