"""What an optimizer does to one variable, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue, ShapeMismatch
from ..ops import scatter_rows
from ..program import Program
from ..variables import Variable, placeholder
from .optimizer import Optimizer, get_optimizer

__all__ = ["trace"]


def trace(
    optimizer: str | Optimizer,
    initial: npt.ArrayLike,
    gradients: Sequence[npt.ArrayLike],
    rows: Sequence[npt.ArrayLike] | None = None,
) -> npt.NDArray[np.float32]:
    """Return a variable after each step of an optimizer under given gradients.

    Parameters
    ----------
    optimizer : str or Optimizer
    initial : array
        The variable's first value.
    gradients : sequence of array
        One a step: of the variable's shape, or with `rows` one entry for each row named.
    rows : sequence of array of int, optional
        The rows of the variable that each step's gradient is for; rows named twice are summed.

    Returns
    -------
    ndarray of float32
        Shape ``(steps, *initial.shape)``.

    Raises
    ------
    ShapeMismatch
        A gradient does not fit `initial` and `rows`.
    InvalidValue
        A row is not in the variable, or there are more or fewer `rows` than `gradients`.

    Examples
    --------
    >>> from cannery.graph.optimizers import SGD, trace
    >>> trace(SGD(learning_rate=0.5), [1.0, 2.0], [[2.0], [4.0]], rows=[[0], [1]]).tolist()
    [[0.0, 2.0], [0.0, 0.0]]
    """
    start = np.asarray(initial, np.float32)
    slopes = [np.asarray(gradient, np.float32) for gradient in gradients]
    variable = Variable(start, "variable")
    step = Variable(0, "step", dtype="int64", trainable=False)
    if rows is None:
        for given in slopes:
            if given.shape != start.shape:
                raise ShapeMismatch("gradient", f"must have shape {start.shape}", given.shape)
        slope = placeholder("gradient", start.shape)
        feeds: list[dict[str, Any]] = [{"gradient": given} for given in slopes]
    else:
        feeds = _row_feeds(rows, start, slopes)
        width = max((len(feed["rows"]) for feed in feeds), default=0)
        values = placeholder("gradient", (width, *start.shape[1:]))
        slope = scatter_rows(placeholder("rows", (width,), "int64"), values, rows=len(start))
    updates = get_optimizer(optimizer).apply([(variable, slope)], step)
    execution = Program(updates={**updates, step: step + 1}).start()
    after = np.empty((len(slopes), *start.shape), np.float32)
    for position, feed in enumerate(feeds):
        execution.run(feed)
        after[position] = execution.variables["variable"]
    return after


def _row_feeds(
    rows: Sequence[npt.ArrayLike],
    start: npt.NDArray[np.float32],
    slopes: Sequence[npt.NDArray[np.float32]],
) -> list[dict[str, Any]]:
    """Return the feeds of each step, filled up to one length with the id -1, which is no row."""
    if start.ndim == 0:
        raise ShapeMismatch("initial", "must have an axis of rows", start.shape)
    if len(rows) != len(slopes):
        raise InvalidValue("rows", f"must be given for each of {len(slopes)} gradients", len(rows))
    width = max(map(np.size, rows), default=0)
    feeds = []
    for ids, slope in zip(map(np.asarray, rows), slopes, strict=True):
        if ids.size and (ids.dtype.kind not in "iu" or ids.min() < 0 or ids.max() >= len(start)):
            raise InvalidValue("rows", f"must be whole numbers in [0, {len(start)})", ids.tolist())
        if ids.ndim != 1 or slope.shape != (len(ids), *start.shape[1:]):
            wanted = f"must have shape {(ids.size, *start.shape[1:])} for its rows"
            raise ShapeMismatch("gradient", wanted, slope.shape)
        missing = width - len(ids)
        feeds.append(
            {
                "rows": np.pad(ids.astype(np.int64), (0, missing), constant_values=-1),
                "gradient": np.pad(slope, [(0, missing), *[(0, 0)] * (slope.ndim - 1)]),
            }
        )
    return feeds
