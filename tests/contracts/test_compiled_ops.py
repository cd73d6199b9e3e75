"""Each op as C gives what its kernel gives: on plain and special values, and on no rows at all.

What may differ:

- functions and sums of floating point are rounded otherwise, by a few units in the last place;
- a sum of nothing but -0.0 may be 0.0, since it starts from zero;
- where several special values meet, which NaN comes out: NaNs are all the same;
- of 0.0 and -0.0, which one `maximum` and `minimum` give: numpy itself depends on the machine, and
  the C text is written after x86.
"""

from __future__ import annotations

import functools
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from cannery.errors import CanneryError
from cannery.graph import OPS, Program, constant, gradients, placeholder, transpose
from cannery.graph import sum as sum_of
from cannery.graph.compiler.compiled import Compiled, CompiledExecution
from cannery.graph.compiler.toolchain import find_toolchain

pytestmark = pytest.mark.skipif(find_toolchain() is None, reason="no C compiler on this machine")

NAMES = [name for name in OPS if name not in {"placeholder", "variable", "constant"}]
DTYPES = ("float32", "float64", "int32", "int64", "uint64", "bool")
TIES = frozenset({"maximum", "minimum"})
ROWS = 150  # more than two tiles of rows
# Rounded otherwise than by numpy; everything else is equal bit by bit.
FUNCTIONS = frozenset(
    "exp expm1 log log1p power sin cos tanh erf sigmoid softplus sigmoid_cross_entropy".split()
)
SUMS = frozenset(
    "sum prod logsumexp matmul multi_hot sum_rows scatter_rows segment_sum sum_groups".split()
)
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
SPECIAL = {
    "f": [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-45, -3.5, 0.75, 2e-39, 100.0],
    "i": [0, 1, -1, 3, -7, 2**31 - 1, -(2**31)],
    "u": [0, 1, 2, 3, 7, 2**31, 2**32 + 1],
    "b": [True, False, False],
}


def as_dtype(sample, dtype):
    """Return a sample whose floating-point arrays have another dtype."""

    def converted(array):
        if array.dtype.kind != "f":
            return array
        if np.dtype(dtype).kind in "iu":
            return (array * 4).astype("int32").astype(dtype)
        return array > 0.2 if dtype == "bool" else array.astype(dtype)

    return replace(sample, arrays=tuple(map(converted, sample.arrays)))


def batch_first(y):
    """Return a value with the batch in front, as outputs must have it."""
    place = y.shape.index(None) if None in y.shape else 0
    return transpose(y, [place, *(i for i in range(y.rank) if i != place)]) if place else y


class Case:
    """One application of an op, in a program of its own names."""

    def __init__(self, op, sample, batch, name):
        self.sample, self.batched, self.name = sample, sample.batched if batch else (), name
        self.inputs = [
            placeholder(
                f"{name}_{i}", (None, *a.shape[1:]) if i in self.batched else a.shape, a.dtype
            )
            for i, a in enumerate(sample.arrays)
        ]
        self.y = op(*self.inputs, **sample.attributes)

    def outputs(self):
        return {self.name: batch_first(self.y)}

    def slopes(self):
        """Return the gradients of a sum in which each element of the value has its own weight."""
        if self.y.dtype.kind != "f":
            return {}
        y = batch_first(self.y)
        rest = y.shape[1:] if y.shape[:1] == (None,) else y.shape
        factors = np.random.default_rng(len(self.name)).uniform(0.5, 1.5, rest)
        loss = sum_of(y * constant(factors.astype(y.dtype)))
        floating = [x for x in self.inputs if x.dtype.kind == "f"]
        found = zip(floating, gradients(loss, floating), strict=True)
        return {f"{self.name}_slope_{x.name}": g for x, g in found if g is not None}

    def feeds(self, rows, special):
        """Return arrays with so many rows, which repeat those of the sample."""
        found = {}
        for i, (x, array) in enumerate(zip(self.inputs, self.sample.arrays, strict=True)):
            if i in self.batched:
                array = array[np.arange(rows) % len(array)]
            if special and self.is_data(i):
                array = specials(array, i)
            found[x.name] = array
        return found

    def is_data(self, i):
        """Whether any number will do there; ids, lengths and steps must be what they are."""
        samples = OPS[self.y.op.name].samples()
        return any(
            len(s.arrays) == len(self.sample.arrays) and s.arrays[i].dtype.kind in "fb"
            for s in samples
        )


