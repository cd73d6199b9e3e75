"""Matrix products from C: the address is right, and so is the width of its integers."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from scipy.linalg import cython_blas

from cannery.graph.compiler import blas
from cannery.graph.compiler.blas import find_gemm
from cannery.graph.compiler.toolchain import load

TYPES = [np.dtype(np.float32), np.dtype(np.float64)]
C_TYPES = {"float32": "float", "float64": "double"}

# Row by row, C = A B is what Fortran, column by column, takes for C' = B' A'.
SOURCE = """\
#include <stdint.h>

typedef void (*gemm)(const char *, const char *, const INTEGER *, const INTEGER *,
                     const INTEGER *, const REAL *, const REAL *, const INTEGER *, const REAL *,
                     const INTEGER *, const REAL *, REAL *, const INTEGER *);

void multiply(gemm product, const REAL *a, const REAL *b, REAL *c, int m, int n, int k) {
    const INTEGER rows = m, columns = n, inner = k;
    const REAL one = 1, zero = 0;
    product("N", "N", &columns, &rows, &inner, &one, b, &columns, a, &inner, &zero, c, &columns);
}
"""


def multiply(gemm, a, b):
    """The product of two matrices by way of C and `gemm`."""
    real = C_TYPES[a.dtype.name]
    options = (f"-DREAL={real}", f"-DINTEGER=int{gemm.integer_bits}_t")
    function = load(SOURCE, options).multiply
    function.restype = None
    function.argtypes = [ctypes.c_void_p] * 4 + [ctypes.c_int] * 3
    c = np.full((len(a), b.shape[1]), np.nan, a.dtype)
    pointers = (array.ctypes.data for array in (a, b, c))
    function(gemm.address, *pointers, len(a), b.shape[1], len(b))
    return c


def matrices(dtype, m, n, k):
    random = np.random.default_rng(0)
    return random.normal(size=(m, k)).astype(dtype), random.normal(size=(k, n)).astype(dtype)


def assert_multiplies(gemm, dtype):
    for sizes in [(3, 5, 2), (1, 1, 1), (64, 100, 37)]:
        a, b = matrices(dtype, *sizes)
        tolerance = 100 * np.finfo(dtype).eps
        np.testing.assert_allclose(multiply(gemm, a, b), a @ b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_called_from_c(toolchain, dtype):
    gemm = find_gemm(dtype)
    assert gemm is not None
    assert_multiplies(gemm, dtype)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_numpys_own_library_comes_first(dtype):
    libraries = list(blas._numpy_libraries())
    if not libraries:
        pytest.skip("this numpy brings no OpenBLAS along")
    gemm = find_gemm(dtype)
    assert gemm is not None
    assert gemm.source.startswith(f"numpy: {libraries[0].name}")


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_else_scipys(toolchain, monkeypatch, dtype):
    monkeypatch.setattr(blas, "_numpy_libraries", lambda: iter(()))
    gemm = find_gemm.__wrapped__(dtype)
    assert gemm is not None
    assert gemm.source.startswith("scipy: ")
    assert_multiplies(gemm, dtype)


def test_a_library_that_is_not_in_the_process_is_passed_over(tmp_path, monkeypatch):
    absent = tmp_path / "libopenblas.so"
    absent.write_bytes(b"no library")
    monkeypatch.setattr(blas, "_numpy_libraries", lambda: iter([absent]))
    gemm = find_gemm.__wrapped__(np.dtype(np.float32))
    assert gemm is None or gemm.source.startswith("scipy: ")


def test_neither(monkeypatch):
    monkeypatch.setattr(blas, "_numpy_libraries", lambda: iter(()))
    monkeypatch.setattr(cython_blas, "__pyx_capi__", {})
    assert find_gemm.__wrapped__(np.dtype(np.float32)) is None


@pytest.mark.parametrize("dtype", ["int64", "float16", "bool", "complex64", ">f4", ">f8"])
def test_types_without_a_product(dtype):
    if np.dtype(dtype).isnative and np.dtype(dtype).name in C_TYPES:
        pytest.skip("this machine is big-endian")
    assert find_gemm(np.dtype(dtype)) is None


def test_the_answer_is_remembered():
    assert find_gemm(np.dtype(np.float32)) is find_gemm(np.dtype(np.float32))
