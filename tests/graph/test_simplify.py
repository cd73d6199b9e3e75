"""Every rule keeps values, odd ones included; and random programs stay what they were."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cannery.graph import (
    OPS,
    Variable,
    abs,
    broadcast_like,
    cast,
    concat,
    constant,
    count,
    evaluate,
    exp,
    expand,
    gradients,
    log,
    log1p,
    matmul,
    maximum,
    mean,
    minimum,
    name_scope,
    negative,
    pad,
    placeholder,
    relu,
    reshape,
    scatter_rows,
    sigmoid,
    simplify,
    softplus,
    square,
    squeeze,
    sum,
    sum_rows,
    tanh,
    transpose,
    where,
)
from cannery.graph.simplify import RULES
from cannery.graph.tensor import topological

SPECIALS = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 0.3, -7.5, 60.0]
X = placeholder("x", (None, 4))
Y = placeholder("y", (None, 3))


def feeds_for(roots, seed=0):
    """Return special and random values for every placeholder."""
    generator = np.random.default_rng(seed)
    feeds = {}
    for node in topological(roots):
        if node.op.name == "placeholder":
            shape = tuple(5 if n is None else n for n in node.shape)
            drawn = generator.normal(size=shape)
            special = generator.choice(SPECIALS, shape)
            value = np.where(generator.random(shape) < 0.5, drawn, special)
            if node.dtype.kind == "i":
                value = generator.integers(-1, 5, shape)
            feeds[node] = value > 0 if node.dtype == bool else value
    return feeds


def assert_same_values(before, after, feeds):
    for old, new in zip(evaluate(before, feeds), evaluate(after, feeds), strict=True):
        assert old.shape == new.shape
        assert old.dtype == new.dtype
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r[0].op.name}-{r[1].op.name}")
def test_both_sides_of_a_rule_are_equal(rule):
    left, right = rule
    wild = [node for node in topological(rule) if node.op.name == "placeholder"]
    for numbers in itertools.product(SPECIALS, repeat=len(wild)):
        feeds = {w: np.asarray(v, w.dtype) for w, v in zip(wild, numbers, strict=True)}
        old, new = evaluate([left, right], feeds)
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r[0].op.name}-{r[1].op.name}")
def test_each_rule_applies_and_its_result_stays(rule):
    (found,) = simplify([rule[0]])
    assert found is rule[1]
    assert simplify([found]) == [found]


U, V = X[:, :2], X[:, 2:]
IDS = placeholder("ids", (None, 3), "int32")
VALUES = placeholder("values", (None, 3, 2))
FLAT_IDS, FLAT_VALUES = placeholder("flat", (None,), "int32"), placeholder("rows", (None, 2))

SIMPLER = {
    "cast": (OPS["cast"](X, dtype="float32"), X),
    "full slice": (OPS["slice"](X, starts=(0, 0), stops=(None, 4)), X),
    "slice of slice": (X[:, 1:][:, 1:3], X[:, 2:4]),
    "slice of concat": (concat([X, Y], 1)[:, 5:6], Y[:, 1:2]),
    "slice of concat over two parts": (concat([X, Y, X], 1)[:, 2:5], concat([X[:, 2:], Y[:, :1]])),
    "slice of pad": (pad(X, (0, 2), (0, 1))[:, 3:5], X[:, 1:3]),
    "adjacent slices": (concat([U, V], 1), X),
    "adjacent slices among others": (concat([Y, X[:, 1:2], X[:, 2:3]], 1), concat([Y, X[:, 1:3]])),
    "concat of concat": (concat([concat([X, Y], 1), X], 1), concat([X, Y, X], 1)),
    "identity transpose": (transpose(X, (0, 1)), X),
    "transpose twice": (transpose(transpose(X)), X),
    "reshape twice": (reshape(reshape(X, (None, 2, 2)), (None, 4, 1)), reshape(X, (None, 4, 1))),
    "reshape and back": (reshape(reshape(X, (None, 2, 2)), (None, 4)), X),
    "squeeze of expand": (squeeze(expand(X, 1), 1), X),
    "broadcast to itself": (OPS["broadcast_like"](X, X), X),
    "broadcast of a broadcast": (
        broadcast_like(OPS["broadcast_like"](mean(X), Y[:, :1]), Y),
        broadcast_like(mean(X), Y),
    ),
    "broadcast that an op does itself": (broadcast_like(mean(X), X) * X, mean(X) * X),
    "shape of an elementwise op": (broadcast_like(mean(Y), exp(X)), broadcast_like(mean(Y), X)),
    "count of an elementwise op": (count(exp(X), 0), count(X, 0)),
    "sum over no axes": (OPS["sum"](X, axis=(), keepdims=False), X),
    "sum over an axis of size one": (sum(X[:, :1], 1), squeeze(X[:, :1], 1)),
    "no pad": (OPS["pad"](X, before=(0, 0), after=(0, 0)), X),
    "pad of pad": (pad(pad(X, (0, 1), (0, 0)), (0, 0), (0, 2)), pad(X, (0, 1), (0, 2))),
    "sum of pads": (pad(X, (0, 0), (0, 3)) + pad(Y, (0, 4), (0, 0)), concat([X, Y], 1)),
    "sum of pads in any order": (
        pad(V, (0, 2), (0, 3)) + pad(Y, (0, 4), (0, 0)) + pad(U, (0, 0), (0, 5)),
        concat([X, Y], 1),
    ),
    "sum of scatters": (
        scatter_rows(IDS, VALUES, 5) + scatter_rows(IDS[:, :1], VALUES[:, :1], 5),
        scatter_rows(concat([IDS, IDS[:, :1]]), concat([VALUES, VALUES[:, :1]], 1), 5),
    ),
    "sum of flat scatters": (
        scatter_rows(FLAT_IDS, FLAT_VALUES, 5) + scatter_rows(IDS, VALUES, 5),
        scatter_rows(
            concat([expand(FLAT_IDS, 1), IDS]), concat([expand(FLAT_VALUES, 1), VALUES], 1), 5
        ),
    ),
    "constants": (X * (constant(2.0) + 3.0), X * 5.0),
}


@pytest.mark.parametrize("name", SIMPLER)
def test_rewrites(name):
    before, expected = SIMPLER[name]
    (after,) = simplify([before])
    assert after is expected
    feeds = feeds_for([before, after])
    assert_same_values([before], [after], feeds)


UNTOUCHED = {
    "x + 0 turns -0.0 into 0.0": X + 0.0,
    "x * 0 keeps missing numbers": X * 0.0,
    "exp(log(x)) is missing below zero": exp(log(X)),
    "log(exp(x)) overflows": log(exp(X)),
    "x - x keeps missing numbers": X - X,
    "ones that broadcast": X[:, :1] * np.ones((1, 4), np.float32),
    "slices with a gap": concat([X[:, :1], X[:, 2:]], 1),
    "slices out of order": concat([X[:, 2:], X[:, :2]], 1),
    "overlapping pads": pad(X, (0, 0), (0, 3)) + pad(X, (0, 3), (0, 0)),
    "scatters into different tables": concat(
        [scatter_rows(IDS, VALUES, 5), scatter_rows(IDS, VALUES, 6)], 0
    ),
    "large constants": sum(X) + np.ones((2000,), np.float32),
    "a negated comparison with missing numbers": ~(X < 0.0),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_would_change_values_stays(name):
    before = UNTOUCHED[name]
    assert simplify([before]) == [before]


def test_an_error_waits_until_the_program_runs():
    table = OPS["take"](constant([[1.0]]), constant([3]))
    assert simplify([table]) == [table]
    with pytest.raises(ValueError, match="ids must be below 1"):
        evaluate(simplify([table]))


def test_names_and_variables_stay():
    w = Variable(np.ones((4, 2), np.float32), "w")
    with name_scope("tower"):
        y = tanh(matmul(X * 1.0, w))
    (after,) = simplify([y])
    assert after.name == "tower/tanh"
    assert after.inputs[0].inputs == (X, w)


def test_roots_keep_their_order_and_equal_ones_stay_equal():
    roots = [X * 1.0, negative(negative(X)), Y, X + Y[:, :1]]
    assert simplify(roots) == [X, X, Y, X + Y[:, :1]]


def test_gradients_of_shared_tables_become_one_scatter():
    table = Variable(np.ones((5, 2), np.float32), "table")
    y = sum(square(sum_rows(table, IDS))) + sum(sum_rows(table, IDS[:, 1:]) * 3.0)
    (slope,) = gradients(y, [table])
    (after,) = simplify([slope])
    assert [n.op.name for n in topological([after])].count("scatter_rows") == 1
    assert_same_values([slope], [after], feeds_for([slope]))


def test_simplifying_twice_changes_nothing_more():
    y = mean(square(softplus(negative(negative(X))) * 1.0))
    once = simplify([y, *gradients(y, [X])])
    assert simplify(once) == once


UNARY = {
    "negative": (negative, np.negative),
    "abs": (abs, np.abs),
    "square": (square, np.square),
    "relu": (relu, lambda a: np.maximum(a, 0)),
    "tanh": (tanh, np.tanh),
    "sigmoid": (sigmoid, lambda a: 1 / (1 + np.exp(-a))),
    "softplus": (softplus, lambda a: np.logaddexp(a, 0)),
    "log": (log, np.log),
    "log1p": (log1p, np.log1p),
    "one": (lambda t: t * 1.0, lambda a: a),
    "inverse": (lambda t: 1.0 / t, lambda a: 1 / a),
    "cube": (lambda t: t**2 * t, lambda a: a**2 * a),
    "turn": (transpose, np.transpose),
    "front": (lambda t: t[:2, 1:], lambda a: a[:2, 1:]),
    "flat": (lambda t: reshape(t, (-1, 1)), lambda a: a.reshape(-1, 1)),
    "double": (lambda t: concat([t, t], 1), lambda a: np.concatenate([a, a], 1)),
    "cut": (lambda t: concat([t[:, :1], t[:, 1:]], 1), lambda a: a),
    "frame": (
        lambda t: pad(t, (0, 1), (0, 0)) + pad(t, (0, 0), (0, 1)),
        lambda a: np.pad(a, ((0, 0), (1, 0))) + np.pad(a, ((0, 0), (0, 1))),
    ),
    "total": (lambda t: sum(t, 0, keepdims=True), lambda a: a.sum(0, keepdims=True)),
    "mean": (lambda t: broadcast_like(mean(t), t), lambda a: np.full(a.shape, a.mean())),
    "same": (lambda t: cast(t, "float64"), lambda a: a),
}
BINARY = {
    "add": (lambda s, t: s + t, np.add),
    "subtract": (lambda s, t: s - t, np.subtract),
    "minus negative": (lambda s, t: s - -t, np.add),
    "multiply": (lambda s, t: s * t, np.multiply),
    "divide": (lambda s, t: -s / -t, np.divide),
    "maximum": (maximum, np.maximum),
    "minimum": (minimum, np.minimum),
    "where": (lambda s, t: where(~(s > t), s, t), lambda a, b: np.where(~(a > b), a, b)),
}
STEPS = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), st.integers(0, 100), st.integers(0, 100)),
    min_size=1,
    max_size=12,
)
NUMBERS = st.lists(st.sampled_from(SPECIALS) | st.floats(-3, 3), min_size=6, max_size=6)


@settings(deadline=None, max_examples=300)
@given(STEPS, NUMBERS)
def test_random_programs_equal_numpy_before_and_after(steps, numbers):
    array = np.array(numbers).reshape(2, 3)
    x = placeholder("x", (2, 3), "float64")
    pool = [(x, array), (constant(np.float64([[1.0, -0.0, 2.0]])), np.array([[1.0, -0.0, 2.0]]))]
    with np.errstate(all="ignore"):
        for name, i, j in steps:
            (s, a), (t, b) = pool[i % len(pool)], pool[j % len(pool)]
            try:
                if name in UNARY:
                    ours, theirs = UNARY[name]
                    pool.append((ours(s), theirs(a)))
                else:
                    ours, theirs = BINARY[name]
                    pool.append((ours(s, t), theirs(a, b)))
            except ValueError:
                continue  # the shapes do not go together
    roots = [tensor for tensor, _ in pool]
    after = simplify(roots)
    expected = [value for _, value in pool]
    for got in (evaluate(roots, {x: array}), evaluate(after, {x: array})):
        for value, right in zip(got, expected, strict=True):
            np.testing.assert_allclose(value, right, rtol=1e-9, atol=1e-12)


def test_a_few_columns_of_a_product_are_all_that_is_multiplied():
    a, b = placeholder("a", (None, 3)), placeholder("b", (3, 40))
    (few,) = simplify([matmul(a, b)[:, 8:16]])
    assert few.op.name == "matmul" and few.inputs[0] is a and few.inputs[1].shape == (3, 8)
    (many,) = simplify([matmul(a, b)[:, :30]])
    assert many.op.name == "slice"
    feeds = {"a": np.ones((2, 3), "float32"), "b": np.arange(120.0, dtype="float32").reshape(3, 40)}
    whole = evaluate([matmul(a, b)], feeds)[0]
    np.testing.assert_array_equal(evaluate([few], feeds)[0], whole[:, 8:16])
