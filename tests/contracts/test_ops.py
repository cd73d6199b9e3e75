"""What every op owes: each facet of each registered op is checked on the op's own samples."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from cannery.graph import OPS, evaluate, gradients, placeholder, sum

LEAVES = {"placeholder", "variable", "constant"}
NAMES = [name for name in OPS if name not in LEAVES]
CASES = [
    pytest.param(OPS[name], sample, id=f"{name}-{i}")
    for name in NAMES
    for i, sample in enumerate(OPS[name].samples())
]
SPECIALS = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -3.5])


def build(op, sample, batch=True):
    """Return placeholders for a sample's arrays, and the op applied to them."""
    inputs = [
        placeholder(
            f"x{i}", (None, *a.shape[1:]) if batch and i in sample.batched else a.shape, a.dtype
        )
        for i, a in enumerate(sample.arrays)
    ]
    return inputs, op(*inputs, **sample.attributes)


def run(op, sample, arrays, out=None):
    with np.errstate(all="ignore"):
        return op.kernel(np, **sample.attributes)(*arrays, out)


def frozen(arrays):
    """Return copies that nobody can write to."""
    copies = [np.array(a) for a in arrays]
    for copy in copies:
        copy.flags.writeable = False
    return copies


def with_out(op, sample, arrays, like):
    """Return the value as a program computes it: into memory that holds something else."""
    if op.view:
        return run(op, sample, arrays)
    out = np.full(like.shape, 1, like.dtype)
    assert run(op, sample, arrays, out) is out
    return out


def variants(sample):
    """Return the sample's arrays, those of an empty batch, and with special values."""
    yield sample.arrays
    if sample.batched:
        yield [a[:0] if i in sample.batched else a for i, a in enumerate(sample.arrays)]
    yield [
        np.resize(SPECIALS, a.shape).astype(a.dtype) if a.dtype.kind == "f" else a
        for a in sample.arrays
    ]


@pytest.mark.parametrize("name", NAMES)
def test_has_samples(name):
    assert list(OPS[name].samples()), f"op {name!r} has no samples to check it on"


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize(("op", "sample"), CASES)
def test_inferred_shape_and_dtype_are_the_real_ones(op, sample, batch):
    _, tensor = build(op, sample, batch)
    value = run(op, sample, sample.arrays)
    assert tensor.rank == value.ndim
    assert all(size in (None, real) for size, real in zip(tensor.shape, value.shape, strict=True))
    assert batch or None not in tensor.shape
    assert tensor.dtype == value.dtype


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_kernel_gives_the_same_with_and_without_out(op, sample):
    for arrays in variants(sample):
        arrays = frozen(arrays)
        plain = run(op, sample, arrays)
        np.testing.assert_array_equal(with_out(op, sample, arrays, plain), plain)
        if op.view and plain.size:
            assert np.shares_memory(plain, arrays[0])


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_out_may_be_an_input_that_the_op_overwrites(op, sample):
    expected = np.array(run(op, sample, frozen(sample.arrays)))
    for i in range(*op.overwrites.indices(len(sample.arrays))):
        arrays = [np.array(a) for a in sample.arrays]
        if arrays[i].shape == expected.shape and arrays[i].dtype == expected.dtype:
            # Programs pass another view of the same memory.
            run(op, sample, arrays, arrays[i].reshape(expected.shape))
            np.testing.assert_array_equal(arrays[i], expected)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_an_empty_batch_gives_an_empty_or_neutral_result(op, sample):
    if not sample.batched:
        pytest.skip("no input has a batch axis")
    _, tensor = build(op, sample)
    empty = [a[:0] if i in sample.batched else a for i, a in enumerate(sample.arrays)]
    value = run(op, sample, empty)
    assert value.shape == tuple(0 if size is None else size for size in tensor.shape)
    assert value.dtype == tensor.dtype


def slopes(f, arrays, i, step=1e-5):
    """Return the central differences of a scalar function of several arrays."""
    result = np.zeros(arrays[i].shape)
    for place in np.ndindex(arrays[i].shape):
        ends = []
        for sign in (1, -1):
            moved = [np.array(a) for a in arrays]
            moved[i][place] += sign * step
            ends.append(f(moved))
        result[place] = (ends[0] - ends[1]) / (2 * step)
    return result


def check_gradient(scalar, inputs, arrays):
    """Compare with central differences; return the gradients that exist."""
    floating = [i for i, x in enumerate(inputs) if x.dtype == np.float64]
    found = gradients(scalar, [inputs[i] for i in floating])

    def value(given):
        return evaluate([scalar], dict(zip(inputs, given, strict=True)))[0]

    for i, slope in zip(floating, found, strict=True):
        expected = slopes(value, arrays, i)
        if slope is None:
            np.testing.assert_allclose(expected, 0, atol=1e-9)
        else:
            assert slope.shape == inputs[i].shape
            actual = evaluate([slope], dict(zip(inputs, arrays, strict=True)))[0]
            np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-8)
    return [slope for slope in found if slope is not None]


def weighted(tensor, value, seed):
    """Return a scalar in which every element of a tensor has its own part."""
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, value.shape)
    return sum(tensor * weights)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_gradient_equals_central_differences_twice(op, sample):
    inputs, tensor = build(op, sample, batch=False)
    if not sample.differentiable or tensor.dtype != np.float64:
        pytest.skip("has no smooth gradient here")
    values = dict(zip(inputs, sample.arrays, strict=True))
    scalar = weighted(tensor, evaluate([tensor], values)[0], 1)
    first = check_gradient(scalar, inputs, sample.arrays)
    for i, slope in enumerate(first):
        again = weighted(slope, evaluate([slope], values)[0], 2 + i)
        check_gradient(again, inputs, sample.arrays)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_gradient_takes_an_unknown_batch_size(op, sample):
    inputs, tensor = build(op, sample)
    if tensor.dtype.kind != "f":
        pytest.skip("has no gradient")
    fixed = build(op, sample, batch=False)
    for x, slope, same in zip(
        inputs, gradients(tensor, inputs), gradients(fixed[1], fixed[0]), strict=True
    ):
        assert (slope is None) == (same is None)
        if slope is not None:
            assert slope.shape == x.shape
            feeds = [dict(zip(xs, sample.arrays, strict=True)) for xs in (inputs, fixed[0])]
            np.testing.assert_allclose(evaluate([slope], feeds[0]), evaluate([same], feeds[1]))


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_pickling_gives_the_same_node(op, sample):
    _, tensor = build(op, sample)
    assert pickle.loads(pickle.dumps(tensor)) is tensor


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_attributes_survive_json(op, sample):
    def restored(value):
        return tuple(map(restored, value)) if isinstance(value, list) else value

    text = json.dumps(sample.attributes)
    assert {k: restored(v) for k, v in json.loads(text).items()} == sample.attributes


@pytest.mark.parametrize("name", NAMES)
def test_a_refusal_names_the_op(name):
    op = OPS[name]
    sample = next(iter(op.samples()))
    inputs = [placeholder(f"x{i}", (7, 5, 3, 2), "uint64") for i in range(len(sample.arrays))]
    try:
        op(*inputs, **sample.attributes)
    except ValueError as error:
        assert f"op {name!r}" in str(error)
