"""What every optimizer in the registry must do."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import clone

from cannery.errors import InvalidType, InvalidValue, NotFound
from cannery.graph import (
    Program,
    Variable,
    constant,
    gradients,
    placeholder,
    scatter_rows,
    take,
)
from cannery.graph import sum as sum_of
from cannery.graph.optimizers import (
    OPTIMIZERS,
    Adam,
    AdamW,
    ExponentialDecay,
    Ftrl,
    Optimizer,
    ProximalAdagrad,
    RMSProp,
    get_optimizer,
    trace,
)
from cannery.graph.optimizers import optimizer as module

# The registry's defaults, and the settings that take another path through `update`.
SETTINGS = [
    *(cls() for cls in OPTIMIZERS.values()),
    OPTIMIZERS["momentum"](use_nesterov=True),
    RMSProp(centered=True, momentum=0.5),
    Adam(lazy=True),
    AdamW(lazy=True),
    ProximalAdagrad(l1_regularization_strength=0.01, l2_regularization_strength=0.1),
    Ftrl(l1_regularization_strength=0.01, l2_regularization_strength=0.1),
    Ftrl(l2_shrinkage_regularization_strength=0.1, learning_rate_power=-0.4),
]
settings = pytest.mark.parametrize("optimizer", SETTINGS, ids=repr)


def run(updates, feeds=({},), step=None):
    """Return the variables after one step for each of `feeds`."""
    if step is not None:
        updates = {**updates, step: step + 1}
    execution = Program(updates=updates).start()
    for feed in feeds:
        execution.run(feed)
    return execution.variables


def new_step():
    return Variable(0, "global_step", dtype="int64", trainable=False)


def test_the_registry_is_complete():
    names = "sgd momentum adagrad rmsprop adam adamw adadelta proximal_adagrad ftrl"
    assert set(OPTIMIZERS) == set(names.split())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_found_by_name_in_any_case(name):
    assert type(get_optimizer(name)) is OPTIMIZERS[name]
    assert type(get_optimizer(name.upper())) is OPTIMIZERS[name]
    given = OPTIMIZERS[name](learning_rate=0.3)
    assert get_optimizer(given) is given


def test_a_misspelt_name_is_corrected():
    with pytest.raises(NotFound, match="did you mean 'adagrad'"):
        get_optimizer("adagrd")
    with pytest.raises(InvalidType, match=r"write Adam\(\), not Adam"):
        get_optimizer(Adam)


@settings
def test_parameters_are_scikit_learns(optimizer):
    params = optimizer.get_params()
    assert json.loads(json.dumps(params)) == params
    copy = clone(optimizer)
    assert copy is not optimizer and copy.get_params() == params
    copy.set_params(learning_rate=0.125)
    assert copy.learning_rate == 0.125 != optimizer.learning_rate


@settings
def test_a_schedule_is_a_nested_parameter(optimizer):
    decay = ExponentialDecay(initial_learning_rate=0.1, decay_steps=2, decay_rate=0.5)
    scheduled = clone(optimizer).set_params(learning_rate=decay)
    scheduled = clone(scheduled).set_params(learning_rate__decay_rate=0.25)
    assert scheduled.learning_rate.decay_rate == 0.25 and decay.decay_rate == 0.5
    flat = clone(optimizer).set_params(learning_rate=0.1)
    start, slopes = [1.0, -2.0], [[1.0, -0.5]] * 3
    before, after = trace(flat, start, slopes), trace(scheduled, start, slopes)
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[2] != after[2]).all()


@settings
def test_descends_a_quadratic(optimizer):
    weight, step = Variable([3.0, -2.0], "weight"), new_step()
    loss = sum_of((weight - constant([1.0, 1.0])) * (weight - constant([1.0, 1.0])))
    optimizer = clone(optimizer).set_params(learning_rate=0.1)
    updates = optimizer.minimize(loss, [weight], step)
    execution = Program(outputs={"loss": loss}, updates={**updates, step: step + 1}).start()
    losses = [float(execution.run({})["loss"]) for _ in range(20)]
    assert losses[0] == 13.0 and losses[-1] < losses[5] < losses[0]


@settings
def test_the_slots_are_made_under_the_variable(optimizer):
    weight, step = Variable([1.0], "tower/weight"), new_step()
    updates = optimizer.apply([(weight, weight * 2.0)], step)
    slots = [v for v in updates if v is not weight]
    assert [v.name for v in slots] == [f"tower/weight/{name}" for name in optimizer.slots()]
    assert not any(v.trainable for v in slots)
    assert step not in updates


@settings
@pytest.mark.parametrize("name", ["clip_value", "clip_norm", "global_clip_norm", "learning_rate"])
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), "much"])
def test_bad_numbers_are_refused_when_used(optimizer, name, bad):
    optimizer = clone(optimizer).set_params(**{name: bad})
    weight = Variable([1.0], "weight")
    with pytest.raises(
        InvalidValue, match=rf"{type(optimizer).__name__}\.{name}: must be a number"
    ):
        optimizer.apply([(weight, weight)], new_step())


@settings
def test_every_range_is_checked(optimizer):
    weight = Variable([1.0], "weight")
    numbers = [k for k, v in optimizer.get_params().items() if isinstance(v, float)]
    for name in numbers:
        broken = clone(optimizer).set_params(**{name: float("inf")})
        with pytest.raises(InvalidValue, match=rf"\.{name}: must be .*, got inf"):
            broken.apply([(weight, weight)], new_step())


def pairs_of(batch):
    """Small dense variables of every rank, a small table and their gradients."""
    x = placeholder("x", (batch, 3))
    ids = placeholder("ids", (batch,), "int64")
    scalar, vector = Variable(0.5, "scalar"), Variable([1.0, -1.0, 2.0], "vector")
    matrix = Variable(np.linspace(-1, 1, 6).reshape(3, 2), "matrix", dtype="float32")
    table = Variable(0.0, "table", shape=(7, 3))
    rows = sum_of(take(table, ids) * x)
    hidden = sum_of((x * vector + scalar) @ matrix) + rows * rows
    return hidden, [scalar, vector, matrix, table]


@settings
@pytest.mark.parametrize("clipped", [{}, {"clip_value": 0.5}, {"global_clip_norm": 1.0}])
def test_packing_changes_no_bit(optimizer, clipped):
    loss, variables = pairs_of(4)
    slopes = gradients(loss, variables)
    optimizer = clone(optimizer).set_params(**clipped)
    generator = np.random.default_rng(0)
    feeds = [
        {"x": generator.normal(size=(4, 3)), "ids": generator.integers(0, 7, 4)} for _ in range(5)
    ]
    results = []
    for pack in (True, False):
        step = new_step()
        updates = optimizer.apply(list(zip(variables, slopes, strict=True)), step, pack=pack)
        results.append(run(updates, feeds, step))
    for variable in variables:
        assert results[0][variable.name].tobytes() == results[1][variable.name].tobytes()
    packs = [name for name in results[0] if name.startswith("packed/")]
    assert packs == [f"packed/{name}" for name in optimizer.slots()]
    assert not any(name.startswith("packed") for name in results[1])


def dense_and_sparse(optimizer, initial, steps=6):
    """Trace one table twice: its gradients given by rows, and spread over the table."""
    generator = np.random.default_rng(1)
    rows = [generator.integers(0, 4, 5) for _ in range(steps)]
    values = [generator.normal(size=(5, *initial.shape[1:])).round(2) for _ in range(steps)]
    spread = np.zeros((steps, *initial.shape))
    for whole, ids, value in zip(spread, rows, values, strict=True):
        np.add.at(whole, ids, value)
    return trace(optimizer, initial, values, rows=rows), trace(optimizer, initial, spread)


@settings
def test_absent_rows(optimizer):
    """Rows 4 and 5 are never named: they stay, unless the optimizer moves all rows."""
    initial = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
    by_rows, whole = dense_and_sparse(optimizer, initial)
    if optimizer.skips_absent_rows():
        assert (by_rows[:, 4:] == initial[4:]).all()
    else:
        np.testing.assert_allclose(by_rows, whole, rtol=1e-6)
    variable = Variable(initial, "table")
    if optimizer.absorbs_zero(variable):
        np.testing.assert_allclose(by_rows, whole, rtol=1e-6)


@settings
def test_rows_named_twice_are_summed_first(optimizer):
    initial = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
    once = trace(optimizer, initial, [[[3.0, -1.0]]], rows=[[2]])
    twice = trace(optimizer, initial, [[[1.0, 1.0], [2.0, -2.0]]], rows=[[2, 2]])
    np.testing.assert_array_equal(once, twice)


@settings
@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 3), (6, 2, 2)])
def test_the_quick_way_over_a_small_table_changes_no_bit(optimizer, shape, monkeypatch):
    """Whether a sparse gradient is spread over the table or followed row by row is speed only."""
    starts = [np.zeros(shape, np.float32), np.random.default_rng(2).normal(size=shape)]
    for initial in starts:
        quick, _ = dense_and_sparse(optimizer, initial)
        with monkeypatch.context() as patch:
            patch.setattr(module, "SMALL_TABLE", 0)
            by_rows, _ = dense_and_sparse(optimizer, initial)
        np.testing.assert_array_equal(quick, by_rows)


@settings
@pytest.mark.parametrize("clipped", [{}, {"clip_value": 0.5, "clip_norm": 1.0}])
def test_a_step_costs_what_the_batch_touches(optimizer, clipped, monkeypatch):
    """No operation of a row-sparse step is as large as the table, but the writing of its rows."""
    monkeypatch.setattr(module, "SMALL_TABLE", 0)
    table, ids = Variable(0.0, "table", shape=(1000, 2)), placeholder("ids", (None,), "int64")
    slope = scatter_rows(ids, placeholder("values", (None, 2)), rows=1000)
    updates = clone(optimizer).set_params(**clipped).apply([(table, slope)], new_step())
    large = [
        node.op.name
        for node in Program(updates=updates).nodes
        if node.shape == (1000, 2) and not isinstance(node, Variable)
    ]
    if optimizer.skips_absent_rows():
        assert set(large) == {"replace_rows"}
    else:
        assert "scatter_rows" in large and "replace_rows" not in large


@settings
def test_no_rows_at_all(optimizer):
    initial = np.ones((3, 2), np.float32)
    after = trace(optimizer, initial, [np.zeros((0, 2)), [[1.0, 1.0]]], rows=[[], [1]])
    assert np.isfinite(after).all()
    if optimizer.skips_absent_rows():
        assert (after[0] == 1).all() and (after[1, 1] != 1).all()


@settings
def test_float64_stays_float64(optimizer):
    weight, step = Variable(np.ones(3), "weight", dtype="float64"), new_step()
    decay = ExponentialDecay(initial_learning_rate=0.1, decay_steps=2, decay_rate=0.5)
    updates = (
        clone(optimizer)
        .set_params(learning_rate=decay)
        .minimize(sum_of(weight * weight), [weight], step)
    )
    after = run(updates, [{}] * 3, step)["weight"]
    assert after.dtype == np.float64 and (after < 1).all()


def test_the_ancestor_has_no_update():
    with pytest.raises(NotFound, match="has no update"):
        Optimizer().apply([(weight := Variable([1.0], "weight"), weight)], new_step())
