"""Where values lie: never two at one place while both are needed, and under names of their own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cannery.errors import CompileError
from cannery.graph import Program, placeholder, repeat_rows, tanh, transpose
from cannery.graph import sum as total
from cannery.graph.compiler.memory import Place, lay_out
from cannery.graph.compiler.source import Source
from cannery.graph.plan import ALIGNMENT

NODES = [placeholder(f"node_{n}", (2,)) for n in range(12)]
spans = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 300))


@settings(max_examples=200, deadline=None)
@given(st.lists(spans, max_size=12))
def test_what_is_needed_at_the_same_time_never_overlaps(drawn):
    values = [
        (node, min(a, b), max(a, b), size) for node, (a, b, size) in zip(NODES, drawn, strict=False)
    ]
    found = lay_out(values)
    for n, (one, first, last, size) in enumerate(values):
        start = found.offsets[one]
        assert start % ALIGNMENT == 0 and start + size <= found.size <= found.unshared
        for other, begin, end, width in values[:n]:
            if first <= end and begin <= last and size and width:
                place = found.offsets[other]
                assert start + size <= place or place + width <= start


def test_memory_is_used_again_once_a_value_is_not_needed():
    found = lay_out([(NODES[0], 0, 1, 640), (NODES[1], 1, 2, 640), (NODES[2], 2, 3, 640)])
    assert found.offsets[NODES[0]] == found.offsets[NODES[2]] != found.offsets[NODES[1]]
    assert found.size == 1280 < found.unshared == 1920


def test_names_of_the_graph_that_c_has_for_itself():
    names = ["double", "batch", "x", "x/y", "x_y", "2 much", "größe", "NULL", "exp_f32", "linux"]
    inputs = [placeholder(name, (None,)) for name in names]
    memory = Source(Program(inputs, {"sum": total(sum(inputs))})).memory
    found = [memory.fresh(name) for name in (*names, *names)]
    assert len(set(found)) == len(found)
    assert all(name.isidentifier() and name.isascii() for name in found)
    assert not {"double", "batch", "NULL", "exp_f32", "linux"} & set(found)


def test_a_place_counts_from_its_start():
    assert Place("a", None, "4").name == "(a + 4)"
    assert Place("a").name == "a"


def test_a_value_with_several_sizes_that_feeds_tell_is_refused():
    words, x = placeholder("words", ("words",)), placeholder("x", (None, 3))
    lengths = placeholder("words/lengths", (None,), "int32")
    rows = repeat_rows(x, lengths, "words")
    odd = tanh(rows @ transpose(x))
    program = Program([words, lengths, x], {"odd": total(odd * odd + total(odd, 0))})
    with pytest.raises(CompileError, match="has several sizes that depend on the feeds"):
        program.compile()
