"""Buffers, in-place updates and batches change no bit of what `evaluate` says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cannery import graph as g
from cannery.errors import InvalidType, InvalidValue, NonFinite, ShapeMismatch


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_execution_equals_evaluate_bit_by_bit(random_programs, data):
    program = data.draw(random_programs.strategy())
    values = program.initial_values()
    execution = program.start(values)
    for run in range(2):  # the second one finds the buffers of the first
        feeds = random_programs.feeds(data.draw(st.integers(1, 6)), seed=run)
        count = len(feeds["x"])
        batch_size = data.draw(st.integers(1, count))
        rows = data.draw(st.none() | st.lists(st.integers(0, count - 1), max_size=8))
        visited = np.arange(count) if rows is None else np.array(rows, int)
        expected, values = random_programs.run_plainly(program, values, feeds, visited, batch_size)
        outputs = execution.run(feeds, rows, batch_size)
        for name, array in outputs.items():
            wanted = np.array(expected[name], array.dtype).reshape(array.shape)
            random_programs.assert_same_bits(array, wanted)
        for name, array in execution.variables.items():
            random_programs.assert_same_bits(array, values[name])


def test_evaluate_lays_values_out_row_by_row():
    """Sums depend on the order in memory, and buffers are laid out row by row."""
    x = g.placeholder("x", (None, 40))
    (value,) = g.evaluate([g.tanh(g.transpose(x))], {"x": np.ones((30, 40))})
    assert value.flags.c_contiguous


def test_evaluate_takes_any_tensor_as_a_feed_and_names_a_missing_one():
    x = g.placeholder("x", ())
    y = x * 2.0
    assert g.evaluate([y + 1.0], {y: 5.0}) == [6.0]
    with pytest.raises(InvalidValue, match="feed 'x': is missing; add it to feeds"):
        g.evaluate([y])


def test_evaluate_takes_the_initial_value_of_a_variable_that_is_not_given():
    a = g.Variable(3.0, "a")
    assert g.evaluate([a + 1.0]) == [4.0]
    assert g.evaluate([a + 1.0], variables={"a": 5.0}) == [6.0]


def run_once(updates, outputs=()):
    execution = g.Program(
        outputs={str(i): t for i, t in enumerate(outputs)}, updates=updates
    ).start()
    results = execution.run()
    values = {name: array.tolist() for name, array in execution.variables.items()}
    return [results[str(i)].tolist() for i in range(len(outputs))], values


def test_two_variables_swap():
    a, b = g.Variable([1.0, 2.0], "a"), g.Variable([3.0, 4.0], "b")
    assert run_once({a: b, b: a}) == ([], {"a": [3.0, 4.0], "b": [1.0, 2.0]})


def test_the_halves_of_a_pack_swap():
    a, b = g.Variable([1.0, 2.0], "a"), g.Variable([3.0, 4.0], "b")
    packed = g.concat([a, b], 0)
    for new, scale in ((packed, 1.0), (packed * 2.0, 2.0)):
        _, values = run_once({a: new[2:], b: new[:2]})
        assert values == {"a": [3 * scale, 4 * scale], "b": [1 * scale, 2 * scale]}


def test_a_variable_becomes_its_own_transpose():
    v = g.Variable([[1.0, 2.0], [3.0, 4.0]], "v")
    assert run_once({v: g.transpose(v)})[1] == {"v": [[1.0, 3.0], [2.0, 4.0]]}
    assert run_once({v: g.transpose(v + 0.0)})[1] == {"v": [[1.0, 3.0], [2.0, 4.0]]}


def test_outputs_show_variables_as_before_the_step():
    a = g.Variable([1.0, 2.0], "a")
    outputs, values = run_once({a: a + 1.0}, [a, g.reshape(a, (2, 1)), a[:1], a + 1.0])
    assert outputs == [[1.0, 2.0], [[1.0], [2.0]], [1.0], [2.0, 3.0]]
    assert values == {"a": [2.0, 3.0]}


def test_a_reshape_that_cannot_be_a_view_is_copied_at_each_step():
    x = g.placeholder("x", (3, 2))
    program = g.Program(outputs={"y": g.reshape(g.transpose(x), (-1,)) * 1.0})
    execution = program.start()
    for factor in (1.0, 2.0):
        outputs = execution.run({"x": factor * np.arange(6).reshape(3, 2)})
        assert outputs["y"].tolist() == [factor * i for i in (0, 2, 4, 1, 3, 5)]


def test_rows_are_replaced_in_place_and_the_rest_untouched():
    table = g.Variable(np.zeros((4, 2), "float32"), "table")
    ids = g.placeholder("ids", (2,), "int32")
    new = g.replace_rows(table, ids, g.take(table, ids) + 1.0)
    execution = g.Program(updates={table: new}).start()
    before = execution.variables["table"]
    execution.run({"ids": [3, -1]})
    execution.run({"ids": [3, 0]})
    assert execution.variables["table"] is before
    assert before[:, 0].tolist() == [1.0, 0.0, 0.0, 2.0]


def test_batches_follow_the_rows_given():
    x = g.placeholder("x", (None,))
    seen = g.Variable(0.0, "seen")
    program = g.Program(outputs={"x": x * 1.0, "sum": g.sum(x)}, updates={seen: seen + g.sum(x)})
    execution = program.start()
    outputs = execution.run({"x": np.arange(5.0)}, rows=[4, 4, 0, 1, 2], batch_size=2)
    assert outputs["x"].tolist() == [4.0, 4.0, 0.0, 1.0, 2.0]
    assert outputs["sum"].tolist() == [8.0, 1.0, 2.0]
    assert execution.variables["seen"] == 11.0
    nothing = execution.run({"x": np.arange(5.0)}, rows=[])
    assert nothing["x"].shape == (0,)
    assert nothing["sum"].shape == (0,)
    assert execution.variables["seen"] == 11.0


@pytest.mark.parametrize("order", ["loss first", "new value first", "the new value itself"])
def test_a_step_that_is_not_finite_changes_nothing(order):
    x, w, v = g.placeholder("x", ()), g.Variable(1.0, "w"), g.Variable(1.0, "v")
    new, loss = w - x, g.log(x * w)
    outputs = {"loss": loss, "new": new} if order == "loss first" else {"new": new, "loss": loss}
    execution = g.Program(outputs=outputs, updates={w: new, v: v + 1.0}).start()
    execution.run({"x": 0.5}, finite="loss")
    watched = "new" if order == "the new value itself" else "loss"
    bad = np.nan if watched == "new" else -1.0
    with pytest.raises(NonFinite, match="is not finite"):
        execution.run({"x": bad}, finite=watched)
    assert execution.variables == {"w": 0.5, "v": 2.0}


def test_a_leaf_is_checked_too():
    w = g.Variable(np.inf, "w")
    execution = g.Program(outputs={"w": w}, updates={w: w * 0.0}).start()
    with pytest.raises(NonFinite):
        execution.run(finite="w")
    assert execution.variables["w"] == np.inf


def test_shared_values_are_not_copied_unless_they_change():
    a, b = g.Variable(np.zeros(3, "float32"), "a"), g.Variable(np.zeros(3, "float32"), "b")
    values = {"a": np.ones(3, "float32"), "b": np.ones(3, "float32")}
    execution = g.Program(outputs=[a * 2.0], updates={b: b + 1.0}).start(values, share=True)
    execution.run()
    assert execution.variables["a"] is values["a"]
    assert values["b"].tolist() == [1.0, 1.0, 1.0]


def test_an_input_that_nothing_uses_is_fed_in_vain():
    x, y = g.placeholder("x", (None,)), g.placeholder("y", (None,))
    execution = g.Program([x, y], {"z": x + 1.0}).start()
    assert execution.run({"x": [1.0], "y": [2.0]})["z"].tolist() == [2.0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"feeds": {}}, InvalidValue, "feed 'x': is missing"),
        ({"feeds": {"x": np.ones((2, 3)), "y": np.ones(3)}}, InvalidValue, "must have 2 rows"),
        ({"feeds": {"x": np.ones((2, 4)), "y": np.ones(2)}}, ShapeMismatch, "must have shape"),
        ({"feeds": {"x": [["a"] * 3], "y": [1.0]}}, InvalidType, "must be numbers"),
        ({"rows": [2]}, InvalidValue, r"rows: must be in \[0, 2\), got 2 to 2"),
        ({"rows": [-1]}, InvalidValue, "must be in"),
        ({"rows": [0.5]}, InvalidType, "whole numbers"),
        ({"rows": [True, False]}, InvalidType, "whole numbers"),
        ({"batch_size": 0}, InvalidValue, "batch_size: must be at least 1"),
        ({"finite": "loss"}, InvalidValue, "must name an output, got 'loss'"),
    ],
)
def test_bad_runs_are_refused(arguments, error, message):
    x, y = g.placeholder("x", (None, 3)), g.placeholder("y", (None,))
    execution = g.Program(outputs={"z": g.sum(x, 1) + y}).start()
    feeds = {"x": np.ones((2, 3)), "y": np.ones(2)}
    with pytest.raises(error, match=message):
        execution.run(**{"feeds": feeds, **arguments})


def test_rows_need_something_to_choose_from():
    execution = g.Program(outputs=[g.placeholder("x", ()) + 1.0]).start()
    with pytest.raises(InvalidValue, match="nothing that is fed has rows"):
        execution.run({"x": 1.0}, rows=[0])


@pytest.mark.parametrize("shape", [("words",), (3, None), (None, None)])
def test_outputs_have_the_batch_in_front(shape):
    program = g.Program(outputs={"y": g.placeholder("words", shape) * 1.0})
    with pytest.raises(ShapeMismatch, match="only its first axis may depend on the feeds"):
        program.start()


def test_variables_of_the_wrong_shape_are_refused():
    program = g.Program(outputs=[g.Variable([1.0, 2.0], "a") + 1.0])
    with pytest.raises(ShapeMismatch, match="variable 'a': must have shape"):
        program.start({"a": np.ones(3)})
