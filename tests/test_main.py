"""The command line as it is called: exit status, and errors as one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cannery.__main__ import main


def test_wrong_input_is_one_line_on_standard_error(tmp_path, capsys):
    assert main(["fit", str(tmp_path / "none.csv"), "--target", "y"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cannery: DATA: no such file, got ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["cook"], ["fit"], ["fit", "a.csv", "--model", "deep"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: cannery" in capsys.readouterr().err


def test_help_names_every_option(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--help"])
    printed = capsys.readouterr().out
    for option in ("--target", "--model", "--task", "--test-fraction", "--out", "--set"):
        assert option in printed


def test_interrupt(monkeypatch, capsys, tmp_path):
    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("cannery.commands.fit.read_table", interrupted)
    assert main(["fit", str(tmp_path), "--target", "y"]) == 130
    assert capsys.readouterr().err == "cannery: interrupted\n"


def test_as_a_module(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "cannery", "demo", "--impressions", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr == "cannery: --impressions: must be at least 1000, got 5\n"
