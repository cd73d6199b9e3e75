"""What is listed, built and installed is exactly the package."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import cannery

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_PACKAGES = {"tests", "benchmarks", "docs", "notebooks", "build", "dist"}


def listed() -> list[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config["options"]["packages"].split()


def folders() -> set[str]:
    """Every package of the checkout, told by its `__init__.py`."""
    found = {"cannery"}
    for path in ROOT.glob("*/**/__init__.py"):
        parts = path.relative_to(ROOT).parts[:-1]
        if parts[0] not in NOT_PACKAGES and not parts[0].startswith("."):
            found.add(".".join(("cannery", *parts)))
    return found


def sources() -> set[str]:
    """The files a wheel must hold, by their place in it."""
    found = {"cannery/py.typed"}
    for package in listed():
        folder = ROOT.joinpath(*package.split(".")[1:])
        paths = [*folder.glob("*.py"), *folder.glob("*.h"), *folder.glob("c/*")]
        found |= {f"{package.replace('.', '/')}/{path.relative_to(folder)}" for path in paths}
    return found


def test_every_package_is_listed():
    assert set(listed()) == folders()


def test_the_list_is_sorted_and_free_of_repeats():
    assert listed() == sorted(set(listed()))


def test_types_are_shipped():
    assert (Path(cannery.__file__).parent / "py.typed").exists()


def test_extras_named_in_errors_exist():
    assert {"plot", "parquet", "polars", "graphviz"} <= set(PROJECT["optional-dependencies"])


def run(*command: str, cwd: Path) -> str:
    # No bytecode is written, so the checkout's own state cannot leak into what is built.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    pytest.importorskip("build", reason="needs the package `build`")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_package(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == sources()


@pytest.mark.slow
def test_the_sdist_holds_the_tests(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"tests/test_packaging.py", "README.md", "LICENSE", "setup.cfg", "py.typed"} <= names
    assert {name.removeprefix("cannery/") for name in sources()} <= names


@pytest.mark.slow
def test_the_wheel_imports_from_anywhere(built, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import cannery.estimators, cannery.feature_columns, cannery.graph\n"
        "print(cannery.__file__)"
    )
    printed = run(sys.executable, "-c", program, cwd=tmp_path)
    assert Path(printed.strip()) == site / "cannery" / "__init__.py"
