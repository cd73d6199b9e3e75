"""FarmHash fingerprints of texts, and how a cross combines them.

``Fingerprint64`` is FarmHash's stable hash (github.com/google/farmhash); combining follows
``FingerprintCat64`` of TensorFlow (tensorflow/core/platform/fingerprint.h). All arithmetic is
unsigned and modulo 2**64.
"""

from __future__ import annotations

from collections.abc import Iterable

import farmhash
import numpy as np

__all__ = ["CROSS_SEED", "EMPTY", "concatenate", "concatenate_one", "fingerprints", "hash_buckets"]

CROSS_SEED = 0xDECAFCAFFE
_MULTIPLIER = 0xC6A4A7935BD1E995
_MASK = 0xFFFFFFFFFFFFFFFF


def fingerprints(texts: Iterable[str]) -> np.ndarray:
    """Return Fingerprint64 of each text's UTF-8 bytes as uint64.

    Examples
    --------
    >>> fingerprints(["a", "HS-grad"]) % np.uint64(1000)
    array([939, 621], dtype=uint64)
    """
    hashed = farmhash.fingerprint64
    # Lone surrogates have no UTF-8 form, and a cell must never crash the encoder.
    found = [hashed(text.encode("utf-8", "surrogatepass")) for text in texts]
    return np.array(found, dtype=np.uint64)


EMPTY = int(fingerprints([""])[0])


def hash_buckets(texts: Iterable[str], num_buckets: int) -> np.ndarray:
    """Return Fingerprint64(text) mod `num_buckets` as int64.

    Examples
    --------
    >>> hash_buckets(["a", "HS-grad", ""], 10)
    array([9, 1, 3])
    """
    return (fingerprints(texts) % np.uint64(num_buckets)).astype(np.int64)


def concatenate(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """FingerprintCat64 of two uint64 arrays, elementwise with broadcasting.

    With m the multiplier and s(x) = x ^ (x >> 47):
    r = (left ^ m ^ s(right * m) * m) * m; result = s(s(r) * m).
    """
    multiplier, shift = np.uint64(_MULTIPLIER), np.uint64(47)
    mixed = right * multiplier
    mixed ^= mixed >> shift
    mixed *= multiplier
    result: np.ndarray = (left ^ multiplier) ^ mixed
    result *= multiplier
    result ^= result >> shift
    result *= multiplier
    result ^= result >> shift
    return result


def concatenate_one(left: int, right: int) -> int:
    """`concatenate` of two Python integers, far quicker than arrays of one element."""
    mixed = right * _MULTIPLIER & _MASK
    mixed = (mixed ^ mixed >> 47) * _MULTIPLIER & _MASK
    result = (left ^ _MULTIPLIER ^ mixed) * _MULTIPLIER & _MASK
    result = (result ^ result >> 47) * _MULTIPLIER & _MASK
    return result ^ result >> 47
