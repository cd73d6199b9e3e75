"""Arrays in files that several processes map into memory."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InvalidValue

__all__ = ["Mapped", "write_arrays"]

Array = npt.NDArray[Any]
AT_ONCE = 1 << 24  # bytes: whole pages


def write_arrays(folder: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays, each to a file of raw numbers, and a list of them.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    arrays : mapping of str to ndarray

    Raises
    ------
    InvalidValue
        The disk is full, or may not be written.
    """
    listed = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, value) in enumerate(arrays.items()):
            array = np.ascontiguousarray(value)
            listed[name] = (f"{number}.bin", array.dtype.str, list(np.shape(value)))
            with open(folder / f"{number}.bin", "wb") as file:
                # Real bytes: a hole in the file would be filled at a time when no error can be
                # told from a crash.
                file.write(array.reshape(-1).view(np.uint8).data if array.size else b"\0")
        (folder / "arrays.json").write_text(json.dumps(listed), encoding="utf-8")
    except OSError as error:
        wrong = f"cannot be written ({error.strerror or error})"
        raise InvalidValue(f"folder {folder}", wrong, todo="set Pool(folder=...)") from None


class Mapped:
    """Arrays that `write_arrays` wrote, as memory.

    Parameters
    ----------
    folder : Path
    access : {"read", "shared", "private"}
        Whether they are only read; changed for all; or changed for this process alone, where
        untouched parts go on showing what is in the file.

    Attributes
    ----------
    arrays : dict of str to ndarray
    """

    def __init__(self, folder: Path, access: str = "read"):
        kinds = {"read": mmap.ACCESS_READ, "shared": mmap.ACCESS_WRITE, "private": mmap.ACCESS_COPY}
        listed = json.loads((folder / "arrays.json").read_text(encoding="utf-8"))
        self.arrays: dict[str, Array] = {}
        self._maps: dict[str, mmap.mmap] = {}
        for name, (file_name, dtype, shape) in listed.items():
            with open(folder / file_name, "rb" if access == "read" else "r+b") as file:
                memory = mmap.mmap(file.fileno(), 0, access=kinds[access])
            count = int(np.prod(shape, dtype=np.int64))
            self.arrays[name] = np.frombuffer(memory, dtype, count).reshape(shape)
            self._maps[name] = memory

    def forget(self, name: str, start: int = 0, count: int | None = None) -> bool:
        """Let go of this process's pages of an array; whether that is possible.

        Changes of a privately mapped array are gone, those of a shared one are in the file.
        """
        if not hasattr(mmap, "MADV_DONTNEED") or os.uname().sysname != "Linux":
            return False
        memory = self._maps[name]
        memory.madvise(mmap.MADV_DONTNEED, start, len(memory) - start if count is None else count)
        return True

    def take(self) -> dict[str, Array]:
        """Return copies of all arrays; what is copied leaves the pages of this process."""
        for name in self.arrays:
            self.forget(name)
        taken = {}
        for name, array in self.arrays.items():
            taken[name] = np.empty_like(array)
            flat, copy = array.reshape(-1), taken[name].reshape(-1)
            step = AT_ONCE // array.itemsize
            for start in range(0, flat.size, step):
                part = flat[start : start + step]
                copy[start : start + step] = part
                self.forget(name, start * array.itemsize, part.nbytes)
        return taken
