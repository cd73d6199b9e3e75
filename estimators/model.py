"""A fitted model: columns, a predict program and its variables, whatever solver trained it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..feature_columns import ColumnSet
from ..feature_columns.express import feeds
from ..graph import Execution, Program

__all__ = ["Model"]


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
    """

    def __init__(
        self, columns: ColumnSet, program: Program, variables: Mapping[str, npt.NDArray[Any]]
    ):
        self.columns, self.program = columns, program
        self.variables = {v.name: variables[v.name] for v in program.variables}
        self._execution: Execution | None = None

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
            self._execution = self.program.start(self.variables, share=True)
        return self._execution.run(encoded)
