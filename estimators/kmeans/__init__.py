"""Clustering around centres: seeding, Lloyd's iterations, mini-batches, and the predict program."""

from .answers import cluster_outputs
from .columns import Space, chosen_columns, mean_of, named, total_of
from .compiled import KMEANS
from .divided import divide
from .points import Points
from .seeding import first_centers
from .solvers import SOLVERS, Found, held_to
from .stream import Stream

__all__ = [
    "KMEANS",
    "SOLVERS",
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
