"""Adult as encoded arrays: what every peer trains on, made without cannery's own encoder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

CATEGORICAL = (
    "workclass",
    "education",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "gender",
    "native-country",
)
NUMERIC = ("age", "educational-num", "capital-gain", "capital-loss", "hours-per-week")
EMBEDDED = ("native-country", "occupation")
INDICATED = tuple(key for key in CATEGORICAL if key not in EMBEDDED)
AGE_BOUNDARIES = (18, 25, 30, 35, 40, 45, 50, 55, 60, 65)
CROSSES = (
    ("education", "occupation"),
    ("age_buckets", "education", "occupation"),
    ("native-country", "occupation"),
)
CROSS_BUCKETS = 1000
EMBEDDING_WIDTH = 8
HIDDEN_UNITS = (100, 75, 50, 25)
LINEAR_LEARNING_RATE = 0.1
DEEP_LEARNING_RATE = 0.05
INITIAL_ACCUMULATOR = 0.1
TARGET, POSITIVE = "income", ">50K"
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Encoded:
    """One part of the data, ready for a peer's training loop.

    Attributes
    ----------
    wide_ids : ndarray of int64, shape (rows, 12)
        Eight categoricals, age buckets, three crosses; every column has its own range of rows
        in one weight vector of `wide_size`.
    dense : ndarray of float32, shape (rows, 50)
        Five standardised numbers, then the indicators side by side.
    embedding_ids : ndarray of int64, shape (rows, 2)
        Country and occupation, each counted from 0; `embedding_sizes` holds their tables' rows.
    labels : ndarray of float32, shape (rows,)
        1 for an income above 50 K.
    """

    wide_ids: np.ndarray
    dense: np.ndarray
    embedding_ids: np.ndarray
    labels: np.ndarray
    wide_size: int
    embedding_sizes: tuple[int, ...]


def path() -> Path:
    """Return where Adult is expected: below CANNERY_SHARED, else ``../shared``."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("CANNERY_SHARED", beside)) / "data" / "adult.parquet"


def frame() -> pd.DataFrame:
    """Return the raw Adult frame, or a made-up one of the same shape where it is absent."""
    return pd.read_parquet(path()) if path().exists() else made_up()


def made_up(rows: int = 48_842, random_state: int = 0) -> pd.DataFrame:
    """Return a frame with Adult's columns and cardinalities; its speeds compare, not its AUC."""
    random = np.random.default_rng(random_state)
    sizes = (9, 16, 7, 15, 6, 5, 2, 42)
    data: dict[str, np.ndarray] = {
        "age": random.integers(17, 91, rows),
        "educational-num": random.integers(1, 17, rows),
        "capital-gain": np.where(random.random(rows) < 0.08, random.integers(0, 20_000, rows), 0),
        "capital-loss": np.where(random.random(rows) < 0.05, random.integers(0, 3_000, rows), 0),
        "hours-per-week": random.integers(1, 100, rows),
    }
    logit = (data["age"] - 50) / 20 + (data["educational-num"] - 10) / 3 - 1
    for key, size in zip(CATEGORICAL, sizes, strict=True):
        codes = np.minimum(random.geometric(0.25, rows) - 1, size - 1)
        logit = logit + random.normal(size=size)[codes]
        data[key] = np.array([f"{key} {code}" for code in range(size)], dtype=object)[codes]
    rich = random.random(rows) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame({**data, TARGET: np.where(rich, POSITIVE, "<=50K")})


def split(rows: int, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the training rows and of the random third held out."""
    order = np.random.default_rng(random_state).permutation(rows)
    return np.sort(order[rows // 3 :]), np.sort(order[: rows // 3])


def encoded(random_state: int = 0) -> tuple[Encoded, Encoded]:
    """Return the training part and the held-out part as arrays."""
    data = frame()
    train, test = split(len(data), random_state)
    numbers = data[list(NUMERIC)].to_numpy(np.float64)
    numbers = (numbers - numbers[train].mean(axis=0)) / numbers[train].std(axis=0)
    codes, sizes = _codes(data)
    wide = [*CATEGORICAL, "age_buckets", *(" x ".join(cross) for cross in CROSSES)]
    offsets = np.cumsum([0, *(sizes[key] for key in wide)])
    ids = np.stack([codes[key] for key in wide], axis=1) + offsets[:-1]
    dense = [numbers, *(np.eye(sizes[key])[codes[key]] for key in INDICATED)]
    arrays = (
        ids,
        np.concatenate(dense, axis=1).astype(np.float32),
        np.stack([codes[key] for key in EMBEDDED], axis=1),
        (data[TARGET] == POSITIVE).to_numpy(np.float32),
    )
    embedding_sizes = tuple(sizes[key] for key in EMBEDDED)

    def part(rows: np.ndarray) -> Encoded:
        chosen = (np.ascontiguousarray(array[rows]) for array in arrays)
        return Encoded(*chosen, wide_size=int(offsets[-1]), embedding_sizes=embedding_sizes)

    return part(train), part(test)


def _codes(data: pd.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    codes, sizes = {}, {}
    for key in CATEGORICAL:
        codes[key], tokens = pd.factorize(data[key], sort=True)
        sizes[key] = len(tokens)
    codes["age_buckets"] = np.searchsorted(AGE_BOUNDARIES, data["age"].to_numpy(), side="right")
    sizes["age_buckets"] = len(AGE_BOUNDARIES) + 1
    for cross in CROSSES:
        mixed = np.zeros(len(data), np.uint64)
        for key in cross:
            mixed = (mixed + codes[key].astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
        name = " x ".join(cross)
        codes[name] = ((mixed >> np.uint64(32)) % np.uint64(CROSS_BUCKETS)).astype(np.int64)
        sizes[name] = CROSS_BUCKETS
    return codes, sizes
