"""Clustering around centres: seeding, Lloyd's iterations, mini-batches, and the predict program."""

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .answers import cluster_outputs
    from .columns import Space, chosen_columns, mean_of, named, total_of
    from .compiled import KMEANS
    from .divided import Assigning, divide
    from .points import Points
    from .seeding import first_centers
    from .solvers import SOLVERS, Found, held_to
    from .stream import Stream

__all__ = [
    "KMEANS",
    "SOLVERS",
    "Assigning",
    "Found",
    "Points",
    "Space",
    "Stream",
    "chosen_columns",
    "cluster_outputs",
    "divide",
    "first_centers",
    "held_to",
    "mean_of",
    "named",
    "total_of",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        __all__,
        within=[
            "compiled",
            "points",
            "divided",
            "answers",
            "columns",
            "seeding",
            "solvers",
            "stream",
        ],
    )
