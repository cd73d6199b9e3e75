"""Bags of ids against plain loops: dense and ragged, each combiner, weights of every sign."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.graph import clip_rows, evaluate, gradients, placeholder, sum, sum_rows

DRAW = np.random.default_rng(0)
IDS = np.array([[0, 2, 2], [4, -1, -1], [-1, -1, -1], [-1, 3, 0]], np.int32)
WEIGHTS = np.array([[1, 0.5, 2], [3, 9, 9], [9, 9, 9], [9, 2, -1]], np.float64)


def combined(table, ids, weights, combiner):
    """Return the row of one bag, as TensorFlow defines it."""
    kept = ids >= 0
    w = np.ones(len(ids)) if weights is None else weights
    if combiner != "sum":
        kept = kept & (w > 0)
    w, e = w[kept], table[ids[kept]]
    if not len(w):
        return np.zeros(table.shape[1])
    norm = {"sum": 1, "mean": w.sum(), "sqrtn": np.sqrt((w**2).sum())}[combiner]
    return (w[:, None] * e).sum(0) / norm


def by_loop(table, bags, weights, combiner):
    weights = [None] * len(bags) if weights is None else weights
    return [combined(table, b, w, combiner) for b, w in zip(bags, weights, strict=True)]


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
class TestCombiners:
    def test_dense(self, combiner, weights, width):
        table = DRAW.normal(size=(5, width))
        result = evaluate([sum_rows(table, IDS, weights, combiner=combiner)])[0]
        np.testing.assert_allclose(result, by_loop(table, IDS, weights, combiner), atol=1e-12)

    def test_ragged(self, combiner, weights, width):
        table, lengths = DRAW.normal(size=(5, width)), np.array([2, 0, 3, 0], np.int32)
        flat, shares = IDS.reshape(-1)[:5], None if weights is None else weights.reshape(-1)[:5]
        ends = np.cumsum(lengths)[:-1]
        ids = placeholder("ids", ("bag",), "int32")
        bags = placeholder("lengths", (None,), "int32")
        w = None if weights is None else placeholder("weights", ("bag",), "float64")
        y = sum_rows(table, ids, w, bags, combiner)
        assert y.shape == (None, width)
        feeds = {"ids": flat, "lengths": lengths, "weights": shares}
        expected = by_loop(
            table,
            np.split(flat, ends),
            None if shares is None else np.split(shares, ends),
            combiner,
        )
        np.testing.assert_allclose(evaluate([y], feeds)[0], expected, atol=1e-12)

    def test_max_norm_clips_each_row_first(self, combiner, weights, width):
        table = DRAW.normal(size=(5, width)) * 3
        norms = np.linalg.norm(table, axis=1, keepdims=True)
        clipped = table * np.minimum(1, 1.5 / norms)
        result = evaluate([sum_rows(table, IDS, weights, combiner=combiner, max_norm=1.5)])[0]
        np.testing.assert_allclose(result, by_loop(clipped, IDS, weights, combiner), atol=1e-12)


def test_the_gradient_is_one_scatter_of_a_value_for_each_id():
    table, ids = placeholder("table", (5, 2)), placeholder("ids", (None, 3), "int32")
    (slope,) = gradients(sum(sum_rows(table, ids, combiner="mean")), [table])
    assert slope.op.name == "scatter_rows"
    assert slope.inputs[1].shape == (None, 3, 2)


def test_what_a_missing_id_weighs_does_not_matter():
    table, ids = np.full((2, 1), np.inf), np.array([[-1, -1]])
    weights = np.full((1, 2), np.nan)
    for width in (1, 2):
        wide = np.repeat(table, width, 1)
        assert evaluate([sum_rows(wide, ids, weights)])[0].tolist() == [[0.0] * width]


def test_clip_rows_never_scales_up_and_its_slope_is_finite_at_zero():
    x = placeholder("x", (2, 2), "float64")
    y = clip_rows(x, 1.0)
    value, slope = evaluate([y, *gradients(sum(y), [x])], {x: [[0.0, 0.0], [0.3, 0.4]]})
    np.testing.assert_array_equal(value, [[0.0, 0.0], [0.3, 0.4]])
    np.testing.assert_array_equal(slope, np.ones((2, 2)))


def test_refusals():
    table = np.ones((5, 2))
    with pytest.raises(ValueError, match=r"sum_rows: combiner must be one of .*, got max"):
        sum_rows(table, IDS, combiner="max")
    with pytest.raises(ValueError, match="max_norm must be positive"):
        clip_rows(table, 0)
    with pytest.raises(ValueError, match="ids must be below 4, got 4"):
        evaluate([sum_rows(table[:4], IDS)])
    with pytest.raises(ValueError, match="op 'sum_rows': needs a weight for each id"):
        sum_rows(table, IDS, WEIGHTS[:2])
