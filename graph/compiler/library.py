"""The C library that is compiled with every program."""

from __future__ import annotations

import functools
from importlib import resources

__all__ = ["library"]


@functools.cache
def library(name: str) -> str:
    """Return a part of the C library that is compiled with every program."""
    return (resources.files(__package__) / "c" / name).read_text(encoding="utf-8")
