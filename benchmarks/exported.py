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


def object_frame(rows: Sequence[Sequence[Any]], keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Return rows as a frame whose cells are the values themselves."""
    found = {key: np.empty(len(rows), dtype=object) for key in keys}
    for place, key in enumerate(keys):
        for at, row in enumerate(rows):
            found[key][at] = row[place]
    return found


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
        parts = [("classes", "<i4", self.ids), ("values", "<f4", self.outputs)]
        fields = [(name, kind, (size,)) for name, kind, size in parts if size]
        found = np.frombuffer(done.stdout, np.dtype([("status", "<i4"), *fields]))
        classes = found["classes"] if self.ids else np.zeros((len(found), 0), np.int32)
        shape = len(found), -1
        return Answers(found["status"], found["values"].reshape(shape), classes.reshape(shape))


@dataclass(frozen=True)
class Comparison:
    """How far the C is from Python: rows answered, refused and cut short, and the differences.

    Attributes
    ----------
    largest : float
        The largest difference of a prediction, where both answer.
    wrong_classes : int
    wrongly_refused : int
        Refused by the C and answered by Python, among those refused rows that were tried.
    """

    answered: int
    refused: int
    dropped: int
    largest: float
    wrong_classes: int
    wrongly_refused: int


def compare(
    model: Any, exported: Exported, keys: Sequence[str], rows: Sequence[Any], tried: int = 20
) -> Comparison:
    """Return how the C's answers compare with those of a classifier, over hostile rows too.

    Python must answer all rows that the C answers; `tried` refused ones it must refuse.
    """
    answers = exported.predict(rows)
    fine = np.flatnonzero(answers.status == 0)
    frame = object_frame([rows[at] for at in fine], keys)
    expected = model.predict_proba(frame)
    found = answers.values[fine]
    differences = np.where(np.isnan(expected) & np.isnan(found), 0.0, np.abs(expected - found))
    classes = np.take(model.classes_, answers.classes[fine, 0]) != model.predict(frame)
    # Where two classes are equally likely, the last bit decides.
    close = np.abs(np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0]) < 1e-5
    refused = np.flatnonzero(answers.status < 0)
    accepted = [_accepts(model, object_frame([rows[at]], keys)) for at in refused[:tried]]
    return Comparison(
        len(fine),
        len(refused),
        int((answers.status > 0).sum()),
        float(differences.max(initial=0.0)),
        int((classes & ~close).sum()),
        sum(accepted),
    )


def _accepts(model: Any, frame: dict[str, np.ndarray]) -> bool:
    try:
        model.predict_proba(frame)
    except ValueError:
        return False
    return True
