"""From learnt columns, towers and a head to the two programs of an estimator."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue
from ..feature_columns import Column, ColumnSet, Features, Frame, infer_columns
from ..graph import (
    Program,
    Tensor,
    Variable,
    broadcast_like,
    mean,
    name_scope,
    placeholder,
)
from ..graph import optimizers as graph_optimizers
from ..graph import sum as total
from .towers import Training

__all__ = ["Built", "Scaling", "build", "tower_columns"]


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
    scaling : Scaling
        From the sum of the towers to logits.
    """

    columns: ColumnSet
    training: Program
    prediction: Program
    values: Mapping[str, npt.NDArray[Any]]
    towers: tuple[Any, ...]
    scaling: Scaling


@dataclass(frozen=True)
class Scaling:
    """How the sum of the towers becomes logits: ``sum * scale + offset``.

    With the means and deviations of a regression's targets here, towers work in units of their
    own, and learning rates mean the same whatever the targets' unit. Each output's loss is divided
    by one of `units` before it is minimised, for the same reason; what is reported keeps its unit.
    """

    scale: Any = None
    offset: Any = None
    units: Any = None

    def __call__(self, total: Any) -> Any:
        """Return the logits, as tensors or as arrays."""
        return total if self.scale is None else total * self.scale + self.offset

    def in_units(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return how much weights inside the sum move the logits."""
        return weights if self.scale is None else weights * self.scale


def build(
    towers: Iterable[tuple[Any, Any]],
    head: Any,
    frame: Frame,
    generator: np.random.Generator,
    scaling: Scaling,
    threads: int = 1,
) -> Built:
    """Learn the columns from `frame` and express towers, head and optimizers as programs.

    Parameters
    ----------
    towers : iterable of (tower, optimizer)
    head : Head
    frame : Frame
        What columns learn from, and are inferred from where a tower has none.
    generator : numpy.random.Generator
        Draws the variables' first values and the seed of dropout.
    scaling : Scaling
    threads : int
        Large columns are learnt by so many.

    Returns
    -------
    Built
    """
    pairs = [(tower, graph_optimizers.get_optimizer(optimizer)) for tower, optimizer in towers]
    chosen = tower_columns([tower for tower, _ in pairs], frame)
    columns = ColumnSet(column for columns in chosen for column in columns).learn(frame, threads)
    features = Features(columns)
    learned = iter(columns.columns)
    for (tower, _), given in zip(pairs, chosen, strict=True):
        tower.build(features, list(itertools.islice(learned, len(given))), head.width)
    built = [tower for tower, _ in pairs]
    logits = scaling(_logits(built, features, None, head.width))
    prediction = Program(outputs=head.predictions(logits)).simplified()
    training = _training(pairs, head, features, scaling, int(generator.integers(2**31)))
    values = training.initial_values(int(generator.integers(2**31)))
    return Built(columns, training, prediction, values, tuple(built), scaling)


def tower_columns(towers: Sequence[Any], frame: Frame) -> list[Sequence[Column]]:
    """Return each tower's columns, inferred where the user gave none."""
    inferred = infer_columns(frame) if any(tower.given is None for tower in towers) else None
    if inferred is not None and not inferred.wide + inferred.deep:
        wrong = "nothing in X tells rows apart"
        raise InvalidValue("columns", wrong, inferred.dropped, "name feature columns yourself")
    found: list[Sequence[Column]] = []
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
    losses = head.losses(labels, logits)
    # What is reported is the batch's mean; a weight of zero still counts as a row.
    loss = mean(losses * weights)
    if scaling.units is not None:
        losses = head.losses(labels, logits, scaling.units)
    # What is minimised divides by a full batch's rows, so that the short batch at the end of an
    # epoch moves the model no further than its rows deserve.
    aim = total(losses * weights) / placeholder("batch_size", ())
    for tower, optimizer in pairs:
        with name_scope(tower.name):
            updates.update(optimizer.minimize(aim, tower.variables, step))
    updates[step] = step + 1
    return Program(outputs={"loss": loss}, updates=updates).simplified()


def _logits(
    towers: Sequence[Any], features: Features, training: Training | None, width: int
) -> Tensor:
    first, *rest = [tower(features, training) for tower in towers]
    logits = sum(rest, first)
    # A model of biases alone has no batch axis of its own.
    return logits if logits.rank == 2 else broadcast_like(logits, features.zeros(width))
