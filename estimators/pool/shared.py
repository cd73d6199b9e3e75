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
    """Write arrays as raw numbers, each from a page of its own on, and a list of them.

    What was written there before stays as it was for those who have it mapped.

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
    listed, place = {}, 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "new.bin", "wb") as file:
            for name, value in arrays.items():
                array = np.ascontiguousarray(value)
                listed[name] = (place, array.dtype.str, list(np.shape(value)))
                if array.size:
                    file.write(array.reshape(-1).view(np.uint8).data)
                # Real bytes: a hole in the file would be filled at a time when no error can be
                # told from a crash.
                file.write(bytes(mmap.PAGESIZE - array.nbytes % mmap.PAGESIZE))
                place = file.tell()
            if not listed:
                file.write(b"\0")
        os.replace(folder / "new.bin", folder / "arrays.bin")
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
        with open(folder / "arrays.bin", "rb" if access == "read" else "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0, access=kinds[access])
        self.arrays: dict[str, Array] = {}
        self._places: dict[str, int] = {}
        for name, (place, dtype, shape) in listed.items():
            count = int(np.prod(shape, dtype=np.int64))
            array = np.frombuffer(self._memory, dtype, count, place)
            self.arrays[name], self._places[name] = array.reshape(shape), place

    def forget(self, name: str, start: int = 0, count: int | None = None) -> bool:
        """Let go of this process's pages of an array; whether that is possible.

        Changes of a privately mapped array are gone, those of a shared one are in the file.
        """
        if not hasattr(mmap, "MADV_DONTNEED") or os.uname().sysname != "Linux":
            return False
        count = self.arrays[name].nbytes - start if count is None else count
        self._memory.madvise(mmap.MADV_DONTNEED, self._places[name] + start, max(1, count))
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
