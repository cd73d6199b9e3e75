"""Names of a package that are imported when they are first asked for, as PEP 562 has it.

``import cannery``, and each process that a pool starts, then cost what they use, not all that there
is: scikit-learn and pandas take seconds to import.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, names: Sequence[str], within: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : sequence of str
        Its ``__all__``: modules of the package, and what is found `within` others.
    within : sequence of str
        Modules of the package whose ``__all__`` has the other names. They are imported one after
        the other until a name is found, hence the light ones first.

    Notes
    -----
    A type checker would take any name for granted where there is a ``__getattr__``: it is to see
    imports instead, under ``if TYPE_CHECKING``.

    A name that a module of the same package has as well could not be told from that module.

    Examples
    --------
    >>> from cannery.lazy import lazy_names
    >>> find, listed = lazy_names("cannery", ["compare", "graph"], within=["comparison"])
    >>> find("compare").__module__, find("graph").__name__
    ('cannery.comparison.comparing', 'cannery.graph')
    >>> find("compares")
    Traceback (most recent call last):
        ...
    AttributeError: module 'cannery' has no attribute 'compares'
    """
    owner = sys.modules[package]

    def find(name: str) -> Any:
        if _is_module(package, name):
            return importlib.import_module(f"{package}.{name}")
        for place in within if name in names else ():
            module = importlib.import_module(f"{package}.{place}")
            if name in module.__all__:
                found = getattr(module, name)
                setattr(owner, name, found)  # so that this is asked once
                return found
        wrong = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(wrong, name=name, obj=owner)  # Python suggests a near name

    def listed() -> list[str]:
        return sorted({*vars(owner), *names})

    return find, listed


def _is_module(package: str, name: str) -> bool:
    """Whether a package has such a file, or folder with `__init__`; Python takes any folder."""
    if name.startswith("_") or not name.isidentifier():
        return False
    spec = importlib.util.find_spec(f"{package}.{name}")
    return spec is not None and spec.origin is not None
