"""Files that cannot be read whole are refused, in words."""

from __future__ import annotations

import gzip
import sys

import pandas as pd
import pytest

from cannery.commands.reading import read_table
from cannery.datasets import make_census
from cannery.errors import InvalidValue, MissingDependency, NotFound


@pytest.fixture
def frame():
    return make_census(200, random_state=0)


def test_csv_round_trip(tmp_path, frame):
    frame.to_csv(tmp_path / "census.csv", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "census.csv"), frame)


def test_compressed_csv_round_trip(tmp_path, frame):
    frame.to_csv(tmp_path / "census.csv.gz", index=False)
    pd.testing.assert_frame_equal(read_table(tmp_path / "census.csv.gz"), frame)


def test_parquet_round_trip(tmp_path, frame):
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "census.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "census.parquet"), frame)


def test_missing_file(tmp_path):
    with pytest.raises(NotFound, match=r"DATA: no such file, got .*nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(NotFound, match="no such file"):
        read_table(tmp_path)


def test_other_suffix(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(InvalidValue, match=r"must end in .csv, .csv.gz or .parquet, got a.xlsx"):
        read_table(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "cannot be read"),
        ("header.csv", b"a,b\n", "holds no rows"),
        ("wide.csv", b"a,b\n1,2\n1,2,3,4\n", "cannot be read .*line 3"),
        ("quote.csv", b'a,b\n1,"2', "cannot be read"),
        ("binary.csv", b"a,b\n\xff\xfe\x00,1\n", "cannot be read .*utf-8"),
        ("cut.csv", b"a,b,c\n1,2,3\n4,5", "last line is cut off, got 2 of 3 cells"),
        ("twice.csv", b"a,b,a\n1,2,3\n", r"column names must differ, repeated, got \['a'\]"),
        ("text.parquet", b"a,b\n1,2\n", "cannot be read"),
        ("empty.parquet", b"", "cannot be read"),
        ("plain.csv.gz", b"a,b\n1,2\n", "cannot be read"),
    ],
)
def test_damaged_files(tmp_path, name, content, message):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidValue, match=message):
        read_table(tmp_path / name)


def test_truncated_parquet(tmp_path, frame):
    pytest.importorskip("pyarrow")
    frame.to_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidValue, match="cannot be read"):
        read_table(tmp_path / "cut.parquet")


def test_truncated_gzip(tmp_path, frame):
    content = gzip.compress(frame.to_csv(index=False).encode())
    (tmp_path / "cut.csv.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidValue, match="cannot be read"):
        read_table(tmp_path / "cut.csv.gz")


def test_no_newline_at_the_end_is_no_damage(tmp_path):
    (tmp_path / "a.csv").write_text('a,b\n1,"two\nlines"\n3,')
    assert len(read_table(tmp_path / "a.csv")) == 2
    (tmp_path / "b.csv").write_text('a,b\n1,"two\nlines"')
    assert len(read_table(tmp_path / "b.csv")) == 1


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"cannery\[parquet\]"):
        read_table(tmp_path / "a.parquet")
