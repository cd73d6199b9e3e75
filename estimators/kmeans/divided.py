"""Points divided among a pool's workers: each adds up its own, and the sums are added here."""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..engine import Engine
from ..pool.jobs import Job
from ..pool.messages import Message, Part, opened, shards
from ..pool.rounds import Rounds
from ..pool.shared import Mapped, write_arrays
from .compiled import KMEANS
from .points import Assigned, Doubles, Far, Points

__all__ = ["Assigning", "DividedPoints", "divide"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Assigning(Job):
    """One look at all points.

    Parameters
    ----------
    unit, jit : bool
        As `Points` has them.
    centers : ndarray of float64, shape (k, d)
    farthest : int
        How many points that are far from their centres are asked for; 0 asks for sums.
    points : Points or None
        Where workers share memory; else the folder holds ``points``.
    """

    unit: bool
    jit: bool
    centers: Any = None
    farthest: int = 0
    points: Points | None = field(default=None, repr=False)

    def open(self) -> Assigner:  # noqa: D102
        return Assigner(self)


class Assigner:
    """A worker of a clustering, with the points at hand."""

    def __init__(self, job: Assigning):
        if job.points is not None:
            self._points = replace(job.points, threads=1)
        else:
            arrays: Any = Mapped(Path(job.folder) / "points").arrays
            jit = job.jit and KMEANS.find() is not None
            self._points = Points(**arrays, unit=job.unit, jit=jit)
        # Squares and the like stay with a part.
        self._part = functools.lru_cache(maxsize=2)(self._points_from)

    def _points_from(self, start: int, stop: int) -> Points:
        return self._points.take(slice(start, stop))

    def run(self, job: Assigning, part: Part) -> Message:
        """Look at the points from one place to another."""
        began = time.perf_counter()
        points = self._part(part.start, part.stop)
        with contextlib.nullcontext() if points.jit else Engine().limits():
            found: Assigned | Far
            if job.farthest:
                found = points.farthest(job.centers, job.farthest)
            else:
                found = points.assign(job.centers)
        done = time.perf_counter()
        arrays = {name: np.asarray(value) for name, value in vars(found).items()}
        message = job.put_aside(Message(part, whole=arrays, compute=done - began))
        message.transfer = time.perf_counter() - done
        return message


@dataclass(frozen=True, eq=False)
class DividedPoints(Points):
    """Points that a pool's workers look at.

    Parameters
    ----------
    rounds : Rounds
    job : Assigning
    """

    rounds: Rounds = field(kw_only=True)
    job: Assigning = field(kw_only=True)
    divided: ClassVar[bool] = True

    def assign(self, centers: Doubles) -> Assigned:  # noqa: D102
        return self._ask(centers, 0, _added)

    def farthest(self, centers: Doubles, count: int) -> Far:  # noqa: D102
        return self._ask(centers, count, functools.partial(_farthest, count))

    @property
    def progress(self) -> list[str]:  # noqa: D102
        return [self.rounds.progress]

    def take(self, places: Any) -> Points:  # noqa: D102
        given = {field.name: getattr(self, field.name) for field in fields(Points)}
        return Points(**given).take(places)

    def _ask(self, centers: Doubles, farthest: int, merge: Any) -> Any:
        rounds = self.rounds
        rounds.job = replace(self.job, centers=centers, farthest=farthest)
        return rounds.round(shards(0, len(self), rounds.workers), merge)


def _answers(messages: list[Message], kind: type) -> list[list[Array]]:
    """Return what the parts have found, in their order, for each field of what they have sent."""
    found = [opened(message).whole or {} for message in messages]
    return [[arrays[field.name] for arrays in found] for field in fields(kind)]


def _added(messages: list[Message]) -> Assigned:
    """Add up in the order of parts, on which the last bits depend."""
    added = (functools.reduce(np.add, arrays) for arrays in _answers(messages, Assigned))
    sums, weights, inertia = added
    return Assigned(np.array(sums), np.array(weights), float(inertia))


def _farthest(count: int, messages: list[Message]) -> Far:
    return Far(*map(np.concatenate, _answers(messages, Far))).first(count)


def divide(points: Points, rounds: Rounds) -> Points:
    """Return the same points for workers to look at, written once where these must map them.

    Parameters
    ----------
    points : Points
    rounds : Rounds
    """
    job = Assigning(folder=str(rounds.folder), unit=points.unit, jit=points.jit)
    arrays: Any = {"x": points.x, "weights": points.weights}
    if rounds.shares_memory:
        job = replace(job, points=points)
    else:
        given = {name: array for name, array in arrays.items() if array is not None}
        write_arrays(rounds.folder / "points", given)
        arrays = Mapped(rounds.folder / "points").arrays
    others: Any = {"unit": points.unit, "threads": points.threads, "jit": points.jit}
    return DividedPoints(**arrays, **others, rounds=rounds, job=job)
