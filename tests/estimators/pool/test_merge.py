"""What several workers have learnt becomes one: sums, means, and what lies between."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.estimators.pool.merge import adasum, merge
from cannery.estimators.pool.worker import Message, Part
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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_additive_slots_are_slots(name):
    optimizer = OPTIMIZERS[name]()
    assert optimizer.additive <= set(optimizer.slots())
    assert ("accumulator" in optimizer.slots()) == ("accumulator" in optimizer.additive)
