"""How fast forests predict and what they hold in memory, beside scikit-learn's, in turns.

Two forests of 100 fully grown trees: 40 numbers (`make_classification`, 40,000 rows to fit, 50,000
to predict), and Adult with raw categories against ordinal codes. scikit-learn's forest is also
walked by cannery's op, which must reach the same leaves.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable
from typing import Any

import adult
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier as Peer
from sklearn.preprocessing import OrdinalEncoder

from cannery import RandomForestClassifier
from cannery.feature_columns.express import feeds
from cannery.graph import Program, Variable, placeholder, sum_rows, tree_leaves, tree_nodes

TREES = 100
WANTED = "wanted: 100 times the rate of single rows, 2 times that of many, a third of the memory"


def converted(peer: Peer) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Return scikit-learn's trees as the op takes them, and which leaf each node is there."""
    parts: dict[str, list[np.ndarray]] = {}
    roots, numbers, values, first, leaves = [], [], [], 0, 0
    for estimator in peer.estimators_:
        tree = estimator.tree_
        order = by_level(tree)
        inner = tree.children_left[order] >= 0
        place = np.empty(len(order), np.int64)
        place[order] = first + np.arange(len(order))
        leaf = leaves + np.cumsum(~inner) - 1
        # float32 numbers are compared with float64 thresholds there: the next below is the same.
        exact = tree.threshold[order]
        threshold = exact.astype(np.float32)
        below = np.nextafter(threshold, np.float32(-np.inf))
        facts = {
            "columns": np.where(inner, tree.feature[order], -1),
            "thresholds": np.where(threshold > exact, below, threshold),
            "left": np.where(inner, place[tree.children_left[order]], leaf),
            "missing_left": tree.missing_go_to_left[order],
        }
        for name, fact in facts.items():
            parts.setdefault(name, []).append(fact)
        roots.append(first)
        number = np.empty(len(order), np.int64)
        number[order] = leaf
        numbers.append(number)
        values.append(tree.value[order[~inner], 0])
        first, leaves = first + len(order), leaves + int((~inner).sum())
    joined = {name: np.concatenate(facts) for name, facts in parts.items()}
    nodes, subsets = tree_nodes(**joined, subsets=np.zeros(first, int), numbers=peer.n_features_in_)
    tables = {
        "nodes": nodes,
        "subsets": subsets,
        "roots": np.array(roots, np.int32),
        "values": np.concatenate(values).astype(np.float32),
    }
    return tables, numbers


def by_level(tree: Any) -> np.ndarray:
    """Return the nodes of a tree of scikit-learn in the order of levels, children in pairs."""
    levels = [np.zeros(1, np.int64)]
    while len(levels[-1]):
        inner = levels[-1][tree.children_left[levels[-1]] >= 0]
        pairs = [tree.children_left[inner], tree.children_right[inner]]
        levels.append(np.stack(pairs, axis=1).ravel())
    return np.concatenate(levels)


def walked(peer: Peer, X: np.ndarray, threads: int) -> Any:
    """Return scikit-learn's forest as a compiled program; its leaves are those of ``apply``."""
    tables, numbers = converted(peer)
    made = {name: Variable(table, name, trainable=False) for name, table in tables.items()}
    x = placeholder("x", (None, X.shape[1]))
    leaves = tree_leaves(x, None, made["nodes"], made["subsets"], made["roots"])
    shares = sum_rows(made["values"], leaves) / float(len(numbers))
    some = X[:2000]
    program = Program(outputs={"leaves": leaves})
    found = program.start(jit=True).run({"x": some})["leaves"]
    reached = peer.apply(some)
    wanted = [number[reached[:, tree]] for tree, number in enumerate(numbers)]
    assert (found == np.stack(wanted, axis=1)).all()
    return Program(outputs={"shares": shares}).start(jit=True, threads=threads, share=True)


def medians(
    calls: dict[str, Callable[[], object]], seconds: float, repeated: int = 1
) -> dict[str, float]:
    """Return the median time of each call in seconds; they take turns of so many calls."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeated):
                call()
            times[name].append((time.perf_counter() - start) / repeated)
    return {name: float(np.median(found)) for name, found in times.items()}


def report(title: str, unit: float, word: str, found: dict[str, float]) -> None:
    """Print times, and how many times the peer's rate each of ours is."""
    print(f"  {title}")
    for name, seconds in found.items():
        ratio = found["scikit-learn"] / seconds
        print(f"    {name:34s} {seconds * unit:10.1f} {word}   {ratio:7.1f} times scikit-learn")


