"""Time `import cannery`, alone and with estimators, against `import sklearn, pandas`.

    python benchmarks/import_time.py [--rounds 15]

Each has a fresh interpreter. The rounds alternate, so a machine that grows slower slows all;
medians and their ratios are printed. The budget for the ratio is 1.3, estimators included.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

STATEMENTS = (
    "import sklearn, pandas",
    "import cannery",
    "from cannery import WideDeepClassifier",
)


def seconds(statement: str) -> float:
    """Run `statement` in an interpreter of its own, away from the checkout."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", statement], check=True, cwd=tempfile.gettempdir())
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for statement in STATEMENTS:  # the first reading of the files from disk does not count
        seconds(statement)
    times = [[seconds(statement) for statement in STATEMENTS] for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    for statement, median in zip(STATEMENTS, medians, strict=True):
        print(f"{statement:40} {median:6.3f} s {median / medians[0]:6.2f} times   (budget 1.30)")


if __name__ == "__main__":
    main()
