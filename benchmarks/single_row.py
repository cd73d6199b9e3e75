"""How long does `predict_proba` of a one-row frame take? Wide & Deep on Adult."""

from __future__ import annotations

import argparse
import time

import numpy as np
from peer_cannery import estimator, part


def main() -> None:
    """Fit for one epoch, predict row by row and print the latency."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    options = parser.parse_args()
    features, labels, test_features, _ = part()
    model = estimator(batch_size=256).fit(features, labels)
    rows = [test_features.iloc[[i]] for i in range(options.calls)]
    for row in rows[:20]:
        model.predict_proba(row)
    times = []
    for row in rows:
        start = time.perf_counter()
        model.predict_proba(row)
        times.append(time.perf_counter() - start)
    half, most = np.percentile(times, (50, 99)) * 1e6
    print(f"one row: median {half:.0f} µs, 99 % below {most:.0f} µs (wanted: median under 1000)")


if __name__ == "__main__":
    main()
