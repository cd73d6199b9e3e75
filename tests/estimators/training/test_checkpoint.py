"""The store of checkpoints: whole or not there, the newest few, one fit a folder."""

from __future__ import annotations

import errno
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cannery.errors import InvalidType, InvalidValue
from cannery.estimators.training import checkpoint as checkpoint_module
from cannery.estimators.training.checkpoint import Checkpoints, State

fcntl = pytest.importorskip("fcntl")
resource = pytest.importorskip("resource")

ARRAYS = {
    "tower/weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "steps": np.int64(7) * np.ones((), np.int64),
    "odd": np.array([np.nan, -0.0, np.inf, 1e-45], np.float32),
    "none": np.empty((0, 4)),
    "text": np.array(["é", "long text"]),
    "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def fill(folder, numbers, keep=3):
    with Checkpoints(folder, keep=keep) as checkpoints:
        checkpoints.claim({"who": "me", "rows": "10"})
        for number in numbers:
            checkpoints.save(State(number, {"x": np.full(50, number, np.float32)}))


def newest(folder):
    """Return the number saved last, having checked that its array goes with it."""
    with Checkpoints(folder) as checkpoints:
        state = checkpoints.newest
        assert (state.arrays["x"] == np.full(50, state.values, np.float32)).all()
        return state.values


def test_a_state_comes_back_to_the_last_bit(tmp_path):
    values = {"loss": [0.1, math.inf, np.float32(0.1), np.int32(3)], "big": 2**127 + 1, "no": None}
    with Checkpoints(tmp_path / "deep" / "down") as checkpoints:
        assert checkpoints.newest is None
        checkpoints.save(State.joined({"a": State(values, ARRAYS), "b": State(1.5)}))
    with Checkpoints(tmp_path / "deep" / "down") as checkpoints:
        state = checkpoints.newest
        a, b = state.part("a"), state.part("b")
        assert a.values == {**values, "loss": [0.1, math.inf, float(np.float32(0.1)), 3]}
        assert sorted(a.arrays) == sorted(ARRAYS)
        for name, array in ARRAYS.items():
            found = a.arrays[name]
            assert found.dtype == array.dtype and found.shape == array.shape
            assert found.tobytes("A") == array.tobytes("A")
        assert b.values == 1.5 and not b.arrays


def test_numpy_reads_the_file_without_pickles(tmp_path):
    fill(tmp_path, [4])
    with np.load(tmp_path / "checkpoint-00000001.npz", allow_pickle=False) as file:
        assert (file["arrays/x"] == 4).all()
        header = json.loads(file["header"].tobytes())
    assert header["identity"] == {"who": "me", "rows": "10"} and header["values"] == 4


def test_the_newest_stay(tmp_path):
    fill(tmp_path, range(7), keep=2)
    kept = ["checkpoint-00000006.npz", "checkpoint-00000007.npz", "checkpoint.lock"]
    assert names(tmp_path) == kept
    fill(tmp_path, [7], keep=1)
    assert names(tmp_path) == ["checkpoint-00000008.npz", "checkpoint.lock"]
    assert newest(tmp_path) == 7


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "checkpoint-final.npz").write_text("mine")
    (tmp_path / "checkpoint-writing.npz").write_text("half a file of a process that is gone")
    fill(tmp_path, range(5), keep=1)
    assert names(tmp_path) == ["checkpoint-00000005.npz", "checkpoint-final.npz", "checkpoint.lock"]


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def turn_a_bit(path):
    content = bytearray(path.read_bytes())
    content[content.index(np.full(50, 2, np.float32).tobytes()) + 30] ^= 4
    path.write_bytes(content)


def not_an_archive(path):
    path.write_bytes(b"\x93NUMPY" * 50)


def pickled(path):
    path.write_bytes(pickle.dumps(ARRAYS))


