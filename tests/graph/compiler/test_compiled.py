"""Compiled programs at work: a row's answer depends on that row alone, whoever asks."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from cannery.errors import CanneryError, InvalidType, InvalidValue, NonFinite, ShapeMismatch
from cannery.graph import (
    Program,
    Variable,
    concat,
    exp,
    gather,
    matmul,
    mean,
    placeholder,
    relu,
    repeat_rows,
    segment_sum,
    sigmoid,
    softmax,
    sum_groups,
    sum_rows,
    take,
    transpose,
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


@pytest.fixture(scope="module")
def lookups(has_compiler):
    """Everything that follows what a feed says, and a step that changes what it looks up."""
    ids, groups = placeholder("ids", (None, 2), "int32"), placeholder("groups", (None,), "int32")
    lengths, counts = (
        placeholder("bag/lengths", (None,), "int32"),
        placeholder("counts", (3,), "int32"),
    )
    bag, weights = placeholder("bag", ("bag",), "int32"), placeholder("bag/weights", ("bag",))
    x, values = placeholder("x", (None, 4)), placeholder("values", (7, 2))
    table, wide = Variable(drawn(9, 4), "table"), Variable(drawn(9, 1), "wide")
    rows = sum_rows(table, ids) + sum_rows(table, bag, weights, lengths=lengths) + x
    outputs = {
        "rows": rows,
        "loss": mean(rows),
        "gathered": gather(x, ids),
        "row": take(x, groups),
        "sums": sum_groups(groups, x),
        "segments": segment_sum(values, counts),
        "repeated": repeat_rows(values[:3], counts, 7),
    }
    updates = {wide: wide - total(take(wide, ids)) * 0.1, table: table * 0.5}
    inputs = [ids, groups, bag, lengths, weights, x, counts, values]
    return Program(inputs, outputs, updates)


def lookup_feeds(rows=80, **given):
    counts = DRAW.integers(0, 4, rows)
    counts[:: rows // 7 + 1] = 200  # now and then a long one
    words = ragged(counts)
    words.ids, words.weights = words.ids % 9, drawn(len(words.ids))
    words.ids[::5] = -1
    feeds = {
        "ids": DRAW.integers(-3, 4, (rows, 2)).astype(np.int32),
        "groups": DRAW.integers(-1, rows, rows).astype(np.int32),
        "bag": words,
        "x": drawn(rows, 4),
        "counts": np.array([2, 0, 5], np.int32),
        "values": drawn(7, 2),
    }
    return {**feeds, **given}


def with_one(array, value):
    array = array.copy()
    array[len(array) // 2] = value
    return array


HOSTILE = {
    "too large an id": {"ids": with_one(lookup_feeds()["ids"], 9)},
    "a huge id": {"ids": with_one(lookup_feeds()["ids"], 2**31 - 1)},
    "an id past the columns": {"ids": with_one(lookup_feeds()["ids"], 4)},
    "a row that is not there": {"groups": np.full(80, 80, np.int32)},
    "lengths too long": {"counts": np.array([2, 0, 6], np.int32)},
    "lengths too short": {"counts": np.array([2, 0, 4], np.int32)},
    "negative lengths": {"counts": np.array([9, -2, 0], np.int32)},
    "huge lengths": {"counts": np.array([2**31 - 1, 2**31 - 1, 2], np.int32)},
    "text": {"x": np.full((80, 4), "a")},
    "another shape": {"x": np.zeros((80, 5))},
    "fewer rows": {"x": np.zeros((79, 4))},
    "no offsets": {"bag": SimpleNamespace(offsets=[], ids=np.zeros(3), weights=np.zeros(3))},
    "offsets that shrink": {
        "bag": SimpleNamespace(offsets=np.arange(81)[::-1], ids=np.zeros(90), weights=np.zeros(90))
    },
    "offsets beyond the values": {
        "bag": SimpleNamespace(offsets=np.arange(81), ids=np.zeros(79), weights=np.zeros(79))
    },
    "negative offsets": {
        "bag": SimpleNamespace(offsets=np.arange(81) - 9, ids=np.zeros(90), weights=np.zeros(90))
    },
    "fewer weights than values": {
        "bag": SimpleNamespace(offsets=np.arange(81), ids=np.zeros(80), weights=np.zeros(70))
    },
    "a value too large": {
        "bag": SimpleNamespace(offsets=np.arange(81), ids=np.arange(80), weights=np.zeros(80))
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_feeds_are_refused_as_by_the_interpreter(lookups, name):
    feeds = lookup_feeds(**HOSTILE[name])
    runs = lookups.start(), lookups.start(jit=True), lookups.start(jit=True, threads=2)
    before = {name: array.copy() for name, array in runs[0].variables.items()}
    refusals = []
    for run in runs:
        with pytest.raises(CanneryError) as refused:
            run.run(feeds)
        # Which of two ops sees it first may differ.
        refusals.append((type(refused.value), str(refused.value).split(": ")[1]))
        for variable, array in run.variables.items():
            np.testing.assert_array_equal(array, before[variable])
    assert refusals[0][0] == refusals[1][0] == refusals[2][0]
    if "id" not in name:
        assert refusals[0] == refusals[1]


@pytest.mark.parametrize("rows", [0, 1, 80])
def test_odd_feeds_are_treated_as_by_the_interpreter(lookups, rows):
    """Negative ids, NaN, empty and very long cells, rows that come twice, other dtypes."""
    feeds = lookup_feeds(80)
    feeds["ids"] = feeds["ids"].astype(np.int64)
    feeds["groups"] = np.full(80, 0.0)
    feeds["x"] = feeds["x"].astype(np.float64)
    feeds["x"][3] = np.nan
    order = np.repeat(np.arange(rows), 2)[::-1]
    for batch_size in (None, 7):
        runs = lookups.start(), lookups.start(jit=True), lookups.start(jit=True, threads=2)
        expected, *found = (run.run(feeds, order, batch_size) for run in runs)
        for actual in found:
            for name, value in expected.items():
                np.testing.assert_allclose(actual[name], value, 1e-4, 1e-4, err_msg=name)
        for name, value in runs[0].variables.items():
            np.testing.assert_allclose(runs[2].variables[name], value, 1e-4, 1e-4, err_msg=name)


def test_a_refused_step_leaves_the_variables_as_the_steps_before_it_did(has_compiler):
    """Even those that are updated before anything else is computed."""
    x, scale, count = placeholder("x", (None,)), Variable(1.0, "scale"), Variable(0.0, "count")
    loss = total(x * scale)
    program = Program([x], {"loss": loss}, {scale: scale * 0.5, count: count + 1.0 + loss * 0.0})
    data = np.ones(9, np.float32)
    data[7] = np.inf
    for jit in (False, True):
        execution = program.start(jit=jit)
        with pytest.raises(NonFinite, match="is not finite"):
            execution.run({"x": data}, batch_size=3, finite="loss")
        assert execution.variables["scale"] == 0.25 and execution.variables["count"] == 2
        execution.run({"x": data[:3]}, batch_size=3, finite="loss")
        assert execution.variables["count"] == 3


def test_an_output_whose_size_is_unknown_is_refused(has_compiler):
    x = placeholder("x", (None, 3))
    with pytest.raises(ShapeMismatch, match="only its first axis may depend on the feeds"):
        Program([x], {"turned": transpose(x)}).start(jit=True)


def test_rows_compared_with_one_another(has_compiler):
    x = placeholder("x", (None, 3))
    near = exp(-matmul(x, transpose(x)))
    shares = near / total(near, 1, keepdims=True)
    outputs = {"near": total(near, 1), "share": total(shares, 0), "all": total(near * near)}
    program = Program([x], outputs)
    feeds = {"x": drawn(90, 3)}
    one, two = program.start(), program.start(jit=True)
    for batch_size in (None, 13):
        found = two.run(feeds, batch_size=batch_size)
        for name, value in one.run(feeds, batch_size=batch_size).items():
            np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)
