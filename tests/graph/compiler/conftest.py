"""What tests of compiled code share: a cache of their own, and a compiler or a reason to skip."""

from __future__ import annotations

import pytest

from cannery.graph.compiler.cache import warn_once
from cannery.graph.compiler.toolchain import find_toolchain


@pytest.fixture(scope="session")
def has_compiler():
    """Skip where this machine has no C compiler."""
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """An empty cache folder, no settings, and a log that has said nothing yet."""
    for name in ("CC", "CANNERY_JIT", "CANNERY_CACHE_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CANNERY_CACHE_DIR", str(tmp_path / "cache"))
    warn_once.cache_clear()
    return tmp_path / "cache" / "jit"


@pytest.fixture
def toolchain(own_cache):
    """The C compiler of this machine."""
    found = find_toolchain()
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found
