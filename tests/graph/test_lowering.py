"""Lookups prepared from the feeds give what lookups in the step give, errors included."""

from __future__ import annotations

import numpy as np
import pytest

from cannery import graph as g
from cannery.errors import InvalidValue
from cannery.graph.lowering import id_limits, in_range, lowered
from cannery.graph.staging import rowwise

ROWS = 7
SAMPLES = [
    pytest.param(op, sample, id=f"{name}-{at}")
    for name, op in g.OPS.items()
    for at, sample in enumerate(op.samples())
    if not op.view and name not in ("constant", "placeholder", "variable")
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_calls_repeat_the_kernel_bit_by_bit(op, sample):
    kernel = op.kernel(np, **sample.attributes)
    arrays = [np.array(array, order="C") for array in sample.arrays]
    y = op(*map(g.constant, arrays), **sample.attributes)
    out = np.empty_like(kernel(*arrays, None), order="C")
    ids = arrays[op.ids]
    sure = bool(ids) and all((array >= 0).all() for array in ids)
    calls = op.calls(y, arrays, out, sure)
    # Whole numbers that are the same for each row are tables, which make sense in their order only.
    turned = [
        array
        for place, array in enumerate(arrays)
        if array.dtype.kind != "i" or not sample.batched or place in sample.batched
    ]
    for array in (*turned, turned[0]):  # the last time, with what was there the time before
        array[...] = np.roll(array, 1)
        for call in calls:
            call()
        np.testing.assert_array_equal(out, kernel(*arrays, None))


@pytest.fixture(scope="module")
def program():
    ids, y = g.placeholder("ids", (None, 3), "int32"), g.placeholder("y", (None, 1))
    wide = g.Variable(np.zeros((ROWS, 1), "float32"), "wide")
    table = g.Variable(np.linspace(-1, 1, 2 * ROWS).reshape(ROWS, 2).astype("float32"), "table")
    rows = g.take(table, ids[:, 0])
    logits = g.sum_rows(wide, ids) + g.sum(rows * rows, 1, keepdims=True)
    loss = g.mean((logits - y) * (logits - y))
    slopes = g.gradients(loss, [wide, table])
    updates = {v: v - 0.1 * s for v, s in zip((wide, table), slopes, strict=True)}
    return g.Program(outputs={"loss": loss}, updates=updates)


def feeds(ids):
    return {"ids": ids, "y": np.linspace(0, 1, len(ids), dtype="float32")[:, None]}


def plainly(program, feeds, batch_size):
    """Run step after step by `evaluate`."""
    values, losses = program.initial_values(), []
    for low in range(0, len(feeds["y"]), batch_size):
        batch = {name: array[low : low + batch_size] for name, array in feeds.items()}
        roots = [program.outputs["loss"], *program.updates.values()]
        loss, *new = g.evaluate(roots, batch, values)
        losses.append(loss)
        values |= {variable.name: v for variable, v in zip(program.updates, new, strict=True)}
    return losses, values


@pytest.mark.parametrize("lowest", [0, -1], ids=["whole", "missing"])
def test_steps_are_those_of_evaluate(program, lowest):
    fed = feeds(np.random.default_rng(0).integers(lowest, ROWS, (29, 3)).astype("int32"))
    losses, values = plainly(program, fed, 4)
    execution = program.start()
    np.testing.assert_allclose(execution.run(fed, batch_size=4)["loss"], losses, rtol=1e-5)
    for name, value in values.items():
        np.testing.assert_allclose(execution.variables[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("lowest", [0, -1], ids=["whole", "missing"])
def test_a_scatter_of_several_columns_is_that_of_evaluate(lowest, width):
    ids = [g.placeholder("ids", (None, 3), "int32"), g.placeholder("other", (None,), "int64")]
    values = [g.placeholder("values", (None, 3, width)), g.placeholder("single", (None, width))]
    table = g.Variable(np.zeros((ROWS, width), "float32"), "table")
    program = g.Program(updates={table: table * 0.5 + g.scatter_all(ids, values, ROWS)})
    random = np.random.default_rng(0)
    fed = {node.name: random.normal(size=(29, *node.shape[1:])).astype("f4") for node in values}
    for node in ids:
        fed[node.name] = random.integers(lowest, ROWS, (29, *node.shape[1:])).astype(node.dtype)
    found = program.start()
    assert id_limits(program) == dict.fromkeys(ids, ROWS)
    found.run(fed, batch_size=29)
    (expected,) = g.evaluate([program.updates[table]], fed, program.initial_values())
    np.testing.assert_allclose(found.variables["table"], expected, rtol=1e-6)
    fed["other"][7] = ROWS
    with pytest.raises(InvalidValue, match="op 'scatter_rows': ids must be below"):
        found.run(fed, batch_size=29)


def test_an_id_past_the_end_is_refused_at_its_own_step(program):
    ids = np.zeros((12, 3), "int32")
    ids[9, 0] = ROWS
    execution = program.start()
    with pytest.raises(InvalidValue, match=f"op '.*': ids must be below {ROWS}, got {ROWS}"):
        execution.run(feeds(ids), batch_size=4)
    two_steps = program.start()
    two_steps.run({name: array[:8] for name, array in feeds(ids).items()}, batch_size=4)
    assert execution.variables["table"].any()
    for name, value in two_steps.variables.items():
        np.testing.assert_array_equal(execution.variables[name], value)


def test_ids_are_prepared_and_checked_for_many_rows_at_once(program):
    step = lowered(program)
    stand_ins = rowwise(step)
    prepared = [node for node in stand_ins if node.dtype == np.int64]
    assert {node.shape for node in prepared} == {(None, 3), (None,), (None, 2)}
    ids = g.placeholder("ids", (None, 3), "int64")
    table = g.Variable(np.ones((ROWS, 1), "float32"), "table")
    limits = id_limits(g.Program(outputs={"y": g.sum_rows(table, ids)}))
    assert limits == {ids: ROWS}
    for worst, sure in ((ROWS - 1, True), (ROWS, False), (-1, False)):
        fed = {"ids": np.array([[0, 1, worst]])}
        assert in_range(limits, fed) == (frozenset([ids]) if sure else frozenset())
    assert in_range(limits, {"ids": np.zeros((0, 3), int)}) == frozenset()
