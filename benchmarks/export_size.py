"""Wide & Deep on Adult as C: bytes, stack, scratch and nanoseconds a row."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

import exported
import numpy as np
import peer_cannery

TIMED = """
#include <time.h>

static const model_row *rows_in_memory(long *count);

int main(void)
{
    static unsigned char scratch[MODEL_SCRATCH_BYTES];
    float out[MODEL_OUTPUTS];
    double best = 1e9, sum = 0;
    long count;
    const model_row *rows = rows_in_memory(&count);
    for (int repetition = 0; repetition < REPETITIONS; repetition++) {
        clock_t start = clock();
        for (long i = 0; i < count; i++) {
            model_predict(&rows[i], 1, out, scratch);
            sum += out[0];
        }
        double taken = (double)(clock() - start) / CLOCKS_PER_SEC / (double)count;
        if (taken < best) best = taken;
    }
    printf("%.1f %g\\n", best * 1e9, sum);
    return 0;
}

static const model_row *rows_in_memory(long *count)
{
    static model_row *rows;
    *count = (long)read_size();
    rows = (model_row *)room_for((size_t)*count * sizeof *rows);
    for (long i = 0; i < *count; i++) {
        for (int column = 0; column < MODEL_COLUMNS; column++) rows[i].cells[column] = read_cell();
    }
    return rows;
}
"""
FLAGS = ("-Os", "-O2", "-O3", "-O3 -march=native")


def timed(folder: Path, command: list[str], rows: bytes, repetitions: int) -> float:
    """Return the nanoseconds a row, the fastest repetition: rows in memory, one call each."""
    driver = exported.DRIVER.read_text(encoding="utf-8")
    reading = driver[: driver.index("static void free_cell")]
    source = reading + TIMED.replace("REPETITIONS", str(repetitions))
    (folder / "timed.c").write_text(source, encoding="utf-8")
    subprocess.run(
        [*command, "-std=c99", "timed.c", "model.c", "-lm", "-o", "timed"], cwd=folder, check=True
    )
    done = subprocess.run([folder / "timed"], input=rows, capture_output=True, check=True)
    return float(done.stdout.split()[0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=40)
    arguments = parser.parse_args()
    features, labels, test, _ = peer_cannery.part()
    model = peer_cannery.estimator(256, arguments.epochs).fit(features, labels)
    keys = list(model.columns_.keys)
    rows = exported.rows_of(test.iloc[: arguments.rows], keys)
    with tempfile.TemporaryDirectory() as made:
        folder = model.export_c(Path(made) / "model")
        print((folder / "sizes.txt").read_text(encoding="utf-8"))
        every = exported.Exported(folder, ("cc", "-O2")).predict(exported.rows_of(test, keys))
        difference = np.abs(every.values - model.predict_proba(test)).max()
        print(f"largest difference from predict_proba over {len(test):,} rows: {difference:.1e}\n")
        print(f"{'compiler':<28}{'text, bytes':>12}{'ns a row':>10}")
        for compiler in filter(shutil.which, ("gcc", "clang")):
            for flags in FLAGS:
                command = [compiler, *flags.split()]
                taken = timed(folder, command, exported.packed_rows(rows), arguments.repetitions)
                subprocess.run([*command, "-std=c99", "-c", "model.c"], cwd=folder, check=True)
                size = subprocess.run(
                    ["size", "model.o"], cwd=folder, capture_output=True, text=True
                )
                text = int(size.stdout.splitlines()[1].split()[0])
                print(f"{compiler + ' ' + flags:<28}{text:>12,}{taken:>10,.0f}")


if __name__ == "__main__":
    main()
