"""Arrays in files come back as they were, and each process changes what it may."""

from __future__ import annotations

import numpy as np
import pytest

from cannery.errors import InvalidValue
from cannery.estimators.pool import shared
from cannery.estimators.pool.shared import Mapped, write_arrays


@pytest.fixture
def arrays():
    return {
        "scalar": np.array(7),
        "none": np.zeros((0, 3), np.float32),
        "page": np.arange(1024, dtype=np.float32).reshape(32, 32),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "flags": np.array([True, False]),
    }


def test_whatever_shape_comes_back(arrays, tmp_path):
    for given in (arrays, {}):
        write_arrays(tmp_path / "here", given)
        found = Mapped(tmp_path / "here").arrays
        assert list(found) == list(given)
        for name, array in given.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_private_changes_are_forgotten_and_shared_ones_are_not(arrays, tmp_path):
    write_arrays(tmp_path, arrays)
    ours, theirs = Mapped(tmp_path, "shared"), Mapped(tmp_path, "private")
    for name, array in theirs.arrays.items():
        array[...] = 1
        if not theirs.forget(name):
            pytest.skip("this system keeps private pages")
        np.testing.assert_array_equal(array, arrays[name])
    ours.arrays["page"][3] = 5
    assert (theirs.arrays["page"][3] == 5).all() and theirs.arrays["scalar"] == 7


def test_what_is_taken_is_a_copy(arrays, tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "AT_ONCE", 1 << 16)
    arrays["large"] = np.arange(50_000.0)
    write_arrays(tmp_path, arrays)
    mapped = Mapped(tmp_path, "shared")
    mapped.arrays["page"][0] = 9
    taken = mapped.take()
    mapped.arrays["page"][0] = 1
    assert (taken["page"][0] == 9).all() and taken["page"].flags.writeable
    for name in set(arrays) - {"page"}:
        np.testing.assert_array_equal(taken[name], arrays[name])


def test_writing_again_leaves_what_is_mapped(arrays, tmp_path):
    write_arrays(tmp_path, arrays)
    before = Mapped(tmp_path).arrays
    write_arrays(tmp_path, {"page": np.zeros(3)})
    np.testing.assert_array_equal(before["page"], arrays["page"])
    assert list(Mapped(tmp_path).arrays) == ["page"]


def test_a_folder_that_cannot_be_made_is_said(arrays, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValue, match="cannot be written"):
        write_arrays(tmp_path / "file" / "below", arrays)
