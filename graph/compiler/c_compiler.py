"""One C compiler: its flags, how it is called, what its messages say, and whether it works."""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import CompileError
from .cache import cache_folder, entry_key, fetch, private_folder

__all__ = [
    "CHANGES_FLOATING_POINT",
    "FLAGS",
    "Toolchain",
    "open_library",
    "run_command",
    "try_compiler",
]

# Never -ffast-math: gcc before 13 links start-up code that makes the whole process flush denormals
# to zero as soon as the library is loaded.
#
# What -O3 adds to gcc's -O2 beyond these takes half as long again to compile and gains nothing.
FLAGS = (
    "-std=gnu11",
    "-O2",
    "-ftree-vectorize",
    "-fvect-cost-model=dynamic",
    "-funswitch-loops",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fwrapv",  # whole numbers overflow as numpy's do
    "-fopenmp-simd",
    "-fPIC",
    "-shared",
)
OF_GCC = frozenset({"-ftree-vectorize", "-fvect-cost-model=dynamic", "-funswitch-loops"})
LIBRARIES = ("-lm", "-pthread")
CHANGES_FLOATING_POINT = frozenset(
    {"-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-mdaz-ftz"}
)
ANSWER = 42
# What generated code needs: headers, a loop the assembler must know vector instructions for.
TRIAL = f"""\
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

int cannery_trial(float *restrict values, int64_t count) {{
#pragma omp simd
    for (int64_t i = 0; i < count; i++) values[i] = sqrtf(values[i]) * 2.0f + 1.0f;
    return {ANSWER};
}}
"""
_LOADED: dict[Path, ctypes.CDLL] = {}


@dataclass(frozen=True)
class Toolchain:
    """A C compiler that has compiled, and its output been loaded, on this machine.

    Parameters
    ----------
    command : tuple of str
        How to call it.
    identity : str
        The command and the first line of its ``--version``.
    flags : tuple of str
        `FLAGS`, without what this compiler does not know.
    """

    command: tuple[str, ...]
    identity: str
    flags: tuple[str, ...] = FLAGS

    def compile(self, source: str, extra: tuple[str, ...] = ()) -> Path:
        """Return the library that `source` compiles to, from the cache or built now.

        Raises
        ------
        CompileError
            The compiler refuses the source.
        """
        return fetch(self.key(source, extra), lambda path: self._run_compiler(source, extra, path))

    def key(self, source: str, extra: tuple[str, ...] = ()) -> str:
        """Return the name of the cache's entry for `source`."""
        return entry_key(source, (*self.flags, *extra, *LIBRARIES), self.identity)

    def _run_compiler(self, source: str, extra: tuple[str, ...], library: Path) -> None:
        library.with_suffix(".c").write_text(source, encoding="utf-8")
        # Names without a folder: where it was compiled leaves no trace in the library.
        files = ("-o", library.name, library.with_suffix(".c").name)
        arguments = (*self.command, *self.flags, *extra, *files, *LIBRARIES)
        settings = {
            "LC_ALL": "C",  # the messages are searched for errors
            "ZIG_GLOBAL_CACHE_DIR": str(_zig_folder()),
            "ZIG_LOCAL_CACHE_DIR": str(library.parent / "zig"),
        }
        status, printed = run_command(arguments, library.parent, settings)
        if status or not library.exists():
            raise CompileError(
                f"C compiler {shlex.join(self.command)}",
                "compiles nothing" if status == 0 else "gives an error",
                _first_error(status, printed),
                "name another one by CC",
            )


def try_compiler(command: tuple[str, ...]) -> Toolchain:
    """Return the toolchain of `command` once it has shown that it works, from the cache mostly."""
    status, printed = run_command((*command, "--version"))
    lines = printed.split("\n")
    if status or not lines[0].strip():
        answer = _first_error(status, printed)
        raise CompileError(f"C compiler {shlex.join(command)}", "does not tell its version", answer)
    identity = f"{shlex.join(command)}: {lines[0].strip()}"
    failure: CompileError | None = None
    for flags in _flag_choices(command):
        toolchain = Toolchain(command, identity, flags)
        try:
            _run_trial(toolchain)
            return toolchain
        except CompileError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _flag_choices(command: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield `FLAGS`, then variants for compilers that do not know them all."""
    native = ["-march=native", "-mcpu=native", None]
    if Path(command[0]).stem == "zig":
        native.remove("-march=native")
    for loops in ("-fopenmp-simd", None):
        for processor in native:
            swapped = {"-march=native": processor, "-fopenmp-simd": loops}
            choice = [swapped.get(flag, flag) for flag in FLAGS]
            yield tuple(flag for flag in choice if flag is not None)
            yield tuple(flag for flag in choice if flag is not None and flag not in OF_GCC)


def _run_trial(toolchain: Toolchain) -> None:
    values = (ctypes.c_float * 64)()
    subject = f"C compiler {shlex.join(toolchain.command)}"
    try:
        trial = open_library(toolchain.compile(TRIAL)).cannery_trial
    except AttributeError as error:
        raise CompileError(subject, "lost a function", str(error)) from None
    trial.argtypes = [ctypes.POINTER(ctypes.c_float), ctypes.c_int64]
    if trial(values, len(values)) != ANSWER or values[0] != 1.0:
        raise CompileError(subject, "its program gives a wrong answer")


def _zig_folder() -> Path:
    """Return the folder for what zig keeps of its own: the C library's start files, say."""
    folder = cache_folder()
    return (folder if os.access(folder, os.W_OK) else private_folder()).parent / "zig"


def run_command(
    arguments: tuple[str, ...],
    folder: Path | None = None,
    settings: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Return the exit status of a command, run in `folder`, and what it printed, errors last."""
    # Zig would run the compiler in CC to find the C library's headers: then it depends on two.
    environment = {name: value for name, value in os.environ.items() if name != "CC"}
    try:
        done = subprocess.run(
            arguments,
            cwd=folder,
            env=environment | (settings or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout + done.stderr


def _first_error(status: int, printed: str) -> str:
    """Return the line that says what is wrong: the first error, or else how the command ended."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\b(error|undefined|cannot find)\b", line)]
    return next(iter(errors), ", ".join([f"exit status {status}", *lines[-1:]]))


def open_library(library: Path) -> ctypes.CDLL:
    """Return a loaded library, the same one each time.

    Raises
    ------
    CompileError
        It does not load: it is for another machine, say.
    """
    if library not in _LOADED:
        try:
            opened = ctypes.CDLL(str(library))
        except OSError as error:
            raise CompileError(
                f"compiled library {library}",
                "does not load",
                str(error),
                "set CC to a compiler for this machine, or, where programs must not be run from"
                " that folder, CANNERY_CACHE_DIR to another",
            ) from None
        _LOADED.setdefault(library, opened)
    return _LOADED[library]
