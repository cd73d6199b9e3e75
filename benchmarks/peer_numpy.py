"""Wide & Deep as one straight-line numpy loop: what the interpreter is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import adult
import numpy as np
from threadpoolctl import threadpool_limits

ROWS_AT_ONCE = 4096
ONE_THREAD_UP_TO = 512  # rows in a batch: below, a second BLAS thread costs more than it brings


def with_bias(ids: np.ndarray, bias: int) -> np.ndarray:
    """Return `ids` with a last column that every row shares."""
    return np.concatenate((ids, np.full((len(ids), 1), bias)), axis=1)


class WideDeep:
    """The benchmark's model with its gradients and optimizers written out by hand.

    Every bias is the last row of its layer's weights and every layer's input ends in a column of
    ones. The deep parameters are views of one vector, so that one Adagrad update serves all.
    """

    def __init__(self, data: adult.Encoded, batch_size: int, random_state: int = 0):
        random = np.random.default_rng(random_state)
        width = adult.EMBEDDING_WIDTH
        inputs = len(data.embedding_sizes) * width + data.dense.shape[1]
        units = (inputs, *adult.HIDDEN_UNITS, 1)
        self.shapes = [(rows, width) for rows in data.embedding_sizes]
        self.shapes += [(rows + 1, columns) for rows, columns in pairwise(units)]
        size = sum(rows * columns for rows, columns in self.shapes)
        self.flat, self.slope = np.zeros((2, size), np.float32)
        self.squares = np.full(size, adult.INITIAL_ACCUMULATOR, np.float32)
        self.scratch = np.empty(size, np.float32)
        self.data, self.batch_size = data, batch_size
        self.at_once = max(1, ROWS_AT_ONCE // batch_size) * batch_size
        tables = len(data.embedding_sizes)
        weights, slopes = list(self._views(self.flat)), list(self._views(self.slope))
        self.tables, self.weights = weights[:tables], weights[tables:]
        self.table_slopes, self.weight_slopes = slopes[:tables], slopes[tables:]
        for table in self.tables:
            table[:] = random.normal(0, width**-0.5, table.shape)
        for weight in self.weights:
            limit = (6 / (weight.shape[0] - 1 + weight.shape[1])) ** 0.5
            weight[:-1] = random.uniform(-limit, limit, (weight.shape[0] - 1, weight.shape[1]))
        self.wide, self.linear, self.wide_scratch, self.delta = np.zeros(
            (4, data.wide_size + 1), np.float32
        )
        self.wide_squares = np.full(data.wide_size + 1, adult.INITIAL_ACCUMULATOR, np.float32)
        self.layers = [np.ones((batch_size, units + 1), np.float32) for units in units[:-1]]
        self.backward = [np.empty((batch_size, units), np.float32) for units in units]
        self.zeros = [np.zeros((batch_size, units), np.float32) for units in units]
        self.masks = [np.empty((batch_size, units), np.bool_) for units in units]
        self.gathered = np.empty((batch_size, data.wide_ids.shape[1] + 1), np.float32)
        self.spread = np.empty(self.gathered.shape, np.float64)
        self.ones = np.ones(batch_size, np.float32)
        self.per_id = np.ones(self.gathered.shape[1], np.float32)
        self.one_hot = [np.eye(size, dtype=np.float32) for size in data.embedding_sizes]
        self.split = [slice(i * width, (i + 1) * width) for i in range(tables)]
        self.dense = slice(tables * width, inputs)

    def train(self, order: np.ndarray) -> None:
        """Make one pass over the rows in `order`, full batches only."""
        threads = 1 if self.batch_size <= ONE_THREAD_UP_TO else None
        with threadpool_limits(threads, "blas"):
            for start in range(0, len(order), self.at_once):
                self._train_chunk(order[start : start + self.at_once])

    def _train_chunk(self, rows: np.ndarray) -> None:
        # One gather serves many steps, whose batches are then views.
        size, data = self.batch_size, self.data
        wide_ids = with_bias(data.wide_ids.take(rows, 0, mode="clip"), data.wide_size)
        dense, labels = data.dense.take(rows, 0, mode="clip"), data.labels[rows]
        ids = data.embedding_ids.T.take(rows, 1, mode="clip")
        for first in range(0, len(rows) // size * size, size):
            part = slice(first, first + size)
            self.step(wide_ids[part], dense[part], ids[:, part], labels[part])

    def logits(self, data: adult.Encoded) -> np.ndarray:
        """Return the logits of every row of `data`."""
        wide_ids, ids = with_bias(data.wide_ids, data.wide_size), data.embedding_ids.T
        starts = range(0, len(data.dense), self.batch_size)
        parts = [slice(start, start + self.batch_size) for start in starts]
        batches = [self.forward(wide_ids[p], data.dense[p], ids[:, p]) for p in parts]
        return np.concatenate(batches)

    def _views(self, flat: np.ndarray) -> Iterator[np.ndarray]:
        start = 0
        for rows, columns in self.shapes:
            yield flat[start : start + rows * columns].reshape(rows, columns)
            start += rows * columns

    def forward(self, wide_ids: np.ndarray, dense: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Return the logits of one batch."""
        rows = len(dense)
        inputs = self.layers[0][:rows]
        for place, table, column in zip(self.split, self.tables, ids, strict=True):
            inputs[:, place] = table.take(column, 0, mode="clip")
        inputs[:, self.dense] = dense
        for i, weight in enumerate(self.weights[:-1], start=1):
            # Written beside the column of ones: BLAS takes the row stride, so nothing is copied.
            layer = self.layers[i][:rows, :-1]
            np.dot(inputs, weight, out=self.backward[i][:rows])
            # numpy's maximum with a scalar takes three times as long as with an array.
            np.maximum(self.backward[i][:rows], self.zeros[i][:rows], out=layer)
            inputs = self.layers[i][:rows]
        self.wide.take(wide_ids, out=self.gathered[:rows], mode="clip")
        return np.dot(inputs, self.weights[-1])[:, 0] + np.dot(self.gathered[:rows], self.per_id)

    def step(
        self, wide_ids: np.ndarray, dense: np.ndarray, ids: np.ndarray, labels: np.ndarray
    ) -> None:
        """Train on one batch."""
        rows = len(dense)
        logits = self.forward(wide_ids, dense, ids)
        error = (1 / (1 + np.exp(-logits)) - labels) * np.float32(1 / rows)
        self._deep_gradients(error, ids)
        self.spread[:rows] = error[:, None]
        counted = np.bincount(wide_ids.ravel(), self.spread[:rows].ravel(), len(self.wide))
        self._adagrad()
        self._ftrl(counted.astype(np.float32))

    def _deep_gradients(self, error: np.ndarray, ids: np.ndarray) -> None:
        rows = len(error)
        slope = error[:, None]
        for i in range(len(self.weights) - 1, 0, -1):
            np.dot(self.layers[i][:rows].T, slope, out=self.weight_slopes[i])
            below, mask = self.backward[i][:rows], self.masks[i][:rows]
            np.greater(below, 0, out=mask)
            np.dot(slope, self.weights[i][:-1].T, out=below)
            slope = np.multiply(below, mask, out=below)
        np.dot(self.layers[0][:rows].T, slope, out=self.weight_slopes[0])
        tables = np.dot(slope, self.weights[0][: self.dense.start].T)
        for place, one_hot, column, out in zip(
            self.split, self.one_hot, ids, self.table_slopes, strict=True
        ):
            np.dot(one_hot.take(column, 0, mode="clip").T, tables[:, place], out=out)

    def _adagrad(self) -> None:
        scratch, slope, squares = self.scratch, self.slope, self.squares
        np.multiply(slope, slope, out=scratch)
        np.add(squares, scratch, out=squares)
        np.sqrt(squares, out=scratch)
        np.divide(slope, scratch, out=scratch)
        np.multiply(scratch, np.float32(adult.DEEP_LEARNING_RATE), out=scratch)
        np.subtract(self.flat, scratch, out=self.flat)

    def _ftrl(self, slope: np.ndarray) -> None:
        # Without l1: w = -z lr / sqrt(n). A row with no gradient keeps its weight.
        scratch, delta, squares = self.wide_scratch, self.delta, self.wide_squares
        np.sqrt(squares, out=delta)
        np.multiply(slope, slope, out=scratch)
        np.add(squares, scratch, out=squares)
        np.sqrt(squares, out=scratch)
        np.subtract(scratch, delta, out=delta)
        np.multiply(delta, np.float32(1 / adult.LINEAR_LEARNING_RATE), out=delta)
        np.multiply(delta, self.wide, out=delta)
        np.subtract(slope, delta, out=delta)
        np.add(self.linear, delta, out=self.linear)
        np.divide(self.linear, scratch, out=scratch)
        np.multiply(scratch, np.float32(-adult.LINEAR_LEARNING_RATE), out=self.wide)
