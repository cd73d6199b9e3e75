"""A program can be read and drawn."""

from __future__ import annotations

import shutil

import pytest

from cannery import graph as g
from cannery.graph.text import graphviz, notebook_html, svg


@pytest.fixture
def program():
    x = g.placeholder("x", (None, 2))
    weights = g.Variable([[1.0], [2.0]], "weights")
    with g.name_scope("tower"):
        y = g.tanh(x @ weights)
    return g.Program(outputs={"y": y}, updates={weights: weights + 1.0})


def test_text_has_a_line_a_node_with_shape_and_dtype(program):
    lines = str(program).splitlines()
    assert "tower/tanh = tanh(tower/matmul)  # (batch, 1) float32" in lines
    assert lines[-2:] == ["output y = tower/tanh", "update weights = add"]
    assert len(lines) == len(program.nodes) + 2


def test_nodes_of_one_name_are_told_apart():
    x = g.placeholder("x", ())
    text = str(g.Program(outputs={"y": g.exp(g.exp(x))}))
    assert "exp_2 = exp(exp)" in text


def test_a_number_does_not_run_into_another_name():
    x = g.placeholder("exp_2", ())
    program = g.Program(outputs={"y": g.exp(g.exp(x))})
    names = [line.split(" = ")[0] for line in str(program).splitlines()[:3]]
    assert names == ["exp_2", "exp", "exp_3"]


def test_scopes_are_boxes_of_the_drawing(program):
    text = graphviz(program)
    assert 'subgraph "cluster_tower/" { label="tower";' in text
    assert text.count("{") == text.count("}")
    assert '"x" -> "tower/matmul" [label="(batch, 2)"];' in text


def test_names_with_quotes_do_not_break_the_drawing():
    x = g.placeholder('a"b', ())
    assert '"a\\"b"' in graphviz(g.Program(outputs={'"': x * 2.0}))


def test_a_notebook_shows_the_drawing_or_the_text(program, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert svg(program) is None
    assert notebook_html(program).startswith("<pre>digraph")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_takes_the_drawing(program):
    assert "<svg" in str(svg(program))
