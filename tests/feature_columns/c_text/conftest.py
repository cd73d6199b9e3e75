"""The C library of columns, compiled once with functions through which Python can call it."""

from __future__ import annotations

import ctypes
from importlib import resources

import pytest

from cannery.feature_columns.c_text.library import needed
from cannery.feature_columns.c_text.writer import Writer
from cannery.feature_columns.tokens import Vocabulary
from cannery.graph.compiler.toolchain import find_toolchain, load

INCLUDES = "float math stddef stdint string".split()
TOKENS = ("Oslo", "Rome", "São Paulo", "5", "東京", "", "�", "x" * 300)
CALLS = """
double call_read(const char *text, size_t length, int *fine)
{
    decimal x;
    *fine = read_decimal(text, length, &x);
    return *fine ? decimal_value(&x) : 0;
}
int call_write(double number, char *to) { return (int)write_number(number, to); }
int call_write_integer(int64_t number, char *to) { return (int)write_integer(number, to); }
uint64_t call_fingerprint(const char *text, size_t length) { return fingerprint(text, length); }
uint64_t call_concatenated(uint64_t a, uint64_t b) { return concatenated(a, b); }
int call_mended(const char *text, size_t length, unsigned char *to)
{
    byte_reader reader = reader_of(text, length);
    int whole, count = 0, byte;
    while ((byte = next_byte(&reader)) >= 0) to[count++] = (unsigned char)byte;
    return mended_length((const unsigned char *)text, length, &whole) == (size_t)count ? count : -1;
}
int call_whole(const char *text, size_t length, int64_t *number)
{
    return read_whole(text, length, number);
}
int call_instant(const char *text, size_t length, int64_t *found)
{
    instant date;
    int rest;
    if (!read_instant(text, length, &date)) return 0;
    found[0] = date.seconds;
    found[1] = date.nanoseconds;
    found[2] = month_of(&date, &rest);
    found[3] = rest;
    found[4] = ((day_of(&date, &rest) + 3) % 7 + 7) % 7;
    found[5] = rest;
    return 1;
}
double call_days(const char *text, size_t length)
{
    instant date;
    return read_instant(text, length, &date) ? days_elapsed(&date) : NAN;
}
int64_t call_find(const char *text, size_t length)
{
    return find_token(text, length, fingerprint(text, length), &TOKENS);
}
int64_t call_bucket(float number, const float *cuts, size_t count)
{
    int64_t id;
    bucketize(&number, 1, cuts, count, &id);
    return id;
}
double call_interpolate(double x, const double *at, const double *rank, size_t count)
{
    return interpolate(x, at, rank, count);
}
float call_float(double number) { return to_float(number); }
"""


class Library:
    """Functions of the C library by their names."""

    def __init__(self, loaded: ctypes.CDLL):
        self._loaded = loaded
        for name in ("read", "days", "interpolate"):
            getattr(loaded, f"call_{name}").restype = ctypes.c_double
        for name in ("fingerprint", "concatenated"):
            getattr(loaded, f"call_{name}").restype = ctypes.c_uint64
        for name in ("find", "bucket"):
            getattr(loaded, f"call_{name}").restype = ctypes.c_int64
        loaded.call_float.restype = ctypes.c_float
        self.call_float = loaded.call_float

    def call(self, name, text: bytes, *more):
        """Call a function of a text, which is followed by no zero byte it could count upon."""
        room = (ctypes.c_char * max(1, len(text))).from_buffer_copy(text or b"x")
        return getattr(self._loaded, f"call_{name}")(room, ctypes.c_size_t(len(text)), *more)

    def read(self, text: bytes) -> float | None:
        """Return the number that a text stands for."""
        fine = ctypes.c_int()
        found = self.call("read", text, ctypes.byref(fine))
        return found if fine.value else None

    def written(self, number: float | int) -> str:
        """Return the canonical text of a number."""
        room = ctypes.create_string_buffer(320)
        if isinstance(number, int):
            length = self._loaded.call_write_integer(ctypes.c_int64(number), room)
        else:
            length = self._loaded.call_write(ctypes.c_double(number), room)
        return room.raw[:length].decode()

    def mended(self, text: bytes) -> bytes:
        """Return a text as UTF-8."""
        room = ctypes.create_string_buffer(3 * len(text) + 1)
        length = self.call("mended", text, room)
        assert length >= 0
        return room.raw[:length]

    def whole(self, text: bytes) -> int | None:
        """Return the whole number that a text stands for."""
        found = ctypes.c_int64()
        return found.value if self.call("whole", text, ctypes.byref(found)) else None

    def instant(self, text: bytes) -> list[int] | None:
        """Return seconds, nanoseconds, month, day, weekday and second of the day of a date."""
        found = (ctypes.c_int64 * 6)()
        return list(found) if self.call("instant", text, found) else None

    def concatenated(self, a: int, b: int) -> int:
        """Return two fingerprints as one."""
        return self._loaded.call_concatenated(ctypes.c_uint64(a), ctypes.c_uint64(b))

    def bucket(self, number: float, cuts: list[float]) -> int:
        """Return how many boundaries are at most a number."""
        array = (ctypes.c_float * len(cuts))(*cuts)
        return self._loaded.call_bucket(ctypes.c_float(number), array, ctypes.c_size_t(len(cuts)))

    def interpolate(self, x: float, at: list[float], rank: list[float]) -> float:
        """Return what `numpy.interp` does."""
        points, ranks = (ctypes.c_double * len(at))(*at), (ctypes.c_double * len(at))(*rank)
        size = ctypes.c_size_t(len(at))
        return self._loaded.call_interpolate(ctypes.c_double(x), points, ranks, size)


@pytest.fixture(scope="session")
def tokens():
    """The texts that `call("find", text)` knows, in order."""
    return TOKENS


@pytest.fixture(scope="session")
def library():
    """The C library of columns."""
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")
    package = resources.files("cannery.feature_columns.c_text")
    row = (package / "row.h").read_text(encoding="utf-8")
    writer = Writer(["key"], 64)
    name = Vocabulary(TOKENS).write_c(writer, "cities")
    calls = CALLS.replace("TOKENS", name)
    includes = "\n".join(f"#include <{header}.h>" for header in INCLUDES)
    parts = [includes, "#define MODEL_COLUMNS 1", row, needed(calls + "\n".join(writer.tables))]
    return Library(load("\n\n".join([*parts, *writer.tables, calls])))
