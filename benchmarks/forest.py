"""Random forests against scikit-learn's and LightGBM's: whole fits from raw rows, in turn.

``informative``: ``make_classification`` with 40,000 rows to fit, 40 columns of which 20 are
informative. ``adult``: raw Adult, which scikit-learn gets as ordinal codes and LightGBM as pandas
categories. Peers are forests of 100 trees with the same settings, as far as they have them;
LightGBM, whose trees are grown best first, has a small setting and a large one. ``cannery all``
grows its trees from all rows, without bootstrap.

Memory is that of the trees: pickled, and as the arrays of the nodes.
"""

from __future__ import annotations

import argparse
import importlib.util
import pickle
import time
from typing import Any

import adult
import numpy as np
from turns import Process, main

CANNERY, ALL, SKLEARN = "cannery", "cannery all", "sklearn"
SMALL, LARGE = "lightgbm small", "lightgbm large"
PEERS = (CANNERY, ALL, SKLEARN, SMALL, LARGE)
CASES = ("informative", "adult")
TREES = 100
ROWS = 40_000
LEAST = {"informative": 1, "adult": 5}  # rows of a leaf
LEAVES = {SMALL: 255, LARGE: 4095}


def informative(random_state: int) -> tuple[Any, Any, Any, Any]:
    """Return rows to fit, their classes, and both of rows held out."""
    from sklearn.datasets import make_classification

    X, y = make_classification(
        n_samples=50_000, n_features=40, n_informative=20, random_state=random_state
    )
    X = X.astype(np.float32)
    return X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:]


def people(random_state: int) -> tuple[Any, Any, Any, Any]:
    """Return Adult in the same parts."""
    data = adult.frame()
    X, y = data.drop(columns=adult.TARGET), (data[adult.TARGET] == adult.POSITIVE).to_numpy()
    train, test = adult.split(len(X), random_state)
    return X.iloc[train], y[train].astype(int), X.iloc[test], y[test].astype(int)


class Peer:
    """A worker: one of the libraries and the rows as it takes them."""

    def __init__(self, name: str):
        self.name = name

    def prepare(self, case: str, threads: int) -> None:
        """Make the rows; load what a first fit would load."""
        self.case, self.threads = case, threads
        parts = informative(0) if case == "informative" else people(0)
        X, self.y, new, self.truth = parts
        if case == "adult" and self.name not in (CANNERY, ALL):
            X, new = self._codes(X, new)
        self.X, self.new = X, new
        self._model(0).fit(X[:500], self.y[:500])

    def _codes(self, X: Any, new: Any) -> tuple[Any, Any]:
        import pandas as pd
        from sklearn.preprocessing import OrdinalEncoder

        keys = [key for key in adult.CATEGORICAL if key in X]
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        encoder.fit(X[keys].astype(str))
        found = []
        for part in (X, new):
            codes = encoder.transform(part[keys].astype(str))
            part = part.assign(**dict(zip(keys, codes.T, strict=True)))
            if self.name != SKLEARN:
                part[keys] = part[keys].astype(int).apply(pd.Categorical)
            found.append(part)
        return found[0], found[1]

    def _model(self, seed: int) -> Any:
        least = LEAST[self.case]
        settings = {"n_estimators": TREES, "n_jobs": self.threads, "random_state": seed}
        if self.name in (CANNERY, ALL):
            from cannery import RandomForestClassifier as Forest

            return Forest(min_samples_leaf=least, bootstrap=self.name != ALL, **settings)
        if self.name == SKLEARN:
            from sklearn.ensemble import RandomForestClassifier as Forest

            return Forest(min_samples_leaf=least, **settings)
        from lightgbm import LGBMClassifier

        return LGBMClassifier(
            boosting_type="rf",
            num_leaves=LEAVES[self.name],
            min_child_samples=max(least, 1),
            min_child_weight=0.0,
            subsample=0.632,
            subsample_freq=1,
            colsample_bytree=1.0,
            feature_fraction_bynode=1 / np.sqrt(self.X.shape[1]),
            verbose=-1,
            **settings,
        )

    def fit(self, seed: int) -> dict[str, float]:
        """Return what a whole fit took, and what it is worth."""
        from sklearn.metrics import log_loss, roc_auc_score

        model = self._model(seed)
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(self.X, self.y)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        shares = model.predict_proba(self.new)[:, 1].astype(np.float64)
        nodes, megabytes = _sizes(model)
        return {
            "seconds": wall,
            "cpu": cpu,
            "accuracy": float(((shares > 0.5) == self.truth).mean()),
            "auc": float(roc_auc_score(self.truth, shares)),
            "loss": float(log_loss(self.truth, np.clip(shares, 1e-7, 1 - 1e-7))),
            "nodes": nodes,
            "pickle": len(pickle.dumps(model)) / 1e6,
            "arrays": megabytes,
        }


