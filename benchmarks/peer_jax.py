"""Wide & Deep in JAX: many steps in one compiled `jax.lax.scan`."""

from __future__ import annotations

import functools
import time
from itertools import pairwise

import adult
import jax
import numpy as np
from jax import numpy as jnp


class WideDeep:
    """The benchmark's model; `compile_seconds` is spent before training and reported apart."""

    def __init__(self, data: adult.Encoded, batch_size: int, random_state: int = 0):
        self.batch_size = batch_size
        self.arrays = tuple(
            jnp.asarray(array)
            for array in (data.wide_ids, data.dense, data.embedding_ids, data.labels)
        )
        self.state = _initial(data, jax.random.key(random_state))
        self.steps = len(data.labels) // batch_size
        rows = jnp.zeros((self.steps, batch_size), jnp.int32)
        start = time.perf_counter()
        lowered = jax.jit(_scan, donate_argnums=0).lower(self.state, self.arrays, rows)
        self.run = lowered.compile()
        self.compile_seconds = time.perf_counter() - start

    def train(self, order: np.ndarray) -> None:
        """Make one pass over the rows in `order`, full batches only."""
        rows = order[: self.steps * self.batch_size].astype(np.int32)
        rows = rows.reshape(self.steps, self.batch_size)
        self.state = jax.block_until_ready(self.run(self.state, self.arrays, rows))

    def logits(self, data: adult.Encoded) -> np.ndarray:
        """Return the logits of every row of `data`."""
        parameters = self.state[0]
        return np.asarray(_logits(parameters, data.wide_ids, data.dense, data.embedding_ids))


def _initial(data: adult.Encoded, key: jax.Array):
    width = adult.EMBEDDING_WIDTH
    keys = iter(jax.random.split(key, 16))
    tables = [
        jax.random.normal(next(keys), (rows, width)) * width**-0.5 for rows in data.embedding_sizes
    ]
    units = (len(tables) * width + data.dense.shape[1], *adult.HIDDEN_UNITS, 1)
    glorot = jax.nn.initializers.glorot_uniform()
    layers = [(glorot(next(keys), pair), jnp.zeros(pair[1])) for pair in pairwise(units)]
    parameters = ((jnp.zeros(data.wide_size), jnp.zeros(1)), (tables, layers))
    squares = jax.tree.map(lambda p: jnp.full_like(p, adult.INITIAL_ACCUMULATOR), parameters)
    return parameters, squares, jax.tree.map(jnp.zeros_like, parameters[0])


def _logits(parameters, wide_ids, dense, ids):
    (wide, wide_bias), (tables, layers) = parameters
    embedded = [table[ids[:, i]] for i, table in enumerate(tables)]
    hidden = jnp.concatenate([*embedded, dense], axis=1)
    for weight, bias in layers[:-1]:
        hidden = jax.nn.relu(hidden @ weight + bias)
    weight, bias = layers[-1]
    return (hidden @ weight + bias)[:, 0] + wide[wide_ids].sum(axis=1) + wide_bias


def _loss(parameters, wide_ids, dense, ids, labels):
    logits = _logits(parameters, wide_ids, dense, ids)
    return jnp.mean(jax.nn.softplus(logits) - labels * logits)


def _ftrl(weight, squares, linear, slope):
    total = squares + slope * slope
    root = jnp.sqrt(total)
    sigma = (root - jnp.sqrt(squares)) / adult.LINEAR_LEARNING_RATE
    linear = linear + slope - sigma * weight
    return -adult.LINEAR_LEARNING_RATE * linear / root, total, linear


def _step(arrays, state, rows):
    (wide, deep), (wide_squares, deep_squares), linear = state
    batch = [array[rows] for array in arrays]
    wide_slope, deep_slope = jax.grad(_loss)((wide, deep), *batch)
    deep_squares = jax.tree.map(lambda a, g: a + g * g, deep_squares, deep_slope)
    deep = jax.tree.map(
        lambda p, a, g: p - adult.DEEP_LEARNING_RATE * g / jnp.sqrt(a),
        deep,
        deep_squares,
        deep_slope,
    )
    updated = [_ftrl(*row) for row in zip(wide, wide_squares, linear, wide_slope, strict=True)]
    wide, wide_squares, linear = (tuple(part) for part in zip(*updated, strict=True))
    return ((wide, deep), (wide_squares, deep_squares), linear), None


def _scan(state, arrays, rows):
    return jax.lax.scan(functools.partial(_step, arrays), state, rows)[0]
