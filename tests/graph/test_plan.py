"""Values that live at the same time lie apart, and what may share memory does."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cannery import graph as g
from cannery.graph.plan import Plan, allocate, element_count, is_dynamic


def plan_of(outputs=(), updates=None):
    program = g.Program(outputs={str(i): t for i, t in enumerate(outputs)}, updates=updates)
    return Plan(program.outputs.values(), program.updates)


def check_memory(plan, batch):
    """Go through the order: nothing may be written over a value that is read later."""
    offsets, size, unshared = allocate(plan, batch)
    assert size <= unshared
    spans = {
        node: (start, start + element_count(node.shape, batch) * node.dtype.itemsize)
        for node, start in offsets.items()
    }
    for node, (start, stop) in spans.items():
        assert 0 <= start <= stop <= size
        assert start % node.dtype.itemsize == 0
    for early, late in itertools.combinations(sorted(spans, key=plan.position.__getitem__), 2):
        (a, b), (c, d) = spans[early], spans[late]
        if max(a, c) >= min(b, d):
            continue
        born = plan.position[late]
        if plan.inside.get(early, (None,))[0] is late:
            # In place within the concat, or copied there from elsewhere: no other way round.
            start = spans[late][0] + plan.inside[early][1] * early.dtype.itemsize
            assert a == start
        elif plan.last[early] == born:
            taken = late.inputs[late.op.overwrites]
            assert early in [plan.base(source) for source in taken], (early, late)
            others = [x for x in late.inputs if plan.base(x) is early and x not in taken]
            assert not others
        else:
            assert plan.last[early] < born, (early, late, plan.last[early], born)


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_value_is_overwritten_before_its_last_use(random_programs, data):
    program = data.draw(random_programs.strategy())
    plan = Plan(program.outputs.values(), program.updates)
    for position, node in enumerate(plan.order):
        assert all(plan.position.get(source, -1) < position for source in node.inputs)
    for batch in (0, 1, 5):
        check_memory(plan, batch)


def test_a_value_goes_straight_into_the_concat_of_it():
    x = g.placeholder("x", (2, 3))
    left, right = g.exp(x), g.tanh(x)
    joined = g.concat([left, right], 0)
    plan = plan_of([g.sum(joined)])
    assert plan.inside == {left: (joined, 0), right: (joined, 6)}
    check_memory(plan, 0)


def test_a_part_that_outlives_its_concat_keeps_its_place():
    x = g.placeholder("x", (4,))
    part = g.exp(x)
    total = g.sum(g.square(g.concat([g.tanh(x), part], 0)))
    spoiler = g.sin(g.cos(g.concat([x, x], 0) * total) + 1.0)  # would fit where the concat was
    plan = plan_of([g.sum(spoiler) + g.sum(part)])
    assert part in plan.inside
    check_memory(plan, 0)


def test_an_input_that_dies_gives_its_memory():
    x = g.placeholder("x", (None, 8))
    plan = plan_of([g.sum(g.exp(g.tanh(x)))])
    offsets, size, unshared = allocate(plan, 64)
    first, second, _ = plan.order
    assert offsets[first] == offsets[second]
    assert size < unshared


def test_memory_is_not_given_while_another_view_of_it_is_read():
    x = g.placeholder("x", (3, 3))
    y = g.exp(x)
    plan = plan_of([g.sum(g.add(y, g.transpose(y)))])
    offsets, _, _ = allocate(plan, 0)
    added = next(node for node in plan.order if node.op.name == "add")
    assert offsets[y] != offsets[added]


def test_a_concat_is_not_given_while_a_part_of_it_is_read():
    x = g.placeholder("x", (1,))
    part, rest = g.exp(x), g.tanh(g.concat([x, x, x], 0))
    joined = g.concat([part, rest], 0)
    plan = plan_of([g.sum(joined * part)])
    offsets, _, _ = allocate(plan, 0)
    product = next(node for node in plan.order if node.op.name == "multiply")
    assert offsets[joined] != offsets[product]


def packed_step():
    a, b = g.Variable(np.ones(3, "float32"), "a"), g.Variable(np.ones((2, 2), "float32"), "b")
    packed = g.concat([a, g.reshape(b, (-1,))], 0)
    new = packed - 0.1 * g.tanh(packed)
    return a, b, packed, new


def test_a_packed_update_happens_where_the_variables_are():
    a, b, packed, new = packed_step()
    plan = plan_of(updates={a: new[:3], b: g.reshape(new[3:], (2, 2))})
    assert plan.arenas == {packed: [a, b]}
    assert plan.overwritten == {new: packed}


def test_a_pack_that_another_variable_becomes_is_not_overwritten():
    a, b, packed, new = packed_step()
    whole = g.Variable(np.zeros(7, "float32"), "whole")
    updates = {a: new[:3], b: g.reshape(new[3:], (2, 2)), whole: packed}
    plan = plan_of(updates=updates)
    assert plan.overwritten == {}
    execution = g.Program(updates=updates).start()
    execution.run()
    assert (execution.variables["whole"] == 1).all()
    assert (execution.variables["a"] < 1).all()


def test_a_variable_that_is_read_later_is_not_overwritten():
    a, b = g.Variable(1.0, "a"), g.Variable(1.0, "b")
    plan = plan_of(updates={a: a + 1.0, b: g.exp(a)})
    assert a + 1.0 not in plan.overwritten or plan.position[a + 1.0] > plan.position[g.exp(a)]
    plan = plan_of(updates={a: a + 1.0, b: a})
    assert plan.overwritten == {}


def test_a_variable_that_is_half_of_a_pack_is_not_the_whole_of_it():
    a, b = g.Variable([1.0, 2.0], "a"), g.Variable([3.0, 4.0], "b")
    new = a + 1.0
    assert plan_of([g.sum(g.concat([a, b], 0))], {a: new, b: new}).overwritten == {}


def test_only_a_value_in_its_own_order_is_overwritten():
    v = g.Variable(np.ones((3, 3), "float32"), "v")
    assert plan_of(updates={v: g.exp(g.transpose(v))}).overwritten == {}
    assert plan_of(updates={v: v + g.transpose(v)}).overwritten == {}
    assert plan_of(updates={v: v + v}).overwritten == {v + v: v}


def test_a_concat_of_one_variable_twice_is_no_pack():
    a = g.Variable([1.0, 2.0], "a")
    assert plan_of([g.sum(g.concat([a, a], 0))]).arenas == {}


def test_what_an_output_needs_is_not_overwritten():
    a = g.Variable(1.0, "a")
    new = a + 1.0
    assert plan_of([new * new], {a: new}).overwritten == {}
    assert plan_of([a * 2.0], {a: new}).overwritten == {new: a}


def test_outputs_in_a_variables_memory_are_borrowed():
    a, b = g.Variable([1.0, 2.0], "a"), g.Variable([3.0, 4.0], "b")
    constant = g.Variable([5.0], "constant")
    plan = plan_of([a, g.reshape(a, (2, 1)), constant], {a: b, b: a})
    assert plan.borrowed == {a, b, g.reshape(a, (2, 1))}


def test_dynamic_values_get_no_place():
    words = g.placeholder("words", ("words",))
    plan = plan_of([g.sum(g.exp(words))])
    offsets, _, _ = allocate(plan, 4)
    assert is_dynamic(plan.order[0])
    assert list(offsets) == [plan.order[1]]