def other_archive(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", "nothing")


@pytest.mark.parametrize(
    "damage", [truncate, empty, turn_a_bit, not_an_archive, pickled, other_archive]
)
def test_the_one_before_a_damaged_one_is_used_and_said(tmp_path, damage):
    fill(tmp_path, range(3))
    damage(tmp_path / "checkpoint-00000003.npz")
    with pytest.warns(RuntimeWarning, match=r"00000003.npz: is damaged .* checkpoint-00000002.npz"):
        assert newest(tmp_path) == 1
    assert "damaged-checkpoint-00000003.npz" in names(tmp_path)
    assert newest(tmp_path) == 1
    fill(tmp_path, [9])
    assert "checkpoint-00000003.npz" in names(tmp_path) and newest(tmp_path) == 9


def test_if_all_are_damaged_nothing_is_begun_anew(tmp_path):
    fill(tmp_path, range(3))
    before = names(tmp_path)
    for path in tmp_path.glob("*.npz"):
        truncate(path)
    with pytest.raises(InvalidValue, match="none of its checkpoints can be read, got checkpoint-"):
        newest(tmp_path)
    assert names(tmp_path) == before


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(share=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
@pytest.mark.filterwarnings("ignore:checkpoint:RuntimeWarning")
def test_no_changed_byte_changes_what_is_read(tmp_path_factory, share, bits):
    folder = tmp_path_factory.mktemp("flipped")
    fill(folder, [1, 2])
    path = folder / "checkpoint-00000002.npz"
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= bits
    path.write_bytes(content)
    assert newest(folder) in (1, 2)


def test_another_format_is_not_taken_for_damage(tmp_path, monkeypatch):
    monkeypatch.setattr("cannery.estimators.training.checkpoint_files.FORMAT", "later/2")
    fill(tmp_path, [1])
    monkeypatch.undo()
    with pytest.raises(InvalidValue, match=r"must have the format 'cannery.checkpoint/1', got"):
        newest(tmp_path)


def test_another_fit_is_refused_by_what_differs(tmp_path):
    fill(tmp_path, [1])
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.claim({"who": "me"})
        with pytest.raises(
            InvalidValue, match=r"another fit, got other rows=12 \(there 10\), more"
        ):
            checkpoints.claim({"rows": "12", "more": "?"})
    fill(tmp_path, [2])
    assert newest(tmp_path) == 2


def test_how_often(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(checkpoint_module.time, "monotonic", lambda: now[0])
    slow = checkpoint_module.write

    def write(*given):
        slow(*given)
        now[0] += 3.0

    monkeypatch.setattr(checkpoint_module, "write", write)
    with Checkpoints(tmp_path, seconds=10) as checkpoints:
        now[0] += 9
        assert not checkpoints.due()
        now[0] += 1
        assert checkpoints.due()
        checkpoints.save(State())
        now[0] += 59
        assert not checkpoints.due()  # for it took three seconds
        now[0] += 1
        assert checkpoints.due()
    with Checkpoints(tmp_path, seconds=0) as checkpoints:
        assert checkpoints.due()
        checkpoints.save(State())
        assert checkpoints.due()


@pytest.mark.parametrize("state", [State({"x": object()}), State(0, {"x": np.array([None])})])
def test_what_cannot_be_kept_is_refused(tmp_path, state):
    fill(tmp_path, [1])
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(InvalidType, match="cannot hold"):
        checkpoints.save(state)
    assert newest(tmp_path) == 1


# What the machine does to it.


def test_a_full_disk(tmp_path):
    """A bound on the size of files has the system refuse bytes in the midst of a write."""
    fill(tmp_path, [1, 2])
    before = names(tmp_path)
    bound = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Checkpoints(tmp_path) as checkpoints:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, bound[1]))
        try:
            with pytest.raises(InvalidValue, match="cannot hold checkpoints, got File too large"):
                checkpoints.save(State(3, {"x": np.zeros(9_000)}))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, bound)
        assert names(tmp_path) == before
        checkpoints.save(State(3, {"x": np.full(50, 3, np.float32)}))
    assert newest(tmp_path) == 3


def refuse(number):
    def call(*given, **options):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_no_room_for_the_last_bytes(tmp_path, monkeypatch, call):
    fill(tmp_path, [1, 2])
    before = names(tmp_path)
    with Checkpoints(tmp_path) as checkpoints:
        owner = os if call == "fsync" else Path
        monkeypatch.setattr(owner, call, refuse(errno.ENOSPC))
        with pytest.raises(InvalidValue, match=f"folder {tmp_path}.*No space left on device"):
            checkpoints.save(State(3, {}))
        monkeypatch.undo()
    assert names(tmp_path) == before and newest(tmp_path) == 2


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(InvalidValue, match="cannot hold checkpoints"):
            fill(tmp_path / place, [1])
    fill(tmp_path, [1])
    monkeypatch.setattr(os, "open", refuse(errno.EROFS))
    with pytest.raises(InvalidValue, match=f"folder {tmp_path}.*Read-only file system; make room"):
        newest(tmp_path)
    monkeypatch.undo()
    assert newest(tmp_path) == 1


def test_one_at_a_time(tmp_path):
    with Checkpoints(tmp_path) as first:
        match = f"another fit is at work in it, got process {os.getpid()} on "
        with pytest.raises(InvalidValue, match=match):
            fill(tmp_path, [1])
        first.save(State(5, {"x": np.full(50, 5, np.float32)}))
    assert newest(tmp_path) == 5


def test_a_lock_ends_with_its_process(tmp_path):
    fill(tmp_path, [1])
    program = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'r+'); fcntl.flock(file, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(60)"
    )
    lock = str(tmp_path / "checkpoint.lock")
    holder = subprocess.Popen([sys.executable, "-c", program, lock], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InvalidValue, match="another fit is at work in it"):
            newest(tmp_path)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert newest(tmp_path) == 1


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    with (
        Checkpoints(tmp_path),
        pytest.raises(InvalidValue, match="another fit is at work in it"),
    ):
        newest(tmp_path)
    fill(tmp_path, [1])
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = tmp_path / "checkpoint.lock"
    content = f"{gone.pid} on {os.uname().nodename}"
    lock.write_text(content)
    assert newest(tmp_path) == 1
    lock.write_text("1 on another machine")
    with pytest.raises(InvalidValue, match="got process 1 on another machine"):
        newest(tmp_path)
