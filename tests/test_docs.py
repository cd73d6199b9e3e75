"""The code in docs/ runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = sorted((Path(__file__).parents[1] / "docs").glob("*.md"))


def blocks(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", [path for path in DOCS if blocks(path)], ids=lambda p: p.name)
def test_python_blocks_run(path):
    names: dict[str, object] = {}
    for block in blocks(path):
        exec(compile(block, path.name, "exec"), names)


def test_there_is_code_to_run():
    assert any(blocks(path) for path in DOCS)
