"""Kernels are cut into functions at phases, and where variables begin to change."""

from __future__ import annotations

import platform

import pytest

from cannery.graph import Program, Variable, exp, mean, placeholder
from cannery.graph import sum as total
from cannery.graph.compiler.library import without_comments
from cannery.graph.compiler.source import Source


@pytest.fixture(scope="module")
def source():
    x = placeholder("x", (None, 3))
    weights = Variable([1.0, 2.0, 3.0], "weights")
    loss = mean(exp(x * weights))
    return Source(Program(outputs={"loss": loss}, updates={weights: weights - total(x, 0)}))


def test_phases_take_turns_and_are_named_in_order(source):
    names = [segment.name for segment in source.segments]
    assert [name.split("_")[1] for name in names] == [str(n + 1) for n in range(len(names))]
    for segment in source.segments:
        assert segment.name.startswith("rows" if segment.by_rows else "whole")
        assert {kernel.phase for kernel in segment.kernels} == {segment.phase}


def test_what_is_refused_is_found_before_the_first_update(source):
    (checked,) = [segment for segment in source.segments if segment.checked]
    assert checked.kernels[0].writes_variables
    earlier = source.segments[: source.segments.index(checked)]
    assert not any(kernel.writes_variables for s in earlier for kernel in s.kernels)
    loop = source.text[source.text.index("static void steps_of") :]
    assert loop.index("finite_f32(") < loop.index(f"{checked.name}(")


def test_sums_start_from_zero_in_each_step(source):
    names = {source.memory.names[node] for node in source.memory.sums.offsets}
    lines = source.text.split("\n")
    cleared = [lines[n - 1].strip(" /*") for n, line in enumerate(lines) if "memset(w->own" in line]
    assert names == {name for line in cleared for name in line.split(", ")} != set()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="another assembly")
def test_no_compiler_drops_the_fetching_of_rows(source, toolchain):
    assembly = toolchain.compile(without_comments(source.text), ("-S",)).read_text()
    assert "prefetch" in assembly