def _sizes(model: Any) -> tuple[float, float]:
    """Return the nodes of a tree, leaves included, and the megabytes of all nodes' arrays."""
    if hasattr(model, "variables_"):
        tables = model.variables_
        nodes = len(tables["nodes"])
        return nodes / TREES, sum(table.nbytes for table in tables.values()) / 1e6
    if not hasattr(model, "estimators_"):
        return float("nan"), float("nan")
    trees = [tree.tree_ for tree in model.estimators_]
    arrays = [tree.__getstate__() for tree in trees]
    size = sum(state["nodes"].nbytes + state["values"].nbytes for state in arrays)
    return sum(tree.node_count for tree in trees) / len(trees), size / 1e6


def drive(options: argparse.Namespace) -> None:
    """Time the peers in turn and print a table for each case."""
    peers = options.peers
    if importlib.util.find_spec("lightgbm") is None:
        peers = [name for name in peers if name not in LEAVES]
    for case in options.cases:
        processes = [Process(name, options.threads) for name in peers]
        for process in processes:
            process.ask("prepare", case, options.threads)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
        for seed in range(options.repetitions):
            for process in processes:
                runs[process.name].append(process.ask("fit", seed))
        for process in processes:
            process.close()
        title = f"{TREES} trees, leaves of {LEAST[case]} rows or more, {options.threads} threads"
        print(f"{case}: {title}, medians of {options.repetitions} fits in turn")
        _table(runs)


def _table(runs: dict[str, list[dict[str, float]]]) -> None:
    middle = {
        name: {key: float(np.median([run[key] for run in found])) for key in found[0]}
        for name, found in runs.items()
    }
    wide = f"{'':16}{'s':>8}{'s of CPU':>10}{'accuracy':>10}{'AUC':>9}{'log loss':>10}"
    print(wide + f"{'nodes':>8}{'MB':>7}{'pickled':>9}")
    for name, found in middle.items():
        print(
            f"{name:16}{found['seconds']:8.2f}{found['cpu']:10.2f}{found['accuracy']:10.4f}"
            f"{found['auc']:9.4f}{found['loss']:10.4f}{found['nodes']:8,.0f}"
            f"{found['arrays']:7.1f}{found['pickle']:9.1f}"
        )
    if {CANNERY, SKLEARN} <= middle.keys():
        ours, theirs = middle[CANNERY], middle[SKLEARN]
        speed, work = (theirs[key] / ours[key] for key in ("seconds", "cpu"))
        memory = ours["pickle"] / theirs["pickle"]
        print(
            f"{speed:.1f} times scikit-learn's speed, {work:.1f} in CPU time, "
            f"{memory:.2f} of its pickle"
        )


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--peers", nargs="*", default=list(PEERS))
    PARSER.add_argument("--cases", nargs="*", default=list(CASES))
    PARSER.add_argument("--repetitions", type=int, default=3)
    main(PARSER, Peer, drive)
