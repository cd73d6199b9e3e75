"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import cannery.__main__

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_python_blocks_run(capsys):
    found = blocks("python")
    assert found
    for block in found:
        exec(compile(block, "README.md", "exec"), {})
    assert "'auc'" in capsys.readouterr().out


def test_the_wide_and_deep_has_about_ten_lines():
    assert len([line for line in blocks("python")[0].splitlines() if line]) <= 11


def test_the_commands_shown_are_commands(monkeypatch):
    seen = []
    for name in ("run_demo", "fit_file"):
        monkeypatch.setattr(cannery.commands, name, lambda **options: seen.append(options))
    for line in "".join(blocks("sh")).splitlines():
        command = re.search(r"(?:^|python -m )cannery (.*)", line)
        if command:
            assert cannery.__main__.main(command[1].split()) == 0
    assert len(seen) == 3
    assert seen[1]["settings"] == ["epochs=20", "hidden_units=64,32"]
    assert seen[2]["model"] == "all"


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert not missing
