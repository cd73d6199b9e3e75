"""Draw the picture of the README: what Wide & Deep is, and what it does in `cannery demo`.

python docs/make_pictures.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch

from cannery.commands import run_demo
from cannery.datasets import make_app_store

IMPRESSIONS = 100_000
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "0.45"


def main() -> None:
    """Run the demo and draw."""
    with tempfile.TemporaryDirectory() as folder:
        found = run_demo(IMPRESSIONS, Path(folder), random_state=0)
    _, clicks, _ = make_app_store(IMPRESSIONS, random_state=0)
    share = clicks.mean()
    nothing = -share * np.log(share) - (1 - share) * np.log(1 - share)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 4), width_ratios=[1.35, 1], layout="constrained"
    )
    draw_model(left)
    draw_result(right, found["log loss"], nothing)
    figure.savefig(Path(__file__).with_name("wide_and_deep.png"), dpi=150)


def draw_model(ax: Any) -> None:
    """Draw the two towers and where they meet."""
    ax.set(xlim=(0, 16), ylim=(-1.3, 8.2), aspect="equal")
    ax.axis("off")
    top = (8.0, 6.4)
    squares = np.stack([np.linspace(0.6, 5.6, 9), np.full(9, 1.0)], axis=1)
    layers = [(9, 1.0), (6, 2.75), (4, 4.5)]
    circles = [
        np.stack([12.8 + 0.55 * (np.arange(n) - (n - 1) / 2), np.full(n, height)], axis=1)
        for n, height in layers
    ]
    for square in squares:
        ax.plot(*zip(square, top, strict=True), color=BLUE, lw=0.8, alpha=0.5, zorder=1)
    for lower, upper in zip(circles, [*circles[1:], np.array([top])], strict=True):
        for start in lower:
            for end in upper:
                ax.plot(*zip(start, end, strict=True), color=ORANGE, lw=0.6, alpha=0.45, zorder=1)
    ax.scatter(*squares.T, marker="s", s=70, color=BLUE, zorder=2)
    for layer in circles:
        ax.scatter(*layer.T, s=70, color=ORANGE, zorder=2)
    ax.scatter(*top, s=420, color=GREEN, zorder=3)
    ax.text(*top, "+", color="white", size=17, weight="bold", ha="center", va="center_baseline")
    ax.text(top[0], top[1] + 1.0, "probability of a click", ha="center", weight="bold", color=GREEN)
    for x, side, colour, name, how in (
        (0.2, "left", BLUE, "wide: memorises", "one weight for each"),
        (15.8, "right", ORANGE, "deep: generalises", "layers over embeddings"),
    ):
        ax.text(x, 6.6, name, color=colour, weight="bold", ha=side)
        ax.text(x, 5.95, how, color=colour, ha=side)
    ax.text(3.1, 0.05, "ids and their crosses", color=BLUE, ha="center")
    ax.text(12.8, 0.05, "numbers and embeddings", color=ORANGE, ha="center")
    box = FancyBboxPatch((0.4, -1.1), 15.2, 0.62, boxstyle="round,pad=0.15", fc="0.93", lw=0)
    ax.add_patch(box)
    words = "a raw frame:  country   age   installed_apps   app   category …"
    ax.text(8.0, -0.8, words, ha="center", va="center", color="0.25")


def draw_result(ax: Any, losses: pd.Series, nothing: float) -> None:
    """Draw how far each model gets from knowing nothing to knowing all."""
    colours = {"wide & deep": GREEN, "deep": ORANGE, "linear": BLUE}
    for place, (name, colour) in enumerate(colours.items()):
        loss = losses[name]
        ax.plot([nothing, loss], [place, place], color=colour, lw=9, solid_capstyle="butt")
        ax.plot(loss, place, "o", ms=14, color=colour)
        ax.annotate(f"{loss:.3f}", (loss, place), (0, 11), textcoords="offset points", ha="center")
    for value, label in ((nothing, "no columns"), (losses["best possible"], "best possible")):
        ax.axvline(value, color=GREY, lw=1, ls=":")
        ax.text(value, 2.62, label, ha="center", color=GREY)
    ax.set(yticks=range(3), yticklabels=["wide & deep", "deep alone", "wide alone"])
    ax.set(ylim=(-0.5, 2.55), xlabel="log loss on held-out impressions (smaller is better)")
    ax.margins(x=0.12)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


if __name__ == "__main__":
    main()
