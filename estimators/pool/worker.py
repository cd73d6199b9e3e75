"""What a worker does: some steps from shared weights, and a message of what they changed."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Program, Tensor
from ...graph.aligned import aligned
from ...graph.compiler.masked import row_mask
from ...graph.feeds import Feeder, Ragged
from ...graph.interpreter import evaluate_all
from ..engine import Engine
from .jobs import Job
from .merge import merged
from .messages import Merging, Message, Part, cut, opened
from .pulled import named, pull_apart, root_of
from .shared import Mapped

__all__ = ["Steps", "flat_feeds", "row_updates"]

Array = npt.NDArray[Any]
Touched = tuple[Array, Array, list[str]]  # rows, where a worker has them, and of which tables
LEAST_MAPPED = 1 << 24  # bytes: to copy less is faster than to have each page copied when touched


@dataclass(frozen=True, kw_only=True)
class Steps(Job):
    """A fit in steps.

    Its folder holds ``program.json`` and the folders ``state`` and, where workers share no memory,
    ``feeds``.

    Parameters
    ----------
    jit : bool
    batch_size : int
    finite : str or None
        The output that must stay finite.
    feeds : mapping of str to array or ragged, optional
        The whole data set, for workers that share memory.
    """

    jit: bool
    batch_size: int = 0
    finite: str | None = None
    feeds: Mapping[str, Any] | None = field(default=None, repr=False)

    def open(self) -> Training:  # noqa: D102
        return Training(self)


class Training:
    """A fit's program and data, at hand in a process for as many rounds as there are."""

    def __init__(self, job: Steps):
        folder = Path(job.folder)
        program = Program.from_json(json.loads((folder / "program.json").read_text("utf-8")))
        self._shared = Mapped(folder / "state")
        self._private = Mapped(folder / "state", "private")
        self._feeds = Feeder(
            program.inputs, job.feeds or ragged_feeds(Mapped(folder / "feeds").arrays)
        )
        self._tables, self._masked = row_updates(program), masked_updates(program)
        program, pulled = pull_apart(program, self._tables)
        self._pulled = {one.ids: one for one in pulled}
        self._apart = {name for one in pulled for name in one.tables}
        engine = Engine(job.jit)
        with engine.limits():
            self.execution = engine.start(program, self._first_values(), adopt=True)

    def _first_values(self) -> dict[str, Array]:
        """Return memory for the variables, filled where the first part does not fill it."""
        values: dict[str, Array] = {}
        for name, value in self._private.arrays.items():
            if name in self._apart:
                values[name] = aligned(value.shape, value.dtype)  # pages come when they are touched
            else:
                values[name] = value if value.nbytes >= LEAST_MAPPED else np.array(value)
        return values

    def run(self, job: Steps, part: Part | Merging) -> Message:
        """Take the steps of one part of a round, or merge some."""
        return self.merge(job, part) if isinstance(part, Merging) else self.steps(job, part)

    def steps(self, job: Steps, part: Part) -> Message:
        """Take the steps of one part, on the rows that it gives."""
        began = time.perf_counter()
        self._reset()
        order, part = np.asarray(part.rows), replace(part, rows=None)
        feeds, visited, touched = self._named(order)
        ready = time.perf_counter()
        with Engine().limits():
            found = self.execution.run(feeds, visited, job.batch_size, finite=job.finite)
        done = time.perf_counter()
        whole, rows = self._changes(touched)
        message = job.put_aside(Message(part, found["loss"], whole, rows, done - ready))
        message.transfer = time.perf_counter() - done + ready - began
        return message

    def merge(self, job: Steps, part: Merging) -> Message:
        """Return new values of some pieces: the shared weights stay as they are."""
        messages = [cut(opened(message), part.pieces) for message in part.messages]
        variables, state = self.execution.program.variables, self._shared.arrays
        whole, rows = merged(variables, state, messages, job.jit)
        return job.put_aside(Message(replace(part, messages=()), whole=whole, rows=rows))

    def _named(self, order: Array) -> tuple[Feeder, Array, list[Touched]]:
        """Have the rows at hand that a part names: return what to feed, which of it, and these."""
        if not self._tables:
            return self._feeds, order, []
        batch = {name: array.take(order, 0) for name, array in self._feeds.batched.items()}
        ragged = self._feeds.ragged_rows(order)
        values = evaluate_all(list(self._tables), {**batch, **_flat_batch(ragged)})
        feeds, touched = {**self._feeds.feeds, **batch, **ragged}, list[Touched]()
        for ids, names in self._tables.items():
            if ids in self._pulled:
                one, state = self._pulled[ids], self._shared.arrays
                rows, feeds[one.feed] = one.pull(values[ids], state, self.execution.variables)
                touched.append((rows, np.arange(len(rows)), names))
            else:
                rows = named(values[ids])
                touched.append((rows, rows, names))
        if not self._pulled:
            return self._feeds, order, touched
        return self.execution.prepare(feeds), np.arange(len(order)), touched

    def _reset(self) -> None:
        """Have the shared weights again, without what the last part changed."""
        for name, value in self.execution.variables.items():
            if name in self._apart:
                continue
            private = self._private.arrays[name]
            if not (np.shares_memory(value, private) and self._private.forget(name)):
                np.copyto(value, self._shared.arrays[name])

    def _differs(self, name: str) -> Array:
        """Return which rows of a table are no longer as in the shared weights."""
        differs = self.execution.variables[name] != self._shared.arrays[name]
        rows = differs.reshape(len(differs), -1)
        return rows[:, 0] if rows.shape[1] == 1 else rows.any(axis=1)

    def _changes(self, touched: list[Touched]) -> tuple[dict[str, Array], list[Any]]:
        variables, program = self.execution.variables, self.execution.program
        rows = [
            (ids, {name: variables[name].take(places, 0) for name in names})
            for ids, places, names in [*touched, *self._changed()]
        ]
        tables = {name for _, told in rows for name in told}
        updated = {variable.name for variable in program.updates} - tables
        return {name: np.array(variables[name]) for name in sorted(updated)}, rows

    def _changed(self) -> Iterator[Touched]:
        """Yield the rows that steps have changed by a mask."""
        for names in self._masked.values():
            rows = np.flatnonzero(functools.reduce(np.logical_or, map(self._differs, names)))
            yield rows, rows, names


