"""What several workers have learnt, as one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Variable
from .compiled import merge_rows
from .messages import Message
from .placement import Piece, Sized, partitioned

__all__ = ["adasum", "distinct", "divide", "merge", "merged", "write"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Values = Mapping[str, Array]
Told = tuple[Array, dict[str, Array]]  # rows, and new values of them by table
ADASUM, SUM, MEAN = range(3)
ONE_ROW = np.zeros(1, np.int32)
TINY = 1e-300  # of a squared length: what is no longer divides by nothing
ROW_COST = 2  # a byte of single rows takes about as long to merge as so many of a whole variable
LEAST_MERGED = 32 << 20  # bytes of whole variables, or their like: what takes some 20 ms
LEAST_SLICE = LEAST_MERGED // 8
END = np.iinfo(np.int64).max  # of a variable, however long


def merge(
    variables: Sequence[Variable], state: Values, messages: Sequence[Message], jit: bool = False
) -> None:
    """Write into `state` what the messages of one round say together; see `merged`.

    One message is written as it is.
    """
    shares = _shares(messages)
    fixed, groups = _groups(state, messages)
    write(state, fixed, ())
    for tables, told in groups:
        kinds = _kinds(variables, tables)
        each = [(rows, [values[name] for name in tables]) for rows, values in told]
        if not jit or merge_rows(kinds, shares, list(tables.values()), each) is None:
            write(tables, {}, _merged_rows(kinds, shares, tables, told))


def merged(
    variables: Sequence[Variable], state: Values, messages: Sequence[Message], jit: bool = False
) -> tuple[dict[str, Array], list[Told]]:
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
    jit : bool
        Whether C may merge: to the same bits.

    Returns
    -------
    whole, rows
        New values, as a `Message` has them.
    """
    shares = _shares(messages)
    whole, groups = _groups(state, messages)
    rows: list[Told] = []
    for tables, told in groups:
        kinds = _kinds(variables, tables)
        each = [(rows, [values[name] for name in tables]) for rows, values in told]
        done = merge_rows(kinds, shares, list(tables.values()), each, aside=True) if jit else None
        if done is None:
            found = _merged_rows(kinds, shares, tables, told)
        else:
            found = [(done[0], dict(zip(tables, done[1], strict=True)))]
        if told[0][0] is ONE_ROW:
            whole |= {
                name: value.reshape(state[name].shape) for name, value in found[-1][1].items()
            }
        else:
            rows += found
    return whole, rows


def _kinds(variables: Sequence[Variable], names: Iterable[str]) -> list[int]:
    """Return how each variable is merged."""
    known = {v.name: ADASUM if v.trainable else SUM if v.additive else MEAN for v in variables}
    return [known[name] for name in names]


def _shares(messages: Sequence[Message]) -> Floats:
    """Return which part of the rows each worker had."""
    if len(messages) == 1:
        return np.ones(1)
    rows = np.array([message.part.stop - message.part.start for message in messages], np.float64)
    return rows / rows.sum()


def _groups(
    state: Values, messages: Sequence[Message]
) -> tuple[dict[str, Array], list[tuple[dict[str, Array], list[Told]]]]:
    """Return what one message decides, and tables that share their ids with what is told of them.

    Variables that are merged as a whole are tables of one row.
    """
    first = messages[0].whole or {}
    names = [name for name in first if len(messages) > 1 and state[name].dtype.kind == "f"]
    # A step's number is as the first says, for its part is the longest.
    decided = {name: value for name, value in first.items() if name not in names}
    groups = []
    if names:
        told = [
            (ONE_ROW, {n: (one.whole or {})[n].reshape(1, -1) for n in names}) for one in messages
        ]
        groups.append(({name: state[name].reshape(1, -1) for name in names}, told))
    for each in zip(*(message.rows for message in messages), strict=True):
        told = [(rows, dict(tables)) for rows, tables in each]
        groups.append(({name: state[name] for name in told[0][1]}, told))
    return decided, groups


def _merged_rows(
    kinds: Sequence[int], shares: Floats, state: Values, messages: Sequence[Told]
) -> list[Told]:
    """Merge rows of tables that have the same ids: what later ones say of a row counts."""
    found = list(messages)
    if len(messages) == 1:
        return found
    times = np.zeros(len(state[next(iter(state))]), np.uint16)
    for rows, _ in messages:
        times[rows] += 1
    # What one worker alone has changed is as it says.
    several = [np.flatnonzero(times.take(rows) > 1) for rows, _ in messages]
    common = [rows.take(mine) for mine, (rows, _) in zip(several, messages, strict=True)]
    rows, places = common[0], list[Any]([...] * 2)  # of two workers, both have changed all these
    if len(messages) > 2:
        rows = distinct(np.sort(np.concatenate(common), kind="stable"))
        places = [np.searchsorted(rows, one) for one in common]
    weight = np.zeros(len(rows))
    for place, share in zip(places, shares, strict=True):
        weight[place] += share
    new = {}
    for name, kind in zip(state, kinds, strict=True):
        old = state[name].take(rows, 0)  # much faster than by brackets
        base = old.astype(np.float64).reshape(len(rows), math.prod(old.shape[1:]))
        changes = []
        for number, (_, tables) in enumerate(messages):
            place, mine, change = places[number], several[number], np.zeros_like(base)
            value = tables[name].take(mine, 0).reshape(len(mine), base.shape[1])
            change[place] = value - base[place]
            changes.append(change * shares[number] if kind == MEAN else change)
        change = adasum(changes) if kind == ADASUM else sum(changes[1:], changes[0])
        if kind == MEAN:
            change /= weight[:, None]
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


def divide(
    variables: Sequence[Variable], messages: Sequence[Message], workers: int
) -> list[list[Piece]]:
    """Return which pieces of a merge each worker takes; none where it is done sooner than divided.

    Rows of tables are cut where the first message has equal numbers of them, sums and means
    anywhere. Weights that are merged as a whole are not cut: what `adasum` makes of one number
    depends on all others.

    Parameters
    ----------
    variables : sequence of Variable
    messages : sequence of Message
    workers : int
    """
    if len(messages) == 1 or workers == 1:
        return []
    count, first = len(messages), messages[0]
    sizes = []
    for name, value in (first.whole or {}).items():
        uncut = value.ndim == 0 or _kinds(variables, [name]) == [ADASUM]
        sizes.append(Sized(name, (1,) if uncut else value.shape[:1], count * value.nbytes))
    places = {next(iter(tables)): rows for rows, tables in first.rows}
    for number, (name, rows) in enumerate(places.items()):
        tables = [value for message in messages for value in message.rows[number][1].values()]
        touched = sum(value.nbytes for value in tables)
        sizes.append(Sized(name, (len(rows),), ROW_COST * touched))
    if sum(size.bytes for size in sizes) < LEAST_MERGED:
        return []
    lengths = {size.name: size.rows for size in sizes}
    owned: list[list[Piece]] = [[] for _ in range(workers)]
    for piece in partitioned(sizes, workers, LEAST_SLICE):
        start, stop, named = piece.start, piece.stop, places.get(piece.name)
        if named is not None:
            start = int(named[start]) if start else 0
            stop = int(named[stop]) if stop < len(named) else END
        elif stop == lengths[piece.name]:
            stop = END
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
    """Return the product of each row, added half by half: as C does, to the same bits."""
    products = x * y
    width = x.shape[1]
    while width > 1:
        half = (width + 1) // 2
        products[:, : width - half] += products[:, half:width]
        width = half
    return products[:, :1]
