"""Tables line up, pictures are saved, and their absence is said."""

from __future__ import annotations

import sys

import pytest

from cannery.commands.output import make_folder, save_picture, table
from cannery.errors import InvalidValue


def test_numbers_stand_to_the_right():
    lines = table(["a", "bb"], [["x", 1], ["long name", 23.5]]).splitlines()
    assert lines == ["a               bb", "x                1", "long name  23.5000"]


def test_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidValue, match="--out: cannot be made a folder"):
        make_folder(tmp_path / "file")


def test_picture(tmp_path):
    pytest.importorskip("matplotlib")
    said = save_picture(tmp_path / "a.png", lambda ax: ax.plot([1, 2]))
    assert said == f"a: {tmp_path / 'a.png'}"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_no_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "cannery[plot]" in save_picture(tmp_path / "a.png", lambda ax: None)
