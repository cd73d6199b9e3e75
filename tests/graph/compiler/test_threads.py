"""Steps divided among workers: who does the work, and how many threads, changes no bit."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue
from cannery.graph import (
    Program,
    Variable,
    matmul,
    mean,
    placeholder,
    relu,
    square,
    take,
)
from cannery.graph.compiler import compiled
from cannery.graph.optimizers import Adagrad

ROWS, BATCH = 6_000, 256
AS_USED = compiled.SECONDS_A_WORKER, compiled.ROWS_A_WORKER
DRAW = np.random.default_rng(0)
LONG = 1e15  # nanoseconds
ALONE, TOGETHER = [1.0, 1e9, LONG, LONG], [1e9, 1.0, LONG, LONG]  # what the clock has found


def drawn(*shape):
    return (DRAW.normal(size=shape) / 4).astype(np.float32)


FEEDS = {
    "x": drawn(ROWS, 30),
    "ids": DRAW.integers(0, 40, ROWS).astype(np.int32),
    "y": drawn(ROWS, 1),
}


@pytest.fixture(scope="module")
def program(has_compiler):
    """A training step of two layers and an embedding."""
    x, ids = placeholder("x", (None, 30)), placeholder("ids", (None,), "int32")
    y = placeholder("y", (None, 1))
    kernels = [Variable(drawn(30, 64), "first"), Variable(drawn(64, 1), "second")]
    table = Variable(drawn(40, 64), "table")
    hidden = relu(matmul(x, kernels[0]) + take(table, ids))
    loss = mean(square(matmul(hidden, kernels[1]) - y))
    variables = [*kernels, table]
    updates = Adagrad(learning_rate=0.1).minimize(loss, variables, Variable(0, "step"))
    return Program(outputs={"loss": loss}, updates=updates)


def trained(program, threads, pace=None, rows=None):
    execution = program.start(jit=True, threads=threads)
    if pace is not None:
        execution._paces[BATCH] = np.array(pace)
    losses = execution.run(FEEDS, rows, BATCH)["loss"]
    return losses, {name: value.copy() for name, value in execution.variables.items()}


def equal(one, two):
    return np.array_equal(one[0], two[0]) and all(
        np.array_equal(value, two[1][name]) for name, value in one[1].items()
    )


def test_the_clock_decides_who_works_but_no_bit(program):
    alone, together = trained(program, 2, ALONE), trained(program, 2, TOGETHER)
    assert equal(alone, together)
    assert equal(alone, trained(program, 2))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_trains_like_the_interpreter(program, threads):
    losses, variables = trained(program, threads, TOGETHER)
    execution = program.start()
    wanted = execution.run(FEEDS, None, BATCH)["loss"]
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)
    for name, value in execution.variables.items():
        np.testing.assert_allclose(variables[name], value, rtol=1e-4, atol=1e-5)


def test_a_short_last_batch_is_divided_too(program):
    order = DRAW.permutation(ROWS)[: BATCH + 5]
    losses, _ = trained(program, 2, TOGETHER, order)
    wanted = program.start().run(FEEDS, order, BATCH)["loss"]
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


def test_a_refused_step_stops_all_threads_and_changes_nothing(program):
    execution = program.start(jit=True, threads=2)
    execution._paces[BATCH] = np.array(TOGETHER)
    before = {name: value.copy() for name, value in execution.variables.items()}
    ids = FEEDS["ids"].copy()
    ids[200] = 40
    with pytest.raises(InvalidValue, match="must be below 40"):
        execution.run({**FEEDS, "ids": ids}, None, BATCH)
    assert all(np.array_equal(value, before[name]) for name, value in execution.variables.items())
    assert np.isfinite(execution.run(FEEDS, None, BATCH)["loss"]).all()


def test_small_steps_are_not_divided(program, monkeypatch):
    execution = program.start(jit=True, threads=2)
    assert execution._threads(BATCH) == 2
    for name, value in zip(("SECONDS_A_WORKER", "ROWS_A_WORKER"), AS_USED, strict=True):
        monkeypatch.setattr(compiled, name, value)
    assert execution._threads(BATCH) == 1
    assert execution._threads(100 * BATCH) == 2
