"""What is followed row by row, and what waits for the whole batch."""

from __future__ import annotations

import pytest

from cannery.graph import (
    Program,
    Variable,
    broadcast_like,
    expand,
    matmul,
    max,
    placeholder,
    relu,
    reshape,
    sum_rows,
    take,
    transpose,
)
from cannery.graph import sum as total
from cannery.graph.compiler.phases import Phases, by_rows
from cannery.graph.plan import Plan

X = placeholder("x", (None, 6))
IDS = placeholder("ids", (None,), "int32")
WEIGHT = Variable([[1.0, 2.0]] * 6, "weight")


def phases_of(*outputs, updates=None):
    program = Program(outputs={str(n): y for n, y in enumerate(outputs)}, updates=updates or {})
    return Phases(program, Plan(program.outputs.values(), program.updates))


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (X, True),
        (X[:, 2:4], True),
        (expand(X, 1), True),
        (reshape(X, (-1, 2, 3)), True),
        (transpose(reshape(X, (-1, 2, 3)), (0, 2, 1)), True),
        (broadcast_like(WEIGHT[0, :1], X), True),
        (transpose(X), False),
        (transpose(reshape(X, (3, -1, 2)), (1, 0, 2)), False),
        (reshape(transpose(X), (-1, 6)), False),
    ],
    ids=str,
)
def test_a_view_keeps_rows_in_their_places_or_moves_them(view, expected):
    assert by_rows(view) == expected


def test_what_moves_rows_waits_for_all_of_them():
    hidden = relu(X)
    moved = reshape(transpose(hidden), (-1, 6)) * 2.0
    found = phases_of(moved)
    assert found.phase[hidden] == 1 and found.phase[moved] == 2
    assert hidden in found.stored


def test_a_sum_over_the_batch_is_there_for_the_phase_after_it():
    hidden = relu(X)
    mean = total(hidden, 0)
    centred = hidden - mean
    found = phases_of(centred)
    assert [found.phase[y] for y in (hidden, mean, centred)] == [1, 1, 3]


def test_a_number_computed_from_the_whole_batch_is_no_business_of_a_few_rows():
    top = max(X) * 2.0
    found = phases_of(X / top)
    assert found.phase[top] == 0 and top in found.stored


def test_a_number_that_costs_nothing_is_computed_where_it_is_needed():
    rate = WEIGHT[0, 0] * 0.5
    found = phases_of(X * rate)
    assert rate not in found.stored


@pytest.mark.parametrize("lookup", [take, sum_rows], ids=["take", "sum_rows"])
def test_rows_of_the_batch_are_looked_up_once_all_are_there(lookup):
    hidden = relu(X)
    found = phases_of(lookup(hidden, expand(IDS, 1)))
    assert found.phase[hidden] == 1
    assert max_phase(found) == 2


def max_phase(found):
    return sorted(found.phase.values())[-1]


def test_rows_of_a_table_are_looked_up_row_by_row():
    picked = take(WEIGHT, IDS)
    assert phases_of(picked).phase[picked] == 1


def test_a_narrow_product_is_written_out_and_a_wide_one_is_not():
    narrow, wide = matmul(X, WEIGHT), matmul(X, Variable([[0.0] * 16] * 6, "wide"))
    found = phases_of(narrow, wide)
    assert not found.is_product(narrow) and found.is_product(wide)
