"""Rounds through joblib: parts sent out, answers gathered, and what to do where none comes.

What a part is, and what becomes of the answers, is said by who asks: see `Job`.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from joblib import Parallel, delayed
from joblib.parallel import BatchedCalls, SequentialBackend

from ...errors import InvalidValue, WorkerLost
from ..training.folder_lock import locked
from .jobs import Job, begin, forget, leave, run_part
from .messages import Message

if TYPE_CHECKING:  # a worker does without both
    import pandas as pd

    from .pool import Pool

__all__ = ["Rounds", "start_workers"]

Result = TypeVar("Result")
ASIDE = 1 << 18  # bytes: larger messages cost less in files that are mapped than through the chief
PREFIX, OWNER = "cannery-pool-", "owner.lock"
LEAST_PATIENCE = 10.0  # seconds before a worker can be a straggler: it may be compiling


def start_workers(pool: Pool, kind: type[Job]) -> None:
    """Have processes start and import what they will need, while this one prepares the data.

    Where that fails, the first round says so.

    Parameters
    ----------
    pool : Pool
    kind : type
        The kind of work they will be given.
    """
    with contextlib.suppress(Exception), Parallel(n_jobs=pool.workers) as parallel:
        backend = parallel._backend
        if not backend.supports_sharedmem:
            for _ in range(pool.workers):
                send(backend, delayed(begin)(kind), lambda answer: None)


def remove_left(parent: Path) -> None:
    """Remove folders of pools whose processes were killed before they could."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, InvalidValue):
            # An owner that has just come has not written its number yet.
            if (folder / OWNER).read_bytes():
                with locked(folder / OWNER):
                    shutil.rmtree(folder, ignore_errors=True)


def send(backend: Any, work: Any, callback: Callable[[Any], None]) -> None:
    """Have a backend's next free worker do some work."""
    # What `Parallel` itself does, but for the hundredth of a second between its looks.
    submit = getattr(backend, "submit", None) or backend.apply_async
    submit(BatchedCalls([work], backend.get_nested_backend()), callback)


