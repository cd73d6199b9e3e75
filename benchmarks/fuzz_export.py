"""Hostile rows through a sanitized exported model, and through Python beside it."""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import exported
import hostile
from tqdm import tqdm

from cannery import WideDeepClassifier


def fitted() -> WideDeepClassifier:
    """Return a model with every kind of column."""
    frame = hostile.clean(5_000, seed=0)
    wide, deep = hostile.columns()
    model = WideDeepClassifier(
        linear_columns=wide, deep_columns=deep, hidden_units=(16, 8), epochs=2, random_state=0
    )
    return model.fit(frame, hostile.labels(frame))


def main() -> None:
    """Compare, chunk by chunk, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=20_000)
    parser.add_argument("--share", type=float, default=0.06, help="of cells that are hostile")
    parser.add_argument("--refused", type=int, default=20, help="a chunk, tried in Python too")
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "overflow encountered in cast")
    model, start = fitted(), time.time()
    keys = list(model.columns_.keys)
    command = (arguments.compiler, "-O1", *exported.STRICT, *exported.SANITIZERS)
    found = []
    with tempfile.TemporaryDirectory() as made:
        program = exported.Exported(model.export_c(Path(made) / "model", max_values=100), command)
        for first in tqdm(range(0, arguments.rows, arguments.chunk)):
            count = min(arguments.chunk, arguments.rows - first)
            made_up = hostile.rows(count, arguments.seed + first, arguments.share)
            rows = [[row[key] for key in keys] for row in made_up]
            found.append(exported.compare(model, program, keys, rows, arguments.refused))
    print(f"{' '.join(command)}")
    print(f"rows answered            {sum(part.answered for part in found):>12,}")
    print(f"rows refused             {sum(part.refused for part in found):>12,}")
    print(f"rows with a list cut     {sum(part.dropped for part in found):>12,}")
    print(f"largest difference       {max(part.largest for part in found):>12.1e}")
    print(f"other classes            {sum(part.wrong_classes for part in found):>12,}")
    print(f"refused by C alone       {sum(part.wrongly_refused for part in found):>12,}")
    print(f"sanitizers' complaints   {0:>12}   (one would have ended the run)")
    print(f"minutes                  {(time.time() - start) / 60:>12.1f}")


if __name__ == "__main__":
    main()
