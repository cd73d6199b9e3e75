"""The one way to matplotlib, which only plots need."""

from __future__ import annotations

from typing import Any

from ..errors import MissingDependency

__all__ = ["pyplot"]


def pyplot(who: str) -> Any:
    """Return ``matplotlib.pyplot`` for the function named `who`.

    Raises
    ------
    MissingDependency
        matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise MissingDependency(who, "needs matplotlib", todo="install cannery[plot]") from None
    return plt
