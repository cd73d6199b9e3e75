"""What goes into the steps of a run and what comes out, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue, ShapeMismatch
from .tensor import Tensor

__all__ = ["Feeder", "Results", "check_outputs"]

Array = npt.NDArray[Any]


class Feeder:
    """Whole feeds, checked once, from which batches are drawn.

    Parameters
    ----------
    inputs : sequence of Tensor
        The placeholders.
    feeds : mapping of str to array or ragged
        By placeholder name. The ragged feed ``x`` also serves the placeholders ``x/lengths`` and
        ``x/weights``.

    Attributes
    ----------
    feeds : mapping of str to array or ragged
        As given.
    rows : int or None
        The number of rows of all feeds that have a batch axis; None if there are none.
    """

    def __init__(self, inputs: Sequence[Tensor], feeds: Mapping[str, Any]):
        self.feeds = feeds
        self.rows: int | None = None
        self._fixed: list[tuple[str, Array]] = []
        self._batched: list[tuple[str, Array]] = []
        self._ragged: list[tuple[str, Array, Array | None, np.dtype[Any]]] = []
        self.owners: dict[str, Any] = {}
        for node in inputs:
            owner = node.name
            if owner not in feeds:
                owner = node.name.removesuffix("/lengths").removesuffix("/weights")
            if owner in feeds and hasattr(feeds[owner], "offsets"):
                self._add_ragged(node, owner, feeds[owner])
            elif node.name in feeds:
                self._add(node, np.asarray(feeds[node.name]))
            else:
                raise InvalidValue(f"feed {node.name!r}", "is missing", todo="add it to feeds")

    @classmethod
    def of(cls, inputs: Sequence[Tensor], feeds: Mapping[str, Any] | Feeder | None) -> Feeder:
        """Return feeds as they are where they have been checked already."""
        return feeds if isinstance(feeds, Feeder) else cls(inputs, feeds or {})

    def _add(self, node: Tensor, array: Array) -> None:
        if array.dtype != node.dtype:
            if array.dtype.kind not in "fiub":
                raise InvalidType(f"feed {node.name!r}", "must be numbers", str(array.dtype))
            array = array.astype(node.dtype)
        batched = bool(node.shape) and node.shape[0] is None
        wanted = node.shape[1:] if batched else node.shape
        if array.ndim != node.rank or array.shape[batched:] != wanted:
            raise ShapeMismatch(f"feed {node.name!r}", f"must have shape {node.shape}", array.shape)
        if batched:
            self._count(node.name, len(array))
            self._batched.append((node.name, array))
        else:
            self._fixed.append((node.name, array))

    def _add_ragged(self, node: Tensor, owner: str, ragged: Any) -> None:
        offsets = np.asarray(ragged.offsets)
        if owner not in self.owners:
            _check_ragged(owner, offsets, ragged)
            self._count(owner, len(offsets) - 1)
        self.owners[owner] = ragged
        values = ragged.weights if node.name == f"{owner}/weights" else ragged.ids
        if node.name == f"{owner}/lengths":
            values = None
        elif values is None:
            raise InvalidValue(f"feed {node.name!r}", "is missing", todo="give weights")
        self._ragged.append((node.name, offsets, values, node.dtype))

    def _count(self, name: str, rows: int) -> None:
        if self.rows is not None and rows != self.rows:
            wanted = f"must have {self.rows} rows like the others"
            raise InvalidValue(f"feed {name!r}", wanted, rows)
        self.rows = rows

    def whole(self, nodes: Sequence[Tensor]) -> list[Array]:
        """Return the whole feeds of some placeholders, in row-major order."""
        arrays = dict([*self._fixed, *self._batched])
        return [np.ascontiguousarray(arrays[node.name]) for node in nodes]

    @property
    def batched(self) -> dict[str, Array]:
        """The whole feeds with a batch axis, by name."""
        return dict(self._batched)

    def check_rows(self, rows: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Return the rows to visit as whole numbers; all must be there."""
        chosen = np.asarray(rows)
        if chosen.size == 0:
            chosen = chosen.astype(np.intp)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            given = f"{chosen.dtype} of shape {chosen.shape}"
            raise InvalidType("rows", "must be a list of whole numbers", given)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < (self.rows or 0):
            given = f"{chosen.min()} to {chosen.max()}"
            raise InvalidValue("rows", f"must be in [0, {self.rows})", given)
        return chosen.astype(np.intp, copy=False)

    def ragged_rows(self, rows: npt.NDArray[np.intp]) -> dict[str, Ragged]:
        """Return the ragged feeds with only some of their rows, in the order given."""
        return {name: Ragged.of(feed, rows) for name, feed in self.owners.items()}

    def load(
        self,
        buffers: dict[str, Array],
        ragged: dict[str, Array],
        rows: npt.NDArray[np.intp] | None,
        low: int,
        high: int,
    ) -> None:
        """Write one batch into `buffers`; put what changes its size into `ragged`."""
        self.load_fixed(buffers)
        if rows is None:
            for name, array in self._batched:
                np.copyto(buffers[name], array[low:high])
        else:
            for name, array in self._batched:
                array.take(rows[low:high], 0, buffers[name], "clip")
        self.load_ragged(buffers, ragged, slice(low, high) if rows is None else rows[low:high])

    def load_fixed(self, buffers: dict[str, Array]) -> None:
        """Write what is the same for all batches into `buffers`."""
        for name, array in self._fixed:
            np.copyto(buffers[name], array)

    def load_ragged(self, buffers: dict[str, Array], ragged: dict[str, Array], chosen: Any) -> None:
        """Write what the chosen rows of ragged feeds hold into `buffers` and `ragged`."""
        for name, offsets, values, dtype in self._ragged:
            lengths, index = _places(offsets, chosen)
            if values is None:
                buffers[name][...] = lengths
                continue
            ragged[name] = values[index].astype(dtype, copy=False)


