"""Where the state of a fit is taken for a checkpoint, and put back: the parts it consists of."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoints, State

__all__ = ["Part", "Recovery", "Variables", "recovery"]


class Part(Protocol):
    """Something in a fit that changes while it runs."""

    def state(self) -> State:
        """Return all there is to know; later changes of its arrays may show in it."""

    def put_back(self, state: State) -> None:
        """Be as when `state` was taken."""


class Variables:
    """The arrays that training changes, those of the optimizers included.

    Parameters
    ----------
    values : mapping of str to ndarray
        The arrays themselves.
    """

    def __init__(self, values: Mapping[str, npt.NDArray[Any]]):
        self._values = values

    def state(self) -> State:
        """Return the arrays as they are, not copied."""
        return State(None, self._values)

    def put_back(self, state: State) -> None:
        """Copy the values into the arrays in place."""
        for name, array in self._values.items():
            np.copyto(array, state.arrays[name], casting="no")


class Recovery:
    """The checkpoints of a fit that goes on where it was cut off.

    Parameters
    ----------
    checkpoints : Checkpoints or None
        None has nothing saved, and every fit begin anew.
    """

    def __init__(self, checkpoints: Checkpoints | None):
        self._checkpoints = checkpoints
        self._begun: Any = None
        self._engine = ""
        self._parts: Mapping[str, Part] = {}

    def claim(self, identity: Callable[[], Mapping[str, str]]) -> None:
        """Say what must be the same for a fit to go on, found out only where that matters.

        See `Checkpoints.claim`.
        """
        if self._checkpoints is not None:
            self._checkpoints.claim(identity())

    def begin(self, generator: np.random.Generator) -> None:
        """Have a fit that goes on draw what it drew when it began, without a seed too."""
        if self._checkpoints is None:
            return
        if self._checkpoints.newest is not None:
            generator.bit_generator.state = self._checkpoints.newest.values["begun"]
        self._begun = generator.bit_generator.state

    def put_back(self, engine: str, parts: Mapping[str, Part]) -> None:
        """Put every part back where the newest checkpoint has it, if there is one.

        Parameters
        ----------
        engine : str
            What runs the steps. Another one than the checkpoint's means other last bits, which a
            warning says.
        parts : mapping of str to Part
        """
        self._engine, self._parts = engine, parts
        saved = None if self._checkpoints is None else self._checkpoints.newest
        if saved is None:
            return
        if saved.values["engine"] != engine:
            warnings.warn(
                f"fit: goes on with {engine}, was begun with {saved.values['engine']}; the last "
                "bits may differ from a fit that was not cut off",
                RuntimeWarning,
                stacklevel=2,
            )
        for name, part in parts.items():
            part.put_back(saved.part(name))

    def save(self, ends: bool) -> None:
        """Write a checkpoint where one is due, or where the fit ends."""
        if self._checkpoints is not None and (ends or self._checkpoints.due()):
            state = State.joined({name: part.state() for name, part in self._parts.items()})
            values = {**state.values, "begun": self._begun, "engine": self._engine}
            self._checkpoints.save(State(values, state.arrays))


@contextlib.contextmanager
def recovery(
    folder: str | os.PathLike[str] | None, keep: int, seconds: float
) -> Iterator[Recovery]:
    """Open the checkpoints of a fit, if it has a folder for them; see `Checkpoints`."""
    if folder is None:
        yield Recovery(None)
        return
    with Checkpoints(folder, keep, seconds) as checkpoints:
        yield Recovery(checkpoints)
