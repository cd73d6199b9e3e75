"""Sigmoids over scores, and folds that copies of a row share."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from scipy.special import expit

from cannery.estimators.svm.platt import FOLDS, folds, platt, row_codes
from cannery.feature_columns import ColumnSet, categorical_column, numeric_column


def scores_of(rows=500, seed=0):
    random = np.random.default_rng(seed)
    scores = random.normal(size=rows) * 3
    return scores, random.random(rows) < expit(0.8 * scores - 0.5)


def test_the_likeliest_sigmoid():
    scores, positive = scores_of()
    slope, offset = platt(scores, positive, np.ones(500))
    ups, downs = positive.sum(), (~positive).sum()
    targets = np.where(positive, (ups + 1) / (ups + 2), 1 / (downs + 2))

    def loss(point):
        logits = point[0] * scores + point[1]
        return (np.logaddexp(0, logits) - targets * logits).sum()

    best = scipy.optimize.minimize(loss, [0.5, 0.0], tol=1e-12)
    assert (slope, offset) == pytest.approx(tuple(best.x), rel=1e-4)
    assert slope == pytest.approx(0.8, rel=0.25) and offset == pytest.approx(-0.5, abs=0.3)


def test_a_weight_of_two_is_two_rows():
    scores, positive = scores_of()
    weights = np.random.default_rng(1).integers(0, 4, 500)
    twice = np.repeat(np.arange(500), weights)
    once = platt(scores, positive, weights.astype(float))
    assert once == pytest.approx(platt(scores[twice], positive[twice], np.ones(len(twice))))


def test_scores_of_any_size():
    scores, positive = scores_of()
    slope, offset = platt(scores, positive, np.ones(500))
    large = platt(scores * 1e6, positive, np.ones(500))
    assert large == pytest.approx((slope / 1e6, offset))


@pytest.mark.parametrize(
    ("scores", "positive"),
    [([-3.0, 3.0] * 50, [True, False] * 50), ([0.0] * 100, [True] * 50 + [False] * 50)],
    ids=["reversed", "all the same"],
)
def test_scores_that_say_nothing_give_the_share_of_the_class(scores, positive):
    slope, offset = platt(np.array(scores), np.array(positive), np.ones(100))
    assert slope == 0.0 and expit(offset) == pytest.approx(0.5)


def test_classes_far_apart_are_not_certain():
    """The targets are a little less than one and a little more than zero."""
    slope, offset = platt(np.array([-1.0, 1.0] * 10), np.array([False, True] * 10), np.ones(20))
    assert expit(slope + offset) == pytest.approx(11 / 12, rel=1e-3)


def test_equal_rows_have_equal_codes():
    columns = ColumnSet([numeric_column("a"), categorical_column("b"), categorical_column("c")])
    frame = {"a": [1.0, 2.0, 1.0, 1.0], "b": list("xyxy"), "c": [["u"], [], ["u"], ["u", "v"]]}
    codes = row_codes(columns.learn(frame).encode(frame))
    assert codes[0] == codes[2] and len(set(codes.tolist())) == 3


def test_folds_keep_classes_and_copies_together():
    random = np.random.default_rng(0)
    codes = random.integers(0, 200, 1000).astype(np.uint64)
    classes = (codes % np.uint64(4) == 0).astype(np.intp)
    found = folds(codes, classes, seed=3)
    assert set(found) == set(range(FOLDS))
    assert all(len(set(found[codes == code])) == 1 for code in np.unique(codes))
    for part in range(FOLDS):
        distinct = np.unique(codes[(found == part) & (classes == 1)])
        assert len(distinct) == pytest.approx(50 / FOLDS, abs=1)
    assert (folds(codes, classes, seed=4) != found).any()
    order = random.permutation(1000)
    assert (folds(codes[order], classes[order], seed=3) == found[order]).all()
