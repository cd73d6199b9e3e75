"""One process at a time in a folder, by a lock that ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from ...errors import InvalidValue

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["locked"]

BUSY = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of some network file systems
FAR = 2**30  # the place of a byte to lock that nobody reads

_HELD: set[int] = set()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that the file `path` stands for; the file stays, with its holder's number.

    Where a file system knows no locks the number alone counts, and one of a process that no longer
    runs on this machine counts for nothing.

    Raises
    ------
    InvalidValue
        Somebody else holds it.
    OSError
        The file cannot be written.
    """
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    _HELD.add(number)
    try:
        holder = os.read(number, 200).decode(errors="replace").strip()
        if not _take(number, holder):
            wrong = "another fit is at work in it"
            todo = f"wait for it, or give this fit a folder of its own (the lock is {path.name})"
            given = f"process {holder or 'unknown'}"
            raise InvalidValue(f"folder {path.parent}", wrong, given, todo)
        _write(number, f"{os.getpid()} on {socket.gethostname()}\n")
        try:
            yield
        finally:
            if number in _HELD:
                _write(number, "")
    finally:
        if number in _HELD:
            _HELD.discard(number)
            os.close(number)


def _take(number: int, holder: str) -> bool:
    """Lock an open file, or return False where somebody else has."""
    try:
        if sys.platform == "win32":
            os.lseek(number, FAR, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return not _runs(holder)
        if error.errno in BUSY:
            return False
        raise
    return True


def _runs(holder: str) -> bool:
    """Return whether a process runs, as far as can be told from here."""
    process, _, machine = holder.partition(" on ")
    if not process.isdecimal() or machine != socket.gethostname():
        return bool(holder)
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _write(number: int, text: str) -> None:
    os.ftruncate(number, 0)
    os.lseek(number, 0, os.SEEK_SET)
    os.write(number, text.encode())


def _close_all() -> None:
    """Leave to the parent what a fork has inherited: a lock lasts until its last copy is closed."""
    for number in _HELD:
        os.close(number)
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
