"""Trees are the same to the last bit, whoever grows them and in how many threads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cannery.estimators.forest.compiled import CompiledGrower
from cannery.estimators.forest.examples import Examples, Rules
from cannery.estimators.forest.growing import Drawing, Nursery, grow_forest
from cannery.estimators.forest.levels import LevelGrower

KINDS = {
    "binary": ("squares", "entropy of outputs"),
    "numbers": ("squares",),
    "labels": ("squares", "entropy of outputs"),
    "several": ("squares",),
    "classes": ("squares", "entropy of classes"),
}
CASES = [(kind, criterion) for kind, criteria in KINDS.items() for criterion in criteria]


def differences(first, second):
    return [
        field.name
        for field in dataclasses.fields(first)
        if getattr(first, field.name).tobytes() != getattr(second, field.name).tobytes()
        or getattr(first, field.name).dtype != getattr(second, field.name).dtype
    ]


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.parametrize(("kind", "criterion"), CASES)
@pytest.mark.parametrize("sizes", [(), (7, 60), (500,)])
def test_c_and_numpy_grow_the_same_trees(kind, criterion, sizes, make_examples):
    signs = np.zeros(4 + len(sizes), np.int8)
    signs[[0, 2]] = 1, -1
    for seed, missing, fraction, least in ((0, 0.0, False, 1), (1, 0.1, True, 4)):
        examples = make_examples(kind, sizes=sizes, missing=missing, random_state=seed)
        random = np.random.default_rng(seed)
        weights = random.poisson(1, 300) * (random.random(300) if fraction else 1.0)
        free = Rules(criterion, 3, min_samples_leaf=least, min_weight_leaf=least / 2)
        bound = dataclasses.replace(free, monotonic=signs)
        for rules in (free, bound) if examples.outputs == 1 else (free,):
            made = CompiledGrower(examples, rules), LevelGrower(examples, rules)
            in_c, in_numpy = (grower.grow(weights, 7 + seed) for grower in made)
            assert differences(in_c, in_numpy) == []
            assert len(in_c) > 20
            rows = np.arange(300, dtype=np.int32)
            leaves = made[0].leaves(in_c, rows)
            assert (leaves == made[1].leaves(in_c, rows)).all()
            # Rows go where they went as the tree grew.
            found = np.bincount(leaves, weights, len(in_c))
            leaf = in_c.feature < 0
            np.testing.assert_allclose(found[leaf], in_c.weight[leaf])


@pytest.mark.usefixtures("c_compiler")
def test_the_number_of_threads_changes_nothing(make_examples):
    examples, weights = make_examples("numbers"), np.ones(300)
    rules = Rules(max_features=2)
    drawing = Drawing(trees=7, seed=3, draws=200, max_leaf_nodes=12)
    one, three, slow = (
        grow_forest(Nursery(examples, rules, drawing, weights, jit=jit, out_of_bag=True), threads)
        for threads, jit in ((1, True), (3, True), (2, False))
    )
    for other in (three, slow):
        for tree, same in zip(one.trees, other.trees, strict=True):
            assert differences(tree, same) == []
        assert (one.out_of_bag.sums == other.out_of_bag.sums).all()
    assert len({tree.feature.tobytes() for tree in one.trees}) == 7


def test_rows_without_weight_are_not_drawn_and_out_of_bag_for_all(make_examples):
    examples, weights = make_examples(), np.ones(300)
    weights[:50] = 0.0
    drawing = Drawing(trees=4, seed=0, draws=250)
    grown = grow_forest(Nursery(examples, Rules(), drawing, weights, jit=False, out_of_bag=True))
    assert (grown.out_of_bag.trees[:50] == 4).all()
    assert grown.out_of_bag.trees[50:].mean() == pytest.approx(4 / np.e, rel=0.2)
    counts = drawing.counts(0, weights)
    assert counts.sum() == 250 and not counts[:50].any()


def noise(categories, rows=400):
    """Return rows of one useful number and a category that means nothing."""
    random = np.random.default_rng(0)
    y = (random.random(rows) < 0.5).astype(np.float64)
    bins = (np.where(random.random(rows) < 0.75, y, 1 - y) * 100).astype(np.uint8)
    ids = random.integers(0, categories, rows).astype(np.int32)
    sizes = np.array([categories], np.int32)
    return Examples(bins[None], ids[None], sizes, 1, y.astype(np.int32), y[:, None])


@pytest.mark.parametrize("categories", [2, 30, 400, 5000])
def test_categories_that_mean_nothing_do_not_win_by_being_many(categories):
    examples = noise(categories)
    tree = LevelGrower(examples, Rules(max_features=2)).grow(np.ones(400), 0)
    assert tree.feature[0] == 0


def test_categories_are_parted_by_the_best_subset():
    """Of two classes, the best of all subsets is among the cuts of their order (Fisher 1958)."""
    random = np.random.default_rng(1)
    ids = random.integers(0, 6, 200).astype(np.int32)
    y = (random.random(200) < np.array([0.1, 0.8, 0.3, 0.6, 0.2, 0.9])[ids]).astype(np.float64)
    numbers = np.zeros((0, 200), np.uint8)
    sizes = np.array([6], np.int32)
    examples = Examples(numbers, ids[None], sizes, 1, y.astype(np.int32), y[:, None])
    tree = LevelGrower(examples, Rules(max_depth=1)).grow(np.ones(200), 0)

    def score(subset):
        inside = np.isin(ids, [i for i in range(6) if subset >> i & 1])
        return sum(y[part].sum() ** 2 / max(part.sum(), 1) for part in (inside, ~inside))

    start = tree.cut[0]
    chosen = int(tree.words[start + 1]) & ((1 << tree.words[start]) - 1)
    assert score(chosen) == pytest.approx(max(map(score, range(1, 63))))


def test_monotonic_columns_are_obeyed():
    random = np.random.default_rng(0)
    x = random.integers(0, 40, 600).astype(np.uint8)
    y = (x + random.normal(0, 20, 600))[:, None]
    alike = np.arange(600, dtype=np.int32)
    examples = Examples(x[None], np.zeros((0, 600), np.int32), np.zeros(0, np.int32), 1, alike, y)
    places = np.array([np.flatnonzero(x == value)[0] for value in range(40)], np.int32)
    for sign in (1, -1):
        rules = Rules(monotonic=np.array([sign], np.int8))
        tree = LevelGrower(examples, rules).grow(np.ones(600), 0)
        answers = tree.value[tree.leaves(examples, places), 0]
        assert (np.diff(answers) * sign >= 0).all()
    free = LevelGrower(examples, Rules()).grow(np.ones(600), 0)
    assert (np.diff(free.value[free.leaves(examples, places), 0]) < 0).any()
