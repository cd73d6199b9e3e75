"""The loop over epochs: shuffle, run the step program over the rows, report, stop."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from tqdm.auto import tqdm

from ...errors import NonFinite
from ...graph import Execution
from ...graph.interpreter import evaluate_all

__all__ = ["Trainer"]

HEARTBEAT = 0.2  # seconds of steps between two looks at the clock, the bar and Ctrl-C


class Trainer:
    """Runs a step program epoch after epoch.

    Parameters
    ----------
    execution : Execution
        Of a program with the output ``loss``, the mean over the batch.
    feeds : mapping of str to array
        The whole training set.
    rows : int
        Its number of rows.
    batch_size : int
    generator : numpy.random.Generator
        For the order of the rows.
    verbose : int
        0 is silent, 1 shows a progress bar, 2 prints a line an epoch.

    Attributes
    ----------
    seconds : float
        Time spent in steps.
    """

    def __init__(
        self,
        execution: Execution,
        feeds: Mapping[str, Any],
        rows: int,
        batch_size: int,
        generator: np.random.Generator,
        verbose: int = 0,
    ):
        self.execution, self.feeds, self.rows = execution, feeds, rows
        self.batch_size = min(batch_size, rows)
        self.generator = generator
        self.verbose = verbose
        self.seconds = 0.0
        self._steps = 8  # in one heartbeat; adapts to the speed of the machine

    def fit(
        self, epochs: range, on_epoch_end: Callable[[int, dict[str, float]], bool]
    ) -> list[dict[str, float]]:
        """Train for `epochs` and return what was logged for each.

        Ctrl-C ends the fit with a warning, after the step at work.
        """
        history: list[dict[str, float]] = []
        bar = tqdm(
            total=len(epochs) * self.rows, unit=" rows", unit_scale=True, disable=self.verbose != 1
        )
        with bar, _interruptible() as interrupted:
            for epoch in epochs:
                began = self.seconds
                loss, complete = self._epoch(bar, epoch, interrupted)
                if not complete:
                    break
                seconds = self.seconds - began
                logs = {"epoch": epoch, "loss": loss, "seconds": seconds}
                logs["rows_per_second"] = self.rows / max(seconds, 1e-9)
                stop = on_epoch_end(epoch, logs)
                history.append(logs)
                if self.verbose == 2:
                    print(_line(logs))
                if stop or interrupted():
                    break
        if interrupted():
            warnings.warn(
                f"fit: interrupted after {len(history)} whole epochs, got Ctrl-C; "
                "the estimator keeps what it has learnt so far",
                ConvergenceWarning,
                stacklevel=3,
            )
        return history

    def _epoch(self, bar: Any, epoch: int, interrupted: Callable[[], bool]) -> tuple[float, bool]:
        order = self.generator.permutation(self.rows)
        total, low = 0.0, 0
        while low < self.rows:
            if interrupted():
                return total / max(low, 1), False
            high = min(low + self._steps * self.batch_size, self.rows)
            began = time.perf_counter()
            losses = self._run(order[low:high])
            spent = time.perf_counter() - began
            self.seconds += spent
            sizes = np.full(len(losses), self.batch_size)
            sizes[-1] = (high - low) - (len(losses) - 1) * self.batch_size
            total += float(losses.astype(np.float64) @ sizes)
            self._steps = int(
                np.clip(self._steps * HEARTBEAT / max(spent, 1e-6), 1, 4 * self._steps)
            )
            low = high
            bar.update(
                len(losses) * self.batch_size if high < self.rows else self.rows - bar.n % self.rows
            )
            bar.set_postfix_str(f"epoch {epoch}, loss {total / low:.4f}", refresh=False)
        return total / self.rows, True

    def _run(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        try:
            result = self.execution.run(self.feeds, rows, self.batch_size, finite="loss")
        except NonFinite:
            raise self._explain(rows) from None
        return result["loss"]

    def _explain(self, rows: npt.NDArray[np.int64]) -> NonFinite:
        """Return the error that names the first tensor that is not finite."""
        program = self.execution.program
        for low in range(0, len(rows), self.batch_size):
            chosen = rows[low : low + self.batch_size]
            feeds = {}
            for node in program.inputs:
                feed = self.feeds.get(node.name)
                if feed is None or hasattr(feed, "offsets"):
                    continue
                feeds[node.name] = feed[chosen] if node.shape and node.shape[0] is None else feed
            try:
                values = evaluate_all([program.outputs["loss"]], feeds, self.execution.variables)
            except (LookupError, ValueError):
                break
            for node, value in values.items():
                if value.dtype.kind == "f" and not np.isfinite(value).all():
                    bad = value[~np.isfinite(value)].flat[0]
                    return NonFinite(
                        f"tensor {node.name!r}",
                        "is the first value of the step that is not finite",
                        str(bad),
                        "lower the learning rate, clip gradients or standardise the numbers",
                    )
        return NonFinite("loss", "is not finite", todo="lower the learning rate or clip gradients")


def _line(logs: Mapping[str, float]) -> str:
    numbers = [
        f"{name} {value:.4f}"
        for name, value in logs.items()
        if name not in ("epoch", "rows_per_second")
    ]
    return f"epoch {int(logs['epoch'])}: " + ", ".join(numbers)


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C back inside the block, and tell whether it was pressed.

    A second Ctrl-C is no longer held back.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous):
        yield pressed.is_set
        return

    def press(number: int, frame: Any) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
