"""Tables of which a batch changes few rows: C passes over the rest, and no number shows it."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import Program, Variable, expand, placeholder, scatter_rows, where
from cannery.graph.compiler.masked import row_mask
from cannery.graph.compiler.source import Source
from cannery.graph.optimizers import Ftrl, Momentum

ROWS = 20_000
FTRL = Ftrl(l1_regularization_strength=0.01)


def step(optimizer, width, shown=False):
    """Return a step on a table that two feeds name rows of, whose sizes cannot be joined."""
    parts = []
    for name, count in (("one", (None,)), ("other", (3,))):
        values = placeholder(f"{name}/values", (*count, width))
        parts.append(scatter_rows(placeholder(f"{name}/ids", count, "int64"), values, rows=ROWS))
    table = Variable(np.ones((ROWS, width)), "table", dtype="float32")
    global_step = Variable(0, "global_step", dtype="int64", trainable=False)
    updates = optimizer.apply([(table, parts[0] + parts[1])], global_step)
    outputs = {"table": updates[table]} if shown else {}
    return Program(outputs=outputs, updates=updates)


def fed(width, ids):
    random = np.random.default_rng(0)
    few = np.array([5, -1, ROWS - 1])
    return {
        "one/ids": ids,
        "one/values": random.normal(size=(len(ids), width)).astype(np.float32),
        "other/ids": few,
        "other/values": random.normal(size=(3, width)).astype(np.float32),
    }


@pytest.mark.usefixtures("has_compiler")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("optimizer", [FTRL, Momentum(momentum=0.5)])
def test_the_rows_that_a_batch_names_are_updated_and_no_others(optimizer, width, threads):
    program = step(optimizer, width)
    assert "(i = next_true(" in Source(program).text
    random = np.random.default_rng(1)
    compiled = program.start(program.initial_values(), jit=True, threads=threads)
    plain = program.start(program.initial_values())
    few = [random.integers(0, ROWS, 40), np.arange(64), np.full(3, ROWS - 2), np.array([-1])]
    for ids in few:
        feeds = fed(width, ids)
        before = {name: value.copy() for name, value in compiled.variables.items()}
        compiled.run(feeds)
        plain.run(feeds)
        idle = np.setdiff1d(np.arange(ROWS), [*ids, 5, ROWS - 1])
        for name, value in compiled.variables.items():
            np.testing.assert_allclose(value, plain.variables[name], rtol=1e-5, atol=1e-7)
            if value.ndim == 2:
                assert (value[idle] == before[name][idle]).all()
    assert (compiled.variables["table"][[0, 63, 5, ROWS - 2, ROWS - 1]] != 1).all()


@pytest.mark.usefixtures("has_compiler")
@pytest.mark.parametrize("width", [1, 3])
def test_a_new_value_that_is_asked_for_has_all_rows(width):
    program = step(Momentum(), width, shown=True)
    execution = program.start(program.initial_values(), jit=True)
    found = execution.run(fed(width, np.array([7, 9])))["table"]
    assert (found.reshape(ROWS, width) == execution.variables["table"]).all()
    assert (found.reshape(ROWS, width)[8] == 1).all()


def test_only_a_boolean_for_each_row_is_a_mask_of_rows():
    table = Variable(np.ones((4, 2)), "table", dtype="float32")
    number = Variable(1.0, "number", dtype="float32")
    rows, one = placeholder("rows", (4,), "bool"), placeholder("one", (), "bool")
    each = placeholder("each", (4, 2), "bool")
    square = Variable(np.ones((4, 4)), "square", dtype="float32")
    assert row_mask(table, where(expand(rows, 1), table * 2.0, table)) is rows
    assert row_mask(table, where(each, table * 2.0, table)) is None
    assert row_mask(table, where(expand(rows, 1), table, table * 2.0)) is None
    assert row_mask(square, where(expand(rows, 0), square * 2.0, square)) is None
    assert row_mask(square, where(rows, square * 2.0, square)) is None
    assert row_mask(number, where(one, number * 2.0, number)) is None


@pytest.mark.usefixtures("has_compiler")
@pytest.mark.parametrize("axes", [(), (0,), (1,)])
def test_a_mask_of_columns_is_none_of_rows(axes):
    table = Variable(np.arange(9.0).reshape(3, 3), "table", dtype="float32")
    mask = placeholder("mask", (3,), "bool")
    shown = expand(mask, axes[0]) if axes else mask
    program = Program(updates={table: where(shown, table * 2.0 + 1.0, table)})
    for jit in (False, True):
        execution = program.start(program.initial_values(), jit=jit)
        execution.run({"mask": np.array([True, False, False])})
        old = np.arange(9.0).reshape(3, 3)
        changed = np.zeros((3, 3), bool)
        changed[(0,) if axes == (1,) else (slice(None), 0)] = True
        assert (execution.variables["table"] == np.where(changed, old * 2 + 1, old)).all()
