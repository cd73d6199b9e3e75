"""Texts that are no UTF-8 are mended as Python decodes them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

EDGES = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1]
EDGES += [0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]


@pytest.mark.parametrize("first", EDGES)
def test_every_edge_of_the_encoding(library, first):
    for rest in itertools.product(EDGES, repeat=2):
        text = bytes([first, *rest, 0x80])
        assert library.mended(text) == text.decode("utf-8", "replace").encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
@example(b"\xef\xbf\xbd\xef\xbf")
def test_any_bytes(library, text):
    assert library.mended(text) == text.decode("utf-8", "replace").encode()


@given(st.text(max_size=40))
def test_a_good_text_stays_as_it_is(library, text):
    assert library.mended(text.encode()) == text.encode()
