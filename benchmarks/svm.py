"""Linear support vector machines beside scikit-learn's LinearSVC: time, objective, gap, quality.

Adult's training part as ids of 12 columns, three crosses of 1,000 buckets among them; or rows of 20
hashed ids from a million buckets. LinearSVC gets a ready matrix, cannery the raw frame; beside the
time of the whole fit stands that of its solver on LinearSVC's matrix, which objective and gap are
of. Both objectives are ``|w|^2 / 2 + C sum(loss)`` plus, for
LinearSVC, the penalty of its bias, which cannery's has not. LinearSVC runs with its own tolerance,
and once more with the loosest of some that reaches cannery's objective within the tolerance asked.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import adult
import numpy as np
import scipy.sparse
from turns import Process, main

BUCKETS, FIELDS, ROWS, HELD_OUT = 1_000_000, 20, 200_000, 50_000
CANNERY, SKLEARN = "cannery", "LinearSVC"
LOOSER = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4)  # tolerances, the fastest first


def hashed(rows: int, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ids of shape (rows + HELD_OUT, FIELDS) and whether each row was clicked."""
    random = np.random.default_rng(random_state)
    sizes = np.geomspace(10, BUCKETS, FIELDS)
    value = np.floor(sizes ** random.random((rows + HELD_OUT, FIELDS))).astype(np.uint64)
    mixed = (value * np.uint64(FIELDS) + np.arange(FIELDS, dtype=np.uint64)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    ids = ((mixed >> np.uint64(20)) % np.uint64(BUCKETS)).astype(np.int32)
    weights = random.normal(size=BUCKETS) * (random.random(BUCKETS) < 0.5) * 0.5
    logits = weights[ids].sum(axis=1) - 1.0
    return ids, random.random(len(ids)) < 1 / (1 + np.exp(-logits))


def matrix(ids: np.ndarray, width: int) -> Any:
    """Return the ids as a sparse matrix of ones, which LinearSVC takes as it is."""
    ends = np.arange(len(ids) + 1, dtype=np.int32) * ids.shape[1]
    ones = np.ones(ids.size)
    return scipy.sparse.csr_matrix((ones, ids.ravel().astype(np.int32), ends), (len(ids), width))


class Peer:
    """One of the two; fits when asked."""

    def __init__(self, name: str):
        self.name = name

    def prepare(self, data: str, rows: int) -> None:
        """Make the data; not timed."""
        if data == "adult":
            import peer_cannery

            train, test = adult.encoded()
            self.train, self.test = (matrix(e.wide_ids, train.wide_size) for e in (train, test))
            self.labels, self.test_labels = train.labels > 0.5, test.labels > 0.5
            self.frame, _, self.test_frame, _ = peer_cannery.part()
            self.columns = peer_cannery.columns()[0]
        else:
            from cannery.feature_columns import categorical_column_with_identity

            ids, labels = hashed(rows)
            self.train, self.test = matrix(ids[:rows], BUCKETS), matrix(ids[rows:], BUCKETS)
            self.labels, self.test_labels = labels[:rows], labels[rows:]
            self.frame, self.test_frame = {"ids": ids[:rows]}, {"ids": ids[rows:]}
            self.columns = [categorical_column_with_identity("ids", BUCKETS)]
        if self.name == CANNERY:
            self.fit("hinge", 1e-6, 1e-2)  # the compiler's work

    def fit(self, loss: str, C: float, tol: float, probability: bool = False) -> dict[str, float]:
        """Fit once; return seconds of the fit and of the solver, objective, gap and quality."""
        run = self._cannery if self.name == CANNERY else self._sklearn
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(loss, C, tol, probability)

    def reach(self, loss: str, C: float, objective: float) -> dict[str, float]:
        """Fit with the loosest tolerance that comes as near to the best as `objective` is."""
        for tol in LOOSER:
            found = self.fit(loss, C, tol)
            if found["objective"] <= objective:
                break
        return found

    def _cannery(self, loss: str, C: float, tol: float, probability: bool) -> dict[str, float]:
        from cannery import SVMClassifier
        from cannery.estimators.svm import Design, Problem, solve

        model = SVMClassifier(
            columns=self.columns, loss=loss, C=C, tol=tol, probability=probability, random_state=0
        )
        start, busy = time.perf_counter(), time.process_time()
        model.fit(self.frame, self.labels)
        whole, busy = time.perf_counter() - start, time.process_time() - busy
        signs, costs = np.where(self.labels, 1.0, -1.0), np.full(len(self.labels), C)
        squared = loss == "squared_hinge"
        problem = Problem.classification(Design.of(self.train), signs, costs, squared)
        start = time.perf_counter()
        solution = solve(problem, tol, 1000, 0, "auto")
        solver = time.perf_counter() - start
        scores = model.decision_function(self.test_frame)
        found = {"objective": solution.primal, "gap": solution.relative_gap}
        return {"solver": solver, "whole": whole, "busy": busy, **found, **self._quality(scores)}

    def _sklearn(self, loss: str, C: float, tol: float, probability: bool) -> dict[str, float]:
        from sklearn.svm import LinearSVC

        model = LinearSVC(loss=loss, C=C, tol=tol, random_state=0, dual=True)
        start, busy = time.perf_counter(), time.process_time()
        model.fit(self.train, self.labels)
        whole, busy = time.perf_counter() - start, time.process_time() - busy
        weights, bias = model.coef_[0], float(model.intercept_[0])
        signs = np.where(self.labels, 1.0, -1.0)
        losses = np.maximum(0, 1 - signs * (self.train @ weights + bias))
        costs = (losses**2 if loss == "squared_hinge" else losses).sum() * C
        objective = float(weights @ weights / 2 + costs + bias**2 / 2)
        times = {"solver": whole, "whole": whole, "busy": busy, "objective": objective}
        return {**times, "gap": np.nan, **self._quality(model.decision_function(self.test))}

    def _quality(self, scores: np.ndarray) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        accuracy = float(((scores > 0) == self.test_labels).mean())
        return {"auc": float(roc_auc_score(self.test_labels, scores)), "accuracy": accuracy}


def drive(options: argparse.Namespace) -> None:
    """Time both in turn and print the table."""
    ours, theirs = Process(CANNERY, options.threads), Process(SKLEARN, options.threads)
    head = f"{'':55}{'solver':>9}{'whole fit':>11}{'of a core':>11}{'objective':>14}{'gap':>9}"
    for data in options.data:
        for process in (ours, theirs):
            process.ask("prepare", data, options.rows)
        print(
            f"{data}, medians of {options.repetitions} fits in turn, seconds\n{head}     AUC  acc."
        )
        for loss in options.losses:
            for C in options.C:
                runs: dict[str, list[dict[str, float]]] = {}
                for _ in range(options.repetitions):
                    mine = ours.ask("fit", loss, C, options.tol)
                    runs.setdefault(CANNERY, []).append(mine)
                    runs.setdefault(SKLEARN, []).append(theirs.ask("fit", loss, C, 1e-4))
                    if options.probability:
                        found = ours.ask("fit", loss, C, options.tol, True)
                        runs.setdefault("cannery, with probabilities", []).append(found)
                reached = theirs.ask("reach", loss, C, mine["objective"])
                runs["LinearSVC, as near as cannery"] = [reached]
                for name, found in runs.items():
                    row = {key: float(np.median([run[key] for run in found])) for key in found[0]}
                    cells = f"{row['solver']:>9.3f}{row['whole']:>11.3f}{row['busy']:>11.3f}"
                    cells += f"{row['objective']:>14.3f}{row['gap']:>9.1e}"
                    what = f"{loss}, C={C:g}" if name == CANNERY else ""
                    label = f"{what:24}{name}"
                    print(f"{label:55}{cells}{row['auc']:>8.4f}{row['accuracy']:>6.3f}")
    for process in (ours, theirs):
        process.close()


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--data", nargs="*", default=["adult", "hashed"])
    PARSER.add_argument("--losses", nargs="*", default=["squared_hinge", "hinge"])
    PARSER.add_argument("--C", nargs="*", type=float, default=[0.1])
    PARSER.add_argument("--rows", type=int, default=ROWS)
    PARSER.add_argument("--tol", type=float, default=1e-3)
    PARSER.add_argument("--repetitions", type=int, default=3)
    PARSER.add_argument("--probability", action="store_true", help="time the calibration too")
    main(PARSER, Peer, drive)
