"""What several workers have learnt, as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Variable
from .messages import Message
from .placement import Piece, Sized, partitioned

__all__ = ["adasum", "distinct", "divide", "merge", "merged", "write"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Values = Mapping[str, Array]
TINY = 1e-300  # of a squared length: what is no longer divides by nothing
ROW_COST = 8  # a byte of single rows takes about as long to merge as so many of a whole variable
LEAST_MERGED = 32 << 20  # bytes of whole variables, or their like: what takes some 20 ms
LEAST_SLICE = LEAST_MERGED // 8
NO_ROWS = np.zeros(0, np.int64)


def merge(variables: Sequence[Variable], state: Values, messages: Sequence[Message]) -> None:
    """Write into `state` what the messages of one round say together; see `merged`."""
    write(state, *merged(variables, state, messages))


def merged(
    variables: Sequence[Variable], state: Values, messages: Sequence[Message]
) -> tuple[dict[str, Array], list[tuple[Array, dict[str, Array]]]]:
    """Return what the messages of one round, or of the same pieces of them, say together.

    What a sum over steps holds becomes the sum over all workers' steps; what optimizers train is
    combined by `adasum`, a row of a table at a time where steps touch single rows; all else, such
    as moving averages, becomes the mean weighted by the workers' rows.

    Parameters
    ----------
    variables : sequence of Variable
    state : mapping of str to ndarray
        The values that the round began with, by name. They stay.
    messages : sequence of Message
        In the order of their parts, on which the last bits depend.

    Returns
    -------
    whole, rows
        New values, as a `Message` has them.
    """
    kinds = {variable.name: variable for variable in variables}
    shares = np.array([message.part.stop - message.part.start for message in messages], np.float64)
    shares /= shares.sum()
    whole = {}
    for name in messages[0].whole or ():
        values = [message.whole[name] for message in messages if message.whole is not None]
        if len(values) == 1 or state[name].dtype.kind != "f":
            whole[name] = values[0]  # of a step's number, for the first part is the longest
            continue
        base = np.asarray(state[name], np.float64)
        changes = [np.subtract(value, base) for value in values]
        if kinds[name].trainable:
            flat = [change.reshape(1, -1) for change in changes]
            change = adasum(flat).reshape(base.shape)
        elif kinds[name].additive:
            change = sum(changes[1:], changes[0])
        else:
            parts = [share * change for share, change in zip(shares, changes, strict=True)]
            change = sum(parts[1:], parts[0])
        whole[name] = (base + change).astype(state[name].dtype)
    tables = zip(*(message.rows for message in messages), strict=True)
    return whole, [found for table in tables for found in _merged_rows(kinds, state, table)]


def _merged_rows(
    kinds: Mapping[str, Variable], state: Values, messages: Sequence[tuple[Array, Values]]
) -> list[tuple[Array, dict[str, Array]]]:
    """Merge rows of tables that have the same ids: what later ones say of a row counts."""
    found = [(rows, dict(tables)) for rows, tables in messages]
    if len(messages) == 1:
        return found
    times = np.zeros(len(state[next(iter(found[0][1]))]), np.uint16)
    for rows, _ in messages:
        times[rows] += 1
    # What one worker alone has changed is as it says.
    several = [np.flatnonzero(times.take(rows) > 1) for rows, _ in messages]
    common = [rows.take(mine) for mine, (rows, _) in zip(several, messages, strict=True)]
    rows, places = common[0], list[Any]([...] * 2)  # of two workers, both have changed all these
    if len(messages) > 2:
        rows = distinct(np.sort(np.concatenate(common), kind="stable"))
        places = [np.searchsorted(rows, one) for one in common]
    new = {}
    for name in messages[0][1]:
        old = state[name].take(rows, 0)  # much faster than by brackets
        base = old.astype(np.float64).reshape(len(rows), math.prod(old.shape[1:]))
        changes = []
        for place, mine, (_, tables) in zip(places, several, messages, strict=True):
            change = np.zeros_like(base)
            value = tables[name].take(mine, 0).reshape(len(mine), base.shape[1])
            change[place] = value - base[place]
            changes.append(change)
        if kinds[name].trainable:
            change = adasum(changes)
        else:
            change = sum(changes[1:], changes[0])
            change /= 1 if kinds[name].additive else times.take(rows)[:, None]
        new[name] = (base + change).astype(old.dtype).reshape(old.shape)
    return [*found, (rows, new)]


def write(state: Values, whole: Values, rows: Sequence[tuple[Array, Values]]) -> None:
    """Write new values into `state`: what `merged` returned."""
    for name, value in whole.items():
        state[name][...] = value
    for places, tables in rows:
        for name, values in tables.items():
            state[name][places] = values


def distinct(values: Array) -> Array:
    """Return sorted values without repetition."""
    first = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def divide(messages: Sequence[Message], workers: int) -> list[list[Piece]]:
    """Return which pieces of a merge each worker takes; none where it is done sooner than divided.

    Rows of tables are cut where the first message has equal numbers of them. Variables that are
    merged as a whole are not cut: what `adasum` makes of one number depends on all others.

    Parameters
    ----------
    messages : sequence of Message
    workers : int
    """
    if len(messages) == 1 or workers == 1:
        return []
    count, first = len(messages), messages[0]
    sizes = [Sized(name, (1,), count * value.nbytes) for name, value in (first.whole or {}).items()]
    places = {next(iter(tables)): rows for rows, tables in first.rows}
    for number, (name, rows) in enumerate(places.items()):
        tables = [value for message in messages for value in message.rows[number][1].values()]
        touched = sum(value.nbytes for value in tables)
        sizes.append(Sized(name, (len(rows),), ROW_COST * touched))
    if sum(size.bytes for size in sizes) < LEAST_MERGED:
        return []
    owned: list[list[Piece]] = [[] for _ in range(workers)]
    for piece in partitioned(sizes, workers, LEAST_SLICE):
        rows = places.get(piece.name, NO_ROWS)
        start = int(rows[piece.start]) if piece.start else 0
        stop = int(rows[piece.stop]) if piece.stop < len(rows) else np.iinfo(np.int64).max
        owned[piece.owner].append(piece._replace(start=start, stop=stop))
    return [pieces for pieces in owned if pieces]


def adasum(changes: Sequence[Floats]) -> Floats:
    """Return changes of the same weights as one: the mean of equal ones, the sum of others.

    Of two, ``(1 - x·y / 2x·x) x + (1 - x·y / 2y·y) y``: what both have found counts once, what one
    alone has found counts in full, as if the second had started where the first arrived. Of more,
    pairs are combined until one is left.

    Parameters
    ----------
    changes : sequence of ndarray of float64, shape (rows, width)
        Each row is combined by itself.

    Returns
    -------
    ndarray of shape (rows, width)

    References
    ----------
    Maleki et al., "Scaling distributed training with adaptive summation", 2021.

    Examples
    --------
    >>> import numpy as np
    >>> adasum([np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])])
    array([[1., 0.],
           [1., 1.]])
    """
    while len(changes) > 1:
        pairs = math.ceil(len(changes) / 2)
        changes = [_adasum_of_two(*changes[2 * i : 2 * i + 2]) for i in range(pairs)]
    return changes[0]


def _adasum_of_two(x: Floats, y: Floats | None = None) -> Floats:
    if y is None:
        return x
    shared = _dot(x, y) / 2
    of_x = 1 - shared / np.maximum(_dot(x, x), TINY)
    of_y = 1 - shared / np.maximum(_dot(y, y), TINY)
    combined: Floats = of_x * x + of_y * y
    return combined


def _dot(x: Floats, y: Floats) -> Floats:
    return x * y if x.shape[1] == 1 else np.einsum("ij,ij->i", x, y)[:, None]
