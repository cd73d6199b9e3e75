"""A graph for people: as lines of text, and as a drawing."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .step import Step
from .tensor import Shape, Tensor

__all__ = ["graphviz", "program_text", "svg"]

SHORT = 40  # characters of a constant that are shown
COLOURS = {"placeholder": "#cfe8ff", "variable": "#ffe3bf", "constant": "#eeeeee"}


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it, the unknown size as ``batch``."""
    return "(" + ", ".join("batch" if size is None else str(size) for size in shape) + ")"


def unique_names(nodes: Iterable[Tensor]) -> dict[Tensor, str]:
    """Return a name for each node: its own, numbered where another has it too."""
    counts: dict[str, int] = {}
    names: dict[Tensor, str] = {}
    taken: set[str] = set()
    for node in nodes:
        name = node.name
        while name in taken:
            counts[node.name] = counts.get(node.name, 1) + 1
            name = f"{node.name}_{counts[node.name]}"
        taken.add(name)
        names[node] = name
    return names


def _value_text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, threshold=6, separator=", ").replace("\n", "")
        return text if len(text) <= SHORT else text[: SHORT - 3] + "..."
    return repr(value)


def _attributes_text(node: Tensor) -> str:
    shown = {k: v for k, v in node.attributes.items() if k not in ("name", "shape", "dtype")}
    return ", ".join(f"{key}={_value_text(value)}" for key, value in shown.items())


def program_text(program: Step) -> str:
    """Return a program as text: a line for each node, then outputs and updates.

    Examples
    --------
    >>> from cannery.graph import Program, placeholder
    >>> x = placeholder("x", (None,))
    >>> print(Program(outputs={"y": x * 2.0}))
    x = placeholder()  # (batch) float32
    constant = constant(value=2.)  # () float32
    multiply = multiply(x, constant)  # (batch) float32
    output y = multiply
    """
    names = unique_names(program.nodes)
    lines = []
    for node in program.nodes:
        arguments = [names[source] for source in node.inputs]
        attributes = _attributes_text(node)
        inside = ", ".join(arguments + ([attributes] if attributes else []))
        spec = f"{shape_text(node.shape)} {node.dtype}"
        lines.append(f"{names[node]} = {node.op.name}({inside})  # {spec}")
    lines += [f"output {name} = {names[node]}" for name, node in program.outputs.items()]
    lines += [f"update {names[v]} = {names[node]}" for v, node in program.updates.items()]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def graphviz(program: Step) -> str:
    """Return a program in the language of Graphviz, name scopes as nested boxes.

    Examples
    --------
    >>> from cannery.graph import Program, placeholder
    >>> from cannery.graph.text import graphviz
    >>> x = placeholder("x", (None,))
    >>> graphviz(Program(outputs={"y": x * 2.0})).splitlines()[0]
    'digraph program {'
    """
    names = unique_names(program.nodes)
    lines = ["digraph program {", '  rankdir="BT"; node [shape=box, style="rounded,filled"];']
    tree: dict[str, Any] = {}
    for node in program.nodes:
        scope = tree
        for word in names[node].split("/")[:-1]:
            scope = scope.setdefault(word, {})
        scope.setdefault("", []).append(node)
    lines += _scope_lines(tree, "", names)
    for node in program.nodes:
        for source in node.inputs:
            label = _quoted(shape_text(source.shape))
            lines.append(f"  {_quoted(names[source])} -> {_quoted(names[node])} [label={label}];")
    for kind, pairs in (
        ("output", program.outputs.items()),
        ("update", [(names[v], node) for v, node in program.updates.items()]),
    ):
        for name, node in pairs:
            end = _quoted(f"{kind} {name}")
            lines.append(f'  {end} [fillcolor="#d8f5d0"]; {_quoted(names[node])} -> {end};')
    return "\n".join([*lines, "}"])


def _scope_lines(tree: Mapping[str, Any], path: str, names: Mapping[Tensor, str]) -> list[str]:
    lines = []
    for word, inner in tree.items():
        if word == "":
            for node in inner:
                label = names[node].rpartition("/")[2]
                label = label if label.startswith(node.op.name) else f"{label}\\n{node.op.name}"
                colour = COLOURS.get(node.op.name, "#ffffff")
                text = '"' + label.replace('"', '\\"') + '"'
                lines.append(f'  {_quoted(names[node])} [label={text}, fillcolor="{colour}"];')
        else:
            whole = f"{path}{word}/"
            lines.append(f"  subgraph {_quoted('cluster_' + whole)} {{ label={_quoted(word)};")
            lines += _scope_lines(inner, whole, names)
            lines.append("  }")
    return lines


def svg(program: Step) -> str | None:
    """Return a drawing of a program, or None where Graphviz is not installed."""
    dot = shutil.which("dot")
    if dot is None:
        return None
    run = subprocess.run(
        [dot, "-Tsvg"], input=graphviz(program), capture_output=True, text=True, check=False
    )
    return run.stdout if run.returncode == 0 else None


def notebook_html(program: Step) -> str:
    """Return what a notebook shows: the drawing, else the text in Graphviz's language."""
    return svg(program) or f"<pre>{html.escape(graphviz(program))}</pre>"
