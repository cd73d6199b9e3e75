"""Trees cut down to their best leaves, and rows that walk them."""

from __future__ import annotations

import numpy as np

from cannery.estimators.forest.examples import Rules
from cannery.estimators.forest.levels import LevelGrower


def test_the_splits_that_gain_most_are_kept(make_examples):
    examples = make_examples("numbers")
    tree = LevelGrower(examples, Rules(max_features=3)).grow(np.ones(300), 0)
    for leaves in (2, 9, 50):
        small = tree.with_most_leaves(leaves, examples.numbers)
        inner = small.feature >= 0
        assert (~inner).sum() == leaves
        # What is left out was not worth more than the least that stayed, its parents being there.
        assert small.gain[inner].sum() <= tree.gain.sum()
        np.testing.assert_allclose(small.weight[~inner].sum(), 300)
    stump, two = (tree.with_most_leaves(n, examples.numbers) for n in (2, 3))
    assert two.gain.sum() == stump.gain.sum() + tree.gain[1:3].max()
    whole = tree.with_most_leaves(10_000, examples.numbers)
    assert (whole.feature == tree.feature).all() and (whole.words == tree.words).all()


def test_children_come_after_their_parents_in_levels(make_examples):
    tree = LevelGrower(make_examples(), Rules(max_features=3)).grow(np.ones(300), 0)
    inner = np.flatnonzero(tree.feature >= 0)
    assert (tree.left[inner] == 1 + 2 * np.arange(len(inner))).all()
    np.testing.assert_allclose(
        tree.weight[inner], tree.weight[tree.left[inner]] + tree.weight[tree.left[inner] + 1]
    )
