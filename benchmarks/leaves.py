"""Whether Wide & Deep with a forest's leaves beats the forest, and Wide & Deep without them.

Log loss on held-out thirds of Adult, five seeds. ``--choose`` shows what the settings were chosen
by: losses on a fifth of the first seed's training rows, which the held-out third has no part in.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import adult
import numpy as np
import pandas as pd
from peer_cannery import columns, part
from sklearn.metrics import log_loss, roc_auc_score

from cannery import RandomForestClassifier, WideDeepClassifier
from cannery.feature_columns import leaf_column
from cannery.graph.optimizers import Adagrad, Ftrl

SEEDS = range(5)
FOREST = {"min_samples_leaf": 10, "max_features": 0.4}  # alone
LEAVES = {"max_leaf_nodes": 256}  # of the forest in the wide part
PLAIN_RATE, LEAVES_RATE = 0.2, 0.05  # of the wide part without leaves and with them


def forest(seed: int, threads: int, **settings: Any) -> RandomForestClassifier:
    """Return a forest of a hundred trees."""
    return RandomForestClassifier(
        n_estimators=100, n_jobs=threads, random_state=seed, **(settings or FOREST)
    )


def wide_deep(seed: int, threads: int, leaves: Any, rate: float) -> WideDeepClassifier:
    """Return Wide & Deep that stops by a tenth of its training rows, with leaves or without."""
    wide, deep = columns()
    return WideDeepClassifier(
        linear_columns=wide if leaves is None else [*wide, leaf_column(leaves)],
        deep_columns=deep,
        hidden_units=adult.HIDDEN_UNITS,
        linear_optimizer=Ftrl(learning_rate=rate),
        deep_optimizer=Adagrad(learning_rate=adult.DEEP_LEARNING_RATE),
        epochs=20,
        early_stopping=True,
        patience=3,
        n_jobs=threads,
        random_state=seed,
    )


def models(seed: int, threads: int) -> Iterator[tuple[str, Any]]:
    """Yield what is compared."""
    yield "forest", forest(seed, threads)
    yield "wide & deep", wide_deep(seed, threads, None, PLAIN_RATE)
    inner = forest(seed, threads, **LEAVES)
    yield "with leaves", wide_deep(seed, threads, inner, LEAVES_RATE)


def candidates(threads: int) -> Iterator[tuple[str, Any]]:
    """Yield what the settings are chosen from."""
    for size in (1, 5, 10, 20):
        for share in ("sqrt", 0.4):
            settings = {"min_samples_leaf": size, "max_features": share}
            yield f"forest {settings}", forest(0, threads, **settings)
    for rate in (0.05, 0.1, 0.2):
        yield f"wide & deep, rate {rate}", wide_deep(0, threads, None, rate)
    for leaves in (64, 128, 256):
        for rate in (0.03, 0.05, 0.1):
            inner = forest(0, threads, max_leaf_nodes=leaves)
            yield f"{leaves} leaves a tree, rate {rate}", wide_deep(0, threads, inner, rate)


def judged(
    model: Any, X: pd.DataFrame, y: np.ndarray, held: pd.DataFrame, truth: np.ndarray
) -> tuple[float, float, float]:
    """Return log loss and AUC on held-out rows, and the seconds of the fit."""
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    shares = model.predict_proba(held)
    positive = shares[:, list(model.classes_).index(adult.POSITIVE)]
    found = roc_auc_score(truth == adult.POSITIVE, positive)
    return log_loss(truth, shares, labels=model.classes_), float(found), seconds


def choose(threads: int) -> None:
    """Print the losses of all candidates on rows to validate with."""
    X, y, *_ = part(0)
    order = np.random.default_rng(1).permutation(len(y))
    held, rest = order[: len(y) // 5], order[len(y) // 5 :]
    for name, model in candidates(threads):
        found = judged(model, X.iloc[rest], y[rest], X.iloc[held], y[held])
        print(f"{name:60s} {found[0]:.4f}", flush=True)


def main() -> None:
    """Fit all models for each seed and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    if options.choose:
        choose(options.threads)
        return
    rows = []
    for seed in SEEDS:
        data = part(seed)
        for name, model in models(seed, options.threads):
            found = judged(model, *data)
            rows.append((name, seed, *found))
            print(
                f"seed {seed}  {name:12s} log loss {found[0]:.4f}  AUC {found[1]:.4f}", flush=True
            )
    table = pd.DataFrame(rows, columns=["model", "seed", "log loss", "AUC", "fit seconds"])
    print(table.groupby("model", sort=False).mean().drop(columns="seed").round(4).to_string())
    losses = table.pivot(index="seed", columns="model", values="log loss")
    others = losses.drop(columns="with leaves").min(axis=1)
    wins = int((losses["with leaves"] < others).sum())
    print(f"with leaves has the lowest log loss in {wins} of {len(losses)} seeds")


if __name__ == "__main__":
    main()
