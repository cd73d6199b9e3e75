"""FarmHash in C is FarmHash."""

from __future__ import annotations

import random

import farmhash
import pytest

from cannery.feature_columns.hashing import concatenate_one


@pytest.mark.parametrize("alphabet", ["ab", "aé漢😀"])
def test_every_length_has_the_fingerprint_of_farmhash(library, alphabet):
    draw = random.Random(0)
    for length in range(301):
        text = "".join(draw.choices(alphabet, k=length)).encode()
        assert library.call("fingerprint", text) == farmhash.fingerprint64(text), length


def test_what_is_no_utf8_is_hashed_as_python_decodes_it(library):
    draw = random.Random(1)
    for length in [*range(140), 190, 191, 192, 193, 300, 4096]:
        text = bytes(draw.choices([0x61, 0xC3, 0xA9, 0xE2, 0x82, 0xFF, 0xED, 0xA0], k=length))
        mended = text.decode("utf-8", "replace").encode()
        assert library.call("fingerprint", text) == farmhash.fingerprint64(mended), text


def test_two_fingerprints_become_one(library):
    draw = random.Random(2)
    for _ in range(200):
        a, b = draw.getrandbits(64), draw.getrandbits(64)
        assert library.concatenated(a, b) == concatenate_one(a, b)
