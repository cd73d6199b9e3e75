"""What workers tell: new values of what their part of a round changed, here or in files."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import CanneryError
from .placement import Piece
from .shared import Mapped, write_arrays

__all__ = ["Merging", "Message", "Part", "cut", "opened", "put_aside", "shards"]

Array = npt.NDArray[Any]
Rows = Sequence[tuple[Array, Mapping[str, Array]]]


@dataclass(frozen=True)
class Part:
    """A worker's part of a round: from one place to another, in the order of the rows say.

    Parameters
    ----------
    number, start, stop : int
    rows : ndarray of int, optional
        What is at these places, where the worker cannot know.
    """

    number: int
    start: int
    stop: int
    rows: Array | None = None


def shards(start: int, stop: int, workers: int) -> list[Part]:
    """Return a part for each worker, equal ones as far as they can be, the longest first.

    Examples
    --------
    >>> [part.stop for part in shards(0, 8, 3)], len(shards(0, 2, 3))
    ([3, 6, 8], 2)
    """
    each, more = divmod(stop - start, workers)
    ends = [start + each * (number + 1) + min(number + 1, more) for number in range(workers)]
    found = zip(range(workers), [start, *ends[:-1]], ends, strict=True)
    return [Part(number, low, high) for number, low, high in found if high > low]


@dataclass(frozen=True)
class Merging:
    """A worker's part of a merge.

    Parameters
    ----------
    number : int
    messages : sequence of Message
        Of all parts of the round, in their order.
    pieces : sequence of Piece
        What this worker merges: whole variables or rows of them, and of tables that share their
        ids the rows from one id to another, by the name of the first.
    """

    number: int
    messages: Sequence[Message]
    pieces: Sequence[Piece]


@dataclass
class Message:
    """What a worker reports of its part.

    Attributes
    ----------
    part : Part, Merging or another with a number
    losses : ndarray
        Of each step.
    whole : dict of str to ndarray
        New values of variables; or whatever another kind of work has found, by name.
    rows : list of (ndarray, dict of str to ndarray)
        Rows of tables that were touched, in rising order, and new values of them in each of these
        tables.
    compute, transfer : float
        Seconds in steps; seconds in reading and writing shared memory.
    error : CanneryError, optional
        Why there is no result: trying again would not help.
    worker : str
        Which process and thread of which machine did the part.
    folder : str, optional
        Holds `whole` and `rows`, where they are too large to be sent.
    """

    part: Any
    losses: Array | None = None
    whole: Mapping[str, Array] | None = None
    rows: Rows = ()
    compute: float = 0.0
    transfer: float = 0.0
    error: CanneryError | None = None
    worker: str = ""
    folder: str | None = None


def put_aside(message: Message, folder: Path, least: int) -> Message:
    """Return a message whose arrays, if of `least` bytes together, are in a folder within `folder`.

    Nobody else writes there, so that what a worker that was given up writes late harms nothing.

    Raises
    ------
    InvalidValue
        The disk is full, or may not be written.
    """
    arrays = {f"whole:{name}": value for name, value in (message.whole or {}).items()}
    for number, (rows, tables) in enumerate(message.rows):
        arrays[f"rows:{number}"] = rows
        arrays |= {f"{number}:{name}": value for name, value in tables.items()}
    if sum(array.nbytes for array in arrays.values()) < least:
        return message
    own = folder / uuid.uuid4().hex
    write_arrays(own, arrays)
    return replace(message, whole=None, rows=(), folder=str(own))


def opened(message: Message) -> Message:
    """Return a message with its arrays at hand, where they are in files as mapped memory."""
    if message.folder is None:
        return message
    whole: dict[str, Array] = {}
    rows: list[tuple[Array, dict[str, Array]]] = []
    for key, array in Mapped(Path(message.folder)).arrays.items():
        kind, _, name = key.partition(":")
        if kind == "whole":
            whole[name] = array
        elif kind == "rows":
            rows.append((array, {}))
        else:
            rows[int(kind)][1][name] = array
    return replace(message, whole=whole, rows=rows, folder=None)


def cut(message: Message, pieces: Sequence[Piece]) -> Message:
    """Return what a message says of some pieces alone."""
    groups = {next(iter(tables)): (rows, tables) for rows, tables in message.rows}
    whole: dict[str, Array] = {}
    found = []
    for piece in pieces:
        if piece.name not in groups:
            value = (message.whole or {})[piece.name]
            if piece.start == 0 and piece.stop >= value.size:
                whole[piece.name] = value
            else:
                part = value[piece.start : piece.stop]
                within = np.arange(piece.start, piece.start + len(part), dtype=np.int32)
                found.append((within, {piece.name: part}))
            continue
        rows, tables = groups[piece.name]
        start, stop = np.searchsorted(rows, [piece.start, piece.stop])
        held = {name: values[start:stop] for name, values in tables.items()}
        found.append((rows[start:stop], held))
    return replace(message, whole=whole, rows=found)
