"""Whole programs as C give what the interpreter gives: random ones, and runs of every optimizer."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cannery.graph import (
    Program,
    Variable,
    dropout,
    matmul,
    mean,
    name_scope,
    normal,
    placeholder,
    sigmoid,
    sigmoid_cross_entropy,
    square,
    sum_rows,
    tanh,
    uniform,
)
from cannery.graph import sum as sum_of
from cannery.graph.compiler.compiled import Compiled, CompiledExecution
from cannery.graph.compiler.toolchain import find_toolchain
from cannery.graph.optimizers import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    Ftrl,
    InverseTimeDecay,
    PolynomialDecay,
    ProximalAdagrad,
    RMSProp,
    WarmUp,
)

pytestmark = pytest.mark.skipif(find_toolchain() is None, reason="no C compiler on this machine")

# Quick to compile; what is generated is the same.
FAST = ("-O0",)


def agree(actual, expected, tolerance, name=""):
    assert actual.shape == expected.shape and actual.dtype == expected.dtype, name
    if actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected, err_msg=name)
        return
    size = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    np.testing.assert_allclose(actual, expected, tolerance, tolerance * size, err_msg=name)


@settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_random_programs_in_any_order_of_rows(random_programs, data):
    program = data.draw(random_programs.strategy())
    rows, threads = data.draw(st.integers(1, 150)), data.draw(st.integers(1, 2))
    feeds = random_programs.feeds(rows, data.draw(st.integers(0, 9)))
    order = np.random.default_rng(rows).integers(0, rows, 2 * rows)  # some rows more than once
    batch_size = data.draw(st.sampled_from([3, 140]))
    interpreted = program.start()
    start = {name: array.copy() for name, array in interpreted.variables.items()}
    expected = interpreted.run(feeds, order, batch_size)
    execution = CompiledExecution(Compiled(program, FAST), start, threads=threads)
    actual = execution.run(feeds, order, batch_size)
    with np.errstate(all="ignore"):
        for name, array in expected.items():
            agree(actual[name], array, 2e-3, name)
        for name, array in interpreted.variables.items():
            agree(execution.variables[name], array, 2e-3, name)


SETTINGS = [
    *(cls() for cls in OPTIMIZERS.values()),
    OPTIMIZERS["momentum"](use_nesterov=True),
    RMSProp(centered=True, momentum=0.5),
    Adam(lazy=True),
    AdamW(lazy=True),
    ProximalAdagrad(l1_regularization_strength=0.01, l2_regularization_strength=0.1),
    Ftrl(l1_regularization_strength=0.01, l2_regularization_strength=0.1),
    Ftrl(l2_shrinkage_regularization_strength=0.1, learning_rate_power=-0.4),
    SGD(clip_value=0.001),
    Adam(clip_norm=0.01),
    Adam(global_clip_norm=0.01),
    SGD(
        learning_rate=ExponentialDecay(
            initial_learning_rate=0.1, decay_steps=3, decay_rate=0.5, staircase=True
        )
    ),
    SGD(learning_rate=InverseTimeDecay(initial_learning_rate=0.1, decay_steps=3, decay_rate=0.5)),
    SGD(learning_rate=PolynomialDecay(initial_learning_rate=0.1, decay_steps=5, cycle=True)),
    SGD(
        learning_rate=WarmUp(
            learning_rate=CosineDecay(initial_learning_rate=0.1, decay_steps=7), warmup_steps=3
        )
    ),
]
ROWS, TABLE = 180, 11


def model_of(number, optimizer, x, ids, lengths, bag, step):
    """Return the loss and updates of one model with dense and row-sparse gradients."""
    draw = np.random.default_rng(number)

    def variable(name, *shape):
        first = draw.normal(0, 0.5, shape).astype(np.float32)
        return Variable(first, name)

    kernel, bias, table = variable("kernel", 4, 3), variable("bias", 3), variable("table", TABLE, 3)
    wide, words = variable("wide", TABLE, 1), variable("words", TABLE, 1)
    hidden = tanh(matmul(x, kernel) + bias) * sum_rows(table, ids)
    logit = sum_of(hidden, 1, keepdims=True) + sum_rows(wide, ids)
    logit = logit + sum_rows(words, bag, lengths=lengths, combiner="sqrtn")
    loss = mean(sigmoid_cross_entropy(logit, sigmoid(x[:, :1] * 4.0)))
    return loss, optimizer.minimize(loss, [kernel, bias, table, wide, words], step)


@pytest.fixture(scope="module")
def optimizing():
    """All optimizers at work side by side, each on a model of its own."""
    x, ids = placeholder("x", (None, 4)), placeholder("ids", (None, 2), "int32")
    bag, lengths = (
        placeholder("bag", ("bag",), "int32"),
        placeholder("bag/lengths", (None,), "int32"),
    )
    step = Variable(0, "global_step", dtype="int64", trainable=False)
    outputs, updates = {}, {step: step + 1}
    for number, optimizer in enumerate(SETTINGS):
        with name_scope(f"model_{number}/"):
            outputs[f"loss_{number}"], new = model_of(number, optimizer, x, ids, lengths, bag, step)
        updates.update(new)
    program = Program([x, ids, bag, lengths], outputs, updates)
    return program, Compiled(program, FAST)


@pytest.fixture(scope="module")
def feeds():
    draw = np.random.default_rng(5)
    offsets = np.concatenate([[0], np.cumsum(draw.integers(0, 5, ROWS))])
    words = draw.integers(-1, TABLE, offsets[-1]).astype(np.int32)
    return {
        "x": draw.normal(size=(ROWS, 4)).astype(np.float32),
        "ids": draw.integers(-1, TABLE, (ROWS, 2)).astype(np.int32),
        "bag": SimpleNamespace(offsets=offsets, ids=words, weights=None),
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_every_optimizer_takes_the_same_steps(optimizing, feeds, threads):
    program, compiled = optimizing
    interpreted = program.start()
    start = {name: array.copy() for name, array in interpreted.variables.items()}
    execution = CompiledExecution(compiled, start, threads=threads)
    order = np.random.default_rng(1).permutation(np.tile(np.arange(ROWS), 2))
    expected, actual = (run.run(feeds, order, 70) for run in (interpreted, execution))
    assert len(expected["loss_0"]) == execution.variables["global_step"] == 6
    for name, array in expected.items():
        agree(actual[name], array, 1e-5, name)
    for name, array in interpreted.variables.items():
        number = name.split("/")[0].removeprefix("model_")
        kind = SETTINGS[int(number)] if number.isdigit() else ""
        agree(execution.variables[name], array, 1e-4, f"{name} of {kind}")


def test_the_same_bits_twice_with_as_many_threads(optimizing, feeds):
    program, compiled = optimizing
    start = program.initial_values()
    for threads in (1, 2):
        runs = [CompiledExecution(compiled, start, threads=threads) for _ in range(2)]
        losses = [run.run(feeds, batch_size=70) for run in runs]
        for name in losses[0]:
            assert losses[0][name].tobytes() == losses[1][name].tobytes()
        for name, array in runs[0].variables.items():
            assert array.tobytes() == runs[1].variables[name].tobytes(), name


def test_random_numbers_are_the_interpreters_at_every_step():
    """Whatever the tile of rows, the thread and the batch."""
    x = placeholder("x", (None, 5))
    step = Variable(3, "global_step", dtype="int64", trainable=False)
    outputs = {
        "uniform": uniform(x, 7, step),
        "normal": normal(x, 8, step),
        "dropout": dropout(x, 0.4, 9, step),
        "turned": sum_of(uniform(x, 7, step) * square(x), 0),
    }
    program = Program([x], outputs, {step: step + 1})
    compiled = Compiled(program, FAST)
    feeds = {"x": np.random.default_rng(2).normal(size=(300, 5)).astype(np.float32)}
    expected = program.start().run(feeds, batch_size=130)
    for threads in (1, 2):
        execution = CompiledExecution(compiled, program.initial_values(), threads=threads)
        actual = execution.run(feeds, batch_size=130)
        for name in ("uniform", "dropout"):
            np.testing.assert_array_equal(actual[name], expected[name])
        for name in ("normal", "turned"):
            agree(actual[name], expected[name], 1e-5, name)
    assert (expected["uniform"][:130] != expected["uniform"][130:260]).any()