def _check_ragged(name: str, offsets: Array, ragged: Any) -> None:
    """Refuse offsets that point outside the values, which compiled code would follow."""
    shown = [np.asarray(part) for part in (ragged.ids, ragged.weights) if part is not None]
    if any(part.ndim != 1 or part.dtype.kind not in "fiub" for part in shown):
        raise InvalidType(f"feed {name!r}", "ids and weights must be vectors of numbers")
    most = min(map(len, shown))
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or not len(offsets):
        given = f"{offsets.dtype} of shape {offsets.shape}"
        raise InvalidType(f"feed {name!r}", "offsets must be a list of whole numbers", given)
    if not 0 <= offsets[0] <= offsets[-1] <= most or (offsets[1:] < offsets[:-1]).any():
        given = f"{offsets.min()} to {offsets.max()}"
        wanted = f"offsets must grow from 0 to at most {most}, the number of values"
        raise InvalidValue(f"feed {name!r}", wanted, given)


def check_outputs(outputs: Mapping[str, Tensor]) -> None:
    """Refuse outputs of which a run cannot say how much memory they take."""
    for name, node in outputs.items():
        if any(not isinstance(size, int) for size in node.shape[node.shape[:1] == (None,) :]):
            wanted = "only its first axis may depend on the feeds, and only as the batch"
            raise ShapeMismatch(f"output {name!r}", wanted, node.shape)


def _places(offsets: Array, chosen: Any) -> tuple[Array, Array]:
    """Return the number of values of the chosen rows, and where these values are."""
    starts = offsets[:-1][chosen]
    lengths = offsets[1:][chosen] - starts
    first = np.cumsum(lengths) - lengths
    return lengths, np.arange(int(lengths.sum())) + np.repeat(starts - first, lengths)


@dataclass(frozen=True)
class Ragged:
    """Some rows of a ragged feed."""

    offsets: Array
    ids: Array
    weights: Array | None

    @classmethod
    def of(cls, feed: Any, rows: npt.NDArray[np.intp]) -> Ragged:
        """Return the rows of `feed`, in the order given."""
        lengths, index = _places(np.asarray(feed.offsets), rows)
        weights = None if feed.weights is None else feed.weights[index]
        return cls(np.concatenate([[0], np.cumsum(lengths)]), feed.ids[index], weights)


class Results:
    """The outputs of all steps, side by side.

    Parameters
    ----------
    outputs : mapping of str to Tensor
    rows, steps : int
        How many rows will be visited, in how many steps.
    """

    def __init__(self, outputs: Mapping[str, Tensor], rows: int, steps: int):
        self.arrays: dict[str, Array] = {}
        self._targets: list[tuple[Tensor, Array, bool]] = []
        for name, node in outputs.items():
            by_row = bool(node.shape) and node.shape[0] is None
            rest = node.shape[1:] if by_row else node.shape
            self.arrays[name] = np.empty((rows if by_row else steps, *rest), node.dtype)  # type: ignore[arg-type]
            self._targets.append((node, self.arrays[name], by_row))

    def store(self, values: Mapping[Tensor, Array], step: int, low: int, high: int) -> None:
        """Take over the outputs of one step."""
        for node, target, by_row in self._targets:
            if by_row:
                target[low:high] = values[node]
            else:
                target[step] = values[node]
