"""A program survives JSON and pickling; damaged or hostile data are refused by name."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from cannery import graph as g
from cannery.errors import InvalidValue
from cannery.graph.serialize import from_json, to_json


@pytest.fixture
def program():
    x = g.placeholder("x", (None, 3))
    weights = g.Variable(np.ones((3, 2), "float32"), "weights")
    with g.name_scope("tower"):
        y = g.relu(x @ weights + np.array([np.nan, -0.0], "float32"))
        z = g.sum(g.concat([y, y * np.float32("inf")], axis=1), axis=1)
    return g.Program(outputs={"z": z}, updates={weights: weights * 2.0})


def same_bits(a, b):
    return a.tobytes() == b.tobytes()


def test_json_and_back_gives_equal_results(program):
    data = json.loads(json.dumps(to_json(program)))
    again = g.Program.from_json(data)
    assert to_json(again) == to_json(program)
    feeds = {"x": np.arange(6, dtype="float32").reshape(2, 3)}
    values = {"weights": np.ones((3, 2), "float32")}
    first, second = program.start(values), again.start(values)
    for _ in range(2):
        assert same_bits(first.run(feeds)["z"], second.run(feeds)["z"])
    np.testing.assert_array_equal(first.variables["weights"], second.variables["weights"])


def test_expressions_without_variables_come_back_as_the_same_nodes():
    y = g.exp(g.placeholder("x", (None,)) * 2.0)
    assert from_json(to_json(g.Program(outputs={"y": y}))).outputs["y"] is y


def test_names_and_scopes_come_back(program):
    again = g.Program.from_json(to_json(program))
    assert [node.name for node in again.nodes] == [node.name for node in program.nodes]


def test_pickling_keeps_initial_values_and_takes_deep_graphs():
    x = weights = g.Variable([1.0, 2.0], "weights")
    for _ in range(3000):
        x = g.sin(x)
    program = pickle.loads(pickle.dumps(g.Program(outputs={"y": x}, updates={weights: x})))
    assert program.initial_values()["weights"].tolist() == [1.0, 2.0]


DAMAGE = {
    "no data": lambda d: None,
    "another format": lambda d: {**d, "format": "cannery.program/9"},
    "nodes cut off": lambda d: {**d, "nodes": d["nodes"][:2]},
    "no outputs": lambda d: {k: v for k, v in d.items() if k != "outputs"},
    "an unknown op": lambda d: d["nodes"][2].update(op="system") or d,
    "a forward reference": lambda d: d["nodes"][2].update(inputs=[5, 5]) or d,
    "a negative reference": lambda d: d["nodes"][2].update(inputs=[-1, -1]) or d,
    "a huge variable": lambda d: d["nodes"][1].update(shape=[2**40]) or d,
    "an unknown dtype": lambda d: d["nodes"][1].update(dtype="object") or d,
    "text for nodes": lambda d: {**d, "nodes": "nodes"},
    "a foreign attribute": lambda d: d["nodes"][2].update(attributes={"axis": 3}) or d,
    "an update of no variable": lambda d: {**d, "updates": [[0, 1]]},
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_data_are_refused(program, damage):
    with pytest.raises(InvalidValue, match=r"^program"):
        g.Program.from_json(damage(copy.deepcopy(to_json(program))))


def test_a_constant_of_the_wrong_length_is_refused(program):
    data = to_json(program)
    constant = next(n for n in data["nodes"] if n["op"] == "constant")
    constant["attributes"]["value"]["shape"] = [7]
    with pytest.raises(InvalidValue, match="wrong length"):
        from_json(data)
