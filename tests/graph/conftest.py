"""Random programs, and a plain way to run them, for the tests of the plan and its interpreter."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from cannery import graph as g
from cannery.errors import CanneryError

IDS = 5  # rows of the table; ids run from -1, which is none, to IDS - 1

UNARY = [
    g.negative,
    g.square,
    g.tanh,
    g.sigmoid,
    g.relu,
    g.softplus,
    g.exp,
    g.transpose,
    g.zeros_like,
    g.squeeze,
    g.sum,
    g.cumsum,
    lambda x: g.cumsum(x, 0, reverse=True),
    lambda x: g.sum(x, 0),
    lambda x: g.sum(x, -1, keepdims=True),
    lambda x: g.max(x, -1),
    lambda x: g.mean(x, 0),
    lambda x: g.reshape(x, (-1,)),
    lambda x: g.reshape(x, (1, -1)),
    lambda x: g.expand(x, 0),
    lambda x: g.expand(x, -1),
    lambda x: g.pad(x, [1] * x.rank, [0] * x.rank),
    lambda x: g.cast(g.cast(x, "int32"), "float32"),
    lambda x: x * x,
    lambda x: x + 1.0,
    lambda x: x[..., :2],
    lambda x: x[..., 1:],
    lambda x: x[0],
    lambda x: x[1:],
    lambda x: x[1:, :2],
    lambda x: g.concat([x, x], 0),
    lambda x: g.reshape(x, (-1, 3)),
    lambda x: g.min(x, 0),
    lambda x: g.max(x),
    lambda x: g.prod(x, -1),
    lambda x: g.logsumexp(x, -1),
    g.softmax,
    lambda x: g.cast(g.argmax(x, -1), "float32"),
    lambda x: g.matmul(g.transpose(x), x),
    lambda x: g.matmul(x, g.transpose(x)),
    lambda x: g.concat([x, x * 2.0], -1),
    lambda x: g.clip(x, -0.5, 0.5),
    lambda x: x / (1.0 + g.count(x, 0)),
]
LOOKUP = [  # of tables with a row for each id
    lambda x: g.sum_rows(x, IDS_FEED),
    lambda x: g.sum_rows(x, WORDS, lengths=LENGTHS),
    lambda x: g.sum_rows(x, WORDS, weights=WEIGHTS, lengths=LENGTHS, combiner="mean"),
    lambda x: g.sum(g.repeat_rows(x, LENGTHS, "words") * g.expand(WEIGHTS, -1), 0),
    lambda x: g.segment_sum(g.take(x, WORDS), LENGTHS),
    lambda x: g.replace_rows(x, DISTINCT, g.take(x, DISTINCT) * 0.5),
    lambda x: g.scatter_rows(IDS_FEED, g.take(x, IDS_FEED), IDS),
    lambda x: g.matmul(g.multi_hot(IDS_FEED, IDS), x),
    lambda x: g.matmul(
        g.concat([INPUTS[0], g.multi_hot(IDS_FEED, IDS)], 1), g.concat([x, x[:3]], 0)
    ),
    lambda x: g.take(x, g.cast(g.argmax(INPUTS[0], -1), "int32")),
    lambda x: g.gather(x, g.cast(g.clip(x, 0.0, 2.0), "int32")),
]


def _slope(x, y):
    """Return a gradient with respect to anything that `x` depends on."""
    (found,) = g.gradients(g.sum(g.tanh(x)), [y])
    return x if found is None else found


BINARY = [
    g.add,
    g.subtract,
    g.multiply,
    g.divide,
    g.maximum,
    g.minimum,
    g.matmul,
    g.broadcast_like,
    lambda a, b: g.mask(a, b > 0),
    lambda a, b: g.where(b > a, a, b),
    lambda a, b: g.where(g.sum(b) > 0, a, b),
    lambda a, b: g.concat([a, b], 0),
    lambda a, b: g.concat([a, b], -1),
    lambda a, b: g.concat([g.reshape(a, (-1,)), g.reshape(b, (-1,))], 0),
    lambda a, b: a - 0.1 * g.reshape(b, a.shape),
    _slope,
    _slope,
    lambda a, b: g.matmul(a, g.transpose(b)),
    lambda a, b: g.sigmoid_cross_entropy(a, b),
]

IDS_FEED = g.placeholder("ids", (None, 2), "int32")
DISTINCT = g.placeholder("distinct", (2,), "int32")
WORDS = g.placeholder("words", ("words",), "int32")
LENGTHS = g.placeholder("words/lengths", (None,), "int32")
WEIGHTS = g.placeholder("words/weights", ("words",))
INPUTS = [
    g.placeholder("x", (None, 3)),
    g.placeholder("y", (None,)),
    g.placeholder("fixed", (2, 3)),
    IDS_FEED,
    DISTINCT,
    WORDS,
    LENGTHS,
    WEIGHTS,
]


@dataclass
class Ragged:
    offsets: Any
    ids: Any
    weights: Any


def make_variables(generator: np.random.Generator) -> list[g.Variable]:
    shapes = {"a": (3,), "b": (3,), "u": (3, 3), "w": (3, 3), "table": (IDS, 3), "s": ()}
    return [
        g.Variable(generator.normal(size=shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


@st.composite
def programs(draw, steps: int = 14) -> g.Program:
    """Draw a program: any expressions, any of them as new values, outputs of any kind."""
    variables = make_variables(np.random.default_rng(draw(st.integers(0, 9))))
    pool: list[g.Tensor] = [*variables, *INPUTS[:3], g.constant(0.5)]
    updates: dict[g.Variable, g.Tensor] = {}

    def pick() -> g.Tensor:
        # New expressions first: that makes deep graphs, and simple ones after shrinking.
        return pool[-1 - draw(st.integers(0, len(pool) - 1))]

    for _ in range(draw(st.integers(1, steps))):
        kind = draw(st.sampled_from(["unary", "binary", "binary", "lookup", "pack"]))
        try:
            if kind == "pack":
                _pack(draw, variables, pick(), updates, pool)
            elif kind == "lookup":
                tables = [t for t in pool if t.shape[:1] == (IDS,)]
                pool.append(draw(st.sampled_from(LOOKUP))(draw(st.sampled_from(tables))))
            elif kind == "unary":
                pool.append(draw(st.sampled_from(UNARY))(pick()))
            else:
                pool.append(draw(st.sampled_from(BINARY))(pick(), pick()))
        except CanneryError:
            continue  # shapes that do not go together
    for variable in draw(st.lists(st.sampled_from(variables), unique=True)):
        fitting = [t for t in pool if t.shape == variable.shape and t.dtype == variable.dtype]
        updates[variable] = fitting[-1 - draw(st.integers(0, len(fitting) - 1))]
    usable = [
        t for t in pool if all(isinstance(size, int) for size in t.shape[t.shape[:1] == (None,) :])
    ]
    outputs = draw(st.lists(st.sampled_from(usable), max_size=3))
    return g.Program(INPUTS, {f"output{i}": t for i, t in enumerate(outputs)}, updates)


def _pack(draw, variables, slope, updates, pool) -> None:
    """Update several variables as one flat vector, as optimizers do; now and then permuted."""
    members = draw(st.lists(st.sampled_from(variables[:4]), min_size=2, max_size=4, unique=True))
    packed = g.concat([g.reshape(v, (-1,)) for v in members], 0)
    gradient = draw(st.sampled_from([g.sum(slope), packed]))
    if draw(st.booleans()):
        gradient = g.concat([g.reshape(v * g.sum(slope), (-1,)) for v in members], 0)
    new = draw(st.sampled_from([packed, packed - 0.1 * gradient, g.tanh(packed * 2.0)]))
    pool.extend([packed, new])
    places, start = [], 0
    for v in members:
        size = int(np.prod(v.shape))
        places.append((start, start + size))
        start += size
    targets = draw(st.permutations(members)) if draw(st.booleans()) else members
    for v, (low, high) in zip(targets, places, strict=True):
        if high - low == int(np.prod(v.shape)):
            updates[v] = g.reshape(new[low:high], v.shape)


def make_feeds(rows: int, seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, 4, rows)
    total = int(lengths.sum())
    return {
        "x": generator.normal(size=(rows, 3)).astype(np.float32),
        "y": generator.normal(size=rows).astype(np.float32),
        "fixed": generator.normal(size=(2, 3)).astype(np.float32),
        "ids": generator.integers(-1, IDS, (rows, 2)).astype(np.int32),
        "distinct": generator.permutation(np.array([-1, *range(IDS)], np.int32))[:2],
        "words": Ragged(
            np.concatenate([[0], np.cumsum(lengths)]),
            generator.integers(-1, IDS, total).astype(np.int32),
            generator.normal(size=total).astype(np.float32),
        ),
    }


def batch_of(feeds: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Return the feeds of one step, as `evaluate` takes them."""
    words = feeds["words"]
    spans = [range(words.offsets[row], words.offsets[row + 1]) for row in rows]
    index = [place for span in spans for place in span]
    return {
        **{name: feeds[name][rows] for name in ("x", "y", "ids")},
        **{name: feeds[name] for name in ("fixed", "distinct")},
        "words": words.ids[index],
        "words/weights": words.weights[index],
        "words/lengths": np.array([len(span) for span in spans], np.int32),
    }


