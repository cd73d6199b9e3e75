"""Compiled libraries on disk: found by content, private to the user, bounded in size.

An entry is a library and, beside it, its size and SHA-256: a file that was cut short or altered is
noticed before it is loaded, and built again. The name of an entry is a hash of all that the library
depends on, so an entry never goes stale; it only goes unused.

Settings, read from the environment at each call:

- ``CANNERY_CACHE_DIR``: the folder to use instead of the one the platform has for caches;
- ``CANNERY_CACHE_SIZE``: the bound in MB, 256 unless set. The entries that were used last stay.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import logging
import os
import platform
import shutil
import stat
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import InvalidValue

__all__ = ["cache_folder", "entry_key", "fetch", "keep_source", "private_folder", "warn_once"]

DEFAULT_MEGABYTES = 256.0
UNFINISHED = "building-"
DAY, MINUTE = 86_400.0, 60.0  # seconds
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH

# The temporary folder of each process: what a fork inherits goes away with its parent.
_PRIVATE: dict[int, Path] = {}


@functools.cache
def warn_once(text: str) -> None:
    """Log `text` as a warning, the first time in this process."""
    logging.getLogger(__name__).warning(text)


def cache_folder() -> Path:
    """Return the folder that holds compiled libraries, made if it is not there.

    It is ``jit`` within ``CANNERY_CACHE_DIR``, or else within ``cannery`` in the user's folder for
    caches: ``$XDG_CACHE_HOME`` or ``~/.cache``, ``~/Library/Caches`` on macOS, ``%LOCALAPPDATA%``
    on Windows. Where that cannot be made, it is a temporary folder that is removed with the
    process, and one line of the log says so.

    Returns
    -------
    pathlib.Path
        A folder that belongs to the user and that nobody else may write.

    Raises
    ------
    InvalidValue
        The folder belongs to somebody else, or others may write it.

    Examples
    --------
    >>> from cannery.graph.compiler.cache import cache_folder
    >>> cache_folder().name
    'jit'
    """
    root = _wanted_root()
    if root is None:
        warn_once("cache folder: no home folder; compiled code is kept for this process only")
        return private_folder()
    folder = root / "jit"
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        for path in (root, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            _refuse_foreign(path, path.stat())
    except OSError as error:
        return _without(folder, error)
    return folder


def _wanted_root() -> Path | None:
    """Return the folder to use by the environment, or None where there is no home."""
    chosen = os.environ.get("CANNERY_CACHE_DIR")
    try:
        if chosen:
            return Path(chosen).expanduser().absolute()
        if platform.system() == "Windows":
            local = os.environ.get("LOCALAPPDATA")
            return Path(local or Path.home() / "AppData" / "Local") / "cannery" / "cache"
        if platform.system() == "Darwin":
            return Path.home() / "Library" / "Caches" / "cannery"
        # The XDG base directory specification has relative paths ignored.
        caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
        return (caches if caches.is_absolute() else Path.home() / ".cache") / "cannery"
    except RuntimeError:
        return None


def _refuse_foreign(path: Path, info: os.stat_result) -> None:
    """Raise InvalidValue for a file or folder through which others could run code as the user."""
    if os.name != "posix":
        return
    user = os.geteuid()
    subject = f"{'cache folder' if stat.S_ISDIR(info.st_mode) else 'cached file'} {path}"
    elsewhere = "set CANNERY_CACHE_DIR to a folder of your own"
    if info.st_uid != user:
        owner = f"owner {info.st_uid}, user {user}"
        raise InvalidValue(subject, "belongs to another user", owner, elsewhere)
    if info.st_mode & OTHERS_WRITE:
        mode = f"mode {stat.S_IMODE(info.st_mode):04o}"
        todo = f"look at what is in it, then run `chmod go-w {path}`, or {elsewhere}"
        raise InvalidValue(subject, "other users may write it", mode, todo)


def _without(folder: Path, error: OSError) -> Path:
    """Return the process's own folder, having said once why `folder` is not used."""
    warn_once(
        f"cache folder {folder}: cannot be written ({error.strerror}); compiled code is kept for"
        " this process only, set CANNERY_CACHE_DIR to a folder that can be written"
    )
    return private_folder()


def private_folder() -> Path:
    """Return a temporary folder of this process, removed when it ends.

    Raises
    ------
    InvalidValue
        There is no folder for temporary files that can be written.
    """
    process = os.getpid()
    if process in _PRIVATE:
        return _PRIVATE[process]
    try:
        root = Path(tempfile.mkdtemp(prefix="cannery-"))
        folder = root / "jit"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise InvalidValue(
            "temporary folder",
            "cannot be written",
            str(error),
            "set TMPDIR or CANNERY_CACHE_DIR to a folder that can",
        ) from None
    atexit.register(_remove, root, process)
    return _PRIVATE.setdefault(process, folder)


