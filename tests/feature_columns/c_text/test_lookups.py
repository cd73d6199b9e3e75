"""Vocabularies, boundaries and quantiles are looked up as in Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cannery.feature_columns.tokens import Vocabulary


def test_each_token_has_its_place(library, tokens):
    for place, token in enumerate(tokens):
        assert library.call("find", token.encode()) == place


@pytest.mark.parametrize("text", ["oslo", "Osl", "Oslo ", "Oslo\0", "x" * 299, "x" * 301, "６"])
def test_what_is_no_token_is_unseen(library, text):
    assert library.call("find", text.encode()) == -1


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=8), st.text(max_size=8).map(str.encode)))
def test_any_text_is_found_where_python_finds_it(library, tokens, text):
    known = Vocabulary(tokens).lookup([text.decode("utf-8", "replace")])
    assert library.call("find", text) == known[0]


@settings(max_examples=200, deadline=None)
@given(
    st.floats(width=32),
    st.lists(st.floats(-1e6, 1e6, width=32), unique=True, max_size=9).map(sorted),
)
def test_intervals_are_closed_on_the_left(library, number, cuts):
    cuts = cuts or [0.0]
    found = np.searchsorted(np.float32(cuts), np.float32(number), side="right")
    assert library.bucket(number, cuts) == found


@settings(max_examples=200, deadline=None)
@given(
    st.floats(allow_infinity=False),
    st.lists(st.floats(-1e6, 1e6), unique=True, min_size=1, max_size=9).map(sorted),
)
def test_ranks_are_interpolated_as_numpy_does(library, number, points):
    ranks = [i / 7 for i in range(len(points))]
    found = library.interpolate(number, points, ranks)
    assert np.isclose(found, np.interp(number, points, ranks), rtol=1e-12, equal_nan=True)
