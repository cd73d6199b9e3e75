"""The graph and the C of each canned estimator are as they were: a change of the compiler shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"
SCRIPT = FOLDER / "generate.py"
MOST_BYTES = 60_000  # of all files together: what is longer is not read


def texts(folder):
    paths = [path for path in folder.iterdir() if path.suffix in (".c", ".txt")]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """What a fresh process writes, which hashes texts in an order of its own."""
    folder = tmp_path_factory.mktemp("golden")
    subprocess.run([sys.executable, SCRIPT, folder], check=True)
    return texts(folder)


def test_graphs_and_c_are_as_they_were(generated):
    stored = texts(FOLDER)
    assert set(stored) == set(generated)
    changed = [name for name in stored if stored[name] != generated[name]]
    assert not changed, "changed; if that is meant, run python tests/golden/generate.py"


def test_they_are_short_enough_to_be_read():
    assert sum(len(text.encode()) for text in texts(FOLDER).values()) < MOST_BYTES
