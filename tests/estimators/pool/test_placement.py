"""Laws of placing: every row once, and no task with much more than its share."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.errors import InvalidValue
from cannery.estimators.pool.placement import (
    Sized,
    greedy,
    loads,
    partitioned,
    round_robin,
)

WAYS = [round_robin, greedy, partitioned, lambda *given: partitioned(*given, 64)]
tasks = st.integers(1, 9)


def variables(most=12, shapes=None):
    shapes = shapes or st.lists(st.integers(0, 200), max_size=3).map(tuple)

    def named(found):
        return [Sized(f"v{n}", shape, 4 * size(shape)) for n, shape in enumerate(found)]

    return st.lists(shapes, max_size=most).map(named)


def size(shape):
    count = 1
    for length in shape:
        count *= length
    return count


@pytest.mark.parametrize("place", WAYS)
@given(variables(), tasks)
def test_every_row_is_placed_once(place, given_variables, count):
    pieces = place(given_variables, count)
    assert all(0 <= piece.owner < count for piece in pieces)
    for one in given_variables:
        own = [piece for piece in pieces if piece.name == one.name]
        ends = [0, *(piece.stop for piece in own)]
        assert [piece.start for piece in own] == ends[:-1] and ends[-1] == one.rows
    assert sum(loads(given_variables, pieces, count)) == sum(v.bytes for v in given_variables)


@pytest.mark.parametrize("place", WAYS)
@given(variables(), tasks)
def test_placing_again_places_the_same(place, given_variables, count):
    assert place(given_variables, count) == place(list(given_variables), count)


@given(variables(), tasks)
def test_greedy_leaves_no_task_a_variable_above_its_share(given_variables, count):
    sizes = [v.bytes for v in given_variables] or [0]
    heaviest = max(loads(given_variables, greedy(given_variables, count), count))
    assert heaviest <= sum(sizes) / count + max(sizes)


@given(variables(most=6), st.integers(1, 3))
def test_greedy_is_within_four_thirds_of_the_best(given_variables, count):
    sizes = [v.bytes for v in given_variables]
    best = min(
        max(sum(s for s, o in zip(sizes, owners, strict=True) if o == t) for t in range(count))
        for owners in itertools.product(range(count), repeat=len(sizes))
    )
    heaviest = max(loads(given_variables, greedy(given_variables, count), count))
    assert heaviest <= (4 / 3 - 1 / (3 * count)) * best + 1e-9


@given(variables(), tasks, st.integers(1, 5000))
def test_partitioned_leaves_no_task_a_slice_above_its_share(given_variables, count, least):
    pieces = partitioned(given_variables, count, least)
    slices = [loads(given_variables, [piece], count)[piece.owner] for piece in pieces] or [0]
    heaviest = max(loads(given_variables, pieces, count))
    assert heaviest <= sum(v.bytes for v in given_variables) / count + max(slices)
    for one in given_variables:
        own = [piece for piece in pieces if piece.name == one.name]
        width = one.bytes / max(1, one.rows)
        assert len(own) == 1 or one.bytes / len(own) >= least
        assert max(p.stop - p.start for p in own) * width <= one.bytes / len(own) + width


def test_a_scalar_is_a_row_and_an_empty_variable_nothing():
    both = [Sized("step", (), 8), Sized("none", (0, 5), 0)]
    assert [(p.name, p.start, p.stop) for p in partitioned(both, 2)] == [
        ("step", 0, 1),
        ("none", 0, 0),
    ]


@pytest.mark.parametrize("place", WAYS)
def test_no_tasks_are_refused(place):
    with pytest.raises(InvalidValue, match="tasks: must be a whole number of at least 1, got 0"):
        place([], 0)


def test_empty_slices_are_refused():
    with pytest.raises(InvalidValue, match="least_slice: must be a number of bytes"):
        partitioned([], 1, 0)
