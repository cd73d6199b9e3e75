"""Does a row-sparse step grow with the table? 10 M rows against 10 k rows at equal batch."""

from __future__ import annotations

import argparse
import gc
import itertools

import numpy as np

from cannery.estimators import WideDeepClassifier
from cannery.feature_columns import (
    categorical_column_with_identity,
    embedding_column,
    numeric_column,
)

TABLE_ROWS = (10_000, 10_000_000)
DIMENSION = 8
# So little to compute that reading rows shows most, and the usual size.
HIDDEN_UNITS = ((32,), (128, 64))


def seconds_per_step(
    table_rows: int,
    batch_size: int,
    steps: int,
    random_state: int,
    jit: bool,
    hidden_units: tuple[int, ...],
) -> float:
    """Return the mean time of a training step with one embedding of `table_rows` rows.

    Ids are drawn evenly, the worst case: hardly a row of the large table is in a cache.
    """
    random = np.random.default_rng(random_state)
    rows = batch_size * steps
    item = random.integers(0, table_rows, rows)
    frame = {"item": item, "weight": random.normal(size=rows).astype(np.float32)}
    model = WideDeepClassifier(
        linear_columns=[numeric_column("weight")],
        deep_columns=[
            embedding_column(categorical_column_with_identity("item", table_rows), DIMENSION)
        ],
        hidden_units=hidden_units,
        deep_optimizer="adagrad",
        batch_size=batch_size,
        epochs=1,
        jit=jit,
        random_state=random_state,
    )
    return model.fit(frame, item % 2).training_seconds_ / steps


def main() -> None:
    """Time both tables in turn, compiled and interpreted; print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    for jit, hidden_units in itertools.product((True, False), HIDDEN_UNITS):
        steps = options.steps if jit else max(1, options.steps // 5)
        times: dict[int, list[float]] = {rows: [] for rows in TABLE_ROWS}
        for repetition in range(options.repetitions):
            for rows in TABLE_ROWS:
                gc.collect()
                step = seconds_per_step(
                    rows, options.batch_size, steps, repetition, jit, hidden_units
                )
                times[rows].append(step)
        small, large = (float(np.median(times[rows])) for rows in TABLE_ROWS)
        print(f"{'compiled' if jit else 'interpreted'}, hidden units {hidden_units}")
        for rows, median in zip(TABLE_ROWS, (small, large), strict=True):
            print(f"{rows:>12,} rows: {median * 1e6:8.1f} µs a step of {options.batch_size}")
        print(f"ratio {large / small:.2f} (wanted: at most 1.3)")


if __name__ == "__main__":
    main()
