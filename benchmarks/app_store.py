"""Wide & Deep beside its two halves on the app store, over several seeds.

python benchmarks/app_store.py [--seeds 5] [--first 0] [--impressions 100000]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from pathlib import Path

import pandas as pd

from cannery.commands.demo import run_demo


def main() -> None:
    """Print log loss and AUC of each model by seed, and how often Wide & Deep wins."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--impressions", type=int, default=100_000)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.first, options.first + options.seeds):
            with contextlib.redirect_stdout(io.StringIO()):
                found[seed] = run_demo(options.impressions, Path(folder), seed)
    for metric in ("log loss", "AUC"):
        table = pd.DataFrame({seed: result[metric] for seed, result in found.items()}).T
        table.index.name = "seed"
        print(f"\n{metric}\n{table.round(4).to_string()}")
        halves = table[["linear", "deep"]]
        best = halves.min(axis=1) if metric == "log loss" else halves.max(axis=1)
        margin = (best - table["wide & deep"]).abs()
        print(f"smallest lead of wide & deep over the better half: {margin.min():.4f}")


if __name__ == "__main__":
    main()
