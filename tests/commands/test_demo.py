"""`cannery demo`: the table it prints and what it says about the models."""

from __future__ import annotations

import pytest

from cannery.commands import run_demo
from cannery.errors import InvalidValue


def test_too_few_impressions(tmp_path):
    with pytest.raises(InvalidValue, match="--impressions: must be at least 1000, got 10"):
        run_demo(10, tmp_path, 0)


def test_demo(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    found = run_demo(6000, tmp_path / "new", random_state=0)
    assert list(found.index) == ["linear", "deep", "wide & deep", "best possible"]
    assert found["log loss"].idxmin() == found["AUC"].idxmax() == "best possible"
    assert (found["AUC"] > 0.55).all()
    printed = capsys.readouterr().out
    assert "wide & deep" in printed
    assert "best possible" in printed
    assert (tmp_path / "new" / "learning_curves.png").stat().st_size > 5000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_wide_and_deep_beats_both_halves(tmp_path, seed):
    found = run_demo(100_000, tmp_path, random_state=seed)
    halves = found.loc[["linear", "deep"]]
    assert found.loc["wide & deep", "log loss"] < halves["log loss"].min() - 0.015
    assert found.loc["wide & deep", "AUC"] > halves["AUC"].max() + 0.015
