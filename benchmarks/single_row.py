"""How fast are predictions? One row and many, from the frame and encoded; Wide & Deep on Adult.

Beside it scikit-learn: a logistic regression and a perceptron of the same layers, behind
``ColumnTransformer(OneHotEncoder, StandardScaler)`` on the same columns without the crosses.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import adult
import numpy as np
import pandas as pd
from peer_cannery import estimator, part
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cannery.feature_columns.express import feeds

WANTED = {"rows": 3e6, "encoded": 10.0, "frame": 300.0}


def median(call: Callable[[Any], object], arguments: list[Any], warm: int = 20) -> float:
    """Return the median time of a call in seconds, each argument in turn."""
    for argument in arguments[:warm]:
        call(argument)
    times = []
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def report(name: str, rows: float, encoded: float, frame: float) -> None:
    """Print one line: rows a second, then the two latencies in microseconds."""
    print(f"{name:28s} {rows / 1e6:14.2f} {encoded * 1e6:18.1f} {frame * 1e6:16.0f}")


def cannery(features: pd.DataFrame, labels: np.ndarray, rows: list[Any], repeats: int) -> None:
    """Time one model in one thread and in two."""
    for threads in (1, 2):
        model = estimator(batch_size=256, threads=threads).fit(features, labels)
        encode, run = model.columns_.encode, model.model_.run
        encoded = feeds(encode(features))
        single = [feeds(encode(row)) for row in rows]
        rate = len(features) / median(run, [encoded] * repeats, 3)
        report(
            f"Wide & Deep, {threads} thread{'s' * (threads > 1)}",
            rate,
            median(run, single),
            median(model.predict_proba, rows),
        )


def scikit_learn(features: pd.DataFrame, labels: np.ndarray, rows: list[Any], repeats: int) -> None:
    """Time the pipelines; their encoded rows are sparse, as the encoder makes them."""
    models = {
        "logistic regression": LogisticRegression(max_iter=50, tol=1e-2),
        "perceptron": MLPClassifier(adult.HIDDEN_UNITS, max_iter=1),
    }
    for name, model in models.items():
        categories = (OneHotEncoder(handle_unknown="ignore"), list(adult.CATEGORICAL))
        encoder = make_column_transformer(categories, (StandardScaler(), list(adult.NUMERIC)))
        pipeline = make_pipeline(encoder, model).fit(features, labels)
        predict, encoded = model.predict_proba, encoder.transform(features)
        rate = len(features) / median(predict, [encoded] * repeats, 3)
        single = [encoder.transform(row) for row in rows[:200]]
        frame = median(pipeline.predict_proba, rows[:200])
        report(f"scikit-learn {name}", rate, median(predict, single), frame)


def main() -> None:
    """Fit every model for one epoch and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=30)
    options = parser.parse_args()
    features, labels, test_features, _ = part()
    rows = [test_features.iloc[[i]] for i in range(options.calls)]
    print(f"{'medians':28s} {'M rows/s':>14s} {'µs an encoded row':>18s} {'µs a frame':>16s}")
    print(
        f"{'wanted':28s} {WANTED['rows'] / 1e6:14.2f} {WANTED['encoded']:18.1f} "
        f"{WANTED['frame']:16.0f}"
    )
    cannery(features, labels, rows, options.repeats)
    scikit_learn(features, labels, rows, options.repeats)


if __name__ == "__main__":
    main()
