"""The lines between two braces of C, with what is known within them."""

from __future__ import annotations

from collections.abc import Iterator

from ..code import Code

__all__ = ["Scope"]


class Scope:
    """The lines between two braces."""

    def __init__(self, opening: str = ""):
        self.opening = opening
        self.lines: list[str | Scope] = []
        self.memo: dict[object, Code] = {}
        self.pragma = ""

    @property
    def declares(self) -> bool:
        """Whether names are declared between the braces, or anything but loops stands there."""
        return any(not isinstance(line, Scope) for line in self.lines)

    def text(self, indent: int) -> Iterator[str]:
        """Yield the lines, indented."""
        if self.pragma:
            yield "  " * indent + self.pragma
        inner = indent
        if self.opening:
            yield "  " * indent + self.opening + " {"
            inner += 1
        for line in self.lines:
            if isinstance(line, Scope):
                yield from line.text(inner)
            else:
                yield "  " * inner + line
        if self.opening:
            yield "  " * indent + "}"
