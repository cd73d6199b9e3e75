"""Tables from CSV and Parquet files, refusing what cannot be read whole."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InvalidValue, MissingDependency, NotFound

__all__ = ["read_table"]

SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file into a frame.

    Raises
    ------
    NotFound
        No such file.
    InvalidValue
        Another kind of file, or one that is damaged, cut off or empty.
    MissingDependency
        Parquet without pyarrow.
    """
    if not path.is_file():
        raise NotFound("DATA", "no such file", str(path))
    if not path.name.lower().endswith(SUFFIXES):
        raise InvalidValue("DATA", "must end in .csv, .csv.gz or .parquet", path.name)
    try:
        frame = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        if isinstance(error, InvalidValue):
            raise
        # Among these: pandas' ParserError, EmptyDataError and pyarrow's ArrowInvalid.
        reason = str(error).strip().split("\n")[0]
        raise InvalidValue(
            str(path),
            f"cannot be read ({reason})",
            todo="is it whole, and of the kind it is named for?",
        ) from None
    if frame.empty:
        raise InvalidValue(str(path), "holds no rows")
    return frame


def _parquet(path: Path) -> pd.DataFrame:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingDependency(
            str(path), "reading Parquet needs pyarrow", todo='pip install "cannery[parquet]"'
        ) from None
    return pd.read_parquet(path)


def _csv(path: Path) -> pd.DataFrame:
    header, last, tail = _ends(path)
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InvalidValue(str(path), "column names must differ, repeated", repeated)
    # pandas would fill the missing cells of a line that was cut off with NaN. A quote in the last
    # line may be the end of a longer cell, so such a line proves nothing.
    if last and not tail.endswith("\n") and '"' not in tail and len(last) < len(header):
        raise InvalidValue(
            str(path),
            "the last line is cut off",
            f"{len(last)} of {len(header)} cells",
            "get the whole file, or delete that line",
        )
    return pd.read_csv(path)


def _ends(path: Path) -> tuple[list[str], list[str], str]:
    """Return the cells of the first and of the last line, and the last line as it stands."""
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
        line = ""
        for line in file:  # noqa: B007 - the last one is wanted
            pass
    return header, next(csv.reader([line]), []), line