def measure(
    ours: RandomForestClassifier, peer: Peer, X: pd.DataFrame, plain: np.ndarray, options: Any
) -> None:
    """Time both on many rows and on one, and weigh them."""
    encoded = feeds(ours.columns_.encode(X))
    single = feeds(ours.columns_.encode(X.iloc[[0]]))
    names = [name for name in ours.model_.program.outputs if name != "leaves"]
    many = {
        "scikit-learn": lambda: peer.predict_proba(plain),
        "the estimator, from a frame": lambda: ours.predict_proba(X),
        "the estimator, encoded": lambda: ours.model_.answers(encoded, names),
    }
    row = X.iloc[[0]]
    one = {
        "scikit-learn": lambda: peer.predict_proba(plain[:1]),
        "the estimator, from a frame": lambda: ours.predict_proba(row),
        "the estimator, encoded": lambda: ours.model_.answers(single, names),
    }
    if options.walk:
        execution = walked(peer, plain, options.threads)
        many["scikit-learn's trees, by the op"] = lambda: execution.run({"x": plain})
        line = plain[:1].copy()
        one["scikit-learn's trees, by the op"] = lambda: execution.run({"x": line})
    report(f"{len(X)} rows, n_jobs={options.threads}", 1e3, "ms", medians(many, options.seconds))
    report(f"one row, n_jobs={options.threads}", 1e6, "µs", medians(one, options.seconds, 20))
    peer.set_params(n_jobs=1)
    report("one row, scikit-learn with n_jobs=1", 1e6, "µs", medians(one, options.seconds, 20))
    tables = sum(table.nbytes for table in ours.variables_.values())
    theirs = sum(sum(map(_size, estimator.tree_.__getstate__().values())) for estimator in peer)
    print(f"  tables of trees {tables / 1e6:.1f} MB, scikit-learn's {theirs / 1e6:.1f} MB")
    pickles = len(pickle.dumps(ours)) / 1e6, len(pickle.dumps(peer)) / 1e6
    print(f"  pickles {pickles[0]:.1f} MB, scikit-learn's {pickles[1]:.1f} MB", flush=True)


def _size(value: Any) -> int:
    return int(getattr(value, "nbytes", 0))


def numbers(options: Any) -> None:
    """Compare on numbers alone."""
    X, y = make_classification(90_000, 40, n_informative=20, random_state=0)
    X = X.astype(np.float32)
    settings = {"n_estimators": TREES, "n_jobs": options.threads, "random_state": 0}
    rows = slice(0, options.rows)
    start = time.perf_counter()
    peer = Peer(**settings).fit(X[rows], y[rows])
    middle = time.perf_counter()
    ours = RandomForestClassifier(**settings, jit=True).fit(X[rows], y[rows])
    print(f"40 numbers; fits: {middle - start:.1f} s, ours {time.perf_counter() - middle:.1f} s")
    held = X[40_000:]
    frame = pd.DataFrame(held, columns=[f"x{i}" for i in range(40)])
    ours.fit(pd.DataFrame(X[rows], columns=frame.columns), y[rows])
    measure(ours, peer, frame, held, options)


def census(options: Any) -> None:
    """Compare on Adult, whose categories scikit-learn sees as codes."""
    data = adult.frame()
    X, y = data.drop(columns=adult.TARGET), data[adult.TARGET].to_numpy()
    texts = [key for key in X if X[key].dtype.kind not in "if"]
    codes = X.copy()
    codes[texts] = OrdinalEncoder().fit_transform(X[texts].astype(str))
    plain = codes.to_numpy(np.float32)
    settings = {"n_estimators": TREES, "n_jobs": options.threads, "random_state": 0}
    peer = Peer(**settings).fit(plain, y)
    ours = RandomForestClassifier(**settings, jit=True).fit(X, y)
    print("Adult, all rows")
    measure(ours, peer, X, plain, options)


def main() -> None:
    """Fit the forests and print their times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each comparison")
    parser.add_argument("--rows", type=int, default=40_000, help="numbers to fit")
    parser.add_argument("--no-walk", dest="walk", action="store_false")
    parser.add_argument("--data", choices=("numbers", "adult", "both"), default="both")
    options = parser.parse_args()
    print(WANTED)
    if options.data != "adult":
        numbers(options)
    if options.data != "numbers":
        census(options)


if __name__ == "__main__":
    main()
