"""The toolchain: which compiler is taken, what it says when it fails, what its code may not do."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shlex
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest

from cannery.errors import CompileError, InvalidType, InvalidValue, MissingDependency
from cannery.graph.compiler import c_compiler
from cannery.graph.compiler import toolchain as toolchain_module
from cannery.graph.compiler.toolchain import (
    FLAGS,
    compile_shared,
    find_toolchain,
    load,
    require_toolchain,
)

posix = pytest.mark.skipif(os.name != "posix", reason="the fake compilers are shell scripts")
ANSWER = "int answer(void) { return 42; }"


@pytest.fixture
def no_zig(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        toolchain_module.importlib.util,
        "find_spec",
        lambda name: None if name == "ziglang" else find(name),
    )


@pytest.fixture
def no_compiler(own_cache, no_zig, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def counted(toolchain, tmp_path, monkeypatch):
    """The real compiler behind a script that notes each compilation; calling it counts them."""
    log = tmp_path / "compilations"
    log.touch()
    real = shlex.join(toolchain.command)
    fake = script(
        tmp_path / "counted",
        f'case "$*" in *--version) ;; *) echo "$*" >> {log} ;; esac\nexec {real} "$@"',
    )
    monkeypatch.setenv("CC", str(fake))
    return lambda: len(log.read_text().splitlines())


def python(program):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )


def test_source_to_a_function(toolchain):
    library = load("float half(float x) { return x / 2; }")
    library.half.restype, library.half.argtypes = ctypes.c_float, [ctypes.c_float]
    assert library.half(3.0) == 1.5


def test_a_library_is_loaded_once(toolchain):
    assert load(ANSWER) is load(ANSWER)
    assert load(ANSWER) is not load(ANSWER, ("-DX",))


def test_extra_arguments_reach_the_compiler(toolchain):
    assert load("int answer(void) { return X; }", ("-DX=7",)).answer() == 7


def test_fast_math_is_no_flag_of_ours():
    assert not c_compiler.CHANGES_FLOATING_POINT.intersection(FLAGS)


def smallest():
    """A denormal computed now, not when Python or numpy was compiled."""
    return (np.full(4, 1e-39, np.float32) * np.ones(4, np.float32)).tolist()


def test_loading_never_changes_the_floating_point_mode(toolchain):
    before = smallest()
    assert before[0] > 0
    source = "float twice(float x) { return x * 2; }"
    for _ in range(2):
        twice = load(source).twice
        twice.restype, twice.argtypes = ctypes.c_float, [ctypes.c_float]
        assert twice(1e-39) == pytest.approx(2e-39, rel=1e-5)
        assert smallest() == before


@pytest.mark.parametrize("argument", sorted(c_compiler.CHANGES_FLOATING_POINT))
def test_what_would_change_the_floating_point_mode_is_refused(own_cache, argument):
    with pytest.raises(InvalidValue, match="floating-point mode of the whole process"):
        compile_shared(ANSWER, (argument,))


def test_extra_as_one_text_is_refused(own_cache):
    with pytest.raises(InvalidType, match="no tuple of arguments"):
        compile_shared(ANSWER, "-DX=7")


@posix
def test_cc_is_honoured(counted, tmp_path):
    found = find_toolchain()
    assert found is not None
    assert found.command == (str(tmp_path / "counted"),)
    assert str(tmp_path / "counted") in found.identity
    assert require_toolchain() == found
    before = counted()
    load(ANSWER)
    assert counted() == before + 1


@posix
def test_arguments_in_cc_are_kept(counted, monkeypatch):
    monkeypatch.setenv("CC", os.environ["CC"] + " -DX='40 + 2'")
    assert load("int answer(void) { return X; }").answer() == 42


@posix
@pytest.mark.parametrize(
    ("cc", "reason"),
    [
        ("no-such-compiler", "no such program"),
        ("'half a quotation", "no closing quotation"),
        ("false", "does not tell its version"),
        ("echo", "compiles nothing"),
        ("cc -Ofast", "floating-point mode"),
        ("cc -lno_such_library", "no_such_library"),
    ],
)
def test_a_broken_cc_is_named_and_the_next_compiler_used(
    toolchain, monkeypatch, caplog, cc, reason
):
    program = cc.split()[0]
    if program in {"cc", "echo", "false"} and shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine")
    monkeypatch.setenv("CC", cc)
    assert find_toolchain() == toolchain
    assert find_toolchain() == toolchain
    assert len(caplog.messages) == 1
    assert reason in caplog.messages[0]
    assert load(ANSWER).answer() == 42
    with pytest.raises(InvalidValue, match=f"environment variable CC: .*{reason}"):
        require_toolchain()


def test_an_empty_cc_is_none(toolchain, monkeypatch, caplog):
    monkeypatch.setenv("CC", " ")
    assert require_toolchain() == toolchain
    assert not caplog.messages


def test_no_compiler(no_compiler, caplog):
    assert find_toolchain() is None
    assert find_toolchain() is None
    assert len(caplog.messages) == 1
    assert "programs are interpreted" in caplog.messages[0]
    for call in (require_toolchain, lambda: load(ANSWER)):
        with pytest.raises(MissingDependency) as caught:
            call()
        for way_out in ("cannery[jit]", "gcc", "clang", "CC", "CANNERY_JIT"):
            assert way_out in str(caught.value)


@posix
def test_a_compiler_that_cannot_compile_is_passed_over(toolchain, tmp_path, monkeypatch, no_zig):
    """A gcc without the C library's headers tells its version all the same."""
    folder = tmp_path / "programs"
    folder.mkdir()
    script(folder / "gcc", 'case "$*" in *--version) echo gcc 1.0 ;; *) exit 1 ;; esac')
    path, real = os.environ["PATH"], shlex.join(toolchain.command)
    script(folder / "clang", f'PATH={path}\nexec {real} "$@"')
    monkeypatch.setenv("PATH", str(folder))
    found = find_toolchain()
    assert found is not None
    assert found.command == (str(folder / "clang"),)


