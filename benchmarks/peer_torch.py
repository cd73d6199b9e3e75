"""Wide & Deep in eager PyTorch, with the settings that were fastest on a CPU."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import adult
import numpy as np
import torch
from torch.nn import functional, init

ROWS_AT_ONCE = 4096


class Ftrl:
    """FTRL without l1 and l2 (McMahan et al. 2013) on one dense weight vector."""

    def __init__(self, weight: torch.Tensor):
        self.weight = weight
        self.linear = torch.zeros_like(weight)
        self.squares = torch.full_like(weight, adult.INITIAL_ACCUMULATOR)
        self.root = self.squares.sqrt()

    @torch.no_grad()
    def step(self) -> None:
        """Apply the weight's gradient and drop it."""
        slope = self.weight.grad
        self.squares.addcmul_(slope, slope)
        root = self.squares.sqrt()
        sigma = (root - self.root).mul_(self.weight)
        self.linear.add_(slope).sub_(sigma, alpha=1 / adult.LINEAR_LEARNING_RATE)
        torch.div(self.linear, root, out=self.weight).mul_(-adult.LINEAR_LEARNING_RATE)
        self.root = root
        self.weight.grad = None


class WideDeep:
    """The benchmark's model over resident tensors.

    Dense gradients, index_select and the fused Adagrad beat sparse gradients, EmbeddingBag and
    the foreach Adagrad here: the tables are small.
    """

    adagrad_variant: ClassVar = {"fused": True}

    def __init__(self, data: adult.Encoded, batch_size: int, random_state: int = 0):
        torch.manual_seed(random_state)
        self.batch_size = batch_size
        self.data = _tensors(data)
        width = adult.EMBEDDING_WIDTH
        self.tables = [torch.randn(rows, width) * width**-0.5 for rows in data.embedding_sizes]
        inputs = len(self.tables) * width + data.dense.shape[1]
        units = (inputs, *adult.HIDDEN_UNITS, 1)
        self.weights = [
            init.xavier_uniform_(torch.empty(after, before)) for before, after in pairwise(units)
        ]
        self.biases = [torch.zeros(after) for after in units[1:]]
        self.wide, self.wide_bias = torch.zeros(data.wide_size), torch.zeros(1)
        deep = [*self.tables, *self.weights, *self.biases]
        for parameter in (*deep, self.wide, self.wide_bias):
            parameter.requires_grad_()
        self.ftrl = [Ftrl(self.wide), Ftrl(self.wide_bias)]
        self.adagrad = torch.optim.Adagrad(
            deep,
            lr=adult.DEEP_LEARNING_RATE,
            initial_accumulator_value=adult.INITIAL_ACCUMULATOR,
            **self.adagrad_variant,
        )

    def forward(
        self, wide_ids: torch.Tensor, dense: torch.Tensor, ids: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits of one batch."""
        embedded = [functional.embedding(ids[:, i], table) for i, table in enumerate(self.tables)]
        hidden = torch.cat([*embedded, dense], dim=1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = functional.linear(hidden, weight, bias).relu_()
        deep = functional.linear(hidden, self.weights[-1], self.biases[-1])
        wide = self.wide.index_select(0, wide_ids.view(-1)).view(wide_ids.shape).sum(dim=1)
        return deep.squeeze(1) + wide + self.wide_bias

    def train(self, order: np.ndarray) -> None:
        """Make one pass over the rows in `order`, full batches only."""
        size = self.batch_size
        at_once = max(1, ROWS_AT_ONCE // size) * size
        for rows in torch.from_numpy(order[: len(order) // size * size]).split(at_once):
            # One gather serves many steps, whose batches are then views.
            parts = (tensor.index_select(0, rows).split(size) for tensor in self.data)
            for wide_ids, dense, ids, labels in zip(*parts, strict=True):
                logits = self.forward(wide_ids, dense, ids)
                functional.binary_cross_entropy_with_logits(logits, labels).backward()
                self.adagrad.step()
                self.adagrad.zero_grad()
                for ftrl in self.ftrl:
                    ftrl.step()

    @torch.no_grad()
    def logits(self, data: adult.Encoded) -> np.ndarray:
        """Return the logits of every row of `data`."""
        return self.forward(*_tensors(data)[:3]).numpy()


class WideDeepForeach(WideDeep):
    """The same with the foreach Adagrad, eager PyTorch's best before fused CPU optimizers."""

    adagrad_variant: ClassVar = {"foreach": True}


def _tensors(data: adult.Encoded) -> tuple[torch.Tensor, ...]:
    arrays = (data.wide_ids, data.dense, data.embedding_ids, data.labels)
    return tuple(torch.from_numpy(array) for array in arrays)


class WideDeepDefault(WideDeep):
    """The same with ``torch.optim.Adagrad`` as it comes, a loop over the parameters."""

    adagrad_variant: ClassVar = {}
