"""What a worker does with a part, whatever kind of work it is of: what it reads stays at hand."""

from __future__ import annotations

import functools
import multiprocessing
import os
import platform
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...errors import CanneryError
from .messages import Message, put_aside

__all__ = ["Job", "Resident", "begin", "forget", "leave", "run_part"]

LOKY = "joblib.externals.loky.process_executor"
SELDOM = 1e9  # seconds
SECONDS_ALONE = 1.0  # between two looks for the process that asked for work
MOST_KEPT = 4  # fits whose programs and data a process keeps at hand


class Resident(Protocol):
    """What a worker has at hand of a fit: data in mapped memory, and what works on them."""

    def run(self, job: Any, part: Any) -> Message:
        """Do one part; what comes out depends on the job, the part and the folder alone."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A fit, as far as a worker must know it; each kind of work has one of its own.

    It is sent with every part, and so holds little: what is large lies in the folder.

    Parameters
    ----------
    folder : str
        That of the fit, see `Rounds`.
    aside : int or None
        Messages of so many bytes are left in files in `folder`; none where workers share memory.
    """

    folder: str
    aside: int | None = None

    def open(self) -> Resident:
        """Return what a worker keeps at hand for as many parts as there are."""
        raise NotImplementedError

    def put_aside(self, message: Message) -> Message:
        """Leave a message in files, if it is large."""
        if self.aside is None:
            return message
        return put_aside(message, Path(self.folder) / "messages", self.aside)


_KEPT: dict[str, list[Resident]] = {}
_LOCK = threading.Lock()


def run_part(job: Job, part: Any) -> Message:
    """Do one part of a round, in whichever process or thread.

    Nothing that it returns depends on what ran here before.
    """
    with _LOCK:
        for folder in [known for known in _KEPT if not Path(known).exists()]:
            del _KEPT[folder]
        while len(_KEPT) > MOST_KEPT:
            del _KEPT[next(iter(_KEPT))]
        idle = _KEPT.setdefault(job.folder, [])
        resident = idle.pop() if idle else None
    try:
        if resident is None:
            if job.aside is None:
                _watch_memory(True)
            else:
                _serve()
            resident = job.open()
        message = resident.run(job, part)
        message.worker = f"{platform.node()} {os.getpid()} {threading.get_ident()}"
    except CanneryError as error:
        return Message(part, error=error)
    with _LOCK:
        _KEPT.setdefault(job.folder, []).append(resident)
    return message


def begin(kind: type[Job]) -> None:
    """Import what work of a kind needs: to be handed its class is to do so."""
    _serve()
    time.sleep(0.02)  # long enough for each worker to be asked


def forget(folder: str) -> None:
    """Let go of what this process keeps of a fit."""
    with _LOCK:
        _KEPT.pop(folder, None)


def leave(folder: str) -> None:
    """Let go of a fit in a worker, slowly enough for each worker to be asked."""
    forget(folder)
    _watch_memory(True)
    _hear_interrupts(True)
    time.sleep(0.02)


def _serve() -> None:
    """Have a process of joblib live for as long as the one that asks it for work, and no longer."""
    _watch_memory(False)
    _hear_interrupts(False)
    _watch_parent()


def _hear_interrupts(wanted: bool) -> None:
    """Have Ctrl-C end this process, if it works for another, or not.

    A terminal tells all of them. The one that asked for the work is to end it.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.default_int_handler if wanted else signal.SIG_IGN)


@functools.cache
def _watch_parent() -> None:
    """End this process soon after the one that started it was killed.

    joblib has its workers wait for five minutes, with whatever they have in memory.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and os.name == "posix" and os.getppid() == parent.pid:
        threading.Thread(target=_end_after, args=(parent.pid,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_ALONE)
    os._exit(1)


def _watch_memory(wanted: bool) -> None:
    """Have loky look at a process of its own every second, or not.

    It replaces one whose memory has grown by 300 MB, and data that we map counts as such; without
    psutil it collects garbage instead, which takes as long as a round.
    """
    module = sys.modules.get(LOKY)
    if hasattr(module, "_MEMORY_LEAK_CHECK_DELAY"):
        module._MEMORY_LEAK_CHECK_DELAY = 1.0 if wanted else SELDOM  # type: ignore[union-attr]
