"""k-means against scikit-learn's: whole fits from an array of float64, in turn.

Overlapping clusters on standardised numbers, which inference leaves where they are: cannery looks
at the columns, encodes the rows and clusters them, scikit-learn clusters the array. From the same
starts, where both find the same clusters, and from k-means++ with a seed for each repetition.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from typing import Any

import numpy as np
from turns import Process, main

CANNERY, MINI, SKLEARN, SKLEARN_MINI = "cannery", "cannery mini", "sklearn", "sklearn mini"
PEERS = (CANNERY, SKLEARN)
CASES = {"small": (200_000, 20, 50, 300), "large": (1_000_000, 64, 256, 20)}


def make(rows: int, width: int, clusters: int) -> np.ndarray:
    """Return rows around centres that lie about two deviations apart in each direction."""
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(clusters, width)) * 1.5
    X = centers[generator.integers(0, clusters, rows)]
    X += generator.normal(size=X.shape)
    X -= X.mean(axis=0)
    X /= X.std(axis=0)
    return X


class Peer:
    """A worker: one of the libraries and the rows."""

    def __init__(self, name: str):
        self.name = name

    def prepare(self, case: str, iterations: int, threads: int) -> None:
        """Make the rows; load what a first fit would load."""
        rows, width, self.clusters, self.iterations = CASES[case]
        self.iterations = iterations or self.iterations
        self.threads = threads
        self.X = make(rows, width, self.clusters)
        self._model("k-means++", 0).fit(self.X[: 20 * self.clusters])
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def _model(self, init: Any, seed: int) -> Any:
        settings = {"n_clusters": self.clusters, "init": init, "n_init": 1, "random_state": seed}
        if self.name in (CANNERY, MINI):
            from cannery import KMeans

            settings |= {"n_jobs": self.threads}
            if self.name == MINI:
                return KMeans(algorithm="mini_batch", max_iter=100, **settings)
            return KMeans(max_iter=self.iterations, **settings)
        from sklearn.cluster import KMeans, MiniBatchKMeans

        if self.name == SKLEARN_MINI:
            return MiniBatchKMeans(**settings)
        return KMeans(max_iter=self.iterations, **settings)

    def fit(self, start: str, seed: int) -> dict[str, float]:
        """Return what a whole fit took and found."""
        init: Any = start
        if start == "rows":
            init = self.X[np.random.default_rng(seed).choice(len(self.X), self.clusters, False)]
        model = self._model(init, seed)
        wall, cpu = time.perf_counter(), time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(self.X)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "seconds": wall,
            "cpu": cpu,
            "inertia": float(model.inertia_),
            "iterations": int(model.n_iter_),
            "megabytes": max(0, most - self.before) / 1024,
        }


def drive(options: argparse.Namespace) -> None:
    """Time the peers in turn and print a table for each case."""
    for case in options.cases:
        rows, width, clusters, iterations = CASES[case]
        processes = [Process(name, options.threads) for name in options.peers]
        for process in processes:
            process.ask("prepare", case, options.iterations, options.threads)
        print(
            f"{rows:,} x {width}, {clusters} clusters, at most "
            f"{options.iterations or iterations} passes, {options.threads} threads, "
            f"medians of {options.repetitions} fits in turn"
        )
        for start in options.starts:
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.peers}
            for seed in range(options.repetitions):
                for process in processes:
                    runs[process.name].append(process.ask("fit", start, seed))
            _table(f"from {start}", runs)
        for process in processes:
            process.close()


def _table(title: str, runs: dict[str, list[dict[str, float]]]) -> None:
    print(
        f"{title:16}{'s':>9}{'s of CPU':>10}{'passes':>9}{'s a pass':>10}{'MB':>8}{'inertia':>14}"
    )
    middle = {
        name: {key: float(np.median([run[key] for run in found])) for key in found[0]}
        for name, found in runs.items()
    }
    for name, found in middle.items():
        each = np.median([run["cpu"] / run["iterations"] for run in runs[name]])
        print(
            f"{name:16}{found['seconds']:9.2f}{found['cpu']:10.2f}{found['iterations']:9.0f}"
            f"{each:10.3f}{found['megabytes']:8.0f}{found['inertia']:14,.0f}"
        )
    if {CANNERY, SKLEARN} <= runs.keys():
        pairs = list(zip(runs[CANNERY], runs[SKLEARN], strict=True))
        inertia = [ours["inertia"] / theirs["inertia"] - 1 for ours, theirs in pairs]
        ratio = {key: middle[SKLEARN][key] / middle[CANNERY][key] for key in ("seconds", "cpu")}
        print(
            f"{ratio['seconds']:.2f} times scikit-learn's speed, {ratio['cpu']:.2f} in CPU time; "
            f"inertia {100 * np.mean(inertia):+.3f} % on average, at worst "
            f"{100 * max(inertia):+.3f} %"
        )


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--peers", nargs="*", default=list(PEERS))
    PARSER.add_argument("--cases", nargs="*", default=list(CASES))
    PARSER.add_argument("--starts", nargs="*", default=["rows", "k-means++"])
    PARSER.add_argument("--repetitions", type=int, default=3)
    PARSER.add_argument(
        "--iterations", type=int, default=0, help="the most passes, 0 for the case's"
    )
    main(PARSER, Peer, drive)