def _first_line(error: BaseException | None) -> str:
    """Return what an error says; joblib's go on for a page."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


class Rounds:
    """The workers of a fit, their folder, and what took the time of their rounds.

    Parameters
    ----------
    pool : Pool
    unit : str
        What is counted from a part's start to its stop.

    Attributes
    ----------
    pool : Pool
    folder : Path
        What workers map into memory is written there; `close` removes it.
    job : Job
        To be set before the first round.
    lost : int
        How many rounds some worker did not survive.
    late : int
        How many parts were done here, since their workers were late.
    shares_memory : bool
        Whether what workers return is still where they have put it.

    Raises
    ------
    InvalidValue
        The pool's folder cannot be written.
    """

    job: Job

    def __init__(self, pool: Pool, unit: str = "rows"):
        self.pool, self._unit = pool, unit
        self._parallel: Parallel | None = None
        self._stack = contextlib.ExitStack()
        self._report: list[dict[str, Any]] = []
        self._done = self._alive = self.lost = self.late = 0
        self._longest = 0.0  # seconds of a round so far
        self._idle = True  # no part is with a worker, where it could go on for long
        self._dismissed = False
        self._owned = contextlib.ExitStack()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=pool.folder))
            self._owned.enter_context(locked(self.folder / OWNER))
        except (OSError, TypeError) as error:
            wrong = f"cannot be written ({getattr(error, 'strerror', None) or error})"
            raise InvalidValue("Pool.folder", wrong, repr(pool.folder)) from None
        remove_left(self.folder.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.dismiss(wait=False)
        self.close()

    @property
    def workers(self) -> int:
        """How many parts a round has."""
        return self.pool.workers

    def round(self, parts: Sequence[Any], merge: Callable[[list[Message]], Result]) -> Result:
        """Have workers do parts, and return what `merge` makes of their messages.

        Raises
        ------
        WorkerLost, CanneryError
            As `run`.
        """
        began = time.perf_counter()
        messages = self.run(parts)
        gathered = time.perf_counter()
        result = merge(messages)
        merged = time.perf_counter() - gathered
        if any(message.folder for message in messages):
            shutil.rmtree(self.folder / "messages", ignore_errors=True)
        self._done += 1
        if self._parallel is not None:
            alive = self._parallel._backend.effective_n_jobs(self.workers)
            self._alive = min(self.workers, alive)
        for message in messages:
            busy = message.compute + message.transfer
            self._report.append(
                {
                    "round": self._done,
                    "worker": message.part.number,
                    self._unit: message.part.stop - message.part.start,
                    "compute": message.compute,
                    "transfer": message.transfer,
                    "merge": merged,
                    "wait": max(0.0, gathered - began - busy),
                }
            )
        return result

    @property
    def progress(self) -> str:
        """What to show of the rounds so far, of the workers alive and of those that died."""
        lost = f", {self.lost} lost" if self.lost else ""
        return f"round {self._done}, {self._alive} worker{'s' * (self._alive != 1)}{lost}"

    def report(self) -> pd.DataFrame:
        """Return what took the time: a row for each worker and round, in seconds."""
        import pandas as pd

        return pd.DataFrame(self._report)

    def run(self, parts: Sequence[Any]) -> list[Message]:
        """Return the message of each part, whatever happens to the workers.

        Raises
        ------
        WorkerLost
            Workers do not survive a part, however often it is tried.
        CanneryError
            What went wrong in a part by its own fault.
        """
        done: dict[int, Message] = {}
        for attempt in range(self.pool.tries):
            missing = [part for part in parts if part.number not in done]
            # One by one in the end, so that it shows which of them kills its worker.
            last = attempt == self.pool.tries - 1 and attempt > 0
            for group in [[part] for part in missing] if last else [missing]:
                failure = self._try(group, done)
                if failure is not None and last:
                    self._refuse(group[0], failure)
            if len(done) == len(parts):
                break
        else:
            self._refuse(next(part for part in parts if part.number not in done), failure)
        messages = [done[part.number] for part in parts]
        for message in messages:
            if message.error is not None:
                raise message.error
        return messages

    def _try(self, parts: Sequence[Any], done: dict[int, Message]) -> BaseException | None:
        """Gather what comes; return why the rest does not."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        began, slowest, self._idle = time.perf_counter(), 0.0, False
        try:
            for part in parts:
                self._send(part, arrived)
        except Exception as error:
            return self._lose(error)
        while waiting := [part for part in parts if part.number not in done]:
            patience = None
            # Where none has answered, what hinders one may hinder all: they read one queue.
            if usual := slowest or self._longest:
                limit = max(LEAST_PATIENCE, self.pool.straggler * usual)
                patience = max(0.0, limit - (time.perf_counter() - began))
            try:
                found = arrived.get(timeout=patience)()
            except queue.Empty:
                self._give_up(waiting, done)
                return None
            except Exception as error:
                return self._lose(error)
            for message in found:
                done[message.part.number] = message
            slowest = time.perf_counter() - began
        self._longest, self._idle = max(self._longest, slowest), True
        return None

    def _send(self, part: Any, arrived: queue.SimpleQueue[Any]) -> None:
        """Give a part to the next free worker; `arrived` gets what returns its answer."""
        job = self.job if self.shares_memory else replace(self.job, aside=ASIDE)
        self._call(delayed(run_part)(job, part), arrived)

    def _call(self, work: Any, arrived: queue.SimpleQueue[Any]) -> None:
        backend = self._workers()
        if isinstance(backend, SequentialBackend):
            arrived.put(BatchedCalls([work], backend.get_nested_backend()))
        else:
            take = backend.retrieve_result_callback
            send(backend, work, lambda answer: arrived.put(lambda: take(answer)))

    def _lose(self, error: Exception) -> Exception:
        self._stop()
        self.lost += 1
        wrong = "a worker was lost, its part of the round is done again (%s)"
        logging.getLogger(__name__).warning(wrong, _first_line(error))
        return error

    @property
    def shares_memory(self) -> bool:  # noqa: D102
        return getattr(self._workers(), "supports_sharedmem", False)

    def _workers(self) -> Any:
        """Return joblib's backend, at work."""
        if self._parallel is None:
            parallel = Parallel(n_jobs=self.pool.workers)
            self._parallel = self._stack.enter_context(parallel)
            parallel._backend.start_call()
            self._stack.callback(parallel._backend.stop_call)
        return self._parallel._backend

    def _give_up(self, late: Sequence[Any], done: dict[int, Message]) -> None:
        """Do here what workers have not done in time, and start new ones."""
        for part in late:
            numbers = f"worker {part.number} is late"
            logging.getLogger(__name__).warning("%s, its part of the round is done here", numbers)
            done[part.number] = run_part(self.job, part)
            self.late += 1
        self._stop()

    def _refuse(self, part: Any, failure: BaseException | None) -> None:
        raise WorkerLost(
            f"worker {part.number}",
            f"did not survive {self.pool.tries} tries of its part of a round",
            _first_line(failure),
            "look for a lack of memory; the weights are those before the round",
        ) from failure

    def dismiss(self, wait: bool = True) -> None:
        """Have idle workers let go of the fit's memory; no harm is done where one does not hear."""
        if self._parallel is None or self._dismissed or self.shares_memory:
            return
        self._dismissed = True
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with contextlib.suppress(Exception):
            for _ in range(self.workers):
                self._call(delayed(leave)(str(self.folder)), arrived)
            for _ in range(self.workers if wait else 0):
                arrived.get(timeout=LEAST_PATIENCE)()

    def close(self) -> None:
        """End the workers' work and remove their folder; what is mapped stays readable."""
        self._stop()
        forget(str(self.folder))
        self._owned.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop(self) -> None:
        """End the workers' work; the next round finds fresh ones, where any was still busy.

        Idle processes stay for the next fit, which need not wait for them: joblib ends them later.
        """
        parallel, self._parallel = self._parallel, None
        if parallel is None:
            return
        if not self._idle:
            with contextlib.suppress(Exception):
                parallel._backend.abort_everything(ensure_ready=False)
        with contextlib.suppress(Exception):
            self._stack.close()
        self._stack = contextlib.ExitStack()
