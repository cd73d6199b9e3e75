"""RMSProp: which slots there are, and that the average starts at one."""

from __future__ import annotations

import pytest

from cannery.graph.optimizers import RMSProp, trace


def test_slots_that_are_not_used_are_not_made():
    assert list(RMSProp().slots()) == ["mean_square"]
    assert list(RMSProp(centered=True).slots()) == ["mean_square", "mean_gradient"]
    assert list(RMSProp(momentum=0.5).slots()) == ["mean_square", "momentum"]


def test_trap_the_mean_square_starts_at_one():
    """From zero, as in Keras, the first step would be ``rate / sqrt(1 - decay)``: far longer."""
    after = trace(RMSProp(learning_rate=0.1, decay=0.9), [0.0], [[1e-3]])
    assert after.item() == pytest.approx(-1e-4 / 0.9**0.5, rel=1e-4)
