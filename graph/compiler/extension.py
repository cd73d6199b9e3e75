"""C written by hand beside Python modules: compiled when first asked for, then called by ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ...errors import CompileError, InvalidValue, MissingDependency
from .cache import warn_once
from .toolchain import SETTINGS, find_toolchain, load

__all__ = ["Extension"]


@dataclass(frozen=True, eq=False)
class Extension:
    """Functions in C that a package brings along.

    A process loads them once for each compiler, which then costs no more than a look at the
    environment; C that does not compile is not tried again either.

    Parameters
    ----------
    package : str
        Its folder ``c`` holds the text.
    files : sequence of str
        What stands there, in the order in which it is joined.
    functions : mapping of str to sequence of ctypes types
        The result of each function, and its arguments.
    instead : str
        What is done where the text does not compile, as the log says it.
    flags : tuple of str
        Arguments for the compiler beside its usual ones.
    """

    package: str
    files: Sequence[str]
    functions: Mapping[str, Sequence[Any]]
    instead: str
    flags: tuple[str, ...] = ()

    def find(self) -> ctypes.CDLL | None:
        """Return the library; None without a compiler or, with a line in the log, where C fails."""
        try:
            return self.require()
        except CompileError as error:
            warn_once(f"{error} ({self.instead})")
        except (InvalidValue, MissingDependency):
            if find_toolchain() is not None:
                raise
        return None

    def require(self) -> ctypes.CDLL:
        """Return the library, or say why there is none.

        Raises
        ------
        CompileError, InvalidValue, MissingDependency
            As `load` raises them.
        """
        found = _loaded(self, tuple(map(os.environ.get, ("CANNERY_JIT", *SETTINGS))))
        if isinstance(found, CompileError):
            raise found.with_traceback(None)
        return found


@functools.cache
def _loaded(extension: Extension, settings: tuple[str | None, ...]) -> ctypes.CDLL | CompileError:
    folder = resources.files(extension.package) / "c"
    texts = [(folder / name).read_text(encoding="utf-8") for name in extension.files]
    try:
        library = load("\n".join(texts), extension.flags)
    except CompileError as error:
        return error.with_traceback(None)
    for name, (result, *arguments) in extension.functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
