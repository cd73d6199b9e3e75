"""What several workers have learnt becomes one: sums, means, and what lies between."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.estimators.pool import merge as merging
from cannery.estimators.pool.merge import adasum, divide, merge, merged, write
from cannery.estimators.pool.messages import Message, Part, opened, put_aside
from cannery.estimators.pool.messages import cut as cut_out
from cannery.graph import Variable
from cannery.graph.optimizers import OPTIMIZERS

numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
vectors = st.lists(numbers, min_size=3, max_size=3).map(lambda x: np.array([x]))


@given(st.lists(vectors, min_size=1, max_size=5))
def test_equal_changes_count_once(changes):
    np.testing.assert_allclose(adasum([changes[0]] * len(changes)), changes[0], atol=1e-9)


@given(vectors, vectors)
def test_the_order_of_two_does_not_matter(x, y):
    np.testing.assert_allclose(adasum([x, y]), adasum([y, x]), rtol=1e-9, atol=1e-9)


@given(st.lists(numbers, min_size=2, max_size=5))
def test_changes_of_different_weights_add_up(sizes):
    changes = [np.eye(len(sizes))[[i]] * size for i, size in enumerate(sizes)]
    np.testing.assert_allclose(adasum(changes), [sizes], atol=1e-9)


@given(vectors, vectors)
def test_no_longer_than_both_together(x, y):
    length = np.linalg.norm(adasum([x, y]))
    assert length <= np.linalg.norm(x) + np.linalg.norm(y) + 1e-9


@pytest.fixture
def parts():
    return [Part(0, 0, 30), Part(1, 30, 40)]


def test_each_kind_of_variable_in_its_way(parts):
    kinds = {
        "weight": {},
        "accumulator": {"trainable": False, "additive": True},
        "average": {"trainable": False},
    }
    variables = [Variable(np.zeros(2, np.float32), name, **kind) for name, kind in kinds.items()]
    variables.append(Variable(np.int64(0), "step", trainable=False))
    state = {v.name: np.ones(2, np.float32) for v in variables[:3]} | {"step": np.array(7)}
    learnt = [
        {"weight": [3, 1], "accumulator": [2, 1], "average": [5, 1], "step": 10},
        {"weight": [1, 2], "accumulator": [4, 1], "average": [9, 1], "step": 8},
    ]
    messages = [
        Message(
            part, whole={name: np.array(value, state[name].dtype) for name, value in one.items()}
        )
        for part, one in zip(parts, learnt, strict=True)
    ]
    merge(variables, state, messages)
    assert state["weight"].tolist() == [3, 2]  # each moved another weight
    assert state["accumulator"].tolist() == [5, 1]
    assert state["average"].tolist() == [6, 1]  # three quarters of the rows say 5
    assert state["step"] == 10


def test_each_row_of_a_table_by_itself(parts):
    variables = [
        Variable(np.zeros((4, 1), np.float32), "table"),
        Variable(np.zeros((4, 1), np.float32), "sums", trainable=False, additive=True),
        Variable(np.zeros((4, 1), np.float32), "means", trainable=False),
    ]
    state = {v.name: np.zeros((4, 1), np.float32) for v in variables}
    rows = [np.array([0, 2]), np.array([2, 3])]
    values = [np.array([[2], [4]], np.float32), np.array([[4], [1]], np.float32)]
    messages = [
        Message(part, whole={}, rows=[(places, dict.fromkeys(state, given))])
        for part, places, given in zip(parts, rows, values, strict=True)
    ]
    merge(variables, state, messages)
    found = {name: value.reshape(-1).tolist() for name, value in state.items()}
    assert found == {"table": [2, 0, 4, 1], "sums": [2, 0, 8, 1], "means": [2, 0, 4, 1]}


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("width", [1, 4])
def test_rows_of_one_worker_are_as_it_says_and_others_as_if_alone(workers, width):
    random = np.random.default_rng(workers)
    kinds = {"weight": {}, "sum": {"additive": True}, "mean": {}}
    variables = [
        Variable(np.zeros((50, width), np.float32), name, trainable=name == "weight", **kind)
        for name, kind in kinds.items()
    ]
    state = {name: random.normal(size=(50, width)).astype(np.float32) for name in kinds}
    before = {name: value.copy() for name, value in state.items()}
    messages = []
    for number in range(workers):
        rows = np.flatnonzero(random.random(50) < 0.4)
        shape = (len(rows), width)
        new = {name: random.normal(size=shape).astype(np.float32) for name in kinds}
        messages.append(Message(Part(number, number, number + 1), rows=[(rows, new)]))
    merge(variables, state, messages)
    for row in range(50):
        found = [one.rows[0] for one in messages if row in one.rows[0][0]]
        for name, old in before.items():
            values = [tables[name][np.searchsorted(rows, row)] for rows, tables in found]
            changes = [(value.astype(float) - old[row])[None] for value in values]
            if not changes:
                wanted = old[row]
            elif len(changes) == 1:
                wanted = values[0]
            elif name == "weight":
                # Workers that have not changed a row stand in their place with nothing.
                nothing = np.zeros((1, width))
                told = iter(changes)
                each = [next(told) if row in one.rows[0][0] else nothing for one in messages]
                wanted = old[row] + adasum(each)[0]
            else:
                wanted = old[row] + np.sum(changes, 0)[0] / (len(changes) if name == "mean" else 1)
            np.testing.assert_allclose(state[name][row], wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_additive_slots_are_slots(name):
    optimizer = OPTIMIZERS[name]()
    assert optimizer.additive <= set(optimizer.slots())
    assert ("accumulator" in optimizer.slots()) == ("accumulator" in optimizer.additive)


VARIABLES = [Variable(np.zeros(1), name) for name in ("weight", "packed", "moment", "step")]


def touched(random, number):
    """A message of some rows of two tables and of a whole variable."""
    ids = np.unique(random.integers(0, 1000, random.integers(1, 300))).astype(np.int32)
    tables = {
        name: random.normal(size=(len(ids), width)).astype(np.float32)
        for name, width in (("table", 5), ("sums", 1))
    }
    other = np.unique(random.integers(0, 50, 20 * number))  # the first message has none
    shapes = {"weight": (30, 4), "packed": (300,), "moment": (90, 4)}
    whole = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    whole["step"] = np.array(number)
    rows = [(ids, tables), (other, {"bias": random.normal(size=len(other)).astype(np.float32)})]
    return Message(Part(number, 10 * number, 10 * number + 10 - number), whole=whole, rows=rows)


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_divided_gives_the_bits_of_undivided(workers, monkeypatch, tmp_path):
    monkeypatch.setattr(merging, "LEAST_MERGED", 1)
    monkeypatch.setattr(merging, "LEAST_SLICE", 512)
    random = np.random.default_rng(workers)
    shapes = {"table": (1000, 5), "sums": (1000, 1), "bias": (50,), "weight": (30, 4)}
    shapes |= {"packed": (300,), "moment": (90, 4)}
    state = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    state["step"] = np.array(0)
    variables = [
        Variable(np.zeros(value.shape, value.dtype), name) for name, value in state.items()
    ]
    for place, additive in ((1, True), (4, True), (5, False)):
        name = variables[place].name
        variables[place] = Variable(state[name], name, trainable=False, additive=additive)
    messages = [touched(random, number) for number in range(workers)]
    whole = {name: value.copy() for name, value in state.items()}
    merge(variables, whole, messages)
    pieces = divide(variables, messages, workers)
    assert len(pieces) == workers
    cut = Counter(piece.name for own in pieces for piece in own)
    assert min(cut[name] for name in ("table", "packed", "moment")) > 1 == cut["weight"]
    apart = [put_aside(message, tmp_path, 0) for message in messages]
    before = {name: value.copy() for name, value in state.items()}
    answers = []
    for own in pieces:
        found = merged(variables, state, [cut_out(opened(message), own) for message in apart])
        answer = put_aside(Message(None, whole=found[0], rows=found[1]), tmp_path, 0)
        answers.append(opened(answer))
    assert all((state[name] == before[name]).all() for name in state)  # nothing is half merged
    for answer in reversed(answers):
        write(state, answer.whole, answer.rows)
    assert {name: value.tobytes() for name, value in state.items()} == {
        name: value.tobytes() for name, value in whole.items()
    }


def test_little_is_merged_by_the_chief():
    messages = [touched(np.random.default_rng(0), number) for number in range(2)]
    assert divide(VARIABLES, messages, 2) == []


def test_one_message_is_not_merged(monkeypatch):
    monkeypatch.setattr(merging, "LEAST_MERGED", 1)
    assert divide(VARIABLES, [touched(np.random.default_rng(0), 0)], 4) == []
