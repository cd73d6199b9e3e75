"""Numbers in bins: a cut between two bins is a threshold on the numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cannery.estimators.forest import compiled
from cannery.estimators.forest.examples import MISSING_BIN, bin_edges, put_into_bins

numbers = arrays(
    np.float32,
    st.integers(1, 600),
    elements=st.floats(width=32, allow_infinity=False) | st.integers(-3, 3),
)


@settings(deadline=None)
@given(numbers)
def test_bins_part_numbers_as_their_edges_do(values):
    edges = bin_edges(values)
    bins = put_into_bins(values, edges)
    known = ~np.isnan(values)
    assert len(edges) <= 254 and (np.diff(edges) > 0).all()
    assert (bins[~known] == MISSING_BIN).all() and (bins[known] < MISSING_BIN).all()
    for place, edge in enumerate(edges):
        assert ((bins[known] <= place) == (values[known] <= edge)).all()
    # No bin is empty, and few different values have a bin each.
    different = len(np.unique(values[known]))
    assert len(np.unique(bins[known])) == min(len(edges) + 1, different)
    if different <= 255:
        assert len(edges) == max(different - 1, 0)


@pytest.mark.usefixtures("c_compiler")
@settings(deadline=None)
@given(numbers)
def test_c_puts_them_into_the_same_bins(values):
    edges = bin_edges(values)
    assert (compiled.put_into_bins(values, edges) == put_into_bins(values, edges)).all()


def test_bins_hold_about_the_same_number_of_rows():
    values = np.random.default_rng(0).lognormal(size=51_000).astype(np.float32)
    counts = np.bincount(put_into_bins(values, bin_edges(values)), minlength=255)
    assert counts.min() >= 190 and counts.max() <= 210
