"""Which task holds which rows of which variable: who merges what, and who would serve it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...errors import InvalidValue

__all__ = ["LEAST_SLICE", "Piece", "Sized", "greedy", "loads", "partitioned", "round_robin"]

LEAST_SLICE = 256 * 1024  # bytes: smaller slices cost more in messages than they even out


class Sized(NamedTuple):
    """A variable, as far as placing it is concerned: its first axis is what can be cut."""

    name: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def rows(self) -> int:
        """How many rows it can be cut into; a scalar is one."""
        return self.shape[0] if self.shape else 1


class Piece(NamedTuple):
    """Rows of a variable, from `start` to before `stop`, and the number of the task they are on."""

    name: str
    start: int
    stop: int
    owner: int


def round_robin(variables: Sequence[Sized], tasks: int) -> list[Piece]:
    """Place whole variables in turn, whatever their sizes: TensorFlow's parameter servers' way.

    Parameters
    ----------
    variables : sequence of Sized
    tasks : int

    Returns
    -------
    list of Piece
        In the order of the variables, as for the functions below.

    Raises
    ------
    InvalidValue
        There are no tasks.

    Examples
    --------
    >>> sizes = [Sized("a", (100,), 400), Sized("b", (4,), 16), Sized("c", (90,), 360)]
    >>> loads(sizes, round_robin(sizes, 2), 2)
    [760, 16]
    """
    _check(tasks)
    return [Piece(one.name, 0, one.rows, place % tasks) for place, one in enumerate(variables)]


def greedy(variables: Sequence[Sized], tasks: int) -> list[Piece]:
    """Place whole variables, the largest first, each on the task with the least bytes so far.

    No task has more than ``4/3 - 1/(3 tasks)`` times the bytes that the heaviest has in the best
    placement of whole variables, and none more than an equal share and the largest variable.

    Parameters
    ----------
    variables : sequence of Sized
    tasks : int

    Raises
    ------
    InvalidValue
        There are no tasks.

    References
    ----------
    Graham, "Bounds on multiprocessing timing anomalies", 1969.

    Examples
    --------
    >>> sizes = [Sized("a", (100,), 400), Sized("b", (4,), 16), Sized("c", (90,), 360)]
    >>> loads(sizes, greedy(sizes, 2), 2)
    [400, 376]
    """
    return _lightest(((one.name, 0, one.rows, one.bytes) for one in variables), tasks)


def partitioned(
    variables: Sequence[Sized], tasks: int, least_slice: int = LEAST_SLICE
) -> list[Piece]:
    """Cut large variables into slices of rows, then place all pieces as `greedy` does.

    A variable is cut into as many slices as there are tasks, or fewer where they would be smaller
    than `least_slice` bytes, of equal numbers of rows or one more. No task has more than an equal
    share and one slice.

    Parameters
    ----------
    variables : sequence of Sized
    tasks : int
    least_slice : int
        In bytes.

    Raises
    ------
    InvalidValue
        There are no tasks, or a slice may be empty.

    Examples
    --------
    >>> for piece in partitioned([Sized("table", (1000, 8), 32_000)], 2, least_slice=8_000):
    ...     print(*piece)
    table 0 500 0
    table 500 1000 1
    """
    if least_slice < 1:
        raise InvalidValue("least_slice", "must be a number of bytes of at least 1", least_slice)
    return _lightest((cut for one in variables for cut in _slices(one, tasks, least_slice)), tasks)


def loads(variables: Sequence[Sized], pieces: Iterable[Piece], tasks: int) -> list[int]:
    """Return how many bytes each task holds.

    Parameters
    ----------
    variables : sequence of Sized
    pieces : iterable of Piece
    tasks : int
    """
    sizes = {one.name: one for one in variables}
    held = [0] * tasks
    for piece in pieces:
        held[piece.owner] += _bytes(sizes[piece.name], piece.start, piece.stop)
    return held


def _bytes(one: Sized, start: int, stop: int) -> int:
    return one.bytes * (stop - start) // one.rows if one.rows else one.bytes


def _slices(one: Sized, tasks: int, least: int) -> Iterable[tuple[str, int, int, int]]:
    count = max(1, min(tasks, one.rows, one.bytes // least))
    ends = [one.rows * number // count for number in range(count + 1)]
    for start, stop in itertools.pairwise(ends):
        yield one.name, start, stop, _bytes(one, start, stop)


def _lightest(cuts: Iterable[tuple[str, int, int, int]], tasks: int) -> list[Piece]:
    """Place cuts, the largest first; of equals, cuts and tasks, the first."""
    _check(tasks)
    listed = list(cuts)
    held, owners = [0] * tasks, dict[int, int]()
    for place in sorted(range(len(listed)), key=lambda place: -listed[place][3]):
        owners[place] = min(range(tasks), key=lambda task: (held[task], task))
        held[owners[place]] += listed[place][3]
    return [Piece(*cut[:3], owners[place]) for place, cut in enumerate(listed)]


def _check(tasks: int) -> None:
    if tasks < 1:
        raise InvalidValue("tasks", "must be a whole number of at least 1", tasks)
