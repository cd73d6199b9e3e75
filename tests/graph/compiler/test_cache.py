"""The cache: what it holds, whom it trusts, and what it does when something is wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from cannery.errors import InvalidValue
from cannery.graph.compiler import cache
from cannery.graph.compiler.cache import cache_folder, entry_key, fetch, keep_source

posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX's")
KEY = entry_key("some source", ("-O3",), "some compiler")


class Build:
    """Writes a library, and counts how often it was asked to."""

    def __init__(self, content: bytes = b"machine code"):
        self.content, self.count = content, 0

    def __call__(self, path: Path) -> None:
        self.count += 1
        path.write_bytes(self.content)


def python(program: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def grow_old(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_the_key_depends_on_all_that_the_library_depends_on(monkeypatch):
    assert entry_key("a", ("-x",), "cc 1") == entry_key("a", ("-x",), "cc 1")
    keys = {
        entry_key("a", ("-x",), "cc 1"),
        entry_key("b", ("-x",), "cc 1"),
        entry_key("a", ("-y",), "cc 1"),
        entry_key("a", ("-x", "-x"), "cc 1"),
        entry_key("a", ("-x -x",), "cc 1"),
        entry_key("a", ("-x",), "cc 2"),
    }
    monkeypatch.setattr(cache, "_processor", lambda: "another processor")
    keys.add(entry_key("a", ("-x",), "cc 1"))
    monkeypatch.setattr(cache.sysconfig, "get_platform", lambda: "another platform")
    keys.add(entry_key("a", ("-x",), "cc 1"))
    assert len(keys) == 8


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="needs Linux")
def test_the_processor_is_told_by_what_it_can_do():
    assert any(word in cache._processor() for word in ("flags", "Features", "model name"))


@posix
def test_folder_by_the_environment(own_cache, tmp_path, monkeypatch):
    assert cache_folder() == own_cache
    monkeypatch.delenv("CANNERY_CACHE_DIR")
    monkeypatch.setattr(cache.platform, "system", lambda: "Linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "cannery" / "jit"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() == tmp_path / ".cache" / "cannery" / "jit"
    monkeypatch.setattr(cache.platform, "system", lambda: "Darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "cannery" / "jit"
    monkeypatch.setattr(cache.platform, "system", lambda: "Windows")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "cannery" / "cache" / "jit"


@posix
def test_only_the_user_may_look_into_what_is_made(own_cache):
    before = os.umask(0)
    try:
        library = fetch(KEY, Build())
    finally:
        os.umask(before)
    for path in (own_cache, own_cache.parent, library, library.with_suffix(".sha256")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_entry_is_built_once(own_cache):
    build = Build()
    library = fetch(KEY, build)
    assert library.parent == own_cache
    assert library.read_bytes() == build.content
    assert fetch(KEY, build) == library
    assert build.count == 1


def test_a_folder_that_was_removed_is_made_again(own_cache):
    build = Build()
    fetch(KEY, build)
    shutil.rmtree(own_cache.parent)
    assert fetch(KEY, build).read_bytes() == build.content
    assert build.count == 2


def test_a_folder_that_is_removed_during_a_build(own_cache, caplog, monkeypatch):
    monkeypatch.setattr(cache, "_PRIVATE", {})
    build = Build()

    def interrupted(path):
        if not build.count:
            shutil.rmtree(own_cache.parent)
        build(path)

    library = fetch(KEY, interrupted)
    assert library.read_bytes() == build.content
    assert own_cache not in library.parents
    (line,) = caplog.messages
    assert "compiled code is kept for this process only" in line
    assert fetch(KEY, build) == library


def test_nothing_is_left_beside_the_entry(own_cache):
    library = fetch(KEY, Build())
    assert set(own_cache.iterdir()) == {library, library.with_suffix(".sha256")}


def test_a_build_that_fails_leaves_nothing(own_cache):
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fetch(KEY, fail)
    assert list(own_cache.iterdir()) == []


def cut_short(library: Path) -> None:
    library.write_bytes(library.read_bytes()[:5])


def alter(library: Path) -> None:
    library.write_bytes(library.read_bytes()[::-1])


def empty(library: Path) -> None:
    library.write_bytes(b"")


def empty_record(library: Path) -> None:
    library.with_suffix(".sha256").write_bytes(b"")


def lose_record(library: Path) -> None:
    library.with_suffix(".sha256").unlink()


def lose(library: Path) -> None:
    library.unlink()


@pytest.mark.parametrize("damage", [cut_short, alter, empty, empty_record, lose_record, lose])
def test_a_damaged_entry_is_built_again(own_cache, damage):
    build = Build()
    library = fetch(KEY, build)
    damage(library)
    assert fetch(KEY, build).read_bytes() == build.content
    assert build.count == 2
    fetch(KEY, build)
    assert build.count == 2


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o722])
@pytest.mark.parametrize("which", ["folder", "its parent"])
def test_a_folder_that_others_may_write_is_refused(own_cache, which, mode):
    fetch(KEY, Build())
    folder = own_cache if which == "folder" else own_cache.parent
    folder.chmod(mode)
    with pytest.raises(InvalidValue, match=rf"other users may write it.*0{mode:o}.*chmod go-w"):
        fetch(KEY, Build())
    folder.chmod(0o755)
    fetch(KEY, Build())


@posix
@pytest.mark.parametrize("suffix", [".so", ".sha256"])
def test_a_file_that_others_may_write_is_refused(own_cache, suffix):
    path = fetch(KEY, Build()).with_suffix(suffix)
    path.chmod(0o666)
    with pytest.raises(InvalidValue, match=f"cached file .*{suffix}: other users may write it"):
        fetch(KEY, Build())


@posix
def test_a_folder_or_file_of_another_user_is_refused(own_cache, monkeypatch):
    fetch(KEY, Build())
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(InvalidValue, match=f"belongs to another user, got owner {me}, user"):
        fetch(KEY, Build())


@posix
@pytest.mark.parametrize("home", ["/dev/null", "/dev/null/nobody"])
def test_without_a_home_code_is_kept_for_the_process(own_cache, monkeypatch, caplog, home):
    monkeypatch.delenv("CANNERY_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    build = Build()
    library = fetch(KEY, build)
    assert library.parent == cache.private_folder()
    assert fetch(KEY, build) == library
    assert build.count == 1
    library.unlink()
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.messages[0]


def test_the_folder_of_a_process_goes_with_it(tmp_path):
    program = "from cannery.graph.compiler.cache import private_folder; print(private_folder())"
    process = python(program, TMPDIR=str(tmp_path))
    printed, errors = process.communicate()
    assert process.returncode == 0, errors
    assert Path(printed.strip()).parents[1] == tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_leaves_the_folder_to_its_parent(tmp_path):
    program = """
