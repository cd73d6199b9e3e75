"""The memory that a fit takes beyond what it must hold.

It must hold the encoded rows with labels and weights, the variables and the optimizers' slots.
Each fit has a process of its own; its peak is that of the resident memory since the fit began.
Linux only.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
from pathlib import Path
from typing import Any

import adult
import numpy as np
import pandas as pd
from peer_cannery import estimator

from cannery.estimators import WideDeepClassifier
from cannery.feature_columns import (
    categorical_column_with_identity,
    embedding_column,
    numeric_column,
)

WANTED = 64.0  # MB
TABLE_ROWS = 10_000_000


def resident(field: str) -> float:
    """Return the resident memory in MB, now (VmRSS) or at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 1e3


def repeated_adult(rows: int) -> tuple[Any, Any, Any]:
    """Return Adult's columns and rows, over and over."""
    data = adult.frame()
    data = pd.concat([data] * -(-rows // len(data)), ignore_index=True)[:rows]
    return estimator(256), data.drop(columns=adult.TARGET), data[adult.TARGET].to_numpy()


def large_table(rows: int) -> tuple[Any, Any, Any]:
    """Return a model with an embedding of ten million rows, and as many rows as asked."""
    random = np.random.default_rng(0)
    item = random.integers(0, TABLE_ROWS, rows)
    frame = {"item": item, "weight": random.normal(size=rows).astype(np.float32)}
    table = embedding_column(categorical_column_with_identity("item", TABLE_ROWS), 8)
    model = WideDeepClassifier(
        linear_columns=[numeric_column("weight")],
        deep_columns=[table],
        hidden_units=(32,),
        epochs=1,
        random_state=0,
    )
    return model, frame, item % 2


CASES = {
    "Adult repeated": (repeated_adult, {}),
    "Adult, interpreted": (repeated_adult, {"jit": False}),
    "Adult, a tenth held out": (repeated_adult, {"validation_fraction": 0.1}),
    "10 M-row table": (large_table, {"jit": True}),
    "10 M-row table, interpreted": (large_table, {"jit": False}),
}


def measure(name: str, rows: int, connection: Any) -> None:
    """Fit in this process and send the MB that it took and had to take."""
    make, settings = CASES[name]
    model, frame, labels = make(rows)
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    model.set_params(**settings).fit(frame, labels)
    taken = resident("VmHWM") - before
    variables = sum(value.nbytes for value in model._state.values()) / 1e6
    encoded = model.columns_.encode(frame)
    arrays = [encoded.numbers, encoded.ids, *2 * [np.empty(rows, np.float32)]]
    arrays += [part for bag in encoded.ragged.values() for part in (bag.offsets, bag.ids)]
    connection.send((taken, sum(array.nbytes for array in arrays) / 1e6, variables))


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    print(f"{'MB':28s} {'taken':>8s} {'encoded':>8s} {'weights':>8s} {'beyond':>8s}")
    for name in options.cases or CASES:
        here, there = context.Pipe()
        process = context.Process(target=measure, args=(name, options.rows, there))
        process.start()
        there.close()  # so that the end of a process that fails is noticed
        taken, encoded, variables = here.recv()
        process.join()
        beyond = taken - encoded - variables
        print(f"{name:28s} {taken:8.0f} {encoded:8.0f} {variables:8.0f} {beyond:8.0f}")
    print(f"wanted: at most {WANTED:.0f} MB beyond")


if __name__ == "__main__":
    main()
