"""Kernels are named by what they compute."""

from __future__ import annotations

import pytest

from cannery.graph import Program, exp, log, name_scope, placeholder, sum
from cannery.graph.compiler.profile import by_scope, domain_text, kernel_text, ops_of, slots
from cannery.graph.compiler.source import Source


@pytest.fixture(scope="module")
def source():
    x = placeholder("x", (None, 3))
    with name_scope("tower"):
        y = log(exp(x) + 1.0)
    return Source(Program(outputs={"y": y, "total": sum(y), "x": x}))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["add"], "add"),
        (["a/b/add", "a/b/relu", "a/add", "mean"], "a/b: add, relu; a: add; mean"),
    ],
)
def test_names_of_a_scope_share_it(names, expected):
    assert by_scope(names) == expected


def test_fused_ops_are_named_inputs_first(source):
    kernel = source.kernels[0]
    names = [node.name for node in ops_of(kernel, source.schedule.phases)]
    assert names == ["tower/exp", "tower/add", "tower/log", "sum"]
    assert kernel_text(kernel, source.schedule.phases).endswith("sum; copy x")
    assert domain_text(kernel) == "batch x 3"


def test_comments_of_the_text_say_the_same(source):
    for kernel in source.kernels:
        assert f"/* {kernel_text(kernel, source.schedule.phases)} */" in source.text


def test_counters_fill_cache_lines():
    assert [slots(n) for n in (0, 1, 8, 9)] == [8, 8, 8, 16]
