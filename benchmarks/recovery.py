"""What checkpoints cost: fits of Wide & Deep on Adult with and without them, and a 10 M-row table.

Beside the times it prints the bytes of a checkpoint, and how long a call takes that finds its fit
over: to encode the data, compare digests and read the variables.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from memory import large_table
from peer_cannery import estimator, part

from cannery.estimators.training.checkpoint import Checkpoints

SETTINGS: dict[str, dict[str, float] | None] = {
    "none": None,
    "as they come": {},
    "every occasion": {"checkpoint_seconds": 0},
}


def timed(model: Any, *data: Any) -> float:
    """Return the seconds of a fit."""
    start = time.perf_counter()
    model.fit(*data)
    return time.perf_counter() - start


def adult(repetitions: int, epochs: int, batch_size: int) -> None:
    """Time fits on Adult in turn, and print what checkpoints add to each epoch."""
    frame, labels, _, _ = part()
    seconds: dict[str, list[float]] = {name: [] for name in (*SETTINGS, "was over")}
    timed(estimator(batch_size), frame, labels)
    for _ in range(repetitions):
        for name, options in SETTINGS.items():
            model = estimator(batch_size, epochs)
            with tempfile.TemporaryDirectory() as folder:
                if options is not None:
                    model.set_params(checkpoint_dir=folder, **options)
                seconds[name].append(timed(model, frame, labels))
                if name == "as they come":
                    seconds["was over"].append(timed(model, frame, labels))
                    size = next(Path(folder).glob("*.npz")).stat().st_size
    print(f"Adult, {len(frame):,} rows, {epochs} epochs, a checkpoint has {size / 1e3:,.0f} kB")
    least = min(seconds["none"])
    for name, found in seconds.items():
        more = 1e3 * (min(found) - least) / epochs
        print(
            f"  {name:15} median {statistics.median(found):.3f} s, least {min(found):.3f} s,"
            f" {more:+.1f} ms an epoch"
        )


def table(rows: int) -> None:
    """Save and find again a model with an embedding of ten million rows of eight numbers."""
    model, frame, labels = large_table(rows)
    without = timed(model, frame, labels)
    with tempfile.TemporaryDirectory() as folder:
        model.set_params(checkpoint_dir=folder)
        first = timed(model, frame, labels)
        again = timed(model, frame, labels)
        size = next(Path(folder).glob("*.npz")).stat().st_size
        with Checkpoints(folder) as checkpoints:
            state = checkpoints.newest
            start = time.perf_counter()
            checkpoints.save(state)
            wrote = time.perf_counter() - start
    print(f"10 M x 8 table, {rows:,} rows, a checkpoint has {size / 1e6:,.0f} MB")
    print(f"  fit {without:.2f} s, saved at its end {first:.2f} s, was over {again:.2f} s")
    print(f"  to read and write a checkpoint {wrote:.2f} s")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rows", type=int, default=100_000)
    given = parser.parse_args()
    adult(given.repetitions, given.epochs, given.batch_size)
    table(given.rows)


if __name__ == "__main__":
    main()
