"""Time `import cannery` against `import sklearn, pandas`, each in a fresh interpreter.

    python benchmarks/import_time.py [--rounds 15]

The rounds alternate between the two, so a machine that grows slower slows both; medians and their
ratio are printed. The project's budget for the ratio is 1.3.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

STATEMENTS = ("import sklearn, pandas", "import cannery")


def seconds(statement: str) -> float:
    """Run `statement` in an interpreter of its own, away from the checkout."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", statement], check=True, cwd=tempfile.gettempdir())
    return time.perf_counter() - start


def main() -> None:
    """Print the two medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for statement in STATEMENTS:  # the first reading of the files from disk does not count
        seconds(statement)
    times = [[seconds(statement) for statement in STATEMENTS] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    for statement, median in zip(STATEMENTS, medians, strict=True):
        print(f"{statement:24} {median:6.3f} s")
    print(f"{'ratio':24} {medians[1] / medians[0]:6.2f}   (budget 1.30)")


if __name__ == "__main__":
    main()