import os, sys
from cannery.graph.compiler.cache import private_folder
mine = private_folder()
child = os.fork()
if not child:
    assert private_folder() != mine
    sys.exit()  # runs what is registered for the end of the process
assert os.waitpid(child, 0)[1] == 0
print(mine.is_dir())
"""
    # Forking with threads of BLAS about is what Python warns of, and no matter here.
    process = python("import warnings; warnings.simplefilter('ignore')" + program)
    printed, errors = process.communicate()
    assert printed.strip() == "True", errors


def test_a_read_only_folder_is_read_and_not_written(own_cache, monkeypatch, caplog):
    kept = fetch(KEY, Build())
    make = tempfile.mkdtemp

    def refuse(*arguments, **options):
        if str(options.get("dir", "")).startswith(str(own_cache)):
            raise PermissionError(13, "Permission denied")
        return make(*arguments, **options)

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    build = Build(b"other code")
    assert fetch(KEY, build) == kept
    assert build.count == 0
    other = entry_key("other source", (), "some compiler")
    library = fetch(other, build)
    assert library.parent == cache.private_folder()
    assert fetch(other, build) == library
    assert build.count == 1
    library.unlink()
    assert len(caplog.messages) == 1


def test_two_processes_at_once(own_cache):
    """Both build, because neither has finished when the other asks; both end with a whole file."""
    program = f"""
import time
from pathlib import Path
from cannery.graph.compiler.cache import fetch
met = Path({str(own_cache.parent)!r})
def build(path):
    (met / f"here-{{path.parent.name}}").touch()
    while len(list(met.glob("here-*"))) < 2:
        time.sleep(0.01)
    path.write_bytes(b"machine code" * 1000)
assert fetch({KEY!r}, build).read_bytes() == b"machine code" * 1000
"""
    processes = [python(program) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
    build = Build()
    assert fetch(KEY, build).read_bytes() == b"machine code" * 1000
    assert build.count == 0


def test_the_entries_unused_for_longest_go_first(own_cache, monkeypatch):
    monkeypatch.setenv("CANNERY_CACHE_SIZE", "0.25")
    keys = [entry_key(f"source {i}", (), "some compiler") for i in range(4)]
    build = Build(bytes(100_000))
    for age, key in enumerate(keys[:2]):
        library = fetch(key, build)
        for path in (library, library.with_suffix(".sha256")):
            grow_old(path, 5000 - 1000 * age)
    fetch(keys[0], build)  # used just now
    fetch(keys[2], build)
    assert {path.stem for path in own_cache.iterdir()} == {keys[0], keys[2]}


def test_what_was_built_a_moment_ago_stays_whatever_the_bound(own_cache, monkeypatch):
    """Another process may be about to load it."""
    monkeypatch.setenv("CANNERY_CACHE_SIZE", "0")
    libraries = [fetch(entry_key(name, (), "some compiler"), Build()) for name in "ab"]
    assert all(library.exists() for library in libraries)


@pytest.mark.parametrize("size", ["much", "-1", "nan"])
def test_a_bound_that_is_no_size(own_cache, monkeypatch, size):
    monkeypatch.setenv("CANNERY_CACHE_SIZE", size)
    with pytest.raises(InvalidValue, match=f"CANNERY_CACHE_SIZE: no size, got {size}"):
        fetch(KEY, Build())


def test_what_was_left_half_done_is_removed_after_a_day(own_cache):
    cache_folder()
    old, new = own_cache / "building-old", own_cache / "building-new"
    for path in (old, new):
        path.mkdir()
        (path / "program.c").write_text("int x;")
    grow_old(old, 90_000)
    fetch(KEY, Build())
    assert new.exists()
    assert not old.exists()


def test_a_source_is_kept_in_the_cache(own_cache):
    path = keep_source(KEY, "int x; // größer")
    assert path == own_cache / f"{KEY}.c"
    assert path.read_text(encoding="utf-8") == "int x; // größer"


@posix
def test_a_source_is_kept_where_there_is_no_cache(own_cache, monkeypatch):
    monkeypatch.setenv("CANNERY_CACHE_DIR", "/dev/null/nowhere")
    path = keep_source(KEY, "int x;")
    assert path.read_text() == "int x;"
    assert cache.private_folder() not in path.parents  # which goes with the process
    path.unlink()
