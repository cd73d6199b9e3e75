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

from ...errors import InvalidValue, NonFinite
from ...graph.feeds import Feeder
from ...graph.interpreter import evaluate_all
from ..engine import Running
from ..shuffling import shuffled
from .callbacks import Listeners
from .checkpoint import State

with warnings.catch_warnings():
    # In a notebook without ipywidgets the bar is drawn as text, and that needs no warning.
    warnings.simplefilter("ignore")
    from tqdm.auto import tqdm

__all__ = ["Trainer", "check_finite"]

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
    steps_at_once : int
        What is asked of the execution is a multiple of so many steps, but for an epoch's end.

    Attributes
    ----------
    seconds : float
        Time spent in steps.
    history : list of dict
        What was logged for each whole epoch.
    """

    def __init__(
        self,
        execution: Running,
        feeds: Mapping[str, Any],
        rows: int,
        batch_size: int,
        generator: np.random.Generator,
        verbose: int = 0,
        steps_at_once: int = 1,
    ):
        self.execution, self.feeds, self.rows = execution, feeds, rows
        self.batch_size = min(batch_size, rows)
        self.generator = generator
        self.verbose = verbose
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self._stopped = False  # by a listener
        self._began = 0.0  # of `seconds`, when the epoch at work began
        self._done = 0  # rows of the epoch at work
        self._sums: list[npt.NDArray[np.float64]] = []  # of its losses
        self._shuffler: Any = None  # the generator's state before the order of its rows was drawn
        self._least = self._steps = steps_at_once  # in one heartbeat; adapts to how long they take
        self._beat = HEARTBEAT
        self._prepared = execution.prepare(feeds)

    def state(self) -> State:
        """Return where the fit stands, the moment's variables aside."""
        values = {
            "history": self.history,
            "stopped": self._stopped,
            "seconds": self.seconds,
            "began": self._began,
            "done": self._done,
            "generator": self._shuffler or self.generator.bit_generator.state,
        }
        return State(values, {"sums": np.concatenate([*self._sums, np.empty(0)])})

    def put_back(self, state: State) -> None:
        """Stand where `state` was taken: what is left to do is what was left to do there."""
        values = state.values
        self.history, self._stopped = list(values["history"]), values["stopped"]
        self.seconds, self._began = values["seconds"], values["began"]
        self._done, self._sums = values["done"], [state.arrays["sums"]]
        self.generator.bit_generator.state = values["generator"]

    def fit(
        self, epochs: range, listeners: Listeners, save: Callable[[bool], None] | None = None
    ) -> None:
        """Train for `epochs`, or for what is left of them.

        Ctrl-C ends the fit with a warning, after the step at work. `save` is called whenever the
        fit could go on from its `state`, and with True when it ends there.

        Raises
        ------
        InvalidValue
            More epochs are done already.
        """
        save = save or (lambda ends: None)
        self._say_what_is_done(len(epochs))
        left = [] if self._stopped else epochs[len(self.history) :]
        bar = tqdm(
            total=len(epochs) * self.rows,
            initial=len(self.history) * self.rows + self._done,
            unit=" rows",
            unit_scale=True,
            disable=self.verbose != 1,
        )
        with bar, _interruptible() as interrupted:
            for epoch in left:
                listeners.epoch_begins(epoch)
                if not self._epoch(bar, epoch, interrupted, save):
                    save(True)
                    break
                self._stopped = self._end_epoch(epoch, listeners)
                ends = self._stopped or interrupted() or epoch == epochs[-1]
                save(ends)
                if ends:
                    break
        if interrupted():
            warnings.warn(
                f"fit: interrupted after {len(self.history)} whole epochs, got Ctrl-C; "
                "the estimator keeps what it has learnt so far",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _say_what_is_done(self, epochs: int) -> None:
        done = len(self.history)
        if done > epochs:
            todo = "ask for as many or more, or choose another folder"
            raise InvalidValue("epochs", f"{done} are done in checkpoint_dir", epochs, todo)
        if self.verbose and (done or self._done):
            over = self._stopped or done == epochs
            begins = "was over" if over else "goes on"
            rows = f" and {self._done:,} rows" if self._done else ""
            print(f"fit: {begins} after {done} epochs{rows}, by its checkpoint")

    def _epoch(
        self, bar: Any, epoch: int, interrupted: Callable[[], bool], save: Callable[[bool], None]
    ) -> bool:
        """Run the steps of an epoch, and return whether it went on to its end."""
        self._shuffler = self.generator.bit_generator.state
        order = shuffled(self.rows, self.generator)
        for low, high in self._heartbeats():
            if interrupted():
                return False
            began = time.perf_counter()
            losses = self._run(order[low:high])
            self._beat = time.perf_counter() - began
            self.seconds += self._beat
            sizes = np.full(len(losses), self.batch_size)
            sizes[-1] = (high - low) - (len(losses) - 1) * self.batch_size
            self._sums.append(losses.astype(np.float64) * sizes)
            self._done = high
            bar.update(high - low)
            said = [f"epoch {epoch}", f"loss {losses.mean():.4f}", *self._of_workers()]
            bar.set_postfix_str(", ".join(said), refresh=False)
            if high < self.rows:
                save(False)
        return True

    def _end_epoch(self, epoch: int, listeners: Listeners) -> bool:
        """Log an epoch that is over, and return whether a listener wants it to be the last."""
        # How many steps a heartbeat has must not show in the last bits.
        loss = float(np.concatenate(self._sums).sum() / self.rows)
        seconds = self.seconds - self._began
        logs = {"epoch": epoch, "loss": loss, "seconds": seconds}
        logs["rows_per_second"] = self.rows / max(seconds, 1e-9)
        stop = listeners.epoch_ends(epoch, logs)
        self.history.append(logs)
        self._began, self._done, self._sums, self._shuffler = self.seconds, 0, [], None
        if self.verbose == 2:
            print(", ".join([_line(logs), *self._of_workers()]))
        return stop

    def _of_workers(self) -> list[str]:
        """Return what a pool says of itself."""
        said = getattr(self.execution, "progress", None)
        return [] if said is None else [said]

    def _heartbeats(self) -> Iterator[tuple[int, int]]:
        """Yield the rows between two looks at the clock: whole steps of about equal time."""
        low = self._done
        while low < self.rows:
            high = min(low + self._steps * self.batch_size, self.rows)
            yield low, high
            done = -(-(high - low) // self.batch_size)
            wanted = done * HEARTBEAT / max(self._beat, 1e-6)
            self._steps = self._least * max(1, min(int(wanted), 4 * done) // self._least)
            low = high

    def _run(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        try:
            result = self.execution.run(self._prepared, rows, self.batch_size, finite="loss")
        except NonFinite:
            raise self._explain(rows) from None
        return result["loss"]

    def _explain(self, rows: npt.NDArray[np.int64]) -> NonFinite:
        """Return the error that names the first tensor that is not finite."""
        program = self.execution.program
        for low in range(0, len(rows), self.batch_size):
            feeds = self._batch(rows[low : low + self.batch_size])
            values = evaluate_all([program.outputs["loss"]], feeds, self.execution.variables)
            for node, value in values.items():
                if value.dtype.kind == "f" and not np.isfinite(value).all():
                    return NonFinite(
                        f"tensor {node.name!r}",
                        "is the first of the step that is not finite",
                        str(value[~np.isfinite(value)].flat[0]),
                        "lower the learning rate, clip gradients or standardise the numbers",
                    )
        return NonFinite("loss", "is not finite", todo="lower the learning rate or clip gradients")

    def _batch(self, rows: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
        """Return the feeds of one step, by the names of their placeholders."""
        inputs = self.execution.program.inputs
        fixed: dict[str, npt.NDArray[Any]] = {}
        ragged: dict[str, npt.NDArray[Any]] = {}
        for node in inputs:
            if not any(isinstance(size, str) for size in node.shape):
                shape = [len(rows) if size is None else int(size) for size in node.shape]
                fixed[node.name] = np.empty(shape, node.dtype)
        Feeder(inputs, self.feeds).load(fixed, ragged, rows, 0, len(rows))
        return {**fixed, **ragged}


def check_finite(variables: Mapping[str, npt.NDArray[Any]]) -> None:
    """Raise unless all is finite: the last step of a fit has no loss after it to show.

    Raises
    ------
    NonFinite
        Naming the first variable with a NaN or an infinite number.
    """
    for name, value in variables.items():
        # The least and the largest are NaN where any number is, and need no array beside a table.
        if value.dtype.kind == "f" and not np.isfinite([value.min(), value.max()]).all():
            todo = "lower the learning rate or clip gradients"
            raise NonFinite(f"variable {name!r}", "is not finite after the last step", todo=todo)


def _line(logs: Mapping[str, float]) -> str:
    left_out = ("epoch", "rows_per_second", "seconds")
    numbers = [f"{name} {value:.4f}" for name, value in logs.items() if name not in left_out]
    speed = f"{logs['rows_per_second']:,.0f} rows/s"
    return f"epoch {int(logs['epoch'])}: {', '.join(numbers)}, {speed}"


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
