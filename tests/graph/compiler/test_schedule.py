"""Values of one domain meet in one loop; new values of variables go where the old ones were."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import (
    Program,
    Variable,
    concat,
    matmul,
    mean,
    placeholder,
    relu,
    replace_rows,
    sigmoid,
    square,
    take,
    tanh,
)
from cannery.graph import sum as total
from cannery.graph.compiler.schedule import Schedule
from cannery.graph.plan import Plan

X = placeholder("x", (None, 6))
IDS = placeholder("ids", (None,), "int32")


def schedule_of(outputs, updates=None):
    program = Program(outputs=outputs, updates=updates or {})
    return Schedule(program, Plan(program.outputs.values(), program.updates))


def variable(name, *shape):
    return Variable(np.random.default_rng(len(name)).normal(size=shape).astype(np.float32), name)


def test_values_of_one_domain_are_computed_in_one_loop():
    y = tanh(X) * 2.0
    found = schedule_of({"y": y, "z": square(y) + X})
    (kernel,) = found.kernels
    assert len(kernel.items) == 2 and not found.stored


def test_a_value_is_kept_only_where_another_loop_reads_it():
    hidden = relu(X)
    found = schedule_of({"y": hidden - mean(hidden, 1, keepdims=True)})
    alone = schedule_of({"y": sigmoid(relu(X) + 1.0)})
    assert len(alone.kernels) == 1 and not alone.stored
    assert len(found.kernels) >= 1


def test_parts_of_a_concat_are_written_to_their_place():
    y = concat([relu(X), square(X)], 1)
    found = schedule_of({"y": matmul(y, variable("weight", 12, 16))})
    homes = [item.home for kernel in found.kernels for item in kernel.items]
    assert homes.count(y) == 2


def test_a_step_of_an_optimizer_writes_in_place():
    weight = variable("weight", 6, 16)
    loss = total(square(matmul(X, weight)))
    found = schedule_of({"loss": loss}, {weight: weight * 0.9})
    (item,) = [i for kernel in found.kernels for i in kernel.items if i.variable is weight]
    assert item.home is None
    # Outputs first: they can still refuse the step.
    outputs = [n for n, k in enumerate(found.kernels) for i in k.items if i.outputs]
    places = [n for n, k in enumerate(found.kernels) if item in k.items]
    assert max(outputs) < min(places)


def run(updates, feeds, threads=1, batch_size=None, outputs=None):
    """Return the variables after a run, interpreted and compiled."""
    program = Program(outputs=outputs or {}, updates=updates)
    inputs = {node.name for node in program.inputs}
    feeds = {name: value for name, value in feeds.items() if name in inputs}
    runs = [program.start(), program.start(jit=True, threads=threads)]
    for execution in runs:
        execution.run(feeds, batch_size=batch_size)
    return [execution.variables for execution in runs]


def same(found):
    expected, actual = found
    for name, value in expected.items():
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_variables_that_trade_places(has_compiler):
    a, b, c = variable("a", 3), variable("bb", 3), variable("ccc", 3)
    same(run({a: b, b: c, c: a + b}, {}))


def test_a_new_value_that_another_one_is_made_of(has_compiler):
    a, b = variable("a", 3), variable("bb", 3)
    same(run({a: tanh(b), b: b * 2.0}, {}, outputs={"late": total(tanh(b))}))


FEEDS = {
    "x": np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32),
    "ids": np.random.default_rng(1).permutation(200).astype(np.int32),
}


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_of_a_table_replaced_by_every_tile_of_rows(has_compiler, threads):
    """In the variable itself, in a copy of it, and in one that is read again afterwards."""
    one, two, three = (variable(name, 200, 6) for name in ("one", "two", "other"))
    copy, sum_ = variable("copy", 200, 6), variable("sum", 6)
    updates = {
        one: replace_rows(one, IDS, take(one, IDS) * 0.5 + X),
        copy: replace_rows(two, IDS, X),
        three: replace_rows(three, IDS, take(three, IDS) + X),
        sum_: sum_ + total(replace_rows(three, IDS, take(three, IDS) + X), 0),
    }
    same(run(updates, FEEDS, threads, 150))
