"""Wide & Deep on Adult, cannery beside its peers: one table of speeds, ratios and quality.

Every peer lives in a process of its own, so that no thread pool disturbs another; the driver
asks them in turn, one at a time, and takes medians.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections import defaultdict
from typing import Any

import numpy as np
from turns import Process, main

OURS = {"cannery": True, "interpreter": False}  # whether it is compiled
PEERS = {
    "pytorch": "peer_torch:WideDeep",
    "pytorch foreach": "peer_torch:WideDeepForeach",
    "pytorch default": "peer_torch:WideDeepDefault",
    "jax scan": "peer_jax:WideDeep",
    "numpy loop": "peer_numpy:WideDeep",
}
BATCH_SIZES = (40, 256, 2048)
QUALITY_BATCH_SIZE = 256


class Peer:
    """A peer's model over the encoded arrays, behind the questions the driver asks."""

    def __init__(self, place: str):
        import adult

        module, _, name = place.partition(":")
        self.model = getattr(importlib.import_module(module), name)
        self.train, self.test = adult.encoded()
        self.random = np.random.default_rng(0)
        self.warm: dict[int, Any] = {}

    def speed(self, batch_size: int) -> float:
        """Return the rows a second of one epoch; compilation and start-up are left out."""
        rows = len(self.train.labels)
        if batch_size not in self.warm:
            self.warm[batch_size] = self.model(self.train, batch_size)
            self.warm[batch_size].train(np.arange(rows))
        order = self.random.permutation(rows)
        start = time.perf_counter()
        self.warm[batch_size].train(order)
        return rows // batch_size * batch_size / (time.perf_counter() - start)

    def quality(self, batch_size: int, epochs: int) -> tuple[float, float]:
        """Return the held-out AUC and accuracy of a fresh model."""
        from sklearn.metrics import accuracy_score, roc_auc_score

        model = self.model(self.train, batch_size)
        for _ in range(epochs):
            model.train(self.random.permutation(len(self.train.labels)))
        logits, labels = model.logits(self.test), self.test.labels
        return float(roc_auc_score(labels, logits)), float(accuracy_score(labels, logits > 0))


def worker(name: str) -> Any:
    """Return what answers the driver's questions in a process of its own."""
    if name in OURS:
        return importlib.import_module("peer_cannery").Worker(OURS[name])
    return Peer(PEERS[name])


def compare(names: list[str], repetitions: int, epochs: int, threads: int) -> None:
    """Time all `names` in turn and print the table."""
    processes = [Process(name, threads) for name in names]
    speeds: dict[tuple[str, int], list[float]] = defaultdict(list)
    for _ in range(repetitions):
        for batch_size in BATCH_SIZES:
            for process in processes:
                speeds[process.name, batch_size].append(process.ask("speed", batch_size))
    quality = {p.name: p.ask("quality", QUALITY_BATCH_SIZE, epochs) for p in processes}
    for process in processes:
        process.close()
    medians = {key: float(np.median(values)) for key, values in speeds.items()}
    print(f"{threads} threads, medians of {repetitions} epochs in turn, quality after {epochs}")
    print(f"{'':16}" + "".join(f"{f'batch {size}':>25}" for size in BATCH_SIZES), end="")
    print(f"{'AUC':>9}{'accuracy':>10}")
    for name in names:
        cells = "".join(cell(medians, name, size) for size in BATCH_SIZES)
        print(f"{name:16}{cells}{quality[name][0]:9.4f}{quality[name][1]:10.4f}")
    print("rows/s; in brackets, how many times a peer's speed cannery and its interpreter reach")


def cell(medians: dict[tuple[str, int], float], name: str, batch_size: int) -> str:
    """Return one peer's rows a second and, beside what was measured of ours, the ratio to it."""
    speed = medians[name, batch_size]
    ours = [medians[our, batch_size] for our in OURS if (our, batch_size) in medians]
    ratios = ", ".join(f"{our / speed:.2f}" for our in ours if name not in OURS)
    return f"{speed / 1000:>8,.0f} k {f'({ratios})' if ratios else '':<15}"


def drive(options: argparse.Namespace) -> None:
    """Compare what the command line asks for."""
    compare(options.peers, options.repetitions, options.epochs, options.threads)


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--peers", nargs="*", default=[*OURS, *PEERS])
    PARSER.add_argument("--repetitions", type=int, default=7)
    PARSER.add_argument("--epochs", type=int, default=6)
    main(PARSER, worker, drive)