@posix
def test_no_compiler_works(toolchain, tmp_path, monkeypatch, no_zig):
    folder = tmp_path / "programs"
    folder.mkdir()
    fail = 'echo "a.c: error: broken" >&2; exit 1'
    broken = f'case "$*" in *--version) echo gcc 1.0 ;; *) {fail} ;; esac'
    script(folder / "gcc", broken)
    monkeypatch.setenv("PATH", str(folder))
    assert find_toolchain() is None
    with pytest.raises(MissingDependency, match=r"none works \(C compiler .*gcc .*error: broken"):
        require_toolchain()


@posix
@pytest.mark.parametrize("unknown", ["-march=native", "-fopenmp-simd"])
def test_flags_that_a_compiler_does_not_know_are_dropped(toolchain, tmp_path, monkeypatch, unknown):
    refuse = f'case "$*" in *{unknown}*) echo "error: {unknown}?" >&2; exit 1 ;; esac'
    fake = script(tmp_path / "older", f'{refuse}\nexec {shlex.join(toolchain.command)} "$@"')
    monkeypatch.setenv("CC", str(fake))
    assert unknown not in require_toolchain().flags
    assert {"-ftree-vectorize", "-shared", "-fno-trapping-math"} <= set(require_toolchain().flags)
    assert load(ANSWER).answer() == 42


@pytest.mark.parametrize("value", ["0", "off", "FALSE", "no"])
def test_the_compiler_can_be_switched_off(toolchain, monkeypatch, caplog, value):
    monkeypatch.setenv("CANNERY_JIT", value)
    assert find_toolchain() is None
    assert not caplog.messages  # who switches it off knows
    for call in (require_toolchain, lambda: load(ANSWER)):
        with pytest.raises(MissingDependency, match=f"switched off, got CANNERY_JIT={value}"):
            call()


@pytest.mark.parametrize("value", ["", "1", "on", "True"])
def test_the_compiler_can_be_switched_on(toolchain, monkeypatch, value):
    monkeypatch.setenv("CANNERY_JIT", value)
    assert find_toolchain() == toolchain


