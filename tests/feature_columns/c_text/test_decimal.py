"""Numbers become texts and texts numbers exactly as in Python."""

from __future__ import annotations

import ctypes
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cannery.feature_columns.values import text, whole

SPACES = " \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2003\u2028\u202f\u205f\u3000"
HARD = [
    "9007199254740993", "9007199254740992.99999999999999999999", "2.2250738585072014e-308",
    "2.2250738585072011e-308", "4.9406564584124654e-324", "2.4703282292062327e-324",
    "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158e308",
    "1.7976931348623159e308", "179769313486231580793e289", "0.1", "1e22", "1e23", "8.5e22",
    "123456789012345678901234567890", "5e-324", "0e999999999999999999999", "1e-99999999999999999",
    "0." + "0" * 400 + "1e400", "1" + "0" * 400 + "e-400", "1." + "9" * 800, "0" * 900 + "7",
    "9" * 770 + "e-460", "1.00000005960464477539062500" + "0" * 760 + "1", "-0.0", "+.5e+1",
]  # fmt: skip


def expected(given: str) -> float | None:
    """What Python reads; a finite number or none, without the underscores of its own."""
    try:
        found = float(given)
    except ValueError:
        return None
    named = any(letter in given.lower() for letter in ("n", "_"))
    return None if named else found


def same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return struct.pack("d", a) == struct.pack("d", b)


@pytest.mark.parametrize("given", HARD)
def test_hard_numbers_are_read_as_python_reads_them(library, given):
    assert same(library.read(given.encode()), float(given))


@settings(max_examples=400, deadline=None)
@given(st.text("0123456789+-.eE_ naif\t٣８\u2003\u0130", max_size=24))
def test_any_text_is_read_as_python_reads_it(library, given):
    assert same(library.read(given.encode()), expected(given)), given


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_from_its_text(library, number):
    assert same(library.read(repr(number).encode()), number)


@settings(max_examples=200, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=30))
def test_long_texts_are_rounded_correctly(library, number):
    assert same(library.read(str(number).encode()), float(str(number)))


@pytest.mark.parametrize("space", SPACES)
def test_spaces_around_a_number_count_for_nothing(library, space):
    given = f"{space}7{space}"
    assert same(library.read(given.encode()), expected(given))


@settings(max_examples=400, deadline=None)
@given(st.floats(allow_nan=False))
def test_a_number_is_written_as_its_canonical_text(library, number):
    assert library.written(number) == text(number)


@pytest.mark.parametrize("exponent", range(-330, 309, 7))
def test_powers_of_ten_are_written_as_python_writes_them(library, exponent):
    for number in (float(f"1e{exponent}"), math.nextafter(float(f"1e{exponent}"), math.inf)):
        assert library.written(number) == text(number)


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_written_in_digits(library, number):
    assert library.written(number) == str(number)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text("-0123456789.", max_size=24), st.integers().map(str)))
def test_whole_numbers_are_told_from_others(library, given):
    assert library.whole(given.encode()) == whole(given)


@pytest.mark.parametrize("given", ["True", "False", "true", "5.0", "-0", "", "-", ".0", "1.00"])
def test_what_counts_as_a_whole_number(library, given):
    assert library.whole(given.encode()) == whole(given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (3.4028234663852886e38, 3.4028234663852886e38),
        (3.4028235677973366e38, math.inf),
        (-1e300, -math.inf),
        (1e-46, 0.0),
    ],
)
def test_doubles_beyond_float_are_infinite(library, given, wanted):
    assert library.call_float(ctypes.c_double(given)) == wanted
