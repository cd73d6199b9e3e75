"""k-means and forests on a pool: whole fits without one, on a pool of one and of two, in turn.

python benchmarks/pool_learners.py [--cases forest ...] [--repetitions 3]

Each kind has a process of its own, in which the first fit is reported apart: it starts workers,
which import all they need, and finds C in the cache. Those that follow find workers waiting, as
they do in a session or a search. What is compared is the whole `fit`: columns are learnt and rows
encoded by the process that asked, in as many threads, before its workers have anything to do.
Memory for large arrays is touched for the first time in the first fit too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
import warnings
from typing import Any

import numpy as np
from turns import Process, main

# Workers and the backend of joblib that runs them; 0 is no pool.
KINDS = {
    "no pool": (0, "loky"),
    "pool of 1": (1, "loky"),
    "2, loky": (2, "loky"),
    "2, threading": (2, "threading"),
}
# Rows, numbers, clusters, and how far apart these lie: overlapping ones take more passes.
CLUSTERS = {
    "k-means 1M": (1_000_000, 20, 50, 0.7),
    "k-means 1M, clear clusters": (1_000_000, 20, 50, 1.5),
    "k-means 200k": (200_000, 20, 50, 0.7),
    "k-means 2M": (2_000_000, 50, 100, 0.7),
}
FOREST = (40_000, 40)
CASES = (*CLUSTERS, "forest")
BY_NAME = ("k-means 1M, clear clusters", "k-means 2M")  # only where they are asked for
TREES, MOST_PASSES = 100, 100


class Worker:
    """A process that fits on one kind of pool."""

    def __init__(self, name: str):
        self.workers, self.backend = KINDS[name]

    def prepare(self, case: str) -> dict[str, float]:
        """Make the data and fit once."""
        self.case, random = case, np.random.default_rng(0)
        if case == "forest":
            rows, width = FOREST
            X = random.normal(size=(2 * rows, width))
            odds = X[:, :5].sum(axis=1) + X[:, 5] * X[:, 6] + 1.5 * random.normal(size=2 * rows)
            self.X, self.y = X, odds > 0
        else:
            rows, width, clusters, apart = CLUSTERS[case]
            centers = random.normal(size=(clusters, width)) * apart
            X = centers[random.integers(0, clusters, rows)]
            X += random.normal(size=X.shape)
            self.X = (X - X.mean(axis=0)) / X.std(axis=0)
        return self.fit(0)

    def fit(self, seed: int) -> dict[str, float]:
        """Return what a whole fit took, and what it is worth."""
        import joblib

        with joblib.parallel_config(backend=self.backend), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of passes that do not suffice
            return self._forest(seed) if self.case == "forest" else self._kmeans(seed)

    def _kmeans(self, seed: int) -> dict[str, float]:
        from cannery import KMeans

        model = KMeans(
            n_clusters=CLUSTERS[self.case][2],
            max_iter=MOST_PASSES,
            pool=self.workers or None,
            random_state=seed,
        )
        found = timed(model, self.X)
        return {**found, "quality": model.inertia_, "passes": model.n_iter_}

    def _forest(self, seed: int) -> dict[str, float]:
        from cannery import RandomForestClassifier

        rows, pool = FOREST[0], self.workers or None
        model = RandomForestClassifier(n_estimators=TREES, pool=pool, random_state=seed)
        found = timed(model, self.X[:rows], self.y[:rows])
        return {**found, "quality": model.score(self.X[rows:], self.y[rows:]), "passes": TREES}


def timed(model: Any, *data: Any) -> dict[str, float]:
    """Fit, and return the seconds of the whole and of its parts on the pool."""
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(*data)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    found = {"seconds": wall, "cpu": cpu}
    if model.pool is not None:
        parts = model.pool_report_.groupby("worker")[["compute", "transfer", "merge", "wait"]]
        found |= parts.sum().mean().to_dict()
    return found


def drive(options: argparse.Namespace) -> None:
    """Fit in turns and print a table for each case."""
    for case in options.cases or [case for case in CASES if case not in BY_NAME]:
        processes = [Process(name, options.threads) for name in KINDS]
        cold = {process.name: process.ask("prepare", case) for process in processes}
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in KINDS}
        for seed in range(1, 1 + options.repetitions):
            for process in processes:
                runs[process.name].append(process.ask("fit", seed))
        for process in processes:
            process.close()
        table(case, runs, cold)
    with contextlib.suppress(OSError):
        print(f"load of the machine, the last 5 minutes: {os.getloadavg()[1]:.1f}")


def table(case: str, runs: dict[str, list[dict[str, float]]], cold: dict[str, Any]) -> None:
    """Print medians; each fit is compared with that of one worker of the same turn."""
    passes = [run["passes"] for run in runs["no pool"]]
    what = "trees" if case == "forest" else "passes"
    count = len(passes)
    print(f"{case}: {min(passes)} to {max(passes)} {what}, medians of {count} fits in turn")
    print(f"{'':14}{'s':>8}{'least':>8}{'times':>8}{'first':>8}{'quality':>16}", end="")
    print(f"{'compute':>10}{'transfer':>10}{'merge':>8}{'wait':>8}")
    one = [run["seconds"] for run in runs["pool of 1"]]
    for name, found in runs.items():
        seconds = [run["seconds"] for run in found]
        times = np.median([a / b for a, b in zip(one, seconds, strict=True)])
        print(f"{name:14}{np.median(seconds):8.2f}{min(seconds):8.2f}{times:8.2f}", end="")
        print(f"{cold[name]['seconds']:8.2f}{found[0]['quality']:16,.4f}", end="")
        parts = [float(np.median([run.get(part, 0.0) for run in found])) for part in PARTS]
        print("{:10.2f}{:10.2f}{:8.2f}{:8.2f}".format(*parts) if "wait" in found[0] else "")
    none = [run["seconds"] for run in runs["no pool"]]
    overhead = np.median([a / b - 1 for a, b in zip(one, none, strict=True)])
    least = min(one) / min(none) - 1
    print(f"overhead of a pool of one: {overhead:+.1%}, of the least times {least:+.1%}\n")


PARTS = ("compute", "transfer", "merge", "wait")

if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--cases", nargs="*", default=None, choices=CASES)
    PARSER.add_argument("--repetitions", type=int, default=3)
    main(PARSER, Worker, drive)
