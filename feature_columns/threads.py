"""Columns that are learnt and encoded at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from multiprocessing.pool import ThreadPool
from typing import Any, Self

from .column import Column, Keyed
from .factor import is_arrow_text
from .frames import Frame

__all__ = ["Threads"]

LEAST_ROWS = 100_000  # to be worked on in threads


class Threads:
    """Threads for large columns, on which numpy and Arrow work without Python's lock.

    Parameters
    ----------
    threads, rows : int
        Few rows are worked on in one thread.
    """

    def __init__(self, threads: int, rows: int):
        self._pool = ThreadPool(threads) if threads > 1 and rows >= LEAST_ROWS else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool is not None:
            self._pool.terminate()

    @property
    def alone(self) -> bool:
        """Whether there is one thread only."""
        return self._pool is None

    def ahead(self, function: Callable[[Any], Any], tasks: list[list[Any]]) -> Callable[[Any], Any]:
        """Return a function that with threads is done for some columns, a task in one of them."""
        if self._pool is None:
            return function
        answers = [self._pool.apply_async(_each, (function, task)) for task in tasks]
        done = {
            column: found
            for task, answer in zip(tasks, answers, strict=True)
            for column, found in zip(task, answer.get(), strict=True)
        }
        return lambda column: done[column] if column in done else function(column)

    def number_texts(self, frame: Frame, columns: Iterable[Column]) -> None:
        """Have threads number Arrow's texts, while this one numbers what needs Python's lock."""
        if self._pool is None:
            return
        keys = dict.fromkeys(c.key for c in columns if isinstance(c, Keyed))
        texts = [key for key in keys if is_arrow_text(frame.column(key))]
        answers = [self._pool.apply_async(frame.factor, (key,)) for key in texts]
        for key in keys:
            if key not in texts:
                frame.factor(key)
        for answer in answers:
            answer.get()

    def on_each(self, function: Callable[[int], None], places: range) -> None:
        """Call a function for each of some places."""
        if self._pool is None:
            for place in places:
                function(place)
        else:
            self._pool.map(function, places)


def _each(function: Callable[[Any], Any], task: Iterable[Any]) -> list[Any]:
    return [function(column) for column in task]
