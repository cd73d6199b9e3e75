"""Exported models at work: rows of Python values in, what the compiled C makes of them out."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DRIVER = Path(__file__).with_name("exported_driver.c")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
MISSING, NUMBER, INTEGER, BOOLEAN, TEXT, LIST = range(6)


def packed(value: Any) -> bytes:
    """Return a cell as the driver reads it."""
    kind = type(value)
    if kind is str:
        value = value.encode("utf-8", "surrogatepass")
        return struct.pack("<iq", TEXT, len(value)) + value
    if kind is float:
        return struct.pack("<id", NUMBER, value)
    if kind is int:
        return struct.pack("<iq", INTEGER, value)
    if value is None:
        return struct.pack("<i", MISSING)
    if kind is bool:
        return struct.pack("<iq", BOOLEAN, value)
    if kind is bytes:
        return struct.pack("<iq", TEXT, len(value)) + value
    if kind is list:
        return struct.pack("<iq", LIST, len(value)) + b"".join(map(packed, value))
    raise TypeError(f"no cell for {value!r}")


def packed_rows(rows: Sequence[Iterable[Any]]) -> bytes:
    """Return rows of Python values as the driver reads them."""
    cells = (packed(value) for row in rows for value in row)
    return struct.pack("<q", len(rows)) + b"".join(cells)


def rows_of(frame: Any, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the rows of a frame as Python values, in the order of the model's columns."""
    return list(zip(*(frame[key].tolist() for key in keys), strict=True))


@dataclass(frozen=True)
class Answers:
    """What the C says of each row: a status, predictions, and classes where there are any."""

    status: np.ndarray
    values: np.ndarray
    classes: np.ndarray


class Exported:
    """The model in a folder, exported under the name "model", compiled with the driver.

    Parameters
    ----------
    folder : path
    command : sequence of str
        The compiler and its flags.
    """

    def __init__(self, folder: Path, command: Sequence[str]):
        self.folder, self.program = folder, folder / "driver"
        files = [str(folder / "model.c"), str(DRIVER), f"-I{folder}", "-lm", "-o"]
        done = subprocess.run(
            [*command, *files, str(self.program)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        header = (folder / "model.h").read_text(encoding="utf-8")
        self.outputs, self.ids = self._macro(header, "OUTPUTS"), self._macro(header, "CLASS_IDS")

    @staticmethod
    def _macro(header: str, name: str) -> int:
        found = re.search(rf"#define MODEL_{name} (\d+)", header)
        return int(found[1]) if found else 0

    def predict(self, rows: Sequence[Iterable[Any]]) -> Answers:
        """Return what the C says of rows whose values are in the order of the model's columns."""
        return self.predict_packed(packed_rows(rows))

    def predict_packed(self, rows: bytes) -> Answers:
        """Return what the C says of packed rows; what a sanitizer finds is an error."""
        done = subprocess.run([self.program], input=rows, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace")[:4000])
        fields = [("status", "<i4"), ("classes", "<i4", self.ids), ("values", "<f4", self.outputs)]
        found = np.frombuffer(done.stdout, np.dtype([field for field in fields if field[-1]]))
        classes = found["classes"] if self.ids else np.zeros((len(found), 0), np.int32)
        shape = len(found), -1
        return Answers(found["status"], found["values"].reshape(shape), classes.reshape(shape))
