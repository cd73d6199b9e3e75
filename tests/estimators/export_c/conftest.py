"""What tests of exported models share: compilers, and the driver that feeds rows to the C."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from cannery.graph.compiler.toolchain import find_toolchain

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def _benchmark(name: str):
    """Return a module of the benchmarks, which are no package."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there for their annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def driver():
    """Rows in, the answers of compiled C out: see benchmarks/exported.py."""
    return _benchmark("exported")


@pytest.fixture(scope="session")
def hostile():
    """Rows that nobody would send on purpose: see benchmarks/hostile.py."""
    return _benchmark("hostile")


@pytest.fixture(scope="session")
def compiler() -> tuple[str, ...]:
    """The command of this machine's C compiler."""
    found = find_toolchain()
    if found is None:
        pytest.skip("no C compiler on this machine")
    return found.command


@pytest.fixture(scope="session")
def sanitized(compiler, driver, tmp_path_factory) -> tuple[str, ...]:
    """The command of a compiler that finds reads outside of memory and undefined behaviour."""
    folder = tmp_path_factory.mktemp("sanitizers")
    (folder / "empty.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    command = (*compiler, "-O0", *driver.SANITIZERS)
    built = subprocess.run(
        [*command, "empty.c", "-o", "empty"], cwd=folder, capture_output=True, check=False
    )
    if built.returncode or subprocess.run([folder / "empty"], check=False).returncode:
        pytest.skip(f"{compiler[0]} has no sanitizers that link and run here")
    return command
