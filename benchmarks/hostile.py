"""A model with every kind of column, and rows that nobody would send on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from cannery.feature_columns import (
    Column,
    bucketized_column,
    categorical_column,
    categorical_column_with_hash_bucket,
    categorical_column_with_identity,
    categorical_column_with_vocabulary_list,
    crossed_column,
    date_column,
    elapsed_column,
    embedding_column,
    indicator_column,
    numeric_column,
    shared_embeddings,
    weighted_categorical_column,
)

CITIES = ["Oslo", "Rome", "São Paulo", "東京", "New York", "Lima", "nan", "x" * 70]
TAGS = [f"tag {i}" for i in range(30)]
WORDS = ["Oslo ", "oslo", "5", "5.0", "-1", "-1.0", "1e3", "0.5", "True", "False", "None", "NaN"]
WORDS += ["inf", "-inf", " 7 ", "1_000", "+3", ".5", "5.", "0x10", "1e400", "1e-400", "٣", "a,b|c"]
WORDS += ['say "5"', "line\nfeed", "null\0byte", "😀", "�", "e\u0301", "2024-02-30"]
WORDS += ["2024-02-29", "1969-12-31T23:59:59Z", "2024-01-01 00:00:00+05:30", "20240101", "2024-1"]
BYTES = [b"\xff", b"Oslo\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80" * 40, b"\xed\xa0\x80", b"Rome"]
NUMBERS = [0.0, -0.0, 1.5, -1.0, 1e308, -1e308, 5e-324, 1e16, 2.0**53, 1e22, 0.1, 1 / 3, 1e-7]
NUMBERS += [float("nan"), float("inf"), float("-inf"), 123456789.25, 3.4e38, 3.5e38, -7.0]
INTEGERS = [0, 1, -1, 5, 7, 23, 24, -5, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)]


def columns() -> tuple[list[Column], list[Column]]:
    """Return the wide and the deep columns."""
    city, grade = categorical_column("city"), categorical_column("grade", num_oov_buckets=3)
    hour = categorical_column_with_identity("hour", 24, default_value=0)
    size = categorical_column_with_vocabulary_list("size", ["S", "M", "L", ""], num_oov_buckets=2)
    code = categorical_column_with_vocabulary_list("code", [1, 2, 5, 7])
    tags, share = categorical_column("tags", max_tokens=20), numeric_column("share", shape=3)
    other = categorical_column("other", max_tokens=20)
    zipped = categorical_column_with_hash_bucket("zip", 50)
    weighted = weighted_categorical_column(categorical_column_with_hash_bucket("apps", 40), "used")
    flag, rate = categorical_column("flag"), categorical_column("rate", num_oov_buckets=0)
    age = bucketized_column(numeric_column("age"), [18, 30.5, 65], missing="none")
    pay = bucketized_column(numeric_column("pay", normalizer="log"), 6)
    shares = bucketized_column(share, [0.25, 0.5])
    wide = [city, grade, hour, size, code, tags, zipped, weighted, flag, rate, age, pay, shares]
    wide += [crossed_column(["city", age], 97), crossed_column(["hour", "flag", "zip"], 89)]
    wide += [crossed_column(["tags", "city"], 83), crossed_column([tags, "other", hour], 79)]
    wide += [crossed_column([pay, "rate"], 73, hash_key=7), date_column("day", "weekday")]
    deep: list[Column] = [share]
    deep += [numeric_column("age", normalizer="minmax", missing="zero")]
    deep += [numeric_column("pay", normalizer=kind) for kind in ("standard", "quantile", "log")]
    deep += [numeric_column("share", shape=3, normalizer="quantile", missing=-1.0)]
    deep += [
        embedding_column(city, 3, max_norm=0.3),
        embedding_column(weighted, 2, combiner="sqrtn"),
    ]
    deep += [embedding_column(tags, 4, combiner="sum"), *shared_embeddings([tags, other], 3)]
    parts = ("month", "quarter", "day", "hour", "minute")
    deep += [indicator_column(date_column("day", part)) for part in parts]
    deep += [indicator_column(weighted), indicator_column(other), elapsed_column("day")]
    return wide, deep


def clean(count: int, seed: int) -> dict[str, list[Any]]:
    """Return a frame to learn from: what such columns hold in good times."""
    draw = random.Random(seed)
    apps = [draw.sample(range(99), draw.randrange(4)) for _ in range(count)]
    return {
        "city": [draw.choice([*CITIES, None]) for _ in range(count)],
        "grade": [draw.randrange(12) for _ in range(count)],
        "hour": [draw.randrange(24) for _ in range(count)],
        "size": [draw.choice(["S", "M", "L", "XL"]) for _ in range(count)],
        "code": [draw.choice([1, 2, 5, 7, 9]) for _ in range(count)],
        "tags": [draw.choices(TAGS, k=draw.randrange(5)) for _ in range(count)],
        "other": [draw.choices(TAGS, k=draw.randrange(3)) for _ in range(count)],
        "zip": [f"{draw.randrange(99_999):05}" for _ in range(count)],
        "apps": apps,
        "used": [[draw.random() for _ in row] for row in apps],
        "flag": [draw.random() < 0.4 for _ in range(count)],
        "rate": [draw.choice([0.25, 0.5, 1.0, 2.75]) for _ in range(count)],
        "age": [draw.choice([draw.uniform(0, 99), draw.randrange(99)]) for _ in range(count)],
        "pay": [draw.choice([None, 0.0, draw.lognormvariate(8, 2)]) for _ in range(count)],
        "share": [[draw.random() for _ in range(3)] for _ in range(count)],
        "day": [_day(draw) for _ in range(count)],
    }


def _day(draw: random.Random) -> str:
    day = f"{draw.randrange(1950, 2050)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
    time = f" {draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
    return day + draw.choice(["", time, f"{time}.25", f"T{time[1:]}Z", f"{time}-03:00"])


def labels(frame: dict[str, list[Any]]) -> np.ndarray:
    """Return a class for each row of a clean frame."""
    pairs = zip(frame["grade"], frame["flag"], frame["tags"], strict=True)
    return np.array([int(grade > 5) ^ flag ^ (TAGS[0] in tags) for grade, flag, tags in pairs])


def value(draw: random.Random) -> Any:
    """Return any value at all that is no list."""
    kind = draw.randrange(10)
    if kind == 0:
        return None
    if kind == 1:
        return draw.choice(NUMBERS) if draw.random() < 0.5 else draw.uniform(-1e6, 1e6)
    if kind == 2:
        return draw.choice(INTEGERS)
    if kind == 3:
        return draw.random() < 0.5
    if kind == 4:
        return draw.choice(BYTES) if draw.random() < 0.7 else draw.randbytes(draw.randrange(90))
    if kind == 5:
        return draw.choice(CITIES + TAGS)
    if kind == 6 and draw.random() < 0.1:
        return "".join(map(chr, draw.choices(range(0x20, 0x3000), k=draw.randrange(3000))))
    if kind == 7:
        return repr(
            draw.choice([draw.random() * 10 ** draw.randrange(-30, 30), draw.getrandbits(66)])
        )
    return draw.choice(WORDS) if draw.random() < 0.8 else ""


def rows(count: int, seed: int, share: float = 0.06) -> Iterator[dict[str, Any]]:
    """Yield rows, this share of whose cells holds what it should not."""
    draw, good = random.Random(seed), clean(min(count, 1000), seed)
    size = len(good["city"])
    for at in range(count):
        row = {key: cells[at % size] for key, cells in good.items()}
        for key in row:
            if draw.random() < share:
                several = draw.random() < (0.7 if isinstance(row[key], list) else 0.03)
                many = draw.randrange(90) if draw.random() < 0.02 else draw.randrange(4)
                row[key] = [value(draw) for _ in range(many)] if several else value(draw)
        yield row
