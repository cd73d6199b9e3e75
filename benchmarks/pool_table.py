"""A table of ten million rows on a pool: what it takes in memory, and what a round of it costs.

python benchmarks/pool_table.py [--rows 1000000] [--table 10000000] [--local-steps 64]

Every fit has a process of its own. Memory is that of the process and its workers together, pages
that several have in equal shares; Linux only. Ids are uniform, so that no two steps touch the same
rows: the worst that a table can meet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
from pool import Peak, family, proportional

WIDTH = 8


def fit(options: argparse.Namespace) -> dict[str, Any]:
    """Return what one fit took."""
    import joblib

    from cannery.estimators import DNNClassifier, Pool
    from cannery.feature_columns import categorical_column_with_identity, embedding_column

    random = np.random.default_rng(0)
    item = random.integers(0, options.table, options.rows)
    held = list[int]()

    def look(*_: Any) -> None:
        held.append(sum(map(proportional, family(os.getpid()))))

    pool = (
        Pool(workers=options.workers, local_steps=options.local_steps) if options.workers else None
    )
    model = DNNClassifier(
        columns=[embedding_column(categorical_column_with_identity("item", options.table), WIDTH)],
        hidden_units=(32,),
        epochs=2,
        jit=True,
        pool=pool,
        callbacks=[look],
        random_state=0,
    )
    peak = Peak()
    with joblib.parallel_config(backend="loky"), peak:
        model.fit({"item": item}, item % 2)
    tables = sum(value.nbytes for value in model._state.values())
    found = {"peak": peak.bytes, "held": max(held), "tables": tables}
    if pool is not None:
        report = model.pool_report_
        full = report[report["rows"] == options.local_steps * model.batch_size]
        found |= (full[["compute", "transfer", "merge"]].median() * 1e3).to_dict()
    return found


def main() -> None:
    """Fit in turns and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--table", type=int, default=10_000_000)
    parser.add_argument("--local-steps", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--workers", type=int, help="fit once with so many and print JSON")
    options = parser.parse_args()
    if options.workers is not None:
        print(json.dumps(fit(options)))
        return
    sizes = (options.table, options.table // 1000)
    kinds = [(workers, table) for table in sizes for workers in (0, 2)]
    found: dict[Any, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _ in range(options.repetitions):
        for workers, table in kinds:
            command = [sys.executable, __file__, "--workers", str(workers), "--table", str(table)]
            command += ["--rows", str(options.rows), "--local-steps", str(options.local_steps)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            found[workers, table].append(json.loads(answer.stdout.splitlines()[-1]))
    middle = {
        kind: {key: float(np.median([one[key] for one in answers])) for key in answers[0]}
        for kind, answers in found.items()
    }
    print(f"{'MB':>32}{'variables':>12}{'in an epoch':>13}{'at most':>9}{'times alone':>13}")
    for (workers, table), one in middle.items():
        name = f"{table:,} rows, {workers or 'no'} workers"
        tables, held, peak = (one[key] / 2**20 for key in ("tables", "held", "peak"))
        times = one["peak"] / middle[0, table]["peak"]
        print(f"{name:>32}{tables:12,.0f}{held:13,.0f}{peak:9,.0f}{times:13.2f}")
    print(f"\n{'ms a round':>32}{'compute':>12}{'transfer':>13}{'merge':>9}")
    for table in sizes:
        one = middle[2, table]
        print(f"{f'{table:,} rows':>32}{one['compute']:12.1f}", end="")
        print(f"{one['transfer']:13.1f}{one['merge']:9.1f}")


if __name__ == "__main__":
    main()
