"""Ragged feeds: rows with several values each, copied together at every step."""

from __future__ import annotations

from collections.abc import Sequence

from ..code import C_TYPES
from ..tensor import Tensor
from .memory import Memory, is_ragged

__all__ = ["load_lines", "loaded_feeds", "owner"]


def owner(node: Tensor) -> str:
    """Return the ragged feed that a placeholder shows a part of."""
    return node.name.removesuffix("/lengths").removesuffix("/weights")


def loaded_feeds(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the feeds with several values a row, and those that hold how many."""
    words = {word for node in inputs if (word := is_ragged(node)) is not None}
    return [node for node in inputs if is_ragged(node) or _has_lengths(node, words)]


def _has_lengths(node: Tensor, words: set[str]) -> bool:
    return node.name.endswith("/lengths") and node.name.removesuffix("/lengths") in words


def load_lines(loaded: Sequence[Tensor], memory: Memory, feeds: int) -> list[str]:
    """Return the C lines that copy the values of a step's rows together.

    Parameters
    ----------
    loaded : sequence of Tensor
    memory : Memory
    feeds : int
        How many pointers to feeds come before those of ragged ones.
    """
    lines: list[str] = []
    for number, word in enumerate(memory.ragged):
        sizes, values = list[str](), list[str]()
        for node in [node for node in loaded if owner(node) == word]:
            name, kind = memory.names[node], C_TYPES[node.dtype]
            if not is_ragged(node):
                sizes.append(f"      {name}[i] = ({kind})size;")
                continue
            place = feeds + len(memory.ragged) + [n for n in loaded if is_ragged(n)].index(node)
            source = f"(const {kind} *)w->run->feeds[{place}] + offsets[order[i]]"
            call = f"memcpy({name} + found, {source}, (size_t)size * sizeof *{name});"
            values.append(f"      {call}")
        lines += [
            "  {",
            f"    const int64_t *const offsets = w->run->feeds[{feeds + number}];",
            "    int64_t found = 0;",
            "    for (int64_t i = 0; i < batch; i++) {",
            "      const int64_t size = offsets[order[i] + 1] - offsets[order[i]];",
            *sizes,
            *values,
            "      found += size;",
            "    }",
            f"    w->run->found[{number}] = found;",
            "  }",
        ]
    return lines
