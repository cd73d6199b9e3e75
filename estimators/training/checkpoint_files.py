"""The state of a fit as a file: JSON values and named arrays, whole or not there at all.

A file is numpy's npz, without pickles: ``header`` holds JSON as UTF-8, ``arrays/<name>`` an array.
zip's checksums tell a damaged file from a whole one.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidType, InvalidValue

__all__ = ["Damaged", "State", "read", "sync_folder", "write"]

FORMAT = "cannery.checkpoint/1"
ARRAYS = "arrays/"
# What zip, numpy and JSON raise where bytes are missing or others than were written.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class State:
    """All that must be known to go on from some moment.

    Parameters
    ----------
    values : object
        What JSON can hold; numpy's numbers become Python's.
    arrays : mapping of str to ndarray
        Of numbers, bools or text; never objects.
    """

    values: Any = None
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def joined(cls, parts: Mapping[str, State]) -> State:
        """Return the states of several parts as one; no name of a part has a slash."""
        arrays = {
            f"{part}/{name}": array
            for part, state in parts.items()
            for name, array in state.arrays.items()
        }
        return cls({part: state.values for part, state in parts.items()}, arrays)

    def part(self, name: str) -> State:
        """Return one of the states that were joined."""
        return State(self.values[name], _Under(self.arrays, f"{name}/"))


class _Under(Mapping[str, Any]):
    """The entries of a mapping whose names begin alike, by what follows; none is read early."""

    def __init__(self, entries: Mapping[str, Any], start: str):
        self._entries, self._start = entries, start

    def __getitem__(self, name: str) -> Any:
        return self._entries[self._start + name]

    def __iter__(self) -> Iterator[str]:
        names = (name for name in self._entries if name.startswith(self._start))
        return (name.removeprefix(self._start) for name in names)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Saved(Mapping[str, Any]):
    """The arrays in a file, each read when it is asked for."""

    def __init__(self, path: Path, names: Iterable[str]):
        self._path, self._names = path, [name for name in names if name.startswith(ARRAYS)]

    def __getitem__(self, name: str) -> Any:
        with np.load(self._path, allow_pickle=False) as entries:
            return entries[ARRAYS + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(ARRAYS) for name in self._names)

    def __len__(self) -> int:
        return len(self._names)


class Damaged(Exception):
    """A file that is not what was written."""


def write(path: Path, state: State, identity: Mapping[str, str]) -> None:
    """Write a checkpoint beside `path`, flush it, and move it there.

    Parameters
    ----------
    path : Path
    state : State
    identity : mapping of str to str
        Whose state it is.

    Raises
    ------
    InvalidType
        Values that JSON cannot hold, or arrays of objects.
    OSError
        The folder cannot be written; what it held is as it was.
    """
    content = {"identity": dict(identity), "arrays": list(state.arrays), "values": state.values}
    header = json.dumps({"format": FORMAT, **content}, default=_plain)
    members = {"header": np.frombuffer(header.encode(), np.uint8)}
    members.update((ARRAYS + name, array) for name, array in state.arrays.items())
    objects = [name for name, array in members.items() if array.dtype.hasobject]
    if objects:
        raise InvalidType("checkpoint", "cannot hold arrays of objects", objects)
    aside = path.with_name("checkpoint-writing.npz")
    try:
        with aside.open("wb") as file:
            # numpy's savez, which older versions leave open where the disk is full.
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in members.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    kind = type(value).__name__
    todo = "keep numbers and text in what a fit logs"
    raise InvalidType("checkpoint", "cannot hold such a value", f"{kind} {value!r}"[:80], todo)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlast a loss of power, where the system can do so."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read(path: Path) -> tuple[State, dict[str, str]]:
    """Return the state in a checkpoint, and whose it is.

    The file is checked to its end; its arrays are read one by one, when asked for.

    Raises
    ------
    Damaged
        The file is not what was written.
    InvalidValue
        It was written in another format.
    OSError
        The file cannot be opened.
    """
    path.open("rb").close()
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        if bad is not None:
            raise Damaged(f"wrong checksum of {bad}")
        with np.load(path, allow_pickle=False) as entries:
            header = json.loads(entries["header"].tobytes())
            arrays = _Saved(path, entries.files)
        found, values, identity = header["format"], header["values"], header["identity"]
        if list(arrays) != header["arrays"]:
            raise Damaged("arrays are missing")
    except DAMAGE as error:
        raise Damaged(f"{type(error).__name__}: {error}") from None
    if found != FORMAT:
        todo = "go on with the version that wrote it, or give this fit a folder of its own"
        raise InvalidValue(f"checkpoint {path}", f"must have the format {FORMAT!r}", found, todo)
    return State(values, arrays), identity
