"""Rounds through joblib: parts sent out, answers gathered, and what to do where none comes."""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from joblib import Parallel, delayed
from joblib.parallel import BatchedCalls, SequentialBackend

from ...errors import WorkerLost
from .messages import Merging, Message, Part
from .pool import Pool
from .worker import Job, leave, run_part

__all__ = ["Rounds"]

LEAST_PATIENCE = 10.0  # seconds before a worker can be a straggler: it may be compiling


class Rounds:
    """The workers of a fit.

    Parameters
    ----------
    pool : Pool
    job : Job

    Attributes
    ----------
    job : Job
    lost : int
        How many rounds some worker did not survive.
    late : int
        How many parts were done here, since their workers were late.
    shares_memory : bool
        Whether what workers return is still where they have put it.
    """

    def __init__(self, pool: Pool, job: Job):
        self._pool, self.job = pool, job
        self._parallel: Parallel | None = None
        self._stack = contextlib.ExitStack()
        self.lost = self.late = 0

    def run(self, parts: Sequence[Part | Merging]) -> list[Message]:
        """Return the message of each part, whatever happens to the workers.

        Raises
        ------
        WorkerLost
            Workers do not survive a part, however often it is tried.
        CanneryError
            What went wrong in a part by its own fault.
        """
        done: dict[int, Message] = {}
        for attempt in range(self._pool.tries):
            missing = [part for part in parts if part.number not in done]
            # One by one in the end, so that it shows which of them kills its worker.
            last = attempt == self._pool.tries - 1 and attempt > 0
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

    def _try(
        self, parts: Sequence[Part | Merging], done: dict[int, Message]
    ) -> BaseException | None:
        """Gather what comes; return why the rest does not."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        began, slowest = time.perf_counter(), 0.0
        try:
            for part in parts:
                self._send(part, arrived)
        except Exception as error:
            return self._lose(error)
        while waiting := [part for part in parts if part.number not in done]:
            patience = None
            if len(waiting) < len(parts):
                limit = max(LEAST_PATIENCE, self._pool.straggler * slowest)
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
        return None

    def _send(self, part: Part | Merging, arrived: queue.SimpleQueue[Any]) -> None:
        """Give a part to the next free worker; `arrived` gets what returns its answer."""
        job = replace(self.job, aside=None) if self.shares_memory else self.job
        self._call(delayed(run_part)(job, part), arrived)

    def _call(self, work: Any, arrived: queue.SimpleQueue[Any]) -> None:
        backend = self._workers()
        call = BatchedCalls([work], backend.get_nested_backend())
        if isinstance(backend, SequentialBackend):
            arrived.put(call)
        else:
            # What `Parallel` itself does, but for the hundredth of a second between its looks.
            send = getattr(backend, "submit", None) or backend.apply_async
            take = backend.retrieve_result_callback
            send(call, lambda answer: arrived.put(lambda: take(answer)))

    def _lose(self, error: Exception) -> Exception:
        self.close()
        self.lost += 1
        wrong = "a worker was lost, its part of the round is done again (%r)"
        logging.getLogger(__name__).warning(wrong, error)
        return error

    @property
    def shares_memory(self) -> bool:  # noqa: D102
        return getattr(self._workers(), "supports_sharedmem", False)

    def _workers(self) -> Any:
        """Return joblib's backend, at work."""
        if self._parallel is None:
            parallel = Parallel(n_jobs=self._pool.workers)
            self._parallel = self._stack.enter_context(parallel)
            parallel._backend.start_call()
            self._stack.callback(parallel._backend.stop_call)
        return self._parallel._backend

    def _give_up(self, late: Sequence[Part | Merging], done: dict[int, Message]) -> None:
        """Do here what workers have not done in time, and start new ones."""
        for part in late:
            numbers = f"worker {part.number} is late"
            logging.getLogger(__name__).warning("%s, its part of the round is done here", numbers)
            done[part.number] = run_part(self.job, part)
            self.late += 1
        self.close()

    def _refuse(self, part: Part | Merging, failure: BaseException | None) -> None:
        raise WorkerLost(
            f"worker {part.number}",
            f"did not survive {self._pool.tries} tries of its part of a round",
            f"{type(failure).__name__}: {failure}".splitlines()[0],
            "look for a lack of memory; the weights are those before the round",
        ) from failure

    def dismiss(self) -> None:
        """Have idle workers let go of the fit's memory; no harm is done where one does not hear."""
        if self._parallel is None or self.shares_memory:
            return
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        with contextlib.suppress(Exception):
            for _ in range(self._pool.workers):
                self._call(delayed(leave)(self.job), arrived)
            for _ in range(self._pool.workers):
                arrived.get(timeout=LEAST_PATIENCE)()

    def close(self) -> None:
        """End the workers' work; the next round finds fresh ones."""
        parallel, self._parallel = self._parallel, None
        if parallel is None:
            return
        with contextlib.suppress(Exception):
            parallel._backend.abort_everything(ensure_ready=False)
        with contextlib.suppress(Exception):
            self._stack.close()
        self._stack = contextlib.ExitStack()
