"""The texts of a vocabulary, looked up in Python and in C."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from .c_text.literals import bytes_table
from .c_text.writer import Writer
from .column import UNSEEN
from .hashing import fingerprints
from .kinds import KINDS

__all__ = ["Vocabulary"]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Texts in order, each one's position being its id.

    Parameters
    ----------
    tokens : tuple of str
    integer : bool
        Whether the values were numbers, so that the text "5.0" is looked up as "5".
    """

    tokens: tuple[str, ...]
    integer: bool = False

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The id of each token."""
        return dict(zip(self.tokens, range(len(self.tokens)), strict=True))

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.tokens, self.integer))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Vocabulary)
            and self.integer == other.integer
            and self.tokens == other.tokens
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def __getstate__(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "integer": self.integer}

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.tokens[:5]))
        return f"Vocabulary({shown}{', …' if len(self) > 5 else ''}; {len(self)} tokens)"

    def lookup(self, texts: list[str]) -> np.ndarray:
        """Return the id of each text, `UNSEEN` for those outside."""
        find = self.index.get
        found = [find(value, UNSEEN) for value in texts]
        if self.integer and UNSEEN in found:
            found = [find(value.removesuffix(".0"), UNSEEN) for value in texts]
        return np.array(found, dtype=np.int64)

    def write_c(self, writer: Writer, subject: str) -> str:
        """Write the tokens and the hash table over them; return the C name of both together."""
        encoded = [token.encode("utf-8", "surrogatepass") for token in self.tokens]
        starts = itertools.accumulate(map(len, encoded), initial=0)
        name = writer.name("tokens", subject)
        places = _places(self.tokens)
        writer.table("uint32_t", f"{name}_places", map(str, places))
        writer.table("uint32_t", f"{name}_starts", map(str, starts))
        writer.tables.append(bytes_table(f"{name}_bytes", encoded))
        parts = f"{name}_places, {name}_starts, {name}_bytes, {len(places) - 1}"
        writer.tables.append(f"static const vocabulary {name} = {{{parts}}};")
        return name


def _places(tokens: tuple[str, ...]) -> list[int]:
    """Return an open hash table: at a token's fingerprint or after it, its id and 1."""
    size = 1 << (len(tokens) * 3 // 2).bit_length()
    found = [0] * size
    for at, hashed in enumerate(fingerprints(tokens).tolist()):
        place = hashed % size
        while found[place]:
            place = (place + 1) % size
        found[place] = at + 1
    return found


KINDS.add("vocabulary", Vocabulary)
