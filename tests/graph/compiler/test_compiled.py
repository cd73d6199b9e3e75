"""Compiled programs at work: a row's answer depends on that row alone, whoever asks."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from cannery.errors import InvalidType, InvalidValue, ShapeMismatch
from cannery.graph import (
    Program,
    Variable,
    concat,
    exp,
    matmul,
    mean,
    placeholder,
    relu,
    sigmoid,
    softmax,
    sum_rows,
    take,
)
from cannery.graph import sum as total

ROWS = 700
DRAW = np.random.default_rng(0)


def drawn(*shape):
    return DRAW.normal(size=shape).astype(np.float32)


FEEDS = {"x": drawn(ROWS, 7), "ids": DRAW.integers(0, 30, ROWS).astype(np.int32)}


@pytest.fixture(scope="module")
def program(has_compiler):
    """A prediction: dense layers of odd widths, an embedding, functions that round."""
    x, ids = placeholder("x", (None, 7)), placeholder("ids", (None,), "int32")
    joined = concat([x, take(Variable(drawn(30, 5), "table"), ids)], 1)
    hidden = relu(matmul(joined, Variable(drawn(12, 19), "kernel")) + Variable(drawn(19), "bias"))
    hidden = sigmoid(matmul(hidden, Variable(drawn(19, 33), "kernel_2")))
    logits = matmul(hidden, Variable(drawn(33, 3), "kernel_3"))
    outputs = {"shares": softmax(logits), "odds": exp(logits[:, 0]), "first": ids + 1}
    outputs["length"] = total(hidden * x[:, :1], 1)
    return Program(outputs=outputs)


@pytest.fixture(scope="module")
def execution(program):
    return program.start(jit=True)


@pytest.fixture(scope="module")
def expected(execution):
    return execution.run(FEEDS)


def part(low, high):
    return {name: feed[low:high] for name, feed in FEEDS.items()}


def same(found, expected, rows=slice(None)):
    return all(found[name].tobytes() == value[rows].tobytes() for name, value in expected.items())


def test_answers_are_the_interpreters(program, expected):
    for name, value in program.start().run(FEEDS).items():
        np.testing.assert_allclose(expected[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 31, 63, 64, 65, 100, 129, 333])
def test_a_row_answers_alike_to_the_bit_in_any_company(execution, expected, count):
    for low in {0, 1, 7, ROWS - count}:
        found = execution.run(part(low, low + count))
        assert same(found, expected, slice(low, low + count))


def test_a_row_answers_alike_at_any_place_and_batch_size(execution, expected):
    order = np.random.default_rng(1).permutation(ROWS)
    for batch_size in (None, 1, 17, 256):
        assert same(execution.run(FEEDS, order, batch_size), expected, order)


def test_two_threads_change_no_bit_of_a_prediction(program, execution, expected):
    pair = program.start(execution.variables, jit=True, threads=2)
    many = {name: np.concatenate([feed] * 60) for name, feed in FEEDS.items()}
    assert ROWS * 60 > 2 * 16384  # more than are predicted between two looks at signals
    found = pair.run(many)
    for low in range(0, ROWS * 60, ROWS):
        assert same({name: value[low : low + ROWS] for name, value in found.items()}, expected)
    assert same(pair.run(part(3, 4)), expected, slice(3, 4))


def test_answers_are_copies(execution, expected):
    first = execution.run(part(0, 2))
    execution.run(part(5, 7))
    assert same(first, expected, slice(0, 2))


@pytest.mark.parametrize(
    ("feeds", "error", "message"),
    [
        ({"x": FEEDS["x"][:3]}, InvalidValue, "feed 'ids': is missing"),
        ({**part(0, 3), "x": FEEDS["x"][:2]}, InvalidValue, "must have 2 rows like the others"),
        ({**part(0, 3), "x": FEEDS["x"][:3, :2]}, ShapeMismatch, "feed 'x': must have shape"),
        ({**part(0, 3), "x": np.array(["a"] * 3)}, InvalidType, "feed 'x': must be numbers"),
        ({**part(0, 3), "ids": np.full(3, 30, np.int32)}, InvalidValue, "ids must be below 30"),
        ({}, InvalidValue, "is missing"),
    ],
)
def test_few_rows_are_checked_like_many(execution, expected, feeds, error, message):
    with pytest.raises(error, match=message):
        execution.run(feeds)
    assert same(execution.run(part(1, 4)), expected, slice(1, 4))


def test_few_rows_of_other_types_are_converted(execution, expected):
    other = {"x": FEEDS["x"][:4].astype(float).tolist(), "ids": FEEDS["ids"][:4].astype(np.int64)}
    assert same(execution.run(other), expected, slice(0, 4))
    turned = {"x": np.asfortranarray(FEEDS["x"][:4]), "ids": FEEDS["ids"][:8:2]}
    assert same(execution.run({**turned, "ids": FEEDS["ids"][:4]}), expected, slice(0, 4))
    assert {name: len(a) for name, a in execution.run(part(0, 0)).items()} == dict.fromkeys(
        expected, 0
    )


def test_threads_of_python_take_turns(execution, expected):
    wrong = []

    def ask(low):
        for count in (1, 40, 200):
            for _ in range(30):
                if not same(
                    execution.run(part(low, low + count)), expected, slice(low, low + count)
                ):
                    wrong.append((low, count))

    threads = [threading.Thread(target=ask, args=(low,)) for low in (0, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_predicts_though_another_thread_was_at_work(execution, expected):
    with execution._lock:  # as a thread would hold it that the child does not have
        child = os.fork()
        if child == 0:
            os._exit(0 if same(execution.run(part(0, 9)), expected, slice(0, 9)) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture(scope="module")
def training(has_compiler):
    """A step that counts itself, averages a ragged feed and has an output of the whole batch."""
    lengths = placeholder("bag/lengths", (None,), "int32")
    bag = placeholder("bag", ("bag",), "int32")
    size = placeholder("size", ())
    table, steps = Variable(drawn(50, 4), "table"), Variable(np.int64(0), "steps")
    rows = sum_rows(table, bag, lengths=lengths, combiner="mean")
    outputs = {"rows": rows, "mean": mean(rows) * size}
    return Program(outputs=outputs, updates={steps: steps + 1})


def ragged(counts):
    offsets = np.concatenate([[0], np.cumsum(counts)])
    ids = DRAW.integers(0, 50, offsets[-1]).astype(np.int32)
    return SimpleNamespace(offsets=offsets, ids=ids, weights=None)


def test_ragged_feeds_in_any_order(training):
    feeds = {"bag": ragged(DRAW.integers(0, 5, 20_000)), "size": np.float32(3)}
    order = DRAW.permutation(20_000)[:1000]
    one, two = training.start(), training.start(jit=True)
    for rows, batch_size in [(None, None), (None, 999), (order, 64), (order[:1], None)]:
        wanted, found = (e.run(feeds, rows, batch_size) for e in (one, two))
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6)
        assert one.variables["steps"] == two.variables["steps"] > 0


def test_other_threads_of_python_go_on_meanwhile(training):
    feeds = {"bag": ragged(np.full(1000, 40)), "size": np.float32(1)}
    execution, counted, over = training.start(jit=True), [0], threading.Event()

    def count():
        while not over.is_set():
            counted[0] += 1
            time.sleep(1e-4)

    counter = threading.Thread(target=count)
    counter.start()
    execution.run(feeds, np.tile(np.arange(1000), 1000), 1000)
    over.set()
    counter.join()
    assert counted[0] > 10
    assert execution.variables["steps"] == 1000
