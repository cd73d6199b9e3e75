"""A program survives JSON and pickling; damaged or hostile data are refused by name."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cannery import graph as g
from cannery.errors import CanneryError, InvalidValue
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


def test_pickling_keeps_who_is_who():
    a = g.Variable([1.0], "a")
    program, again = pickle.loads(pickle.dumps((g.Program(outputs={"y": a * 2.0}), a)))
    assert program.variables == (again,)


def test_names_do_not_depend_on_where_a_program_is_read():
    with g.name_scope("written"):
        x, a = g.placeholder("x", ()), g.Variable([1.0], "a")
        program = g.Program(outputs={"y": x * a})
    with g.name_scope("read"):
        for again in (g.Program.from_json(program.to_json()), copy.deepcopy(program)):
            assert [node.name for node in again.nodes] == [node.name for node in program.nodes]
            assert [node.name for node in again.inputs] == ["written/x"]


def test_a_feed_that_nothing_uses_stays_a_feed():
    x, y = g.placeholder("x", ()), g.placeholder("y", ())
    program = g.Program([x, y], {"z": x + 1.0})
    assert g.Program.from_json(program.to_json()).inputs == (x, y)


def test_a_variable_keeps_what_it_is():
    kinds = [(True, False), (False, False), (False, True)]
    for trainable, additive in kinds:
        x = g.Variable(np.zeros(2), "x", trainable=trainable, additive=additive)
        again = g.Program.from_json(g.Program(outputs={"y": x + 1.0}).to_json())
        found = next(node for node in again.nodes if isinstance(node, g.Variable))
        assert (found.trainable, found.additive) == (trainable, additive)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_any_program_comes_back_whole(random_programs, data):
    program = data.draw(random_programs.strategy())
    text = json.dumps(program.to_json(), allow_nan=False)
    again = g.Program.from_json(json.loads(text))
    assert again.to_json() == program.to_json()
    assert [(n.shape, n.dtype) for n in again.nodes] == [(n.shape, n.dtype) for n in program.nodes]


JUNK = [None, True, -1, 10**30, 0.5, "", "add", [], [0], {}, {"tuple": 3}, {"float": "x"}]
JUNK += [{"array": "AAAA", "dtype": "float32", "shape": [-1]}, [[[0]]], float("nan")]


def places(data):
    """Every place in nested lists and dicts, as the container and the key in it."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in list(pairs):
        yield data, key
        if isinstance(value, (dict, list)):
            yield from places(value)


def test_junk_anywhere_is_refused_or_makes_a_program(program):
    """One thing replaced or left out, everywhere: nothing but our own error comes out."""
    whole = to_json(program)
    total = len(list(places(whole)))
    refused = 0
    for position, junk in itertools.product(range(total), [*JUNK, "leave out"]):
        data = copy.deepcopy(whole)
        container, key = list(places(data))[position]
        if junk == "leave out":
            del container[key]
        else:
            container[key] = copy.deepcopy(junk)
        try:
            str(g.Program.from_json(data))
        except InvalidValue:
            refused += 1
    assert refused > 0.6 * total * (len(JUNK) + 1)


def test_deep_nesting_is_refused(program):
    data = to_json(program)
    nested = 0
    for _ in range(5000):
        nested = {"tuple": [nested]}
    data["nodes"][0]["attributes"]["shape"] = nested
    with pytest.raises(InvalidValue, match="is damaged"):
        from_json(data)


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


HOSTILE = [99, -1, 2**40, 1.5, "x", None, True, [0], {}]
HOSTILE += [{"tuple": t} for t in ([], [99], [-1], [0, 0], [True], [None], [5, -3, 0], [1, 1, 1])]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [name for name, op in g.OPS.items() if any(op.samples())])
def test_hostile_attributes_are_refused_or_harmless(name):
    sample = next(iter(g.OPS[name].samples()))
    feeds = {f"x{i}": array for i, array in enumerate(sample.arrays)}
    inputs = [g.placeholder(key, array.shape, array.dtype) for key, array in feeds.items()]
    program = g.Program(outputs={"y": g.OPS[name](*inputs, **sample.attributes)})
    text = json.dumps(program.to_json())
    for key, value in itertools.product(sample.attributes, HOSTILE):
        data = json.loads(text)
        next(node for node in data["nodes"] if node["op"] == name)["attributes"][key] = value
        try:
            execution = g.Program.from_json(data).start()
        except InvalidValue:
            continue
        with contextlib.suppress(CanneryError):
            execution.run(feeds)
