"""From learnt columns, towers and a head to the two programs of an estimator."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType
from ..feature_columns import ColumnSet, Column, Features, infer_columns
from ..graph import (
    Program,
    Tensor,
    Variable,
    broadcast_like,
    mean,
    name_scope,
    placeholder,
    simplify,
)
from ..graph import optimizers as graph_optimizers
from .towers import Training

__all__ = ["Built", "Scaling", "build"]


@dataclass(frozen=True)
class Built:
    """An estimator's programs before any training.

    Attributes
    ----------
    columns : ColumnSet
        The learnt columns of all towers together.
    training : Program
        One step: feeds, ``labels`` and ``weights`` to ``loss`` and the updates.
    prediction : Program
        Feeds to the head's predictions.
    values : dict of str to ndarray
        The first values of the training program's variables.
    towers : tuple
        The towers, which know what their variables mean.
    """

    columns: ColumnSet
    training: Program
    prediction: Program
    values: Mapping[str, npt.NDArray[Any]]
    towers: tuple[Any, ...]


@dataclass(frozen=True)
class Scaling:
    """How the sum of the towers becomes logits: ``sum * scale + offset``.

    With the mean and deviation of a regression's targets here, towers work in units of their own,
    and learning rates mean the same whatever the targets' unit. The loss is divided by `unit`
    before it is minimised, for the same reason; what is reported keeps its unit.
    """

    scale: Any = None
    offset: Any = None
    unit: float = 1.0

    def __call__(self, total: Tensor) -> Tensor:
        """Return the logits."""
        return total if self.scale is None else total * self.scale + self.offset


def build(
    towers: Iterable[tuple[Any, Any]],
    head: Any,
    frame: Any,
    generator: np.random.Generator,
    scaling: Scaling,
) -> Built:
    """Learn the columns from `frame` and express towers, head and optimizers as programs.

    Parameters
    ----------
    towers : iterable of (tower, optimizer)
    head : Head
    frame : Frame
    generator : numpy.random.Generator
        Draws the variables' first values and the seed of dropout.
    scaling : Scaling

    Returns
    -------
    Built
    """
    pairs = [(tower, graph_optimizers.get_optimizer(optimizer)) for tower, optimizer in towers]
    chosen = _columns([tower for tower, _ in pairs], frame)
    columns = ColumnSet(column for tower_columns in chosen for column in tower_columns).learn(frame)
    features = Features(columns)
    learned = iter(columns.columns)
    for (tower, _), given in zip(pairs, chosen, strict=True):
        tower.build(features, list(itertools.islice(learned, len(given))), head.width)
    built = [tower for tower, _ in pairs]
    logits = scaling(_logits(built, features, None, head.width))
    prediction = _simplified(Program(outputs=head.predictions(logits)))
    training = _training(pairs, head, features, scaling, int(generator.integers(2**31)))
    values = training.initial_values(int(generator.integers(2**31)))
    return Built(columns, training, prediction, values, tuple(built))


def _columns(towers: Sequence[Any], frame: Any) -> list[Sequence[Column]]:
    """Return each tower's columns, inferred where the user gave none."""
    inferred = infer_columns(frame) if any(tower.given is None for tower in towers) else None
    found = []
    for tower in towers:
        columns = tower.infer(inferred) if tower.given is None else tower.given
        if not isinstance(columns, (list, tuple)):
            subject = f"{tower.name} columns"
            raise InvalidType(subject, "must be a list of feature columns", repr(columns))
        found.append(columns)
    return found


def _training(
    pairs: Sequence[tuple[Any, Any]], head: Any, features: Features, scaling: Scaling, seed: int
) -> Program:
    step = Variable(np.int64(0), "global_step", trainable=False)
    updates: dict[Variable, Tensor] = {}
    training = Training(step, seed, updates)
    towers = [tower for tower, _ in pairs]
    logits = scaling(_logits(towers, features, training, head.width))
    labels = head.labels()
    weights = placeholder("weights", (None,))
    # The mean over the batch of weight times loss: a weight of zero still counts as a row.
    loss = mean(head.losses(labels, logits) * weights)
    for tower, optimizer in pairs:
        with name_scope(tower.name):
            aim = loss if scaling.unit == 1.0 else loss / scaling.unit
            updates.update(optimizer.minimize(aim, tower.variables, step))
    updates[step] = step + 1
    return _simplified(Program(outputs={"loss": loss}, updates=updates))


def _logits(
    towers: Sequence[Any], features: Features, training: Training | None, width: int
) -> Tensor:
    first, *rest = [tower(features, training) for tower in towers]
    total = sum(rest, first)
    # A model of biases alone has no batch axis of its own.
    return total if total.rank == 2 else broadcast_like(total, features.zeros(width))


def _simplified(program: Program) -> Program:
    roots = simplify([*program.outputs.values(), *program.updates.values()])
    names = list(program.outputs)
    return Program(
        outputs=dict(zip(names, roots[: len(names)], strict=True)),
        updates=dict(zip(program.updates, roots[len(names) :], strict=True)),
    )
