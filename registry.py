"""Named things, each registered once: ops, optimizers, schedules, columns, estimators."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from .errors import InvalidValue, NotFound

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """A mapping that refuses a second entry of one name and suggests near misses.

    Parameters
    ----------
    kind : str
        What the entries are, for error messages: ``"op"``, ``"optimizer"``.

    Examples
    --------
    >>> ops = Registry("op")
    >>> ops.add("exp", 1)
    1
    >>> list(ops)
    ['exp']
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Register `entry` as `name` and return it."""
        if name in self._entries:
            raise InvalidValue(
                f"{self.kind} {name!r}", "already registered", todo="choose another name"
            )
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            near = difflib.get_close_matches(str(name), self._entries, 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"choose one of {sorted(self._entries)}"
            )
            raise NotFound(self.kind, "unknown name", repr(name), hint) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