def masked_updates(program: Any) -> dict[Tensor, list[str]]:
    """Return the masks by which steps update single rows of tables, with these tables."""
    found: dict[Tensor, list[str]] = {}
    for variable, new in program.updates.items():
        mask = row_mask(variable, new)
        if mask is not None:
            found.setdefault(mask, []).append(variable.name)
    return found


def row_updates(program: Any) -> dict[Tensor, list[str]]:
    """Return the ids of the rows that a step touches, with the tables whose rows they are."""
    found: dict[Tensor, list[str]] = {}
    for variable, new in program.updates.items():
        if new.op.name == "replace_rows" and new.inputs[0] is variable:
            found.setdefault(root_of(new.inputs[1]), []).append(variable.name)
    return found


def flat_feeds(feeds: Mapping[str, Any]) -> dict[str, Array]:
    """Return feeds as arrays alone: a ragged one as two or three."""
    flat: dict[str, Array] = {}
    for name, feed in feeds.items():
        if not hasattr(feed, "offsets"):
            flat[name] = np.asarray(feed)
            continue
        flat[f"{name}:offsets"], flat[f"{name}:ids"] = feed.offsets, feed.ids
        if feed.weights is not None:
            flat[f"{name}:weights"] = feed.weights
    return flat


def ragged_feeds(flat: Mapping[str, Array]) -> dict[str, Any]:
    """Return what `flat_feeds` took apart."""
    feeds: dict[str, Any] = {name: array for name, array in flat.items() if ":" not in name}
    for key in flat:
        name, _, kind = key.rpartition(":")
        if kind == "offsets":
            weights = flat.get(f"{name}:weights")
            feeds[name] = Ragged(flat[key], flat[f"{name}:ids"], weights)
    return feeds


def _flat_batch(ragged: Mapping[str, Any]) -> dict[str, Array]:
    """Return ragged feeds by the names of the placeholders that take them."""
    flat: dict[str, Array] = {}
    for name, feed in ragged.items():
        flat[name] = feed.ids
        flat[f"{name}/lengths"] = np.diff(feed.offsets).astype(np.int32)
        if feed.weights is not None:
            flat[f"{name}/weights"] = feed.weights
    return flat
