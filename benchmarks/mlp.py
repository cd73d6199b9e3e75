"""A multi-layer perceptron beside scikit-learn's: rows a second and loss, in one table.

40 numbers, layers of 100, 75, 50 and 25 rectified units, batches of 256, Adam with the same
settings, as many epochs for both, no penalty. Speeds are those of the loop over steps, and
of the whole `fit`, with reading, encoding and (compiled already, from the cache) the program. A
third counts the time that all threads were at work in a fit, which other work on the machine does
not change.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from turns import Process, main

HIDDEN_UNITS = (100, 75, 50, 25)
BATCH_SIZE, LEARNING_RATE = 256, 0.001
CANNERY, INTERPRETED, SKLEARN = "cannery", "cannery, interpreter", "scikit-learn"
TWO = "cannery, 2 threads"
PEERS = (SKLEARN, CANNERY, TWO, INTERPRETED)


class Peer:
    """One model and its part of the answers; `name` is one of PEERS."""

    def __init__(self, name: str):
        from sklearn.datasets import make_classification
        from sklearn.preprocessing import StandardScaler

        self.name = name
        self.features, self.labels = make_classification(
            120_000, 40, n_informative=20, n_redundant=5, flip_y=0.05, random_state=0
        )
        self.features = StandardScaler().fit_transform(self.features).astype(np.float32)

    def model(self, epochs: int) -> Any:
        """Return the unfitted model."""
        if self.name == SKLEARN:
            from sklearn.neural_network import MLPClassifier

            return MLPClassifier(
                HIDDEN_UNITS,
                batch_size=BATCH_SIZE,
                learning_rate_init=LEARNING_RATE,
                alpha=0.0,
                max_iter=epochs,
                n_iter_no_change=epochs + 1,
                random_state=0,
            )
        from cannery import DNNClassifier
        from cannery.graph.optimizers import Adam

        return DNNClassifier(
            hidden_units=HIDDEN_UNITS,
            batch_size=BATCH_SIZE,
            optimizer=Adam(learning_rate=LEARNING_RATE),
            epochs=epochs,
            jit=self.name != INTERPRETED,
            n_jobs=2 if self.name == TWO else 1,
            random_state=0,
        )

    def run(self, rows: int, epochs: int) -> dict[str, float]:
        """Fit on `rows` rows; return seconds of the loop and of all, and the losses."""
        import warnings

        from sklearn.metrics import log_loss

        model, test = self.model(epochs), slice(100_000, None)
        start, busy = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, that more epochs could help
            model.fit(self.features[:rows], self.labels[:rows])
        whole, busy = time.perf_counter() - start, time.process_time() - busy
        return {
            "loop": getattr(model, "training_seconds_", whole),
            "whole": whole,
            "busy": busy,
            "train": float(log_loss(self.labels[:rows], model.predict_proba(self.features[:rows]))),
            "test": float(log_loss(self.labels[test], model.predict_proba(self.features[test]))),
        }


def drive(options: argparse.Namespace) -> None:
    """Time the peers in turn and print the table."""
    processes = [Process(name, options.threads) for name in options.peers]
    for process in processes:
        process.ask("run", 2 * BATCH_SIZE, 1)  # imports, and the compiler's work
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.peers}
    for _ in range(options.repetitions):
        for process in processes:
            runs[process.name].append(process.ask("run", options.rows, options.epochs))
    for process in processes:
        process.close()
    done = options.rows * options.epochs
    median = {
        name: {key: float(np.median([run[key] for run in found])) for key in found[0]}
        for name, found in runs.items()
    }
    base = median.get(SKLEARN)
    print(
        f"{options.rows:,} rows, {options.epochs} epochs, {options.threads} cores, "
        f"medians of {options.repetitions} fits in turn"
    )
    headings = f"{'loop, rows/s':>16}{'whole fit':>16}{'of a core':>16}"
    print(f"{'':22}{headings}{'train loss':>12}{'test loss':>11}")
    for name, found in median.items():
        cells = ""
        for key in ("loop", "whole", "busy"):
            ratio = f"({base[key] / found[key]:.1f})" if base and name != SKLEARN else ""
            cells += f"{done / found[key] / 1000:>8,.0f} k {ratio:6}"
        print(f"{name:22}{cells}{found['train']:>12.4f}{found['test']:>11.4f}")
    print("in brackets how many times scikit-learn's speed")


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--peers", nargs="*", default=list(PEERS))
    PARSER.add_argument("--rows", type=int, default=100_000)
    PARSER.add_argument("--epochs", type=int, default=2)
    PARSER.add_argument("--repetitions", type=int, default=5)
    main(PARSER, Peer, drive)
