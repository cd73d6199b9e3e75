"""Finding a C compiler, and C source to a loaded library through the cache.

Settings, read from the environment at each call:

- ``CC``: the compiler to use, with its arguments;
- ``CANNERY_JIT``: ``0`` switches the compiler off.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import logging
import os
import platform
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from ...errors import CanneryError, CompileError, InvalidType, InvalidValue, MissingDependency
from .c_compiler import (
    CHANGES_FLOATING_POINT,
    FLAGS,
    Toolchain,
    open_library,
    run_command,
    try_compiler,
)
from .cache import cache_folder, keep_source, warn_once

__all__ = ["FLAGS", "Toolchain", "compile_shared", "find_toolchain", "load", "require_toolchain"]

SETTINGS = ("CC", "PATH", "CANNERY_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")
DOES_WITHOUT = "jit=False or CANNERY_JIT=0 does without"
WAYS_OUT = (
    'install gcc or clang, run `pip install "cannery[jit]"`, or set CC to a C compiler; '
    + DOES_WITHOUT
)


def find_toolchain() -> Toolchain | None:
    """Return the first C compiler that works, or None.

    Tried in this order: ``CC``; gcc, clang and cc on the ``PATH``; zig, which the extra ``jit``
    installs. One that works has compiled a small program whose library was loaded and run. What it
    finds is remembered until the environment changes; why nothing was found is logged once.

    Returns
    -------
    Toolchain or None
        None also where ``CANNERY_JIT`` is ``0``, or the cache folder is not safe to use.

    Examples
    --------
    >>> from cannery.graph.compiler.toolchain import find_toolchain
    >>> toolchain = find_toolchain()
    >>> toolchain is None or len(toolchain.command) > 0
    True
    """
    try:
        if not _switched_on():
            return None
        found, complaint = _search_safely()
    except InvalidValue as error:
        found, complaint = None, error
    if complaint is not None:
        instead = f"{shlex.join(found.command)} is used" if found else "programs are interpreted"
        warn_once(f"{complaint} ({instead})")
    return found


def require_toolchain() -> Toolchain:
    """Return the C compiler that the user's settings ask for, or say why there is none.

    Returns
    -------
    Toolchain
        What `find_toolchain` returns.

    Raises
    ------
    MissingDependency
        No C compiler works, or ``CANNERY_JIT`` is ``0``.
    InvalidValue
        ``CC`` is set and does not work, ``CANNERY_JIT`` is neither on nor off, or the cache folder
        is not safe to use.

    Examples
    --------
    >>> from cannery.errors import MissingDependency
    >>> from cannery.graph.compiler.toolchain import require_toolchain
    >>> try:
    ...     found = require_toolchain().identity
    ... except MissingDependency as error:
    ...     found = str(error)
    >>> isinstance(found, str)
    True
    """
    if not _switched_on():
        given = f"CANNERY_JIT={os.environ['CANNERY_JIT']}"
        raise MissingDependency(
            "C compiler", "switched off", given, "unset it, or set jit to 'auto' or False"
        )
    found, complaint = _search_safely()
    if complaint is not None:
        raise complaint.with_traceback(None)
    assert found is not None  # one of the two is there
    return found


def compile_shared(source: str, extra: tuple[str, ...] = ()) -> Path:
    """Compile C to a shared library, or find the library in the cache.

    Parameters
    ----------
    source : str
        A C11 program, GNU extensions allowed.
    extra : tuple of str
        Arguments for the compiler beside `FLAGS`.

    Returns
    -------
    pathlib.Path
        The library, in the user's cache.

    Raises
    ------
    CompileError
        The source does not compile: the compiler's first error, and where the source is kept.
    MissingDependency
        There is no C compiler.
    InvalidValue
        `extra` would change the floating-point mode of the process, or the cache folder is not
        safe to use.
    InvalidType
        `extra` is no tuple.

    Examples
    --------
    >>> from cannery.errors import InvalidValue
    >>> from cannery.graph.compiler.toolchain import compile_shared
    >>> compile_shared("int answer(void) { return 42; }", ("-ffast-math",))
    Traceback (most recent call last):
    cannery.errors.InvalidValue: extra: changes the floating-point mode of the whole process, ...
    """
    if not isinstance(extra, tuple):
        raise InvalidType("extra", "no tuple of arguments", extra, "write ('-g',)")
    if CHANGES_FLOATING_POINT.intersection(extra):
        raise InvalidValue(
            "extra", "changes the floating-point mode of the whole process", extra, "leave it out"
        )
    toolchain = find_toolchain() or require_toolchain()
    try:
        return toolchain.compile(source, extra)
    except CompileError as error:
        kept = keep_source(toolchain.key(source, extra), source)
        raise CompileError(
            f"C source {kept}",
            f"does not compile with {shlex.join(toolchain.command)}",
            str(error.given),
            f"please report it with that file; {DOES_WITHOUT}",
        ) from None


def load(source: str, extra: tuple[str, ...] = ()) -> ctypes.CDLL:
    """Compile C, or find it in the cache, and load it: once for each library and process.

    Parameters
    ----------
    source : str
        A C11 program, GNU extensions allowed.
    extra : tuple of str
        Arguments for the compiler beside `FLAGS`.

    Returns
    -------
    ctypes.CDLL
        The library; its functions are called with Python's lock released.

    Raises
    ------
    CompileError
        The source does not compile, or the library does not load.
    MissingDependency
        There is no C compiler.
    InvalidValue, InvalidType
        As `compile_shared`.

    Examples
    --------
    >>> from cannery.graph.compiler.toolchain import find_toolchain, load
    >>> if find_toolchain():
    ...     answer = load("int answer(void) { return 42; }").answer()
    ... else:
    ...     answer = 42
    >>> answer
    42
    """
    return open_library(compile_shared(source, extra))


def _search_safely() -> tuple[Toolchain | None, CanneryError | None]:
    cache_folder()  # refused each time, until it is mended
    return _search(tuple(os.environ.get(name) for name in SETTINGS))


@functools.cache
def _search(settings: tuple[str | None, ...]) -> tuple[Toolchain | None, CanneryError | None]:
    """Return a toolchain, and what to say to a user who counts on what the settings ask for."""
    complaint: CanneryError | None = None
    chosen = os.environ.get("CC", "").strip()
    if chosen:
        try:
            return try_compiler(_split(chosen)), None
        except CompileError as error:
            todo = "set CC to a C compiler that works, or unset it"
            wrong = f"not usable ({_in_short(error)})"
            complaint = InvalidValue("environment variable CC", wrong, chosen, todo)
    reason = "none found"
    for command in _installed():
        try:
            return try_compiler(command), complaint
        except CompileError as error:
            reason = f"none works ({error.subject} {_in_short(error)})"
            logging.getLogger(__name__).info("%s", error)
    return None, complaint or MissingDependency("C compiler", reason, todo=WAYS_OUT)


def _switched_on() -> bool:
    text = os.environ.get("CANNERY_JIT", "").strip().lower()
    if text not in {"", "0", "1", "off", "on", "false", "true", "no", "yes"}:
        raise InvalidValue("CANNERY_JIT", "neither on nor off", repr(text), "set it to 0 or 1")
    return text not in {"0", "off", "false", "no"}


def _in_short(error: CompileError) -> str:
    return error.wrong + (f": {error.given}" if error.given else "")


def _split(text: str) -> tuple[str, ...]:
    """Return the command in `CC`, its program by its full path."""
    try:
        words = shlex.split(text, posix=os.name == "posix")
    except ValueError as error:
        raise CompileError("command", str(error).lower()) from None
    program = shutil.which(words[0]) if words else None
    if program is None:
        raise CompileError("command", "no such program")
    if CHANGES_FLOATING_POINT.intersection(words):
        raise CompileError("command", "changes the floating-point mode of the whole process")
    return (os.path.abspath(program), *words[1:])


def _installed() -> Iterator[tuple[str, ...]]:
    """Yield the command of each compiler there might be, the first choice first."""
    for name in ("gcc", "clang", "cc"):
        program = shutil.which(name)
        if program and not _is_stub(program):
            yield (os.path.abspath(program),)
    wheel = importlib.util.find_spec("ziglang")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        # What `python -m ziglang` starts, without starting Python.
        program = shutil.which("zig", path=folder)
        if program:
            yield (os.path.abspath(program), "cc")


def _is_stub(program: str) -> bool:
    """Whether `program` would open a dialog: macOS has such ones where no compiler is installed."""
    if platform.system() != "Darwin" or not program.startswith("/usr/bin/"):
        return False
    return run_command(("/usr/bin/xcode-select", "-p"))[0] != 0
