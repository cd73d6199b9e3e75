"""Trees grown by a pool's workers, from the same rows in mapped memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from ..pool.jobs import Job
from ..pool.messages import Message, Part, opened, shards
from ..pool.rounds import Rounds
from ..pool.shared import Mapped, write_arrays
from .compiled import FOREST
from .examples import Examples, Rules
from .growing import Drawing, Grown, Leafed, Nursery
from .tree import Tree

__all__ = ["Growing", "grow_on_pool"]

Array = npt.NDArray[Any]
SECONDS = 10.0  # of a round: what is lost with a worker
FIELDS = tuple(field.name for field in fields(Tree))


@dataclass(frozen=True, kw_only=True)
class Growing(Job):
    """A forest to be grown; its folder holds ``examples``.

    Parameters
    ----------
    outputs : int
        How many numbers a row has as targets, or how many classes there are.
    rules : Rules
    drawing : Drawing
    jit : bool
    out_of_bag : bool
    """

    outputs: int
    rules: Rules
    drawing: Drawing
    jit: bool
    out_of_bag: bool

    def open(self) -> Grower:  # noqa: D102
        return Grower(self)


class Grower:
    """A worker of a forest, with its rows at hand."""

    def __init__(self, job: Growing):
        arrays = Mapped(Path(job.folder) / "examples").arrays
        weights = arrays.pop("weights")
        self._nursery = Nursery(
            Examples(outputs=job.outputs, **arrays),
            job.rules,
            job.drawing,
            weights,
            jit=job.jit and FOREST.find() is not None,  # the trees are the same
            out_of_bag=job.out_of_bag,
        )

    def run(self, job: Growing, part: Part) -> Message:
        """Grow the trees from one number to another."""
        began = time.perf_counter()
        trees = list(map(self._nursery.grow, range(part.start, part.stop)))
        grown = time.perf_counter()
        message = job.put_aside(Message(part, whole=_joined(trees), compute=grown - began))
        message.transfer = time.perf_counter() - grown
        return message


def _joined(trees: list[Leafed]) -> dict[str, Array]:
    """Return trees end to end, with the rows left out and the nodes these end in."""
    found = {name: [getattr(tree, name) for tree, _, _ in trees] for name in FIELDS}
    found |= {"left_out": [rows for _, rows, _ in trees], "ends": [nodes for _, _, nodes in trees]}
    sizes = [[len(array) for array in found[name]] for name in ("feature", "words", "ends")]
    joined = {name: np.concatenate(arrays) for name, arrays in found.items()}
    return {**joined, "sizes": np.array(sizes)}


def _parted(message: Message) -> Iterator[Leafed]:
    """Yield what `_joined` joined."""
    arrays = {name: np.array(array) for name, array in (opened(message).whole or {}).items()}
    nodes, words, ends = np.cumsum(arrays.pop("sizes"), axis=1)[:, :-1]
    places = {"words": words, "left_out": ends, "ends": ends}
    parts = {name: np.split(array, places.get(name, nodes)) for name, array in arrays.items()}
    left_out, at = parts.pop("left_out"), parts.pop("ends")
    trees = (Tree(*of_tree) for of_tree in zip(*(parts[name] for name in FIELDS), strict=True))
    yield from zip(trees, left_out, at, strict=True)


def grow_on_pool(nursery: Nursery, rounds: Rounds, verbose: int = 0) -> Grown:
    """Grow the forest that `grow_forest` grows, by the workers of a pool.

    Each tree follows from its number, so it does not matter who grows it. A round takes some ten
    seconds, but for the first, in which each worker grows one tree.

    Parameters
    ----------
    nursery : Nursery
    rounds : Rounds
    verbose : int
        1 shows a progress bar, 2 prints a line a round.
    """
    examples = nursery.examples
    given = {**vars(examples), "weights": nursery.weights}
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
    write_arrays(rounds.folder / "examples", arrays)
    rounds.job = Growing(
        folder=str(rounds.folder),
        outputs=examples.outputs,
        rules=nursery.rules,
        drawing=nursery.drawing,
        jit=nursery.jit,
        out_of_bag=nursery.out_of_bag,
    )
    return nursery.forest(_trees(rounds, nursery.drawing.trees, verbose))


def _trees(rounds: Rounds, total: int, verbose: int) -> Iterator[Leafed]:
    """Yield trees in the order of their numbers."""
    done, at_once = 0, 1
    with tqdm(total=total, unit=" trees", disable=verbose != 1) as bar:
        while done < total:
            began, stop = time.perf_counter(), min(done + at_once * rounds.workers, total)
            found, at_once = rounds.round(shards(done, stop, rounds.workers), _received)
            bar.set_postfix_str(rounds.progress, refresh=False)
            bar.update(stop - done)
            if verbose == 2:
                speed = (stop - done) / (time.perf_counter() - began)
                print(f"{stop} trees, {speed:,.1f} trees/s, {rounds.progress}")
            done = stop
            yield from found


def _received(messages: list[Message]) -> tuple[list[Leafed], int]:
    """Return the trees of a round, and how many each worker is to grow in the next."""
    each = max(message.compute / (message.part.stop - message.part.start) for message in messages)
    trees = [leafed for message in messages for leafed in _parted(message)]
    return trees, max(1, int(SECONDS / max(each, 1e-6)))