def test_neither_on_nor_off(toolchain, monkeypatch, caplog):
    monkeypatch.setenv("CANNERY_JIT", "maybe")
    assert find_toolchain() is None
    assert "CANNERY_JIT: neither on nor off, got 'maybe'" in caplog.text
    with pytest.raises(InvalidValue, match="neither on nor off"):
        require_toolchain()


@posix
def test_an_unsafe_cache_means_no_compiler_until_it_is_safe(toolchain, own_cache, caplog):
    own_cache.chmod(0o777)
    assert find_toolchain() is None
    assert "other users may write it" in caplog.text
    for call in (require_toolchain, lambda: load(ANSWER)):
        with pytest.raises(InvalidValue, match="chmod go-w"):
            call()
    own_cache.chmod(0o700)
    assert require_toolchain() == toolchain


@posix
def test_an_entry_in_the_cache_needs_no_compiler(counted):
    program = f"from cannery.graph.compiler.toolchain import load; print(load({ANSWER!r}).answer())"
    for _ in range(2):
        done = python(program)
        assert done.stdout.strip() == "42", done.stderr
        assert counted() == 2  # the trial and the program, by the first process


@posix
def test_a_library_that_was_cut_short_is_compiled_again(counted):
    library = compile_shared(ANSWER)
    before = counted()
    library.write_bytes(library.read_bytes()[:1000])
    program = f"from cannery.graph.compiler.toolchain import load; print(load({ANSWER!r}).answer())"
    done = python(program)
    assert done.stdout.strip() == "42", done.stderr
    assert counted() == before + 1


def test_two_processes_compile_at_once(toolchain):
    program = f"from cannery.graph.compiler.toolchain import load; print(load({ANSWER!r}).answer())"
    command = [sys.executable, "-W", "error", "-c", program]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in processes] == ["42", "42"]


def test_a_source_that_does_not_compile(toolchain, own_cache):
    source = "int fine;\nint answer(void) { return undeclared; }\nint worse(void) { return also; }"
    with pytest.raises(CompileError) as caught:
        load(source)
    message = str(caught.value)
    assert "program.c:2:" in message
    assert "undeclared" in message
    assert "also" not in message  # the first error alone
    kept = next(own_cache.glob("*.c"))
    assert str(kept) in message
    assert kept.read_text() == source
    assert isinstance(caught.value, RuntimeError)


@posix
def test_a_library_that_does_not_load(toolchain):
    source = "int no_such_function(void); int call(void) { return no_such_function(); }"
    with pytest.raises(CompileError, match=r"does not load.*no_such_function"):
        load(source, ("-Wl,-z,now",))


def test_warnings_of_a_compiler_are_no_errors(toolchain):
    assert load("int answer(void) { int unused; return 42; }", ("-Wall",)).answer() == 42


def test_a_mac_without_developer_tools_is_not_asked(no_compiler, tmp_path, monkeypatch):
    """The programs it has under those names would open a dialog."""
    monkeypatch.setattr(toolchain_module.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(toolchain_module.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(toolchain_module, "run_command", lambda *arguments: (2, ""))
    assert list(toolchain_module._installed()) == []
    monkeypatch.setattr(toolchain_module, "run_command", lambda *arguments: (0, "/Library"))
    assert next(toolchain_module._installed()) == ("/usr/bin/gcc",)


@pytest.mark.slow
@pytest.mark.parametrize("cc", ["", "false"])
def test_zig_where_it_is_the_only_one(own_cache, tmp_path, monkeypatch, caplog, cc):
    pytest.importorskip("ziglang", reason="needs the extra `jit`")
    false = shutil.which("false") or "no-such-compiler"
    monkeypatch.setenv("CC", cc and false)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_toolchain()
    assert found is not None
    assert "ziglang" in found.command[0]
    assert "-mcpu=native" in found.flags
    before = smallest()
    assert load(ANSWER).answer() == 42
    assert smallest() == before
    assert (own_cache.parent / "zig").is_dir()
    assert len(caplog.messages) == bool(cc)
