"""How large an exported model is, found out by compiling it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...graph.compiler.c_compiler import Toolchain, run_command
from ...graph.compiler.toolchain import find_toolchain
from .model_text import ModelText

__all__ = ["Sizes", "measure", "sizes_text"]

MOST_MEASURED = 2_000_000  # bytes of weights, which compile in about two seconds
FLAGS = ("-std=c99", "-O2")
_NODE = re.compile(r'node: \{ title: "([^"]*)" label: "[^"]*\\n(\d+) bytes \(([a-z,]+)\)')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"')


class Sizes(dict[str, int]):
    """Bytes by name: ``text``, ``data``, ``bss``, and ``stack`` where the compiler tells it."""


def sizes_text(text: ModelText, name: str) -> str:
    """Return what a model needs, as far as it can be measured here."""
    toolchain = find_toolchain()
    lines = [
        f"{name}: what it needs",
        "",
        f"columns of a row         {text.columns:>10,}",
        f"predictions of a row     {text.outputs:>10,}",
        f"weights                  {text.weights_bytes:>10,} bytes, part of the text",
        f"scratch memory           {text.scratch_bytes:>10,} bytes",
    ]
    large = text.weights_bytes > MOST_MEASURED
    found = measure(text, name, toolchain) if toolchain and not large else Sizes()
    if toolchain is None or not found:
        why = "with so many weights, compiling takes long" if large else "the compiler told none"
        why = "no C compiler was found" if toolchain is None else why
        return "\n".join([*lines, "", f"Text, data and stack were not measured: {why}.", ""])
    said = {
        "text": "bytes, code and constants",
        "data": "bytes, addresses that a loader fills in",
        "bss": "bytes, memory that starts as zero",
        "stack": "bytes at most, without the C library's functions",
    }
    for key, words in said.items():
        if key in found:
            lines.append(f"{key:<25}{found[key]:>10,} {words}")
    if "stack" not in found:
        lines.append("stack                    not measured: this takes gcc")
    lines += ["", f"Measured with {toolchain.identity}, {' '.join(FLAGS)}.", ""]
    return "\n".join(lines)


def measure(text: ModelText, name: str, toolchain: Toolchain) -> Sizes:
    """Return the sizes of a model's object file; nothing where they cannot be found out."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / f"{name}.h").write_text(text.header, encoding="utf-8")
        (folder / f"{name}.c").write_text(text.source, encoding="utf-8")
        command = (*toolchain.command, *FLAGS, "-c", f"{name}.c", "-o", f"{name}.o")
        chains = (*command, "-fcallgraph-info=su")  # which gcc alone knows
        if run_command(chains, folder)[0] and run_command(command, folder)[0]:
            return Sizes()
        return Sizes(_sections(folder / f"{name}.o") | _stack(folder, f"{name}_predict"))


def _sections(file: Path) -> dict[str, int]:
    program = shutil.which("size") or shutil.which("llvm-size")
    status, printed = run_command((program, str(file))) if program else (1, "")
    lines = printed.splitlines()
    if status or len(lines) < 2:
        return {}
    found = dict(zip(lines[0].split(), lines[1].split(), strict=False))
    return {key: int(found[key]) for key in ("text", "data", "bss") if found.get(key, "").isdigit()}


def _stack(folder: Path, entry: str) -> dict[str, int]:
    """Return the stack of the deepest chain of calls below the functions of the header."""
    graph = next(iter(folder.glob("*.ci")), None)
    if graph is None:
        return {}
    text = graph.read_text(encoding="utf-8", errors="replace")
    own = {name: int(size) for name, size, kind in _NODE.findall(text) if kind == "static"}
    calls: dict[str, set[str]] = {}
    for caller, called in _EDGE.findall(text):
        calls.setdefault(caller, set()).add(called)
    if len(own) < len(_NODE.findall(text)):
        return {}  # some function's stack depends on what it is given
    starts = [name for name in own if name.startswith(entry)]
    return {"stack": max((_deepest(name, own, calls, ()) for name in starts), default=0)}


def _deepest(
    name: str, own: Mapping[str, int], calls: Mapping[str, set[str]], above: tuple[str, ...]
) -> int:
    if name in above:
        return 0
    below = (_deepest(n, own, calls, (*above, name)) for n in calls.get(name, ()))
    return own.get(name, 0) + max(below, default=0)
