"""Run notebooks from top to bottom; a cell that raises is a failure.

    python notebooks/execute.py [--write] [NOTEBOOK ...]

Without names, every notebook beside this file. `--write` stores the new outputs in the files.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent


def execute(path: Path, write: bool) -> bool:
    """Run one notebook in an empty folder and say how it went."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: FAILED\n{error}", file=sys.stderr)
            return False
    if write:
        for cell in notebook.cells:  # when a cell ran is no news, and would change every time
            cell.metadata.pop("execution", None)
        nbformat.write(notebook, path)
    print(f"{path.name}: ran in {time.perf_counter() - start:.1f} s")
    return True


def main() -> int:
    """Run the notebooks asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true", help="store the outputs in the files")
    options = parser.parse_args()
    paths = options.notebooks or sorted(FOLDER.glob("*.ipynb"))
    ran = [execute(path, options.write) for path in paths]
    return 0 if all(ran) else 1


if __name__ == "__main__":
    sys.exit(main())
