"""A source gets the pieces it uses and no others, since compilers warn of functions unused."""

from __future__ import annotations

import re

import pytest

from cannery.feature_columns.c_text.library import needed, piece_names

NAMES = sorted(piece_names())
TYPES = r"(?:int|size_t|u?int\d+_t|double|float|char|unsigned|big|decimal|instant|value)"


@pytest.fixture(scope="module")
def everything() -> str:
    return re.sub(r"/\*.*?\*/", "", needed(" ".join(NAMES)), flags=re.DOTALL)


@pytest.mark.parametrize("name", NAMES)
def test_no_member_or_variable_is_called_like_a_piece(name, everything):
    """Its name would bring the piece along, and nobody would call it."""
    assert not re.search(rf"(?:->|\.){name}\b", everything)
    defined = rf"^(?:static (?:const )?)?{TYPES} \**{name}[(\[]|^}} {name};"
    bare = re.sub(defined, "", everything, flags=re.MULTILINE)
    assert not re.search(rf"\b{TYPES} \**{name}\b", bare)
    assert not re.search(rf"\b{TYPES} [^();{{}}]*, \**{name}\b(?!\(| \**\w)", bare)


def test_pieces_come_with_what_they_call_in_an_order_that_c_reads():
    text = needed("x = read_days(cell, &days);")
    assert text.index("typedef struct {\n    int64_t seconds") < text.index("read_days(")
    assert "farm_hash" not in text and "interpolate" not in text
