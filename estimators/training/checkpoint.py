"""The checkpoints of a fit: what is saved, when, how many stay, and whose they are.

Nothing here knows what is fitted or how. A state is a value, JSON and named arrays; whoever has
one saves it, and after the process was killed finds the newest that is whole.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from ...errors import InvalidValue
from .checkpoint_files import Damaged, State, read, sync_folder, write
from .folder_lock import locked

__all__ = ["Checkpoints", "State"]

NAME = re.compile(r"checkpoint-(\d{8,})\.npz")
APART = 20.0  # a checkpoint that took a second to write is twenty seconds from the next


class Checkpoints:
    """A folder of checkpoints that belongs to one fit, and to one process while it is open.

    Parameters
    ----------
    folder : str or path
        Made where it is not there.
    keep : int
        How many checkpoints stay, the newest.
    seconds : float
        The least time between two that are `due`; 0 has one always due.

    Attributes
    ----------
    newest : State or None
        What the newest whole checkpoint held when the folder was opened; None in a folder without
        any, and once another is saved.

    Raises
    ------
    InvalidValue
        The folder cannot be written, another process is at work in it, or none of its checkpoints
        can be read.

    Examples
    --------
    A sum that is never begun twice:

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from cannery.estimators.training.checkpoint import Checkpoints, State
    >>> def add(folder, last):
    ...     with Checkpoints(folder) as checkpoints:
    ...         checkpoints.claim({"step": "1"})
    ...         saved = checkpoints.newest or State(0, {"total": np.zeros(())})
    ...         numbers = range(saved.values + 1, last + 1)
    ...         total = saved.arrays["total"] + sum(numbers)
    ...         checkpoints.save(State(last, {"total": total}))
    ...     return len(numbers), float(total)
    >>> with TemporaryDirectory() as folder:
    ...     add(folder, 90), add(folder, 100)
    ((90, 4095.0), (10, 5050.0))
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3, seconds: float = 10.0):
        self.folder, self.keep, self.seconds = Path(folder), keep, seconds
        self.newest: State | None = None
        self._owner: dict[str, str] = {}  # of the newest checkpoint
        self._identity: dict[str, str] = {}
        self._number = 0
        self._wrote, self._took = time.monotonic(), 0.0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._open, self._told():
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self.folder.absolute().parent)
            self._open.enter_context(locked(self.folder / "checkpoint.lock"))
            self._find()
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self.newest = None
        self._open.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say which folder it was."""
        try:
            yield
        except OSError as error:
            wrong, given = "cannot hold checkpoints", error.strerror or str(error)
            todo = "make room or choose another folder; checkpoints that were whole still are"
            raise InvalidValue(f"folder {self.folder}", wrong, given, todo) from error

    def _numbers(self) -> list[int]:
        found = (NAME.fullmatch(entry.name) for entry in self.folder.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def _path(self, number: int) -> Path:
        return self.folder / f"checkpoint-{number:08d}.npz"

    def _find(self) -> None:
        """Read the newest checkpoint that is whole, and put damaged ones after it aside."""
        numbers = self._numbers()
        self._number = max(numbers, default=0)
        damaged: list[tuple[Path, Damaged]] = []
        for number in reversed(numbers):
            path = self._path(number)
            try:
                self.newest, self._owner = read(path)
            except Damaged as error:
                damaged.append((path, error))
                continue
            for bad, reason in damaged:
                warnings.warn(
                    f"checkpoint {bad}: is damaged ({reason}) and put aside; {path.name}, the one "
                    "before, is used",
                    RuntimeWarning,
                    stacklevel=2,
                )
                bad.replace(bad.with_name(f"damaged-{bad.name}"))
            return
        if damaged:
            wrong = "none of its checkpoints can be read"
            given = f"{damaged[0][0].name}: {damaged[0][1]}"
            todo = "restore one from a copy, or choose another folder to begin anew"
            raise InvalidValue(f"folder {self.folder}", wrong, given, todo)

    def claim(self, identity: Mapping[str, str]) -> None:
        """Say whose checkpoints these are, in one call or in several.

        Parameters
        ----------
        identity : mapping of str to str
            All that must be the same for a fit to go on, such as hyperparameters and digests of
            data.

        Raises
        ------
        InvalidValue
            The newest checkpoint belongs to another fit; the message names what differs.
        """
        self._identity.update(identity)
        if self.newest is None:
            return
        other = [name for name, text in identity.items() if self._owner.get(name) != text]
        if other:
            shown = [
                f"{name}={identity[name]} (there {self._owner[name]})"
                if len(identity[name] + self._owner.get(name, "")) < 60 and name in self._owner
                else name
                for name in other[:5]
            ]
            wrong = "holds the checkpoints of another fit"
            todo = "give each fit a folder of its own, or remove that one"
            raise InvalidValue(f"folder {self.folder}", wrong, f"other {', '.join(shown)}", todo)

    def due(self) -> bool:
        """Return whether enough time has passed since the last checkpoint.

        Where one takes long to write they are further apart than `seconds`, so that writing takes
        no more than a twentieth of the time.
        """
        wanted = max(self.seconds, APART * self._took) if self.seconds else 0.0
        return time.monotonic() - self._wrote >= wanted

    def save(self, state: State) -> None:
        """Write a checkpoint, then remove those that are too many.

        Raises
        ------
        InvalidValue
            The folder cannot be written; the checkpoints before are as they were.
        InvalidType
            The state has values that JSON cannot hold.
        """
        began = time.monotonic()
        with self._told():
            write(self._path(self._number + 1), state, self._identity)
        self._number, self.newest = self._number + 1, None
        for number in self._numbers()[: -self.keep]:
            with contextlib.suppress(OSError):
                self._path(number).unlink()
        self._wrote = time.monotonic()
        self._took = self._wrote - began
