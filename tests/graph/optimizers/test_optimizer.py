"""Applying an optimizer: which way each variable goes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidType, InvalidValue, ShapeMismatch
from cannery.graph import (
    Program,
    Variable,
    concat,
    constant,
    name_scope,
    placeholder,
    scatter_all,
    scatter_rows,
    take,
)
from cannery.graph import sum as sum_of
from cannery.graph.optimizers import SGD, Adagrad, Adam, Momentum
from cannery.graph.optimizers import optimizer as module

STEP = Variable(0, "step", dtype="int64", trainable=False)


def ops_of(updates):
    return [node.op.name for node in Program(updates=updates).nodes]


def test_minimize_leaves_out_what_the_loss_does_not_depend_on():
    used, unused = Variable([1.0], "used"), Variable([1.0], "unused")
    assert set(SGD().minimize(sum_of(used), [used, unused], STEP)) == {used}


def test_minimize_nothing_is_refused():
    weight = Variable([1.0], "weight")
    with pytest.raises(InvalidValue, match=r"depends on none of the variables, got \['weight'\]"):
        SGD().minimize(sum_of(constant([1.0])), [weight], STEP)


def test_the_step_is_the_callers():
    weight = Variable([1.0], "weight")
    assert STEP not in Adam().minimize(sum_of(weight), [weight], STEP)


def test_all_variables_move_from_the_values_before_the_step():
    a, b = Variable([1.0], "a"), Variable([2.0], "b")
    execution = Program(
        updates=SGD(learning_rate=1.0).minimize(sum_of(a * b), [a, b], STEP)
    ).start()
    execution.run({})
    assert execution.variables["a"] == [-1.0] and execution.variables["b"] == [1.0]


def test_slots_are_under_the_scope():
    a, b = Variable([1.0], "a"), Variable([1.0], "b")
    with name_scope("training"):
        alone = Adagrad().apply([(a, a)], STEP)
        packed = Adagrad().apply([(a, a), (b, b)], STEP)
    assert [v.name for v in alone] == ["a", "training/a/accumulator"]
    assert {v.name for v in packed} == {"a", "b", "training/packed/accumulator"}


def test_one_update_serves_all_small_dense_variables():
    variables = [Variable(np.ones((2, i + 1)), f"v{i}", dtype="float32") for i in range(5)]
    pairs = [(v, v * 2.0) for v in variables]
    assert ops_of(Adagrad().apply(pairs, STEP)).count("sqrt") == 1
    assert ops_of(Adagrad().apply(pairs, STEP, pack=False)).count("sqrt") == 5


def test_each_dtype_has_its_own_pack():
    pairs = [
        (v, v * 2.0)
        for v in (Variable(np.ones(2), f"v{i}", dtype=f"float{32 * (1 + i % 2)}") for i in range(4))
    ]
    names = {v.name for v in Adagrad().apply(pairs, STEP)}
    assert {"packed_float32/accumulator", "packed_float64/accumulator"} < names


def test_large_variables_are_not_packed():
    shapes = [(300, 300), (300, 301), (2,), (3,)]
    pairs = [(v, v) for v in (Variable(1.0, str(s), shape=s) for s in shapes)]
    names = {v.name for v in Adagrad().apply(pairs, STEP)}
    assert {"(300, 300)/accumulator", "(300, 301)/accumulator", "packed/accumulator"} < names


def sparse_sum(shapes, rows=50):
    """Return the sum of a row-sparse gradient for each shape of ids, the feeds and the array."""
    generator = np.random.default_rng(3)
    feeds, total, whole = {}, None, np.zeros((rows, 2), np.float32)
    for i, (shape, size) in enumerate(shapes):
        ids, values = generator.integers(-1, 6, size), generator.integers(-3, 4, (*size, 2))
        feeds |= {f"ids{i}": ids, f"values{i}": values}
        part = scatter_rows(
            placeholder(f"ids{i}", shape, "int64"),
            placeholder(f"values{i}", (*shape, 2)),
            rows=rows,
        )
        total = part if total is None else total + part
        np.add.at(whole, np.asarray(ids)[ids >= 0], values[ids >= 0])
    return total, feeds, whole


@pytest.mark.parametrize(
    ("shapes", "joined"),
    [
        ([((None,), (4,)), ((None,), (4,))], True),
        ([((None,), (4,)), ((None, 3), (4, 3)), ((None, 2), (4, 2))], True),
        ([((2,), (2,)), ((3,), (3,))], False),
        ([((None,), (4,)), ((3,), (3,))], False),
        ([((), ()), ((), ())], False),
        ([((), ())], True),
    ],
)
def test_trap_a_shared_table_has_one_gradient(shapes, joined, monkeypatch):
    """The lookups of two columns in one table are summed before momentum sees them."""
    monkeypatch.setattr(module, "SMALL_TABLE", 0)
    slope, feeds, whole = sparse_sum(shapes)
    table = Variable(np.ones((50, 2)), "table", dtype="float32")
    updates = Momentum(learning_rate=1.0, momentum=0.5).apply([(table, slope)], STEP)
    assert ("replace_rows" in ops_of(updates)) == joined
    execution = Program(updates=updates).start({"table/momentum": np.ones((50, 2), np.float32)})
    execution.run(feeds)
    touched = np.unique(np.concatenate([np.ravel(v) for k, v in feeds.items() if k[0] == "i"]))
    touched = touched[touched >= 0]
    expected = np.ones((50, 2), np.float32)
    expected[touched] -= 0.5 + whole[touched]
    np.testing.assert_allclose(execution.variables["table"], expected, rtol=1e-6)
    idle = np.setdiff1d(np.arange(50), touched)
    assert (execution.variables["table/momentum"][idle] == 1).all()


def test_a_scatter_for_two_columns_is_as_sparse_as_their_sum(monkeypatch):
    monkeypatch.setattr(module, "SMALL_TABLE", 0)
    total, feeds, _ = sparse_sum([((None,), (4,)), ((None, 3), (4, 3))])
    one = scatter_all(*zip(*(part.inputs for part in total.inputs), strict=True), 50)
    found = []
    for slope in (total, one):
        table = Variable(np.ones((50, 2)), "table", dtype="float32")
        updates = Momentum(learning_rate=1.0, momentum=0.5).apply([(table, slope)], STEP)
        assert "replace_rows" in ops_of(updates)
        execution = Program(updates=updates).start()
        execution.run(feeds)
        found.append(execution.variables["table"])
    np.testing.assert_array_equal(*found)


def test_a_penalty_on_the_table_makes_its_gradient_dense():
    table, ids = Variable(1.0, "table", shape=(50_000, 1)), placeholder("ids", (None,), "int64")
    loss = sum_of(take(table, ids)) + sum_of(table * table)
    assert "replace_rows" not in ops_of(SGD().minimize(loss, [table], STEP))


def test_a_large_table_goes_by_rows_and_a_small_one_whole():
    ids = placeholder("ids", (None,), "int64")
    for rows, by_rows in ((16_384, False), (16_385, True)):
        table = Variable(0.0, "table", shape=(rows, 1))
        ops = ops_of(Adagrad().minimize(sum_of(take(table, ids)), [table], STEP))
        assert ("replace_rows" in ops) == by_rows and ("scatter_rows" in ops) == (not by_rows)


def test_missing_ids_touch_no_row():
    table, ids = Variable(0.0, "table", shape=(20_000, 1)), placeholder("ids", (3,), "int64")
    updates = Adagrad(learning_rate=1.0).minimize(sum_of(take(table, ids)), [table], STEP)
    execution = Program(updates=updates).start()
    execution.run({"ids": [-1, -1, 4]})
    assert np.flatnonzero(execution.variables["table"]).tolist() == [4]
    assert np.isfinite(execution.variables["table/accumulator"]).all()
    execution.run({"ids": [-1, -1, -1]})
    assert np.flatnonzero(execution.variables["table"]).tolist() == [4]


def weight(shape=(2,), **options):
    return Variable(1.0, "weight", shape=shape, **options)


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        (
            lambda: [(weight(), constant([1.0]))],
            ShapeMismatch,
            r"gradient of 'weight': must have s",
        ),
        (lambda: [(weight(), constant(np.ones(2)))], ShapeMismatch, "and dtype float32, got .*64"),
        (lambda: [(w := weight(), w), (w, w)], InvalidValue, "'weight': has two gradients; add"),
        (lambda: [(w := weight(trainable=False), w)], InvalidValue, "'weight': is not trainable"),
        (lambda: [(weight() + 1.0, weight())], InvalidType, "only variables can be updated"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(pairs, error, message):
    with pytest.raises(error, match=message):
        SGD().apply(pairs(), STEP)


@pytest.mark.parametrize("step", [constant(0.0), constant([0])])
def test_a_step_is_one_whole_number(step):
    with pytest.raises(ShapeMismatch, match="step: must be one whole number"):
        SGD().apply([(w := weight(), w)], step)


def test_the_joined_ids_of_two_columns_stand_side_by_side():
    slope, _, _ = sparse_sum([((None,), (4,)), ((None, 3), (4, 3))])
    rows = module.distinct_rows(slope)
    assert rows.inputs[0].shape == (None, 4) and rows.inputs[1].shape == (None, 4, 2)
    assert module.distinct_rows(rows) is rows
    assert module.distinct_rows(concat([slope, slope], axis=0)) is None
