"""Workers in processes of their own, asked in turn by the driver that started them.

No thread pool disturbs another, and a busy moment of the machine hits all alike. A script that
compares peers calls `main` with a function that makes the worker of a name, and one that drives.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Process:
    """One worker and the pipe to it.

    Parameters
    ----------
    name : str
        Of the worker, as the script knows it.
    threads : int
        How many cores it may use.
    """

    def __init__(self, name: str, threads: int):
        command = [sys.executable, sys.argv[0], "--worker", name]
        if hasattr(os, "sched_setaffinity"):
            command += ["--cores", str(threads)]
        self.name = name
        self.child = subprocess.Popen(
            command,
            env={**os.environ, **dict.fromkeys(THREADS, str(threads))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: str, *arguments: Any) -> Any:
        """Return the worker's answer; a dead worker ends the benchmark."""
        assert self.child.stdin and self.child.stdout
        self.child.stdin.write(json.dumps((question, arguments)) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"worker {self.name!r} ended, see its message above")
        return json.loads(line)

    def close(self) -> None:
        """Let the worker end and wait for it."""
        assert self.child.stdin
        self.child.stdin.close()
        self.child.wait()


def serve(worker: Any) -> None:
    """Answer the driver's questions, one JSON line each, until it closes the pipe."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a peer prints, from C too, is no answer
    for line in sys.stdin:
        question, arguments = json.loads(line)
        print(json.dumps(getattr(worker, question)(*arguments)), file=answers, flush=True)


def main(
    parser: argparse.ArgumentParser,
    worker: Callable[[str], Any],
    drive: Callable[[argparse.Namespace], None],
) -> None:
    """Read the command line; as a worker, serve, else drive."""
    parser.add_argument("--threads", type=int, default=2, help="cores that each peer may use")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    if options.worker:
        sys.path.insert(0, str(Path(__file__).parent))
        serve(worker(options.worker))
    else:
        drive(options)
