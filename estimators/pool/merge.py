"""What several workers have learnt, as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Variable
from .worker import Message

__all__ = ["adasum", "merge"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
TINY = 1e-300  # of a squared length: what is no longer divides by nothing


def merge(
    variables: Sequence[Variable], state: Mapping[str, Array], messages: Sequence[Message]
) -> None:
    """Write into `state` what the messages of one round say together.

    What a sum over steps holds becomes the sum over all workers' steps; what optimizers train is
    combined by `adasum`, a row of a table at a time where steps touch single rows; all else, such
    as moving averages, becomes the mean weighted by the workers' rows.

    Parameters
    ----------
    variables : sequence of Variable
    state : mapping of str to ndarray
        The values that the round began with, by name.
    messages : sequence of Message
        In the order of their parts, on which the last bits depend.
    """
    kinds = {variable.name: variable for variable in variables}
    shares = np.array([message.part.stop - message.part.start for message in messages], np.float64)
    shares /= shares.sum()
    for name in messages[0].whole or ():
        values = [message.whole[name] for message in messages if message.whole is not None]
        if len(values) == 1 or state[name].dtype.kind != "f":
            state[name][...] = values[0]  # of a step's number, for the first part is the longest
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
        state[name][...] = base + change
    for tables in zip(*(message.rows for message in messages), strict=True):
        _merge_rows(kinds, state, tables)


def _merge_rows(
    kinds: Mapping[str, Variable],
    state: Mapping[str, Array],
    messages: Sequence[tuple[Array, Mapping[str, Array]]],
) -> None:
    """Merge rows of tables that have the same ids."""
    if len(messages) == 1:
        rows, tables = messages[0]
        for name, values in tables.items():
            state[name][rows] = values
        return
    rows = np.unique(np.concatenate([found for found, _ in messages]))
    places = [np.searchsorted(rows, found) for found, _ in messages]
    counts = np.bincount(np.concatenate(places), minlength=len(rows)).reshape(-1, 1)
    for name in messages[0][1]:
        base = np.asarray(state[name][rows], np.float64).reshape(len(rows), -1)
        changes = []
        for place, (_, tables) in zip(places, messages, strict=True):
            change = np.zeros_like(base)
            change[place] = tables[name].reshape(len(place), -1) - base[place]
            changes.append(change)
        if kinds[name].trainable:
            change = adasum(changes)
        else:
            change = sum(changes[1:], changes[0])
            change /= 1 if kinds[name].additive else counts
        state[name][rows] = (base + change).reshape(state[name][rows].shape)


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
    shared = np.einsum("ij,ij->i", x, y)[:, None] / 2
    of_x = 1 - shared / np.maximum(np.einsum("ij,ij->i", x, x)[:, None], TINY)
    of_y = 1 - shared / np.maximum(np.einsum("ij,ij->i", y, y)[:, None], TINY)
    combined: Floats = of_x * x + of_y * y
    return combined
