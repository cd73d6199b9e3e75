"""A fitted model: columns, a predict program and its variables, whatever solver trained it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
import numpy.typing as npt

from ..feature_columns import ColumnSet
from ..feature_columns.express import feeds
from ..graph import Execution, Program
from ..graph.compiler.cost import step_work
from .engine import Engine, Running

__all__ = ["Model"]

# Matrix products take rows in strides: where every stride is full, the result for a row does not
# depend on its place among the others.
STRIDE = 16
AT_ONCE = 1 << 22  # numbers of rows on their way to answers


class Model:
    """What prediction needs, and all that saving, serving and export need.

    Parameters
    ----------
    columns : ColumnSet
        Learnt columns, which turn a frame into feeds.
    program : Program
        From feeds to predictions; no updates.
    variables : mapping of str to ndarray
        The values of the program's variables. They are not copied: a training run that changes
        them changes the predictions.
    engine : Engine
        What computes predictions. It stays the same for as long as the model does, so that
        predictions do not change from call to call.
    """

    def __init__(
        self,
        columns: ColumnSet,
        program: Program,
        variables: Mapping[str, npt.NDArray[Any]],
        engine: Engine | None = None,
    ):
        self.columns, self.program, self.engine = columns, program, engine or Engine()
        self.variables = {v.name: variables[v.name] for v in program.variables}
        self._execution: Running | None = None
        self._parts: dict[tuple[str, ...], Model] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Buffers are made again where the model is loaded.
        return {**self.__dict__, "_execution": None, "_parts": {}}

    def detach(self) -> None:
        """Take copies of the variables, so that no training run can change them any more."""
        self.variables = {name: np.array(value) for name, value in self.variables.items()}
        self._execution, self._parts = None, {}

    def predict(self, frame: Any, strict: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Return every output of the program for the rows of `frame`."""
        return self.run(feeds(self.columns.encode(frame, strict=strict)))

    def run(self, encoded: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """Return every output of the program for encoded rows."""
        if self._execution is None:
            self._execution = self.engine.start(self.program, self.variables, share=True)
        if not isinstance(self._execution, Execution):
            return self._execution.run(encoded)  # compiled products take each row by itself
        rows = len(encoded["numbers"])
        if rows <= STRIDE:
            return self._interpret(self._execution, encoded, rows)
        with self.engine.limits():
            return self._interpret(self._execution, encoded, rows)

    def answers(
        self, encoded: Mapping[str, Any], names: Sequence[str]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return some outputs alone, found for so few rows at once that they need little memory.

        Parameters
        ----------
        encoded : mapping of str to array or ragged feed
        names : sequence of str
            The outputs that are wanted.
        """
        rows = len(encoded["numbers"])
        lists = [len(feed.ids) for feed in encoded.values() if hasattr(feed, "offsets")]
        model = self._asked_for(tuple(names))
        width = step_work(model.program, 2)[1] - step_work(model.program, 1)[1]
        width *= 1 + max(lists, default=0) // max(1, rows)
        step = max(1, AT_ONCE // max(1, width) // STRIDE) * STRIDE
        if rows <= step or model.engine.jit:  # compiled, rows pass through in tiles
            return model.run(encoded)
        starts, threads = range(0, rows, step), self.engine.threads
        idle = [model]  # one for each thread, for each has buffers

        def answer(start: int) -> dict[str, npt.NDArray[Any]]:
            own = idle.pop() if idle else model.again()
            found = own.run({k: _part(v, start, start + step) for k, v in encoded.items()})
            idle.append(own)
            return found

        with model.engine.limits():
            if threads == 1:
                parts = list(map(answer, starts))
            else:
                with ThreadPool(min(threads, len(starts))) as pool:
                    parts = pool.map(answer, starts, chunksize=1)
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def again(self) -> Model:
        """Return the same model, of the same variables, with buffers of its own."""
        return Model(self.columns, self.program, self.variables, self.engine)

    def _asked_for(self, names: tuple[str, ...]) -> Model:
        """Return the model of some outputs, which takes all their time and no more."""
        if names not in self._parts:
            program = Program(outputs={name: self.program.outputs[name] for name in names})
            # A product of few rows is done before a second thread wakes up.
            engine = self.engine if self.engine.jit else replace(self.engine, threads=1)
            self._parts[names] = Model(self.columns, program, self.variables, engine)
        return self._parts[names]

    def _interpret(
        self, execution: Execution, encoded: Mapping[str, Any], rows: int
    ) -> dict[str, npt.NDArray[Any]]:
        missing = -rows % STRIDE
        if not missing:
            return execution.run(encoded)
        filled = {name: _longer(feed, missing) for name, feed in encoded.items()}
        return {name: value[:rows] for name, value in execution.run(filled).items()}


def _longer(feed: Any, more: int) -> Any:
    """Return an array or ragged feed with rows of zeros, or of nothing, at its end."""
    if hasattr(feed, "offsets"):
        end = np.repeat(feed.offsets[-1:], more)
        return replace(feed, offsets=np.concatenate([feed.offsets, end]))
    longer = np.zeros((len(feed) + more, *feed.shape[1:]), feed.dtype)
    longer[: len(feed)] = feed
    return longer


def _part(feed: Any, start: int, stop: int) -> Any:
    """Return some rows of an array or ragged feed."""
    if not hasattr(feed, "offsets"):
        return feed[start:stop]
    offsets = feed.offsets[start : stop + 1]
    values = slice(offsets[0], offsets[-1])
    weights = None if feed.weights is None else feed.weights[values]
    return replace(feed, offsets=offsets - offsets[0], ids=feed.ids[values], weights=weights)