def run_plainly(program, values, feeds, rows, batch_size):
    """Return each output and the variables after the steps, by `evaluate` alone."""
    values = {name: array.copy() for name, array in values.items()}
    collected: dict[str, list[Any]] = {name: [] for name in program.outputs}
    for low in range(0, len(rows), batch_size):
        feed = batch_of(feeds, rows[low : low + batch_size])
        roots = [*program.outputs.values(), *program.updates.values()]
        results = g.evaluate(roots, feed, values)
        for (name, node), value in zip(program.outputs.items(), results, strict=False):
            collected[name].extend(value if node.shape[:1] == (None,) else [value])
        for variable, value in zip(program.updates, results[len(program.outputs) :], strict=True):
            values[variable.name] = value.copy()
    return collected, values


def assert_same_bits(actual, expected) -> None:
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
    if actual.dtype.kind == "f":
        numbers = ~np.isnan(expected)
        assert np.array_equal(np.signbit(actual)[numbers], np.signbit(expected)[numbers])


@pytest.fixture(scope="session")
def random_programs():
    return SimpleNamespace(
        strategy=programs,
        inputs=INPUTS,
        unary=UNARY,
        binary=BINARY,
        feeds=make_feeds,
        run_plainly=run_plainly,
        assert_same_bits=assert_same_bits,
    )
