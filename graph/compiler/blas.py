"""Where matrix products of compiled programs go: a BLAS that the process carries already.

numpy's own library comes first. SciPy's may be a second one with a pool of threads of its own, and
two pools whose threads wait for work in turn slow each other down by an order of magnitude.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Gemm", "find_gemm"]

# The library that numpy runs on, never a second copy; Windows finds the loaded one by itself.
ALREADY_LOADED = getattr(os, "RTLD_NOLOAD", 0) | ctypes.DEFAULT_MODE
LETTERS = {"float32": "s", "float64": "d"}
# Little-endian, whoever reads 32 bits at a 64-bit integer finds its value all the same.
EITHER = 64 if sys.byteorder == "little" else 32
# Names that wheels of numpy have given the function, with the bits of its integers. Without the
# suffix, how the library was built decides.
SYMBOLS = {"scipy_{}gemm_64_": 64, "{}gemm_64_": 64, "scipy_{}gemm_": EITHER, "{}gemm_": EITHER}
INTEGERS = {"int": 32, "long": 8 * ctypes.sizeof(ctypes.c_long), "long long": 64}


@dataclass(frozen=True)
class Gemm:
    """A Fortran ``sgemm`` or ``dgemm``: all arguments by pointer, matrices column by column.

    Parameters
    ----------
    address : int
        Where the function starts, in this process.
    integer_bits : int
        The width of the integers to pass, 32 or 64.
    source : str
        The library it is from, for people to read.
    """

    address: int
    integer_bits: int
    source: str


@functools.cache
def find_gemm(dtype: np.dtype[Any]) -> Gemm | None:
    """Return the matrix product that numpy uses, or else SciPy's.

    Parameters
    ----------
    dtype : numpy.dtype
        The type of the matrices' elements.

    Returns
    -------
    Gemm or None
        None for a type that BLAS has no real product for, and where no library is found.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.graph.compiler.blas import find_gemm
    >>> gemm = find_gemm(np.dtype("float32"))
    >>> gemm is None or gemm.integer_bits in (32, 64)
    True
    >>> find_gemm(np.dtype("int64")) is None
    True
    """
    letter = LETTERS.get(dtype.name)
    if letter is None or not dtype.isnative:
        return None
    return _of_numpy(letter) or _of_scipy(letter)


def _of_numpy(letter: str) -> Gemm | None:
    """Return the function of the library that a wheel of numpy brings along."""
    for path in _numpy_libraries():
        try:
            library = ctypes.CDLL(str(path), mode=ALREADY_LOADED)
        except OSError:
            continue
        for pattern, bits in SYMBOLS.items():
            name = pattern.format(letter)
            if hasattr(library, name):
                address = ctypes.cast(library[name], ctypes.c_void_p).value
                return Gemm(address or 0, bits, f"numpy: {path.name}: {name}")
    return None


def _numpy_libraries() -> Iterator[Path]:
    """Yield the BLAS libraries beside or within numpy, where its wheels have them."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs", package / ".libs"):
        yield from sorted(folder.glob("*openblas*"))


def _of_scipy(letter: str) -> Gemm | None:
    """Return the function that SciPy hands to compiled code, in a capsule named by its type."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__.get(f"{letter}gemm")
    if capsule is None:
        return None
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = name_of(capsule)
    # "void (char *, char *, int *, ...)": the third argument is the first size.
    integer = signature.decode().split(",")[2].replace("*", "").strip()
    bits = INTEGERS.get(integer, EITHER)
    source = f"scipy: {cython_blas.__name__}: {letter}gemm"
    return Gemm(address_of(capsule, signature), bits, source)
