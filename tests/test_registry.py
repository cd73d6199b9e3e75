"""A registry is a mapping: what it holds can be asked without an error."""

from __future__ import annotations

import pytest

from cannery.errors import InvalidValue, NotFound
from cannery.registry import Registry


def test_membership():
    registry: Registry[int] = Registry("op")
    registry.add("exp", 1)
    assert "exp" in registry
    assert "log" not in registry
    assert 3 not in registry


def test_what_is_not_there_and_what_is_there_already():
    registry: Registry[int] = Registry("op")
    registry.add("exp", 1)
    with pytest.raises(NotFound, match="op: unknown name, got 'ex'; did you mean 'exp'"):
        registry["ex"]
    with pytest.raises(InvalidValue, match="op 'exp': already registered"):
        registry.add("exp", 2)
