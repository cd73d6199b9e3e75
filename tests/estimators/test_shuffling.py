"""Every order of rows is as likely as any other, few or many."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from cannery.estimators import shuffling
from cannery.estimators.shuffling import shuffled


@pytest.mark.parametrize("least", [0, 10])
def test_every_order_is_as_likely(least, monkeypatch):
    monkeypatch.setattr(shuffling, "LEAST_ROWS", least)
    monkeypatch.setattr(shuffling, "PILES", 3)
    generator = np.random.default_rng(0)
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(4800):
        counts[tuple(shuffled(4, generator).tolist())] += 1
    assert chisquare(list(counts.values())).pvalue > 0.01


def test_many_rows_come_once_each_and_follow_from_the_seed():
    rows = shuffling.LEAST_ROWS + 3
    first, second = (shuffled(rows, np.random.default_rng(seed)) for seed in (1, 2))
    assert first.dtype == np.int64 and (np.sort(first) == np.arange(rows)).all()
    assert (first == shuffled(rows, np.random.default_rng(1))).all()
    assert np.mean(first == second) < 1e-4
    assert abs(np.corrcoef(first, np.arange(rows))[0, 1]) < 0.01
