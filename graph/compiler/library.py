"""The C library that is compiled with every program."""

from __future__ import annotations

import functools
import re
from importlib import resources

__all__ = ["library", "without_comments"]


@functools.cache
def library(name: str) -> str:
    """Return a part of the C library that is compiled with every program."""
    return (resources.files(__package__) / "c" / name).read_text(encoding="utf-8")


def without_comments(text: str) -> str:
    r"""Return C without comments and empty lines: equal programs are then equal texts.

    Comments name ops, and an op that two programs share is named after the first.

    Examples
    --------
    >>> from cannery.graph.compiler.library import without_comments
    >>> without_comments("/* one\n   two */\nint x; /* three */\n")
    'int x; \n'
    """
    return re.sub(r"\n\s*\n", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).lstrip()