def specials(array, i):
    """Return special values in the shape of an array: every pair meets in two long ones."""
    values = np.array(SPECIAL[array.dtype.kind])
    if array.dtype.kind == "i" and array.itemsize == 8:
        values = np.where(abs(values) > 100, values * 2**32, values)
    place = np.arange(array.size) // len(values) ** i % len(values)
    return values[place].reshape(array.shape).astype(array.dtype)


@functools.cache
def cases(name):
    """Return each sample of an op with each dtype that it takes, with a batch and without."""
    found, op = [], OPS[name]
    for number, sample in enumerate(op.samples()):
        kinds = DTYPES if any(a.dtype.kind == "f" for a in sample.arrays) else ("as it is",)
        for dtype in kinds:
            for batch in (True, False) if sample.batched else (False,):
                given = as_dtype(sample, dtype) if dtype in DTYPES else sample
                try:
                    word = "batch" if batch else "fixed"
                    found.append(
                        Case(op, given, batch, f"{dtype}_{number}_{word}".replace(" ", "_"))
                    )
                except CanneryError:
                    continue  # not an op for this dtype
    return found


@functools.cache
def program_of(name, slopes):
    outputs = {}
    for case in cases(name):
        outputs.update(case.slopes() if slopes else case.outputs())
    inputs = [x for case in cases(name) for x in case.inputs]
    return Program(inputs, outputs)


def compiled(name, slopes):
    """Return the compiled program, or the error that compiling it gives."""
    try:
        # Slopes are made of other ops, which are compiled with all that compilers can do.
        return Compiled(program_of(name, slopes), ("-O1",) if slopes else ())
    except Exception as error:  # for the one test that it belongs to
        return error


@pytest.fixture(scope="module")
def library():
    """Every op's programs, compiled side by side."""
    wanted = [(name, slopes) for name in NAMES for slopes in (False, True)]
    wanted = [key for key in wanted if program_of(*key).outputs]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(lambda key: compiled(*key), wanted), strict=True))


def both(found, name, slopes, rows, special=False, threads=1):
    """Return what the interpreter and the compiled program give."""
    if isinstance(found, Exception):
        raise found
    program = program_of(name, slopes)
    feeds = {}
    for case in cases(name):
        feeds.update(case.feeds(rows, special))
    with np.errstate(all="ignore"):
        expected = program.start().run(feeds)
        actual = CompiledExecution(found, {}, threads=threads).run(feeds)
    return expected, actual


def compare(actual, expected, rounds, total, signs=False):
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if not rounds or actual.dtype.kind != "f":
        np.testing.assert_array_equal(actual, expected)
    else:
        rtol = TOLERANCE[actual.dtype.name]
        size = np.abs(expected[np.isfinite(expected)]).max(initial=0) if total else 0
        np.testing.assert_allclose(actual, expected, rtol, rtol * size)
    if actual.dtype.kind == "f" and signs:
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[numbers], np.signbit(expected)[numbers])


def check(found, name, rows, special=False, threads=1):
    expected, actual = both(found, name, False, rows, special, threads)
    for output, array in expected.items():
        signs = name not in SUMS and (name not in TIES or platform.machine() in ("x86_64", "AMD64"))
        compare(actual[output], array, name in FUNCTIONS | SUMS, name in SUMS, signs)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "threads"), [(4, 1), (1, 1), (ROWS, 1), (ROWS, 2)])
def test_values_are_the_interpreters(library, name, rows, threads):
    check(library[name, False], name, rows, threads=threads)


@pytest.mark.parametrize("name", NAMES)
def test_special_values_are_the_interpreters(library, name):
    check(library[name, False], name, ROWS, special=True)


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_give_nothing(library, name):
    expected, actual = both(library[name, False], name, False, 0)
    for output, array in expected.items():
        assert actual[output].shape == array.shape
        assert actual[output].dtype == array.dtype


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threads", [1, 2])
def test_slopes_are_the_interpreters(library, name, threads):
    if (name, True) not in library:
        pytest.skip("has no gradient")
    expected, actual = both(library[name, True], name, True, ROWS, threads=threads)
    for output, array in expected.items():
        compare(actual[output], array, True, True)
