"""Imports run downward, files and functions stay short, and `import cannery` stays light."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = {"IPython", "graphviz", "matplotlib", "polars", "pyarrow"}
# Core dependencies that only some calls need: they may wait for such a call.
LAZY = {"narwhals", "pandas", "scipy", "tqdm"}
OUTSIDE = {"tests", "benchmarks", "docs", "notebooks", "build"}

# The longest matching prefix decides. A package's `__init__` is its front door and may import
# all that the package holds, hence `estimators` above `estimators.canned`.
RANKS = {
    "errors": 0,
    "hyperparameters": 0,
    "lazy": 0,
    "registry": 0,
    "datasets.": 1,
    "datasets": 1,
    "graph": 1,
    "feature_columns": 2,
    "estimators.": 3,
    "serving": 3,
    "estimators.canned": 4,
    "estimators": 5,
    "": 6,
}

HEAVY = ["pandas", "scipy", "sklearn"]
# Of which `__init__` imports names when they are asked for.
LAZY_PACKAGES = [
    "cannery",
    "cannery.commands",
    "cannery.comparison",
    "cannery.estimators",
    "cannery.estimators.kmeans",
    "cannery.estimators.pool",
    "cannery.estimators.training",
]

# Longer than the house allows, each with its reason: {"path.py": why} and {"path.py::name": why}.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def package_files() -> list[Path]:
    files = [*ROOT.glob("*.py")]
    for folder in ROOT.iterdir():
        if (folder / "__init__.py").exists() and folder.name not in OUTSIDE:
            files += folder.rglob("*.py")
    return sorted(files)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in package_files()}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def rank(module: str) -> int:
    if module in RANKS:
        return RANKS[module]
    matches = [p for p in RANKS if module.startswith(p if p.endswith(".") else p + ".")]
    return RANKS[max(matches, key=len, default="")]


def internal_imports(module: str) -> set[str]:
    """Every module of the package that `module` names in an import statement."""
    package = module.split(".") if FILES[module].name == "__init__.py" else module.split(".")[:-1]
    package = [part for part in package if part]
    found = set()
    for node in ast.walk(TREES[module]):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        start = package[: len(package) - node.level + 1]
        target = ".".join([*start, *(node.module or "").split(".")]).strip(".")
        for alias in node.names:
            submodule = f"{target}.{alias.name}".strip(".")
            found.add(submodule if submodule in FILES else target)
    return found - {module}


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def outer_imports(module: str):
    """Each absolute import as (top-level name, inside a function, for type checkers only)."""
    above = parents(TREES[module])
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        inside, typing_only, up = False, False, node
        while up in above:
            up = above[up]
            inside |= isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing_only |= isinstance(up, ast.If) and "TYPE_CHECKING" in ast.unparse(up.test)
        for name in names:
            yield name.split(".")[0], inside, typing_only


def test_the_package_is_found():
    assert {"", "errors", "registry", "graph", "feature_columns", "estimators"} <= set(FILES)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("errors", 0),
        ("graph.ops.elementwise", 1),
        ("estimators.training.loop", 3),
        ("estimators.canned.wide_deep", 4),
        ("estimators", 5),
        ("__main__", 6),
        ("", 6),
    ],
)
def test_rank(module, expected):
    assert rank(module) == expected


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_run_downward(module):
    upward = {name for name in internal_imports(module) if rank(name) > rank(module)}
    assert not upward, f"{module} (rank {rank(module)}) imports {sorted(upward)} from above"


def test_datasets_import_rank_0_only():
    for module in FILES:
        if module.startswith("datasets."):
            names = {name for name in internal_imports(module) if name.split(".")[0] != "datasets"}
            assert all(rank(name) == 0 for name in names), (module, names)


def test_no_import_cycle():
    try:
        TopologicalSorter({name: internal_imports(name) for name in FILES}).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("module", sorted(FILES))
def test_relative_inside_and_optional_packages_within_functions(module):
    for name, inside, typing_only in outer_imports(module):
        assert name != "cannery", "imports inside the package are relative"
        if name in OPTIONAL:
            assert inside or typing_only, f"{name} is optional: import it within the function"
        elif name not in LAZY:
            assert not inside, f"{name} is no optional package: import it at the top of the file"


@pytest.mark.parametrize("module", sorted(FILES))
def test_internal_imports_stand_at_the_top(module):
    above = parents(TREES[module])
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.ImportFrom) and node.level:
            holder = above[node]
            if isinstance(holder, ast.If) and ast.unparse(holder.test) == "TYPE_CHECKING":
                holder = above[holder]
            assert isinstance(holder, ast.Module), f"line {node.lineno}: {ast.unparse(node)}"


def code_lines(function: ast.FunctionDef) -> int:
    """Lines of a function from `def` to its end, its docstring and decorators not counted."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - docstring


