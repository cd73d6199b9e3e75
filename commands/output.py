"""What commands leave behind: tables on the terminal, pictures in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import InvalidValue

__all__ = ["make_folder", "save_picture", "table"]


def make_folder(path: Path) -> None:
    """Create the folder for results now, so that a wrong one fails before the training."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidValue("--out", "cannot be made a folder", f"{path} ({reason})") from None


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay cells out in columns, the first to the left and the others to the right.

    Examples
    --------
    >>> print(table(["model", "AUC"], [["linear", 0.81], ["deep", 0.8375]]))
    model      AUC
    linear  0.8100
    deep    0.8375
    """
    texts = [
        [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(header, *texts, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if at else f"{cell:{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *texts]
    )


def save_picture(path: Path, draw: Callable[[Any], None]) -> str:
    """Let `draw` paint on axes, save them as `path` and return a sentence about it."""
    name = path.stem.replace("_", " ")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return f'{name}: not drawn; pip install "cannery[plot]" for matplotlib'
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.subplots())
    figure.savefig(path, dpi=150)
    return f"{name}: {path}"
