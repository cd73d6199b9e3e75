"""What is compiled does not depend on how ops are called."""

from __future__ import annotations

from cannery.graph import Program, exp, name_scope, placeholder
from cannery.graph.compiler.library import without_comments
from cannery.graph.compiler.source import Source


def test_only_comments_and_empty_lines_go():
    text = "#define A 1 /* one */\n\n/* two\n   three */\nint x;\n  /* four */\n  int y;\n"
    assert without_comments(text).splitlines() == ["#define A 1 ", "int x;", "  int y;"]


def test_names_of_scopes_are_told_in_comments_alone():
    x = placeholder("x", (None, 3))
    with name_scope("tower"):
        y = exp(x)
    text = Source(Program(outputs={"y": y})).text
    assert "tower" in text
    assert "tower" not in without_comments(text)
    assert "/*" not in without_comments(text)
