"""What this machine can do at most, and what share of it training Wide & Deep reaches.

Peak rates are those of numpy's BLAS at the shapes of the model's layers and at 1024 cubed, and of
copies of arrays that fit no cache. The products of a step are counted from the program.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import pairwise

import adult
import numpy as np
import peer_cannery
from threadpoolctl import threadpool_limits

from cannery.graph.compiler.cost import step_work
from cannery.graph.compiler.indicators import without_indicators

BATCH_SIZES = (40, 256, 2048)
COPIED = 1 << 26  # numbers


def least(call: Callable[[], object], seconds: float) -> float:
    """Return the least time of a call, tried again and again for a while."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def product_rate(rows: int, inner: int, columns: int, seconds: float) -> float:
    """Return the floating-point operations a second of one matrix product."""
    random = np.random.default_rng(0)
    a = random.normal(size=(rows, inner)).astype(np.float32)
    b = random.normal(size=(inner, columns)).astype(np.float32)
    c = np.empty((rows, columns), np.float32)
    many = max(1, int(1e6 / (rows * inner * columns)))

    def multiply() -> None:
        for _ in range(many):
            np.matmul(a, b, out=c)

    return 2 * many * rows * inner * columns / least(multiply, seconds)


def peaks(threads: int, seconds: float) -> tuple[float, float]:
    """Print the rates of products; return the best at the model's shapes, and of all."""
    units = (5 + 2 * adult.EMBEDDING_WIDTH, *adult.HIDDEN_UNITS)
    shapes = [(rows, *pair) for rows in BATCH_SIZES for pair in pairwise(units)]
    found = {}
    with threadpool_limits(threads, "blas"):
        for shape in [*shapes, (1024, 1024, 1024)]:
            found[shape] = product_rate(*shape, seconds)
            name = " x ".join(map(str, shape))
            print(f"  {name:22}{found[shape] / 1e9:8.1f} GFLOPS, {threads} threads")
    return max(found[shape] for shape in shapes), max(found.values())


def products_a_row(batch_size: int) -> float:
    """Return the products that a training step sums for a row, zeros of indicators left out."""
    features, labels, *_ = peer_cannery.part()
    model = peer_cannery.estimator(batch_size).fit(features[:1000], labels[:1000])
    step = without_indicators(model._training)
    return step_work(step, batch_size)[2] / batch_size


def main() -> None:
    """Print the limits, then the speed of training beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.1)
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    source, target = np.ones(COPIED, np.float32), np.zeros(COPIED, np.float32)
    copied = least(lambda: np.copyto(target, source), 10 * options.seconds)
    print(f"copy: {2 * source.nbytes / copied / 1e9:.1f} GB/s read and written, 1 thread")
    cores = peer_cannery.cores()
    features, labels, *_ = peer_cannery.part()
    for threads in dict.fromkeys((1, cores)):
        here, best = peaks(threads, options.seconds)
        for size in BATCH_SIZES:
            work = 2 * products_a_row(size)
            speeds = []
            for _ in range(options.repetitions):
                model = peer_cannery.estimator(size, peer_cannery.EPOCHS, threads=threads)
                taken = model.fit(features, labels).training_seconds_
                speeds.append(peer_cannery.EPOCHS * len(labels) / taken)
            rate = float(np.median(speeds)) * work
            print(
                f"  batch {size:5}: {rate / work / 1e3:6.0f} k rows/s of {work / 1e3:.1f} kFLOP: "
                f"{rate / 1e9:5.1f} GFLOPS in products, {rate / here:.0%} of the best rate at "
                f"these shapes, {rate / best:.0%} of the best of all; {threads} threads"
            )


if __name__ == "__main__":
    main()
