"""A training program at work on a pool: the same face as a program at work in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Program
from .merge import divide, merge
from .messages import Merging, Message, Part, opened, shards
from .rounds import Rounds
from .shared import Mapped, write_arrays
from .worker import Steps, flat_feeds

__all__ = ["PoolExecution"]


class PoolExecution:
    """Steps of a program, divided among workers and merged after each round.

    Parameters
    ----------
    rounds : Rounds
        Of workers that take the steps; who has begun them ends them.
    program : Program
        A training step.
    values : mapping of str to ndarray
        Its variables' first values.
    jit : bool
        Whether workers run it as compiled C.

    Attributes
    ----------
    program : Program
    variables : dict of str to ndarray
        After the last round; in memory that the workers see.
    """

    def __init__(self, rounds: Rounds, program: Program, values: Mapping[str, Any], jit: bool):
        self.program, self._rounds, self._pool = program, rounds, rounds.pool
        self._folder = rounds.folder
        text = json.dumps(program.to_json())
        (self._folder / "program.json").write_text(text, encoding="utf-8")
        write_arrays(self._folder / "state", {v.name: values[v.name] for v in program.variables})
        self._shared = Mapped(self._folder / "state", "shared")
        self.variables = self._shared.arrays
        self._steps = Steps(folder=str(self._folder), jit=jit)

    def steps_at_once(self, rows: int, batch_size: int) -> int:
        """Return how many steps all workers take together in a full round."""
        return self._pool.taking_part(rows, batch_size) * self._pool.steps(rows, batch_size)

    def prepare(self, feeds: Mapping[str, Any]) -> Mapping[str, Any]:
        """Put the whole data set where workers read it.

        Parameters
        ----------
        feeds : mapping of str to array or ragged
        """
        if self._rounds.shares_memory:  # on its large pages, where a file has small ones
            self._steps = replace(self._steps, feeds=feeds)
        else:
            write_arrays(self._folder / "feeds", flat_feeds(feeds))
        return feeds

    def run(
        self,
        feeds: Mapping[str, Any],
        rows: npt.NDArray[np.int64],
        batch_size: int,
        finite: str | None = None,
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Take a step for each batch of rows, in rounds; return the loss of each.

        Parameters
        ----------
        feeds : mapping of str to array or ragged
            The whole data set, which `prepare` has written.
        rows : ndarray of int
            The rows to visit and their order.
        batch_size : int
        finite : str, optional
            An output that must be finite.

        Raises
        ------
        NonFinite
            It is not; the variables are as before the round.
        WorkerLost
            Workers do not survive.
        """
        self._rounds.job = replace(self._steps, batch_size=batch_size, finite=finite)
        workers = self._pool.taking_part(len(feeds["labels"]), batch_size)
        size = self.steps_at_once(len(feeds["labels"]), batch_size) * batch_size
        if workers == 1:  # who is alone has nothing to merge
            size = max(1, len(rows))
        losses: list[Any] = []
        for low in range(0, len(rows), size):
            parts = _parts(rows, low, min(low + size, len(rows)), batch_size, workers)
            losses += self._rounds.round(parts, self._merge)
        return {"loss": np.concatenate(losses)}

    def _merge(self, messages: list[Message]) -> list[Any]:
        """Merge here, or on workers where that pays; return the losses of each part.

        Only this process writes what all share, so that a worker that dies while it merges leaves
        nothing half merged.
        """
        found = [opened(message) for message in messages]
        near = self._rounds.shares_memory or messages[0].folder is not None
        pieces = divide(self.program.variables, found, self._pool.workers) if near else []
        if pieces:
            sent = found if self._rounds.shares_memory else messages
            parts = [Merging(number, sent, own) for number, own in enumerate(pieces)]
            for answer in map(opened, self._rounds.run(parts)):
                merge(self.program.variables, self.variables, [answer], self._steps.jit)
        else:
            merge(self.program.variables, self.variables, found, self._steps.jit)
        return [message.losses for message in messages]

    @property
    def progress(self) -> str:
        """What to show of the rounds so far and of the workers that did the last."""
        return self._rounds.progress

    def take(self) -> dict[str, npt.NDArray[Any]]:
        """Return the variables in memory of this process alone; no round follows."""
        self._rounds.dismiss()
        return self._shared.take()


def _parts(
    rows: npt.NDArray[np.int64], low: int, high: int, batch_size: int, workers: int
) -> list[Part]:
    """Return whole batches of rows for each worker, the longest part first."""
    parts = []
    for found in shards(0, -(-(high - low) // batch_size), workers):
        start = low + found.start * batch_size
        stop = min(low + found.stop * batch_size, high)
        parts.append(Part(found.number, start, stop, rows[start:stop]))
    return parts