def _remove(root: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(root, ignore_errors=True)


def entry_key(source: str, flags: tuple[str, ...], identity: str) -> str:
    """Return the name of the entry for `source`, compiled like this, on this machine.

    Parameters
    ----------
    source : str
        The text of the program.
    flags : tuple of str
        The compiler's arguments.
    identity : str
        The compiler's path and version.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from cannery.graph.compiler.cache import entry_key
    >>> one, two = (entry_key("int x;", flags, "cc 1.0") for flags in [("-O1",), ("-O2",)])
    >>> len(one), one == two
    (64, False)
    """
    parts = [source, list(flags), identity, _processor(), sysconfig.get_platform()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@functools.cache
def _processor() -> str:
    """Return what tells processors apart that do not run each other's code."""
    named = ("flags", "Features", "model name", "CPU implementer", "CPU variant", "CPU part")
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            # The first processor ends at the first empty line; the others are like it.
            first = list(iter(lambda: lines.readline().strip(), ""))
    except OSError:
        first = []
    found = [line for line in first if line.startswith(named)]
    return "\n".join(found) or f"{platform.machine()} {platform.processor()}"


def fetch(key: str, build: Callable[[Path], object]) -> Path:
    """Return the library of an entry, built if it is not there as it was written.

    Parameters
    ----------
    key : str
        The entry's name, from `entry_key`.
    build : callable
        Writes the library to the path it is handed; that path's folder is new, empty and removed
        afterwards. What it raises is passed on, and no entry is made.

    Returns
    -------
    pathlib.Path
        The library, whole and as it was built.

    Raises
    ------
    InvalidValue
        Others may write the cache folder or a file of this entry, or ``CANNERY_CACHE_SIZE`` is no
        size.

    Examples
    --------
    >>> import os
    >>> from tempfile import TemporaryDirectory
    >>> from unittest.mock import patch
    >>> from cannery.graph.compiler.cache import entry_key, fetch
    >>> key = entry_key("an example", (), "no compiler")
    >>> with TemporaryDirectory() as folder, patch.dict(os.environ, CANNERY_CACHE_DIR=folder):
    ...     fetch(key, lambda path: path.write_bytes(b"machine code")).read_bytes()
    b'machine code'
    """
    folder, limit = cache_folder(), _size_limit()
    for place in filter(None, (folder, _PRIVATE.get(os.getpid()))):
        if found := _whole_entry(place, key):
            return found
    try:
        return _build(folder, key, build, limit)
    except OSError as error:
        return _build(_without(folder, error), key, build, limit)


def _whole_entry(folder: Path, key: str) -> Path | None:
    """Return the library of an entry if it is what was built, and note that it was used."""
    library = folder / f"{key}.so"
    try:
        recorded = _read_own(library.with_suffix(".sha256"))
        content = _read_own(library)
    except OSError:
        return None
    if _digest(content) != recorded:
        logging.getLogger(__name__).info("cached file %s: damaged, built again", library)
        return None
    with suppress(OSError):
        os.utime(library)
    return library


def _read_own(path: Path) -> bytes:
    with path.open("rb") as file:
        _refuse_foreign(path, os.fstat(file.fileno()))
        return file.read()


def _digest(content: bytes) -> bytes:
    return f"{len(content)} {hashlib.sha256(content).hexdigest()}\n".encode()


def _build(folder: Path, key: str, build: Callable[[Path], object], limit: float) -> Path:
    """Build aside, then move into place: nobody ever sees half a file."""
    library = folder / f"{key}.so"
    with _scratch(folder) as scratch:
        new = scratch / "program.so"
        build(new)
        content = new.read_bytes()
        record = new.with_suffix(".sha256")
        record.write_bytes(_digest(content))
        for path in (new, record):
            # A compiler follows the umask, which may let a group write.
            path.chmod(0o700 if path is new else 0o600)
            _flush(path)
        new.replace(library)
        record.replace(library.with_suffix(".sha256"))
    _tidy(folder, limit)
    return library


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def keep_source(key: str, source: str) -> Path:
    """Write a source that did not compile where it can be looked at, and return the file."""
    try:
        folder = cache_folder()
        if folder != _PRIVATE.get(os.getpid()):
            path = folder / f"{key}.c"
            path.write_text(source, encoding="utf-8")
            return path
    except OSError:
        pass
    # Unlike the process's own folder, this outlives it.
    handle, name = tempfile.mkstemp(prefix="cannery-", suffix=".c")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(source)
    return Path(name)


def _size_limit() -> float:
    """Return the bound on the folder in bytes."""
    text = os.environ.get("CANNERY_CACHE_SIZE") or str(DEFAULT_MEGABYTES)
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = -1.0
    if not megabytes >= 0.0:
        raise InvalidValue("CANNERY_CACHE_SIZE", "no size", text, "give a number of MB, as 256")
    return megabytes * 1e6


def _tidy(folder: Path, limit: float) -> None:
    """Remove what was left half done a day ago, then the entries unused for longest."""
    now = time.time()
    entries: dict[str, list[tuple[float, int, Path]]] = {}
    for path in folder.iterdir():
        with suppress(OSError):
            info = path.stat()
            if not path.name.startswith(UNFINISHED):
                entries.setdefault(path.stem, []).append((info.st_mtime, info.st_size, path))
            elif now - info.st_mtime > DAY:
                shutil.rmtree(path, ignore_errors=True)
    total = sum(size for files in entries.values() for _, size, _ in files)
    for files in sorted(entries.values(), key=lambda files: max(used for used, _, _ in files)):
        # Another process may have built it and be about to load it.
        if total <= limit or now - max(used for used, _, _ in files) < MINUTE:
            return
        for _, size, path in files:
            with suppress(OSError):
                path.unlink()
            total -= size
