"""A simulated cluster: workers that take steps, tasks that merge, links between their machines.

All workers do the same at the same time, and the slowest is waited for. Steps go forward through
the layers and back, which costs twice as much. Each worker sends new values to the tasks that hold
their pieces; a task merges a layer's pieces when all workers' are there, then sends them to all.
Machines send and receive at full rate both at once, first come, first served; tasks merge on a
core of their own. Nothing travels between a worker and a task on the same machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from networks import Layer

from cannery.estimators.pool import placement
from cannery.estimators.pool.placement import Piece, Sized

__all__ = ["Model", "Network", "Way", "folder_seconds", "round_seconds"]

Floats = npt.NDArray[np.float64]
Way = Callable[[Sequence[Sized], int], list[Piece]]


class Network(NamedTuple):
    """Links, all alike."""

    rate: float  # bytes a second each way
    delay: float  # seconds on the way
    handling: float  # seconds of a processor for a message, beside its bytes


class Model(NamedTuple):
    """What is trained: variables that are exchanged after some seconds of work."""

    name: str
    seconds: float
    layers: Sequence[Layer]
    merge: Mapping[str, float]  # seconds a byte of a worker's message

    @property
    def variables(self) -> list[Sized]:
        """All, in the order of the layers."""
        return [one for layer in self.layers for one in layer.variables]


class Machines:
    """When the links and the tasks of each machine are free, while rounds go by."""

    def __init__(
        self,
        model: Model,
        workers: int,
        tasks: int | None,
        way: Way,
        network: Network,
        grown: float,
    ):
        tasks = workers if tasks is None else tasks
        if tasks > workers:
            raise ValueError("tasks: there are no more of them than workers, on whose machines")
        pieces = way(model.variables, tasks)
        self.held, self.busy = (np.zeros((len(model.layers), workers)) for _ in range(2))
        for number, layer in enumerate(model.layers):
            names = {one.name for one in layer.variables}
            for piece in pieces:
                if piece.name in names:
                    held = placement.loads(layer.variables, [piece], tasks)[piece.owner]
                    self.held[number, piece.owner] += held
                    self.busy[number, piece.owner] += held * model.merge[piece.name] * workers
        self.workers, self.network, self.grown = workers, network, grown
        self.out, self.into, self.merging = (np.zeros(workers) for _ in range(3))

    def exchange(self, ready: Floats) -> Floats:
        """Return when each layer's merged values are everywhere, from when its new ones are there.

        Layers are served in the order in which they become ready.
        """
        there = np.array(ready)
        waiting = [(float(at), number, True) for number, at in enumerate(ready)]
        heapq.heapify(waiting)
        while waiting:
            at, number, there_to_merge = heapq.heappop(waiting)
            holders = self.held[number] > 0
            if not holders.any():
                continue
            at = self._move(at, number, there_to_merge, holders)
            if there_to_merge:
                begun = np.maximum(self.merging[holders], at)
                self.merging[holders] = begun + self.busy[number, holders]
                done = float(self.merging[holders].max())
                heapq.heappush(waiting, (done, number, False))
            else:
                there[number] = at
        return there

    def _move(self, at: float, number: int, towards_tasks: bool, holders: Floats) -> float:
        """Return when a layer has moved from all workers to its tasks, or from these to all."""
        held, network = self.held[number] * (1 if towards_tasks else self.grown), self.network
        others = self.workers - 1  # whose values a task gets from elsewhere
        of_worker = (held.sum() - held) / network.rate + network.handling * holders.sum()
        of_task = holders * others * (held / network.rate + network.handling)
        first, second = (of_worker, of_task) if towards_tasks else (of_task, of_worker)
        self.out[:] = np.where(first > 0, np.maximum(self.out, at) + first, self.out)
        self.into[:] = np.where(second > 0, np.maximum(self.into, at) + second, self.into)
        return float(max(self.out[first > 0].max(), self.into[second > 0].max())) + network.delay


def round_seconds(
    model: Model,
    workers: int,
    way: Way,
    network: Network,
    *,
    tasks: int | None = None,
    overlap: bool = False,
    slowest: float = 1.0,
    grown: float = 1.0,
) -> float:
    """Return how long a round takes once rounds follow each other.

    Parameters
    ----------
    model : Model
    workers : int
        One alone exchanges nothing.
    way : callable
        How variables are placed.
    network : Network
    tasks : int, optional
        On the machines of so many workers; of all, unless given.
    overlap : bool
        Whether a layer's values travel as soon as they are there, while other layers are at work,
        rather than all of them after the round's work.
    slowest : float
        Seconds of the slowest worker, as a multiple of the usual.
    grown : float
        Bytes of what was merged, as a multiple of a worker's: all rows that any has touched.
    """
    if workers == 1:
        return model.seconds
    work = np.array([layer.work for layer in model.layers], np.float64)
    work *= model.seconds * slowest / (3 * work.sum())
    machines = Machines(model, workers, tasks, way, network, grown)
    there, ends = np.zeros(len(work)), [0.0]
    for _ in range(4):
        now, ready = ends[-1], np.zeros(len(work))
        for number, forward in enumerate(work):
            now = max(now, there[number]) + forward
        for number in reversed(range(len(work))):
            now += 2 * work[number]
            ready[number] = now
        ends.append(now)
        there = machines.exchange(ready if overlap else np.full(len(work), now))
        if not overlap:
            there[:] = there.max()
    return ends[-1] - ends[-2]


def folder_seconds(
    model: Model, workers: int, network: Network, slowest: float = 1.0, grown: float = 1.0
) -> float:
    """Return how long a round takes whose values all go through one folder, over one link.

    Workers write new values and read all that they merge, which is divided evenly; one process
    reads what was merged and writes it into the shared weights, which all workers read.
    """
    if workers == 1:
        return model.seconds
    bytes_ = sum(one.bytes for one in model.variables)
    merging = sum(one.bytes * model.merge[one.name] for one in model.variables)
    moved = (2 * workers + grown * (3 + workers)) * bytes_ / network.rate
    return model.seconds * slowest + moved + 6 * network.delay + merging
