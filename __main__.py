"""The command line: ``cannery demo`` and ``cannery fit DATA --target NAME``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import commands
from .comparison import MODEL_NAMES, TASKS
from .errors import CanneryError

__all__ = ["main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cannery",
        description="Feature columns, canned estimators and joint Wide & Deep models.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    show = subparsers.add_parser(
        "demo", help="compare linear, deep and Wide & Deep on made-up clicks"
    )
    show.set_defaults(run="run_demo")
    show.add_argument("--impressions", type=int, default=100_000, metavar="N")
    show.add_argument("--out", type=Path, default=Path("cannery-demo"), metavar="DIR")

    train = subparsers.add_parser(
        "fit", help="fit a model to a CSV or Parquet file, or compare all"
    )
    train.set_defaults(run="fit_file")
    train.add_argument("data", type=Path, metavar="DATA", help="a .csv, .csv.gz or .parquet file")
    train.add_argument("--target", required=True, metavar="NAME", help="the column to predict")
    train.add_argument("--model", choices=[*sorted(MODEL_NAMES), "all"], default="wide_deep")
    train.add_argument("--task", choices=TASKS, default="auto")
    train.add_argument("--test-fraction", type=float, default=0.2, metavar="SHARE")
    train.add_argument("--out", type=Path, default=Path("cannery-fit"), metavar="DIR")
    train.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a hyperparameter, such as epochs=20 or deep_optimizer__learning_rate=0.1; repeatable",
    )
    for command in (show, train):
        command.add_argument("--random-state", type=int, default=0, metavar="SEED")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``cannery``; ``sys.argv`` by default.

    Returns
    -------
    int
        0; 2 where the input was wrong, which standard error explains; 130 after Ctrl-C.
    """
    options = vars(_parser().parse_args(arguments))
    run = options.pop("run")
    options.pop("command")
    try:
        getattr(commands, run)(**options)
    except CanneryError as error:
        print(f"cannery: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cannery: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
