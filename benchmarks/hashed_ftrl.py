"""Logistic regression by FTRL on 10 M hashed buckets, beside Vowpal Wabbit and scikit-learn.

Rows have 20 ids, one from each of 20 fields that have between 10 and 10 M values, popular ones
more often than rare ones; every id has a hidden weight, half of them zero. All get the same rows,
hashed already, and as many passes over them. Vowpal Wabbit's own C++ loop runs alone, once over
its text format, which it parses on a second thread, and once over its binary cache, which a pass
before has written. cannery takes the ids as a matrix; its time is that of the loop over steps, and
that of the whole `fit` stands beside it. The third speed counts the time that all threads were at
work in a fit, which other work on the machine does not change.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from turns import Process, main

BUCKETS, FIELDS = 10_000_000, 20
TEST_ROWS = 200_000
CANNERY, SKLEARN = "cannery", "scikit-learn"
TEXT, CACHE = "vowpal wabbit, text", "vowpal wabbit, cache"
PEERS = (CANNERY, TEXT, CACHE, SKLEARN)


def data(rows: int, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ids of shape (rows + TEST_ROWS, FIELDS) and the clicks; the last are for tests."""
    random = np.random.default_rng(random_state)
    sizes = np.geomspace(10, BUCKETS, FIELDS)
    value = np.floor(sizes ** random.random((rows + TEST_ROWS, FIELDS))).astype(np.uint64)
    mixed = (value * np.uint64(FIELDS) + np.arange(FIELDS, dtype=np.uint64)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    ids = ((mixed >> np.uint64(20)) % np.uint64(BUCKETS)).astype(np.int32)
    weights = random.normal(size=BUCKETS) * (random.random(BUCKETS) < 0.5) * 0.5
    logits = weights[ids].sum(axis=1) - 1.0
    return ids, (random.random(len(ids)) < 1 / (1 + np.exp(-logits))).astype(np.int64)


class Peer:
    """The model of one name; `speed` fits it once, `auc` judges what the last fit gave."""

    def __init__(self, name: str):
        self.name = name
        self.folder = tempfile.TemporaryDirectory()
        self.rows = 0

    def prepare(self, rows: int, alpha: float) -> None:
        """Make the data, and files of it for Vowpal Wabbit; not timed."""
        self.ids, self.labels = data(rows)
        self.rows, self.alpha = rows, alpha
        if self.name in (TEXT, CACHE):
            self._write("train", slice(rows))
            self._write("test", slice(rows, None))
        if self.name == CACHE:
            self._vowpal_wabbit(1, "--cache")
        if self.name == CANNERY:
            self._cannery(1, 2000)  # the compiler's work

    def speed(self, passes: int) -> dict[str, float]:
        """Fit for so many passes; return the seconds of the loop, of all, and of all cores."""
        start, busy = time.perf_counter(), time.process_time()
        loop = {CANNERY: self._cannery, SKLEARN: self._sklearn}.get(self.name, self._wabbit)(passes)
        whole = time.perf_counter() - start
        busy = time.process_time() - busy
        return {"loop": whole if loop is None else loop, "whole": whole, "busy": busy}

    def auc(self) -> float:
        """Return the AUC on the rows held out."""
        from sklearn.metrics import roc_auc_score

        test, labels = self.ids[self.rows :], self.labels[self.rows :]
        if self.name == CANNERY:
            scores = self.model.predict_proba({"ids": test})[:, 1]
        elif self.name == SKLEARN:
            scores = self.model.decision_function(self._matrix(test))
        else:
            scores = self._wabbit_scores()
        return float(roc_auc_score(labels, scores))

    def _cannery(self, passes: int, rows: int | None = None) -> float:
        from cannery import LinearClassifier
        from cannery.feature_columns import categorical_column_with_identity
        from cannery.graph.optimizers import Ftrl

        self.model = LinearClassifier(
            columns=[categorical_column_with_identity("ids", BUCKETS)],
            # A step goes down the mean over its batch, so gradients are small: so is the first n.
            optimizer=Ftrl(learning_rate=self.alpha, initial_accumulator_value=5e-5),
            batch_size=256,
            epochs=passes,
            jit=True,
            random_state=0,
        )
        rows = rows or self.rows
        self.model.fit({"ids": self.ids[:rows]}, self.labels[:rows])
        return float(self.model.training_seconds_)

    def _sklearn(self, passes: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        # Close to the optimum under the penalty that served best; more passes than the others.
        self.model = LogisticRegression(C=0.1, max_iter=100, tol=1e-7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(self._matrix(self.ids[: self.rows]), self.labels[: self.rows])

    def _matrix(self, ids: np.ndarray) -> Any:
        """Return a sparse matrix of the columns that occur in training; no other has a weight."""
        from scipy.sparse import csr_matrix

        seen = np.zeros(BUCKETS, bool)
        seen[self.ids[: self.rows]] = True
        column = np.where(seen, np.cumsum(seen) - 1, -1)[ids]
        known = column >= 0
        ends = np.append(0, np.cumsum(known.sum(axis=1)))
        shape = (len(ids), int(seen.sum()))
        return csr_matrix((np.ones(ends[-1], np.float32), column[known], ends), shape)

    def _wabbit(self, passes: int) -> None:
        if self.name == TEXT and passes > 1:
            raise SystemExit("Vowpal Wabbit reads text once only: several passes need its cache")
        self._vowpal_wabbit(passes, "--cache" if self.name == CACHE else "")

    def _vowpal_wabbit(self, passes: int, more: str) -> None:
        from vowpalwabbit import pyvw

        # A whole number is its own hash there: 24 bits hold all ids, as they are.
        data, model = self._path("train"), self._path("model")
        workspace = pyvw.Workspace(
            f"--quiet --ftrl --ftrl_alpha {self.alpha} --ftrl_beta 1 --loss_function logistic "
            f"--bit_precision 24 --passes {passes} --holdout_off {more} -d {data} -f {model}"
        )
        workspace.finish()

    def _wabbit_scores(self) -> np.ndarray:
        from vowpalwabbit import pyvw

        data, model, found = self._path("test"), self._path("model"), self._path("scores")
        pyvw.Workspace(f"--quiet -t -i {model} -d {data} -p {found}").finish()
        return np.loadtxt(found)

    def _path(self, name: str) -> Path:
        return Path(self.folder.name) / name

    def _write(self, name: str, rows: slice) -> None:
        with open(self._path(name), "w", encoding="ascii") as file:
            for ids, label in zip(self.ids[rows].tolist(), self.labels[rows], strict=True):
                file.write(f"{2 * label - 1} | {' '.join(map(str, ids))}\n")


def drive(options: argparse.Namespace) -> None:
    """Time the peers in turn and print the table."""
    names = [n for n in options.peers if n != TEXT or options.passes == 1]
    processes = [Process(name, options.threads) for name in names]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for process in processes:
        process.ask("prepare", options.rows, options.alpha)
    for repetition in range(options.repetitions):
        for process in processes:
            if process.name != SKLEARN or not repetition:
                runs[process.name].append(process.ask("speed", options.passes))
    scores = {process.name: process.ask("auc") for process in processes}
    for process in processes:
        process.close()
    done = options.rows * options.passes
    speed = {
        name: {key: done / float(np.median([run[key] for run in found])) for key in found[0]}
        for name, found in runs.items()
    }
    ours = speed.get(CANNERY)
    print(
        f"{options.rows:,} rows of {FIELDS} ids, {options.passes} passes, {options.threads} cores, "
        f"medians of {options.repetitions} fits in turn"
    )
    print(f"{'':22}{'loop, rows/s':>18}{'whole fit':>18}{'of a core':>18}{'AUC':>9}")
    for name, found in speed.items():
        cells = ""
        for key in found:
            ratio = f"({ours[key] / found[key]:.2f})" if ours and name != CANNERY else ""
            cells += f"{found[key] / 1000:>10,.0f} k {ratio:6}" if name != SKLEARN else f"{'':18}"
        print(f"{name:22}{cells}{scores[name]:>9.4f}")
    print("in brackets how many times a peer's speed cannery reaches")


if __name__ == "__main__":
    PARSER = argparse.ArgumentParser(description=__doc__)
    PARSER.add_argument("--peers", nargs="*", default=list(PEERS))
    PARSER.add_argument("--rows", type=int, default=1_000_000)
    PARSER.add_argument("--passes", type=int, default=1)
    PARSER.add_argument("--alpha", type=float, default=0.1, help="the learning rate of all")
    PARSER.add_argument("--repetitions", type=int, default=3)
    main(PARSER, Peer, drive)
