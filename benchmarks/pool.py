"""One fit on one worker and on several: rows a second end to end, quality, overhead, memory.

python benchmarks/pool.py [--impressions 4000000] [--epochs 5] [--hidden-units 128 64]
    [--local-steps 64] [--backends loky threading]

Wide & Deep on the app store. Every fit has a process of its own; they take turns. What is compared
is the whole `fit`, encoding included, on a test part that no fit has seen. Two fits without a pool
at the same time show how much cores hinder each other: no pool of two workers can be faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np


def fit(options: argparse.Namespace) -> dict[str, Any]:
    """Return what one fit took and how good it is."""
    import joblib
    from sklearn.metrics import log_loss, roc_auc_score

    from cannery.commands.demo import app_store_columns
    from cannery.datasets import make_app_store
    from cannery.estimators import Pool, WideDeepClassifier

    rows, held_out = options.impressions, min(400_000, options.impressions)
    frame, truth, _ = make_app_store(rows + held_out, random_state=0)
    order = np.random.default_rng(0).permutation(len(frame))
    frame, truth = frame.iloc[order], truth[order]
    wide, deep = app_store_columns()
    pool = (
        Pool(workers=options.workers, local_steps=options.local_steps) if options.workers else None
    )
    model = WideDeepClassifier(
        linear_columns=wide,
        deep_columns=deep,
        hidden_units=tuple(options.hidden_units),
        epochs=options.epochs,
        jit=True,
        pool=pool,
        random_state=0,
    )
    peak = Peak()
    began = time.perf_counter()
    with joblib.parallel_config(backend=options.backend), peak:
        model.fit(frame.iloc[:rows], truth[:rows])
    seconds = time.perf_counter() - began
    scores = model.predict_proba(frame.iloc[rows:])[:, 1]
    found = {
        "seconds": seconds,
        "training": model.training_seconds_,
        "memory": peak.bytes / 2**20,
        "auc": float(roc_auc_score(truth[rows:], scores)),
        "log loss": float(log_loss(truth[rows:], scores)),
    }
    if pool is not None:
        parts = model.pool_report_.groupby("worker")[["compute", "transfer", "merge", "wait"]]
        found["report"] = parts.sum().mean().round(2).to_dict()
    return found


class Peak:
    """The most memory of this process and its children together: shared pages count once."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()

    def __enter__(self) -> Peak:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.25):
            self.bytes = max(self.bytes, sum(map(proportional, family(os.getpid()))))


def family(process: int) -> list[int]:
    """Return a process and all below it."""
    path = Path(f"/proc/{process}/task/{process}/children")
    below = path.read_text().split() if path.exists() else []
    return [process, *(one for child in below for one in family(int(child)))]


def proportional(process: int) -> int:
    """Return the bytes of a process, pages that several have in equal shares."""
    try:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has ended
        return 0
    return 0


def main() -> None:
    """Fit in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impressions", type=int, default=4_000_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden-units", type=int, nargs="*", default=[128, 64])
    parser.add_argument("--local-steps", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--backends", nargs="*", default=["loky", "threading"])
    parser.add_argument("--workers", type=int, help="fit once with so many and print JSON")
    parser.add_argument("--backend", default="loky")
    options = parser.parse_args()
    if options.workers is not None:
        print(json.dumps(fit(options)))
        return
    kinds = [(0, "loky"), (1, options.backends[0]), *((2, name) for name in options.backends)]
    found: dict[Any, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    together = list[float]()
    for _ in range(options.repetitions):
        for workers, backend in kinds:
            found[workers, backend].append(answer(start(options, workers, backend)))
        both = [start(options, 0, "loky") for _ in range(2)]
        together.append(float(np.mean([answer(process)["seconds"] for process in both])))
    alone = np.median([one["seconds"] for one in found[0, "loky"]])
    print(f"{'':22}{'rows/s':>12}{'times':>8}{'AUC':>9}{'log loss':>10}{'MB':>8}")
    for (workers, backend), answers in found.items():
        seconds = float(np.median([one["seconds"] for one in answers]))
        name = f"{workers} workers, {backend}" if workers else "no pool"
        speed = options.impressions * options.epochs / seconds
        print(f"{name:22}{speed:12,.0f}{alone / seconds:8.2f}", end="")
        print(f"{answers[0]['auc']:9.4f}{answers[0]['log loss']:10.4f}{answers[0]['memory']:8,.0f}")
        print(f"{'':4}{answers[0].get('report', '')}  fit {seconds:.1f} s")
    print(f"two fits at once, without a pool: {2 * alone / np.median(together):.2f} times")


def start(options: argparse.Namespace, workers: int, backend: str) -> subprocess.Popen[str]:
    """Start a fit in a process of its own."""
    command = [sys.executable, __file__, "--workers", str(workers), "--backend", backend]
    for name in ("impressions", "epochs", "local_steps"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    command += ["--hidden-units", *map(str, options.hidden_units)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a fit, and return what it took."""
    printed, _ = process.communicate()
    if process.returncode:
        raise SystemExit(process.returncode)
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
