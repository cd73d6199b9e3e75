"""What many tests share: the golden files, and a matplotlib that opens no window."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cannery.graph.compiler import compiled

os.environ.setdefault("MPLBACKEND", "Agg")
SHARED = Path(os.environ.get("CANNERY_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with golden files and data sets, which is no part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no golden files at {SHARED}; set CANNERY_SHARED to their folder")
    return SHARED


@pytest.fixture(scope="session")
def golden(shared):
    """Read one golden file: `golden("optimizers")` is the content of golden/optimizers.json."""
    return lambda name: json.loads((shared / "golden" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def divided(monkeypatch):
    """Steps of small programs are divided among workers too, where a test asks for threads."""
    monkeypatch.setattr(compiled, "SECONDS_A_WORKER", 1e-9)
    monkeypatch.setattr(compiled, "ROWS_A_WORKER", 4)
