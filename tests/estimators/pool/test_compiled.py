"""C merges what workers say to the bits of numpy, or leaves it to numpy."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.estimators.pool.compiled import merge_rows
from cannery.estimators.pool.merge import merge, merged, write
from cannery.estimators.pool.messages import Message, Part
from cannery.graph import Variable
from cannery.graph.compiler.toolchain import find_toolchain

SHAPES = {"table": (5000, 1), "wide": (5000, 7), "list": (5000,), "deep": (5000, 2, 3)}
WHOLE = {"kernel": (30, 5), "bias": (), "step": ()}
KINDS = {"weight": {}, "sum": {"trainable": False, "additive": True}, "mean": {"trainable": False}}


compiled = pytest.mark.skipif(find_toolchain() is None, reason="there is no C compiler")


def numbers(random, shape):
    """Numbers of which some are not finite, and some are zeros of either sign."""
    found = np.asarray(random.normal(size=shape), np.float32)
    return np.where(random.random(shape) < 0.02, random.choice([np.inf, 0.0, -0.0]), found)


def news(workers, dtype=np.float32, share=0.3):
    """Return variables, their values and what each worker says of them."""
    random = np.random.default_rng(workers)
    shapes = {f"{kind} {name}": s for kind in KINDS for name, s in {**SHAPES, **WHOLE}.items()}
    state = {name: random.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    for name in [name for name in state if name.endswith("step")]:
        state[name] = np.array(7)
    variables = [Variable(v, name, **KINDS[name.split()[0]]) for name, v in state.items()]
    messages = []
    for number in range(workers):
        ids = np.flatnonzero(random.random(5000) < (0 if number == 3 else share))
        told, whole = {}, {}
        for name, shape in shapes.items():
            if name.split()[1] in SHAPES:
                told[name] = numbers(random, (len(ids), *shape[1:])).astype(dtype)
            else:
                whole[name] = numbers(random, shape).astype(dtype)
        whole |= {name: np.array(number) for name in whole if name.endswith("step")}
        part = Part(number, 10 * number, 10 * number + 10 - number)
        messages.append(Message(part, whole=whole, rows=[(ids, told)]))
    return variables, state, messages


def bits(arrays):
    return {name: np.where(np.isnan(value), 0, value).tobytes() for name, value in arrays.items()}


@compiled
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7])
def test_the_bits_of_numpy(monkeypatch, workers):
    with np.errstate(all="ignore"):
        variables, state, messages = news(workers)
        by_numpy, by_c, later = ({n: v.copy() for n, v in state.items()} for _ in range(3))
        merge(variables, by_numpy, messages)
        monkeypatch.setattr("cannery.estimators.pool.merge._merged_rows", None)  # C does all
        merge(variables, by_c, messages, jit=True)
        whole, rows = merged(variables, state, messages, jit=True)
    assert bits(by_c) == bits(by_numpy) != bits(state)
    assert (np.diff(rows[0][0]) > 0).all() and len(rows) == 1
    assert bits(later) == bits(state)  # what is merged aside is written by who asked
    write(later, whole, rows)
    assert bits(later) == bits(by_numpy)


@compiled
def test_what_c_does_not_know_is_left_to_numpy():
    variables, state, messages = news(2, np.float64)
    tables = [state[name] for name in messages[0].rows[0][1]]
    told = [(rows, list(values.values())) for rows, values in (m.rows[0] for m in messages)]
    kinds = [0] * len(tables)
    assert merge_rows(kinds, np.ones(2), tables, told) is None
    with np.errstate(all="ignore"):
        merge(variables, state, messages, jit=True)


def test_it_is_not_compiled_unless_it_may_be(monkeypatch):
    variables, state, messages = news(2)
    with np.errstate(all="ignore"), monkeypatch.context() as patch:
        patch.setattr("cannery.estimators.pool.merge.merge_rows", None)
        merge(variables, state, messages, jit=False)
        merged(variables, state, messages, jit=False)
    monkeypatch.setenv("CANNERY_JIT", "0")
    tables = [state[name] for name in messages[0].rows[0][1]]
    assert merge_rows([0] * len(tables), np.ones(2), tables, []) is None
