"""An explanation counts rewrites, kernels and bytes, and times what it is fed."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidType, InvalidValue, MissingDependency
from cannery.graph import (
    Program,
    Variable,
    explain,
    gradients,
    mean,
    name_scope,
    placeholder,
    sigmoid,
    squared_error,
)
from cannery.graph.compiler.toolchain import find_toolchain

RANDOM = np.random.default_rng(0)
FEEDS = {
    "x": RANDOM.normal(size=(100, 12)).astype("float32"),
    "y": RANDOM.normal(size=(100, 16)).astype("float32"),
}


@pytest.fixture(scope="module")
def program():
    x, y = placeholder("x", (None, 12)), placeholder("y", (None, 16))
    weights = Variable(np.ones((12, 16), "float32"), "weights")
    with name_scope("tower"):
        predicted = sigmoid(x @ weights) * 1.0
    loss = mean(squared_error(predicted, y))
    (slope,) = gradients(loss, [weights])
    return Program(outputs={"loss": loss}, updates={weights: weights - 0.1 * slope}).simplified()


@pytest.fixture(scope="module")
def plain(program):
    return explain(program, batch_size=50)


def test_rewrites_lead_from_what_was_written_to_what_runs(program, plain):
    frame = plain.rewrites
    assert "algebra" in set(frame["rewrite"])
    assert (frame["after"] <= frame["before"])[frame["pass"] != "compiler"].all()
    simplified = frame[frame["pass"] != "compiler"]
    assert simplified["after"].iloc[-1] == sum(bool(node.inputs) for node in program.nodes)
    assert (simplified["before"].iloc[1:].values <= simplified["after"].iloc[:-1].values).all()
    assert f"{simplified['before'].iloc[0]} ops as written" in str(plain)


def test_a_program_that_was_not_simplified_has_no_rewrites(program):
    found = explain(program.origin)
    assert len(found.rewrites.query("`pass` != 'compiler'")) == 0
    assert f"program.simplified() has {sum(bool(n.inputs) for n in program.nodes)}" in str(found)


def test_every_op_is_in_a_kernel(program, plain):
    told = " ".join(plain.kernels["ops"])
    for node in program.nodes:
        if node.inputs and not node.op.view:
            assert node.name.rpartition("/")[2] in told
    assert "tower: matmul" in set(plain.kernels["ops"])
    assert set(plain.kernels["runs"]) <= {"once", "rows", "whole"}


def test_reuse_of_memory_saves_bytes(plain):
    frame = plain.memory
    assert (frame["bytes"] <= frame["without reuse"]).all()
    interpreter = frame[frame["engine"] == "interpreter"].iloc[0]
    assert interpreter["bytes"] < interpreter["without reuse"]
    assert frame[frame["memory"] == "variables"]["bytes"].item() == 12 * 16 * 4


def test_more_rows_take_more_memory(program, plain):
    larger = explain(program, batch_size=500)
    assert larger.memory["bytes"].sum() > plain.memory["bytes"].sum()


def test_without_feeds_nothing_is_timed(plain):
    assert plain.engine == ""
    assert len(plain.ops) == 0
    assert "microseconds" not in plain.kernels


def test_kernels_of_c_are_timed(program):
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")
    found = explain(program, FEEDS, batch_size=50)
    assert found.engine == "C"
    assert (found.kernels["microseconds"] >= 0).all()
    assert found.kernels["share"].sum() == pytest.approx(1, abs=0.01)
    assert "ticks()" in found.source
    assert "ticks()" not in explain(program).source


def test_ops_of_the_interpreter_are_timed(program):
    found = explain(program, FEEDS, batch_size=50, jit=False)
    assert found.engine == "interpreter"
    timed = set(found.ops["name"])
    assert {"tower/matmul", "tower/sigmoid"} <= timed
    assert (found.ops["microseconds"] > 0).all()


def test_without_a_compiler_the_interpreter_is_timed(program, monkeypatch):
    monkeypatch.setenv("CANNERY_JIT", "0")
    assert explain(program, FEEDS).engine == "interpreter"
    with pytest.raises(MissingDependency, match="C compiler"):
        explain(program, FEEDS, jit=True)


def test_timing_leaves_the_values_given_as_they_are(program):
    values = {"weights": np.zeros((12, 16), "float32")}
    explain(program, FEEDS, values=values, jit=False)
    assert not values["weights"].any()


def test_notebooks_show_tables(plain):
    text = plain._repr_html_()
    assert text.count("<table") == 3
    assert "tower: matmul" in text


def test_what_is_no_program_is_refused(program):
    with pytest.raises(InvalidType, match="training_program_"):
        explain(object())
    with pytest.raises(InvalidValue, match="batch_size"):
        explain(program, batch_size=0)
    with pytest.raises(InvalidValue, match="x"):
        explain(program, {"y": FEEDS["y"]}, jit=False)
