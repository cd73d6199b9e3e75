"""Files of an exported model: written aside, then moved to where they belong."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from pathlib import Path

from ...errors import InvalidType, InvalidValue
from ..model import Model
from .answer import Answer
from .model_text import model_text
from .sizes import sizes_text

__all__ = ["export_c"]

LONGEST_NAME = 40
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
# CMake's own targets, files that Windows cannot have, the program beside, and headers of C's.
_TAKEN = set("all clean help install main package test aux con nul prn".split()) | set(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal "
    "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath "
    "threads time uchar wchar wctype".split()
)


def export_c(
    model: Model,
    answer: Answer,
    folder: str | os.PathLike[str],
    name: str = "model",
    *,
    title: str = "A model",
    max_values: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write a model as C: NAME.h, NAME.c, main.c, CMakeLists.txt and sizes.txt.

    Parameters
    ----------
    model : Model
        Columns, program and variables, whatever solver trained them.
    answer : Answer
        Which outputs of the program are wanted.
    folder : path
        Made where it does not exist. Files are written aside and moved there at the end.
    name : str
        What files, functions and types are called: letters, digits and single underscores.
    title : str
        What the model is, for the first line of its files.
    max_values : int, optional
        How many values of one list are kept; by default as many as a list had in training, and at
        least 64.
    strict : bool
        Whether values that were not there in training are refused.
    overwrite : bool
        Whether files of these names may be replaced. Others are left alone.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InvalidValue
        A name that cannot be used, files in the way, a folder that is a file, or `max_values` below
        one.
    InvalidType
        A column that has no C, such as one with a ``normalizer_fn``.
    """
    folder = Path(folder)
    _check_name(name)
    if max_values is not None and (isinstance(max_values, bool) or not isinstance(max_values, int)):
        raise InvalidType("max_values", "must be a whole number", repr(max_values))
    if max_values is not None and max_values < 1:
        raise InvalidValue("max_values", "must be at least 1", max_values)
    _check_folder(folder, name, overwrite)
    text = model_text(model, answer, name, title, max_values, strict)
    files = {
        f"{name}.h": text.header,
        f"{name}.c": text.source,
        "main.c": text.main,
        "CMakeLists.txt": text.cmake,
        "sizes.txt": sizes_text(text, name),
    }
    _write(folder, files)
    return folder


def _file_names(name: str) -> list[str]:
    return [f"{name}.h", f"{name}.c", "main.c", "CMakeLists.txt", "sizes.txt"]


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise InvalidType("name", "must be text", repr(name))
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        wrong = f"must be letters, digits and single underscores, at most {LONGEST_NAME}"
        raise InvalidValue("name", wrong, repr(name), "choose one such as 'income_model'")
    if name.lower() in _TAKEN:
        raise InvalidValue("name", "has another meaning", repr(name), "choose another name")


def _check_folder(folder: Path, name: str, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidValue("folder", "is a file", str(folder), "name a folder")
    there = [file for file in _file_names(name) if os.path.lexists(folder / file)]
    if there and not overwrite:
        todo = "choose another folder, or overwrite=True"
        raise InvalidValue(f"folder {folder}", "holds files already", there, todo)
    if any((folder / file).is_dir() for file in there):
        raise InvalidValue(f"folder {folder}", "holds a folder in a file's place", there)


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write files beside the folder and move them there once all are on the disk."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.parent / f".{folder.name}-{secrets.token_hex(6)}"
    aside.mkdir()
    try:
        for file, text in files.items():
            with open(aside / file, "w", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
                opened.flush()
                os.fsync(opened.fileno())
        if not folder.exists():
            aside.rename(folder)
            return
        for file in files:
            os.replace(aside / file, folder / file)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
