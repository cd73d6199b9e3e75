"""What feeds alone determine is computed beforehand, and changes no bit of any step."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cannery import graph as g
from cannery.errors import CanneryError
from cannery.graph.staging import rowwise, substitute


def train(value):
    """Return a program whose steps need `value` late: an update depends on it."""
    total = g.Variable(0.0, "total")
    late = g.sum(g.cast(value, "float32") * (total + 1.0))
    return g.Program(outputs={"late": late}, updates={total: total + late * 0.01})


def test_any_op_on_feeds_gives_the_same_steps(random_programs):
    rows = np.array([4, 0, 3, 3, 1])
    feeds = random_programs.feeds(5, seed=3)
    leaves = [*random_programs.inputs, g.constant([[0.5, 1.0, 2.0]])]
    calls = itertools.chain(
        itertools.product(random_programs.unary, itertools.product(leaves)),
        itertools.product(random_programs.binary, itertools.product(leaves, repeat=2)),
    )
    staged = 0
    for function, inputs in calls:
        try:
            program = train(function(*inputs))
        except CanneryError:
            continue  # shapes that do not go together
        execution = program.start()
        if not any(None in node.shape for node in program.inputs):
            continue
        expected, values = random_programs.run_plainly(
            program, program.initial_values(), feeds, rows, 2
        )
        found = execution.run(feeds, rows, 2)
        random_programs.assert_same_bits(found["late"], np.array(expected["late"], "float32"))
        random_programs.assert_same_bits(execution.variables["total"], values["total"])
        staged += bool(rowwise(program))
    assert staged > 50


def test_what_mixes_rows_or_needs_variables_stays_in_the_step():
    x, w = g.placeholder("x", (None, 3)), g.Variable(np.ones(3, "float32"), "w")
    assert not rowwise(train(g.cumsum(x, 0)))
    assert not rowwise(train(x * g.max(x, 0)))
    assert not rowwise(train(x * w))


def test_work_on_feeds_is_taken_out_and_plain_feeds_stay():
    x, y = g.placeholder("x", (None, 3)), g.placeholder("y", (None,))
    shifted = g.exp(x) + 1.0
    found = rowwise(train(shifted * g.sum(y)))
    assert list(found) == [shifted, y] or list(found) == [y, shifted]
    assert found[y] is y
    assert found[shifted].op.name == "placeholder"
    assert found[shifted].shape == (None, 3)


def test_substitute_rebuilds_only_what_depends_on_it():
    x, y, z = (g.placeholder(name, ()) for name in "xyz")
    kept, changed = g.exp(y), g.sin(g.exp(x)) + g.exp(y)
    new_kept, new_changed = substitute([kept, changed], {g.exp(x): z})
    assert new_kept is kept
    assert new_changed is g.sin(z) + g.exp(y)


@pytest.mark.parametrize("name", sorted(name for name, op in g.OPS.items() if op.by_row))
def test_an_op_that_says_so_works_row_by_row(name):
    op, tried = g.OPS[name], 0
    for sample in op.samples():
        inputs = [
            g.placeholder(
                f"x{i}", (None, *a.shape[1:]) if i in sample.batched else a.shape, a.dtype
            )
            for i, a in enumerate(sample.arrays)
        ]
        # Elsewhere staging itself keeps off: rows must be the first axis, of inputs and result.
        same_rank = len({x.rank for x in inputs}) == 1 or not op.broadcasts
        result = op(*inputs, **sample.attributes)
        if not sample.batched or result.shape[:1] != (None,) or not same_rank:
            continue
        kernel = op.kernel(np, **sample.attributes)
        whole = np.asarray(kernel(*sample.arrays, None))
        chosen = [2, 0, 2]
        parts = [a[chosen] if i in sample.batched else a for i, a in enumerate(sample.arrays)]
        np.testing.assert_array_equal(np.asarray(kernel(*parts, None)), whole[chosen])
        tried += 1
    assert tried
