"""The C text that columns share, and which parts of it a source needs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .literals import static_table

__all__ = ["needed", "piece_names"]

FILES = ("utf8", "fingerprint", "big", "decimal", "values", "numbers", "lookups", "dates")
PLANES_WITH_DIGITS = 0x20000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
# What a piece defines: a macro, a type, or else the first name before a bracket.
_DEFINED = (
    re.compile(r"^#define (\w+)", re.MULTILINE),
    re.compile(r"^\} (\w+);", re.MULTILINE),
    re.compile(r"(\w+)[(\[]"),
)


@dataclass(frozen=True)
class Piece:
    """A function, type, table or macro of the library."""

    name: str
    text: str
    words: frozenset[str]


def _piece(text: str) -> Piece:
    bare = _COMMENT.sub("", text)
    name = next(found[1] for pattern in _DEFINED if (found := pattern.search(bare)))
    return Piece(name, text, _words(text))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(_COMMENT.sub("", text)))


@functools.cache
def _pieces() -> tuple[Piece, ...]:
    found = [_piece(table) for table in _unicode_tables()]
    for file in FILES:
        source = (Path(__file__).parent / f"{file}.h").read_text(encoding="utf-8")
        blocks = re.split(r"\n\n(?=\S)", source.strip())
        # A file begins with a comment that is about all of it.
        found += [_piece(block) for block in blocks if _COMMENT.sub("", block).strip()]
    return tuple(found)


def _unicode_tables() -> Iterable[str]:
    """Yield the characters beyond ASCII that Python's ``float`` takes for spaces and zeros."""
    beyond = "".join(map(chr, range(128, PLANES_WITH_DIGITS)))
    spaces = re.findall(r"\s", beyond)
    zeros = [digit for digit in re.findall(r"\d", beyond) if int(digit) == 0]
    yield static_table("uint32_t", "UNICODE_SPACES", (str(ord(space)) for space in spaces))
    yield static_table("uint32_t", "UNICODE_ZEROS", (str(ord(zero)) for zero in zeros))


def piece_names() -> frozenset[str]:
    """Return what the library calls its functions, types, tables and macros."""
    return frozenset(piece.name for piece in _pieces())


def needed(source: str) -> str:
    """Return the pieces that a C source uses, directly or not, in an order C can read.

    Parameters
    ----------
    source : str
        C text that calls functions of the library.

    Returns
    -------
    str
        Nothing more, since compilers warn of functions that nobody calls.

    Examples
    --------
    >>> "farm_hash(" in needed("x = fingerprint_of(value);"), needed("x = 1;")
    (True, '')
    """
    pieces = {piece.name: piece for piece in _pieces()}
    wanted: set[str] = set()
    left = [name for name in _words(source) if name in pieces]
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left += [word for word in pieces[name].words if word in pieces]
    return "\n\n".join(piece.text for piece in _pieces() if piece.name in wanted)
