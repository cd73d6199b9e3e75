"""Draw the picture of the README: the demo's learning curves.

python docs/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

from cannery.commands import run_demo

if __name__ == "__main__":
    run_demo(100_000, Path(__file__).resolve().parent, random_state=0)
