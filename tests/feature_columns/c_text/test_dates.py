"""Dates in C are those that pandas reads."""

from __future__ import annotations

import datetime
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = [
    "2024-02-29", "2023-02-29", "1900-02-29", "2000-02-29", "20240229", "2024-1-2", "2024/03/04",
    "2024.03.04", "2024 03 04", "2024-03", "202403", "2024", "24-03-04", "2024-13-01", "2024-00-01",
    "2024-04-31", "1969-12-31T23:59:59",
    "2024-03-04T05", "2024-03-04T05:06", "2024-03-04 05:06:07", "2024-03-04 05:06:07.5",
    "2024-03-04 05:06:07.123456789", "2024-03-04T24:00:00", "2024-03-04T05:60", "2024-03-04T05:06Z",
    "2024-03-04T05:06:07+01:30", "2024-03-04T05:06:07-0800", "2024-03-04T05:06:07+14", "T05:06",
    "2024-03-04 ", " 2024-03-04", "2024-03-04x", "2024-03-04T", "2024-03-04T050607", "", "-",
    "2024-03-04 05:06:07.", "2024-03-04T05:06:07.000000001Z", "2024-W10-1", "March 4, 2024",
]  # fmt: skip


def wanted(text: str) -> pd.DatetimeIndex | None:
    given = pd.Series([text], dtype=object)
    found = pd.to_datetime(given, errors="coerce", format="ISO8601", utc=True)
    return None if found.isna()[0] else pd.DatetimeIndex(found.dt.tz_localize(None))


def check(library, text: str) -> None:
    found, dates = library.instant(text.encode()), wanted(text)
    assert (found is None) == (dates is None), text
    if found is None or dates is None:
        return
    _, nanoseconds, month, day, weekday, second = found
    date = dates[0]
    assert (month, day, weekday) == (date.month - 1, date.day - 1, date.day_of_week), text
    assert second == date.hour * 3600 + date.minute * 60 + date.second
    assert nanoseconds // 1000 == date.microsecond
    days = (dates - pd.Timestamp(0)) / pd.Timedelta(days=1)
    assert math.isclose(library.call("days", text.encode()), days[0], rel_tol=1e-15, abs_tol=1e-12)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_the_date_that_pandas_reads(library, text):
    check(library, text)


@settings(max_examples=150, deadline=None)
@given(
    st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    st.sampled_from("T "),
    st.sampled_from(["", "Z", "+05:30", "-11", "-0030"]),
)
def test_any_date_in_any_zone(library, date, between, zone):
    check(library, date.isoformat(between) + zone)


@settings(max_examples=150, deadline=None)
@given(st.from_regex(r"(1[7-9]|2[01])[0-9]{2}[-0-9T:. Z+]{0,16}", fullmatch=True))
def test_what_is_no_date_is_none(library, text):
    check(library, text)
