"""Tables of which a batch changes few rows: C passes over the rest, and no number shows it."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue
from cannery.graph import (
    Program,
    Variable,
    expand,
    named_rows,
    placeholder,
    scatter_all,
    scatter_rows,
    where,
)
from cannery.graph.compiler.masked import row_mask
from cannery.graph.compiler.source import Source
from cannery.graph.optimizers import Ftrl, Momentum

ROWS = 20_000
FTRL = Ftrl(l1_regularization_strength=0.01)
STEP = Variable(0, "global_step", dtype="int64", trainable=False)


def step(optimizer, width, shown=False):
    """Return a step on a table that two feeds name rows of, whose sizes cannot be joined."""
    parts = []
    for name, count in (("one", (None,)), ("other", (3,))):
        values = placeholder(f"{name}/values", (*count, width))
        parts.append(scatter_rows(placeholder(f"{name}/ids", count, "int64"), values, rows=ROWS))
    table = Variable(np.ones((ROWS, width)), "table", dtype="float32")
    updates = optimizer.apply([(table, parts[0] + parts[1])], STEP)
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
    assert "rows_named(" in Source(program).text and "= next_true(" not in Source(program).text
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


@pytest.mark.usefixtures("has_compiler")
@pytest.mark.parametrize("threads", [1, 2])
def test_many_steps_of_many_sizes_are_as_those_of_the_interpreter(threads):
    """What is left of a step's sums and names in memory shows in none after it."""
    columns = {name: placeholder(f"{name}/ids", (None,), "int32") for name in ("a", "b")}
    rate, table = placeholder("rate", (None, 3)), Variable(0.5, "table", shape=(ROWS, 3))
    parts = [scatter_rows(ids, rate, rows=ROWS) for ids in columns.values()]
    parts.append(scatter_rows(np.array([3, 3, -1]), np.ones((3, 3), np.float32), rows=ROWS))
    updates = FTRL.apply([(table, parts[0] + parts[1] + parts[2])], STEP)
    program = Program(updates=updates)
    random = np.random.default_rng(2)
    feeds = {"rate": random.normal(size=(530, 3)).astype(np.float32)}
    for name in columns:
        feeds[f"{name}/ids"] = random.zipf(1.3, 530).clip(max=ROWS + 1).astype(np.int32) - 2
    compiled = program.start(program.initial_values(), jit=True, threads=threads)
    plain = program.start(program.initial_values())
    for rows in (np.arange(530), random.permutation(530)[:100]):
        compiled.run(feeds, rows, 64)
        plain.run(feeds, rows, 64)
    for name, value in compiled.variables.items():
        np.testing.assert_allclose(value, plain.variables[name], rtol=1e-4, atol=1e-6)
    idle = [(found.variables["table"] == 0.5).all(1) for found in (compiled, plain)]
    assert (idle[0] == idle[1]).all() and idle[0].sum() > ROWS // 2


@pytest.mark.usefixtures("has_compiler")
def test_a_step_that_is_refused_changes_nothing_then_or_later():
    program = step(FTRL, 1)
    executions = [program.start(program.initial_values(), jit=jit) for jit in (False, True)]
    for execution in executions:
        execution.run(fed(1, np.array([1, 2, 2])))
        before = {name: value.copy() for name, value in execution.variables.items()}
        with pytest.raises(InvalidValue, match=f"ids must be below {ROWS}"):
            execution.run(fed(1, np.array([4, ROWS, 6])))
        assert all((before[name] == value).all() for name, value in execution.variables.items())
        execution.run(fed(1, np.array([7])))
        assert (execution.variables["table"][[4, 6]] == 1).all()
    for name, value in executions[1].variables.items():
        np.testing.assert_allclose(value, executions[0].variables[name], rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("has_compiler")
def test_sums_that_others_read_as_well_are_zero_elsewhere():
    ids, values = placeholder("ids", (None,), "int64"), placeholder("values", (None,))
    table = Variable(1.0, "table", shape=(ROWS,))
    few = placeholder("few", (2,), "int64")
    names = [ids, few]
    total = scatter_all(names, [values, np.ones(2, np.float32)], ROWS)
    new = where(named_rows(names, ROWS), table + total, table)
    other = where(named_rows([ids], ROWS), table + total, table)
    shown = Program(outputs={"total": total}, updates={table: new})
    narrow, wide = Program(updates={table: other}), Program(updates={table: new})
    for program, whole in ((shown, True), (narrow, False), (wide, False)):
        assert ("scatter_rows[i] = 0" in Source(program).text) == whole
        execution = program.start(program.initial_values(), jit=True)
        plain = program.start(program.initial_values())
        for n in range(3):
            feeds = {
                "ids": np.array([5, n, -1, n]),
                "values": np.full(4, 2.0, np.float32),
                "few": np.array([n + 1, 9]),
            }
            found, wanted = execution.run(feeds), plain.run(feeds)
            assert all((found[name] == wanted[name]).all() for name in wanted)
        assert (execution.variables["table"] == plain.variables["table"]).all()


@pytest.mark.usefixtures("has_compiler")
def test_rows_of_any_mask_are_visited_in_stretches():
    table, mask = Variable(1.0, "table", shape=(ROWS,)), placeholder("mask", (ROWS,), "bool")
    program = Program(updates={table: where(mask, table * 2.0, table)})
    assert "(i = next_true(" in Source(program).text
    execution = program.start(program.initial_values(), jit=True)
    holds = np.random.default_rng(0).random(ROWS) < 0.01
    execution.run({"mask": holds})
    assert (execution.variables["table"] == np.where(holds, 2, 1)).all()


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
