"""Encoding a frame, beside scikit-learn's ColumnTransformer, in one run.

``python benchmarks/encode.py`` reads Adult from the folder in CANNERY_SHARED, or draws a frame
like it, repeats it to 325,600 rows and prints medians, ratios and peak memory.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cannery.feature_columns import (
    ColumnSet,
    bucketized_column,
    categorical_column,
    crossed_column,
    numeric_column,
)

CATEGORIES = {
    "workclass": 9,
    "education": 16,
    "marital-status": 7,
    "occupation": 15,
    "relationship": 6,
    "race": 5,
    "gender": 2,
    "native-country": 42,
}
NUMBERS = ["age", "educational-num", "capital-gain", "capital-loss", "hours-per-week"]
ROWS = 325_600


def adult() -> pd.DataFrame:
    """Read Adult, or draw a frame like it."""
    path = Path(os.environ.get("CANNERY_SHARED", "../shared")) / "data" / "adult.parquet"
    if path.is_file():
        return pd.read_parquet(path)
    random = np.random.default_rng(0)
    frame = {name: random.integers(17, 90, 48_842) for name in NUMBERS}
    for name, size in CATEGORIES.items():
        texts = np.array([f"{name} number {at}" for at in range(size)], dtype=object)
        frame[name] = texts[random.integers(0, size, 48_842)]
    return pd.DataFrame(frame)


def columns() -> ColumnSet:
    """8 categorical, 5 numbers, 1 bucketized and 3 crossed columns."""
    ages = bucketized_column(numeric_column("age"), [18, 25, 30, 35, 40, 45, 50, 55, 60, 65])
    return ColumnSet(
        [
            *(categorical_column(name) for name in CATEGORIES),
            *(numeric_column(name, normalizer="standard") for name in NUMBERS),
            ages,
            crossed_column(["education", "occupation"], 1000),
            crossed_column([ages, "education", "occupation"], 1000),
            crossed_column(["native-country", "occupation"], 1000),
        ]
    )


def median(run: Callable[[], object], repeats: int) -> float:
    """Return the median time of `run` in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak(run: Callable[[], object]) -> int:
    """Return the most memory that `run` held at once, in bytes."""
    tracemalloc.start()
    run()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def as_dtype(frame: pd.DataFrame, dtype: str) -> pd.DataFrame:
    """Return the frame with its texts as `dtype`."""
    kinds = {
        "str": "str",
        "str (python)": pd.StringDtype("python", na_value=np.nan),
        "object": object,
        "category": "category",
    }
    return frame.astype(dict.fromkeys(CATEGORIES, kinds[dtype]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    small = adult()
    copies = [small] * (ROWS // len(small) + 1)
    frame = pd.concat(copies, ignore_index=True).iloc[:ROWS]
    ours = columns().learn(small)
    theirs = ColumnTransformer(
        [
            ("texts", OneHotEncoder(handle_unknown="ignore"), list(CATEGORIES)),
            ("numbers", StandardScaler(), NUMBERS),
        ]
    )
    print(f"{'texts as':14}{'cannery':>12}{'sklearn':>12}{'ratio':>8}{'peak / encoded':>16}")
    for dtype in ("str", "str (python)", "object", "category"):
        data = as_dtype(frame, dtype)
        theirs.fit(data)
        encode, transform = partial(ours.encode, data), partial(theirs.transform, data)
        pairs = [(median(encode, 1), median(transform, 1)) for _ in range(repeats)]
        speeds = [ROWS / statistics.median(times) / 1e6 for times in zip(*pairs, strict=True)]
        encoded = encode()
        memory = peak(encode) / (encoded.ids.nbytes + encoded.numbers.nbytes)
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{dtype:14}{speeds[0]:7.2f} M/s{speeds[1]:8.2f} M/s{ratio:8.2f}{memory:16.2f}")
    one = frame.iloc[:1]
    times = [median(lambda: ours.encode(one), 20) for _ in range(25)]
    print(f"one row: {statistics.median(times) * 1e6:.0f} µs")


if __name__ == "__main__":
    main()