def long_functions() -> set[str]:
    return {
        f"{FILES[module].relative_to(ROOT).as_posix()}::{node.name}"
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and code_lines(node) > 45
    }


def long_files() -> set[str]:
    folders = ("benchmarks", "docs", "notebooks")
    files = [*FILES.values(), *(path for name in folders for path in (ROOT / name).glob("*.py"))]
    return {
        path.relative_to(ROOT).as_posix()
        for path in files
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
    }


def test_code_lines_leave_the_docstring_out():
    text = 'def f():\n    """One.\n\n    Two.\n    """\n    x = 1\n    return x\n'
    assert code_lines(ast.parse(text).body[0]) == 3


def test_no_function_over_45_lines():
    assert long_functions() == set(LONG_FUNCTIONS)


def test_no_file_over_400_lines():
    assert long_files() == set(LONG_FILES)


def printed(program: str) -> str:
    """Return what a program prints in a process of its own, where it warns of nothing."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_import_is_light():
    """What only some users need is not loaded for all of them."""
    heavy = sorted(OPTIONAL | {"tqdm.notebook", "unittest.mock", "torch", "tensorflow"})
    # pandas loads pyarrow itself where it is installed.
    program = (
        "import sys, sklearn, pandas, joblib; before = set(sys.modules);"
        "import cannery; from cannery import *;"
        f"print([name for name in {heavy} if name in sys.modules and name not in before])"
    )
    assert printed(program) == "[]"


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("cannery, cannery.estimators, cannery.__main__", ["numpy", *HEAVY]),
        ("cannery.graph", HEAVY),
        # What a pool's worker imports, by the kind of its work.
        ("cannery.estimators.pool.jobs, cannery.estimators.pool.worker", HEAVY),
        ("cannery.estimators.forest.divided", HEAVY),
        ("cannery.estimators.kmeans.divided", ["sklearn", "pandas"]),
    ],
)
def test_what_waits_until_it_is_needed(modules, heavy):
    program = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert printed(program) == "[]"


@pytest.mark.parametrize("name", sorted(LAZY_PACKAGES))
def test_every_name_of_a_lazy_package_is_there(name):
    program = (
        f"import {name} as package; before = dir(package); from {name} import *;"
        "print([one for one in package.__all__ if one not in globals() or one not in before])"
    )
    assert printed(program) == "[]"


@pytest.mark.parametrize("name", sorted(LAZY_PACKAGES))
def test_type_checkers_see_what_is_there(name):
    """The imports that are not run are those of what `__all__` names, from where it comes."""
    package = importlib.import_module(name)
    tree = TREES[name.removeprefix("cannery").strip(".")]
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    nodes = [node for node in blocks[0].body if isinstance(node, ast.ImportFrom)]
    told = {alias.name: node for node in nodes for alias in node.names}
    assert told.keys() == {one for one in package.__all__ if one != "__version__"}
    for one, node in told.items():
        place = importlib.import_module(f"{name}.{node.module}") if node.module else package
        assert getattr(place, one) is getattr(package, one)


def test_the_front_door_has_every_canned_estimator():
    canned = set(importlib.import_module("cannery.estimators.canned").__all__)
    assert canned <= set(importlib.import_module("cannery.estimators").__all__)
    assert canned - {"ESTIMATORS"} <= set(importlib.import_module("cannery").__all__)
