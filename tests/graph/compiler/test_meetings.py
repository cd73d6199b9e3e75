"""Workers meet before one reads what another wrote, and not more often."""

from __future__ import annotations

import pytest

from cannery.graph import Variable, exp, log, placeholder, sqrt
from cannery.graph.compiler.kernel import Item, Kernel
from cannery.graph.compiler.meetings import Meetings

x = placeholder("x", (100,))
first, second, third = exp(x), log(exp(x)), sqrt(x)
variable = Variable([0.0] * 100, "variable")
SAME, OTHER, ALONE = ("split", (100,)), ("split", (50,)), ("one", 0)


def kernel(node, reads=(), mode="same", changes=None):
    item = Item(node, "assign", 0, node.shape, home=node, variable=changes)
    item.reads = {source: {mode} for source in reads}
    return Kernel(0, [item])


@pytest.fixture
def meetings():
    return Meetings(lambda node: {node})


def test_what_nobody_wrote_is_read_at_once(meetings):
    assert not meetings.due(kernel(first, [x]), SAME)
    assert not meetings.due(kernel(third, [x]), OTHER)


@pytest.mark.parametrize(
    ("how", "mode", "due"),
    [(SAME, "same", False), (SAME, "other", True), (OTHER, "same", True), (ALONE, "same", True)],
)
def test_what_others_wrote_is_waited_for(meetings, how, mode, due):
    meetings.due(kernel(first, [x]), SAME)
    assert meetings.due(kernel(second, [first], mode), how) == due


def test_one_worker_does_not_wait_for_itself(meetings):
    meetings.due(kernel(first, [x]), ALONE)
    assert not meetings.due(kernel(second, [first], "other"), ALONE)


def test_after_a_meeting_all_is_there(meetings):
    meetings.due(kernel(first, [x]), SAME)
    assert meetings.due(kernel(second, [first]), OTHER)
    assert not meetings.due(kernel(third, [first]), ALONE)


def test_a_variable_changes_once_all_have_read_it(meetings):
    meetings.due(kernel(first, [variable]), SAME)
    assert meetings.due(kernel(third, [x], changes=variable), OTHER)
