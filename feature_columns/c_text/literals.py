"""Names, numbers, texts and tables as C writes them."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable

import numpy as np

__all__ = [
    "bytes_table",
    "c_double",
    "c_float",
    "c_int64",
    "c_string",
    "c_uint64",
    "identifier",
    "static_table",
]

LONGEST_NAME = 40


def identifier(name: str) -> str:
    """Return letters, digits and single underscores that resemble `name`.

    Examples
    --------
    >>> identifier("native-country"), identifier("größe (cm)"), identifier("日")
    ('native_country', 'gr_e_cm', 'x')
    """
    # Two underscores in a row are the C++ implementation's.
    found = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return found[:LONGEST_NAME].rstrip("_") or "x"


def c_double(number: float) -> str:
    """Return a double: the shortest digits that read back the same.

    Examples
    --------
    >>> c_double(0.1), c_double(20), c_double(-1e300), c_double(float("inf"))
    ('0.1', '20.0', '-1e+300', 'HUGE_VAL')
    """
    number = float(number)
    if math.isnan(number):
        return "NAN"
    if math.isinf(number):
        return "HUGE_VAL" if number > 0 else "-HUGE_VAL"
    return repr(number)


def c_float(number: float) -> str:
    """Return a float.

    Examples
    --------
    >>> c_float(0.1), c_float(18)
    ('0.1f', '18.0f')
    """
    single = np.float32(number)
    if not np.isfinite(single):
        return c_double(float(single)).replace("VAL", "VALF")
    text = str(single)
    return text + "f" if any(c in text for c in ".e") else text + ".0f"


def c_int64(number: int) -> str:
    """Return a 64-bit integer.

    Examples
    --------
    >>> c_int64(-5), c_int64(-(2**63))
    ('INT64_C(-5)', 'INT64_MIN')
    """
    return "INT64_MIN" if number == -(2**63) else f"INT64_C({number})"


def c_uint64(number: int) -> str:
    """Return an unsigned 64-bit integer."""
    return f"UINT64_C({number})"


def c_string(text: str) -> str:
    r"""Return a string literal of the UTF-8 bytes of `text`.

    Examples
    --------
    >>> print(c_string('say "5é?"'))
    "say \"5\303\251\077\""
    """
    # Octal escapes end after three digits whatever follows, and "??" could begin a trigraph.
    parts = []
    for byte in text.encode("utf-8", "surrogatepass"):
        if chr(byte) in '"\\':
            parts.append("\\" + chr(byte))
        elif 32 <= byte < 127 and chr(byte) != "?":
            parts.append(chr(byte))
        else:
            parts.append(f"\\{byte:03o}")
    return f'"{"".join(parts)}"'


def static_table(kind: str, name: str, entries: Iterable[str]) -> str:
    """Return the definition of a constant array; an empty one gets a 0, as C wants.

    Examples
    --------
    >>> print(static_table("float", "cuts", ["18.0f", "65.0f"]))
    static const float cuts[] = {
        18.0f, 65.0f
    };
    """
    text = ", ".join(entries) or "0"
    lines = textwrap.fill(text, 96, break_long_words=False, break_on_hyphens=False)
    return f"static const {kind} {name}[] = {{\n{textwrap.indent(lines, '    ')}\n}};"


def bytes_table(name: str, texts: Iterable[bytes]) -> str:
    r"""Return the definition of an array of texts, one after the other.

    Examples
    --------
    >>> print(bytes_table("tokens", [b"A'", b"\xff"]))
    static const unsigned char tokens[] = {
        'A', 39, 255
    };
    """
    entries = (
        f"'{chr(byte)}'" if chr(byte).isalnum() and byte < 128 else str(byte)
        for text in texts
        for byte in text
    )
    return static_table("unsigned char", name, entries)
