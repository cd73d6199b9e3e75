"""A fitted model: columns, a predict program and its variables, whatever solver trained it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..feature_columns import ColumnSet
from ..feature_columns.express import feeds
from ..graph import CompiledExecution, Execution, Program
from ..graph.compiler.toolchain import find_toolchain

__all__ = ["Model"]

# Matrix products take rows in strides: where every stride is full, the result for a row does not
# depend on its place among the others.
STRIDE = 16


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
    jit : bool
        Whether predictions are computed by compiled C, where there is a C compiler.
    threads : int
        The most threads that compiled code runs in.
    """

    def __init__(
        self,
        columns: ColumnSet,
        program: Program,
        variables: Mapping[str, npt.NDArray[Any]],
        jit: bool = False,
        threads: int = 1,
    ):
        self.columns, self.program, self.jit, self.threads = columns, program, jit, threads
        self.variables = {v.name: variables[v.name] for v in program.variables}
        self._execution: Execution | CompiledExecution | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Buffers are made again where the model is loaded.
        return {**self.__dict__, "_execution": None}

    def detach(self) -> None:
        """Take copies of the variables, so that no training run can change them any more."""
        self.variables = {name: np.array(value) for name, value in self.variables.items()}
        self._execution = None

    def predict(self, frame: Any, strict: bool = False) -> dict[str, npt.NDArray[Any]]:
        """Return every output of the program for the rows of `frame`."""
        return self.run(feeds(self.columns.encode(frame, strict=strict)))

    def run(self, encoded: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
        """Return every output of the program for encoded rows."""
        if self._execution is None:
            jit = self.jit and find_toolchain() is not None
            self._execution = self.program.start(
                self.variables, share=True, jit=jit, threads=self.threads
            )
        rows = len(encoded["numbers"])
        missing = -rows % STRIDE
        if not missing or not isinstance(self._execution, Execution):
            return self._execution.run(encoded)  # compiled products take each row by itself
        filled = {name: _longer(feed, missing) for name, feed in encoded.items()}
        return {name: value[:rows] for name, value in self._execution.run(filled).items()}


def _longer(feed: Any, more: int) -> Any:
    """Return an array or ragged feed with rows of zeros, or of nothing, at its end."""
    if hasattr(feed, "offsets"):
        end = np.repeat(feed.offsets[-1:], more)
        return replace(feed, offsets=np.concatenate([feed.offsets, end]))
    longer = np.zeros((len(feed) + more, *feed.shape[1:]), feed.dtype)
    longer[: len(feed)] = feed
    return longer
