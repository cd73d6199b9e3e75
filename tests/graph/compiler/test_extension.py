"""Extensions: their C is compiled once, and done without where there is no compiler or it fails."""

from __future__ import annotations

import ctypes
import os

import pytest

from cannery.errors import CompileError, InvalidValue, MissingDependency
from cannery.graph.compiler import extension as module
from cannery.graph.compiler.extension import Extension

HALF = "double half(double x) { return x / two(); }"
TWO = "static int two(void) { return 2; }"
FUNCTIONS = {"half": [ctypes.c_double, ctypes.c_double]}


@pytest.fixture
def made(own_cache, tmp_path, monkeypatch):
    """Make the extension of a package that has some texts."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "halves" / "c").mkdir(parents=True)

    def make(*texts, **options):
        for number, text in enumerate(texts):
            (tmp_path / "halves" / "c" / f"{number}.c").write_text(text)
        files = [f"{number}.c" for number in range(len(texts))]
        return Extension("halves", files, FUNCTIONS, "halved by Python", **options)

    return make


@pytest.fixture
def loads(monkeypatch):
    """What was loaded: a list that grows."""
    found, load = [], module.load
    monkeypatch.setattr(module, "load", lambda *given: found.append(given) or load(*given))
    return found


def test_texts_are_joined_and_functions_declared(made, toolchain):
    assert made(TWO, HALF).require().half(3) == 1.5
    assert made(HALF, flags=("-Dtwo()=4",)).require().half(3) == 0.75


def test_it_is_loaded_once_for_each_compiler(made, toolchain, loads, monkeypatch, tmp_path):
    extension = made(TWO, HALF)
    assert extension.find() is extension.find() is extension.require()
    assert len(loads) == 1
    monkeypatch.setenv("CANNERY_CACHE_DIR", str(tmp_path / "other"))
    assert extension.find().half(3) == 1.5
    assert len(loads) == 2 and any((tmp_path / "other" / "jit").glob("*.so"))


def test_a_compiler_that_is_switched_off(made, toolchain, monkeypatch, caplog):
    extension = made(TWO, HALF)
    assert extension.find() is not None
    monkeypatch.setenv("CANNERY_JIT", "0")
    assert extension.find() is None
    with pytest.raises(MissingDependency, match="switched off"):
        extension.require()
    monkeypatch.delenv("CANNERY_JIT")
    assert extension.find() is not None
    assert not caplog.messages  # who switches it off knows that


def test_c_that_does_not_compile_is_done_without(made, toolchain, loads, caplog):
    extension = made(HALF, "int lost(void) { return nothing; }")
    for _ in range(2):
        assert extension.find() is None
        with pytest.raises(CompileError, match="does not compile"):
            extension.require()
    (line,) = caplog.messages
    assert "nothing" in line and line.endswith("(halved by Python)")
    assert len(loads) == 1


@pytest.mark.skipif(os.name != "posix", reason="folders have modes on posix")
def test_a_cache_folder_that_is_not_safe(made, toolchain, own_cache, caplog):
    extension = made(TWO, HALF)
    own_cache.chmod(0o777)
    assert extension.find() is None
    assert "chmod go-w" in caplog.text
    own_cache.chmod(0o700)
    assert extension.find() is not None


def test_flags_that_no_extension_may_have(made, toolchain):
    with pytest.raises(InvalidValue, match="floating-point mode"):
        made(TWO, HALF, flags=("-ffast-math",)).find()
