"""Feature columns: what each raw column of a frame becomes in a model.

A column is a frozen value. `learn` returns it with everything it takes from data, `encode` turns
frames into arrays. There are no sequence columns: they belong to recurrent layers.
"""

from __future__ import annotations

from .bucketized import Bucketized, bucketized_column
from .cluster import Cluster, ClusterDistances, cluster_column
from .column import Categorical, Column, Number
from .config import from_config, to_config
from .crossed import Crossed, crossed_column
from .dates import date_column, elapsed_column
from .embedding import Embedding, SharedEmbedding, embedding_column, shared_embeddings
from .encoding import ColumnSet, Encoded, Slot, encode, learn
from .express import Bag, Features, feeds
from .frames import Frame, Targets, as_frame
from .hashed import categorical_column_with_hash_bucket
from .identity import categorical_column_with_identity
from .indicator import Indicator, indicator_column
from .inference import Inferred, infer_columns
from .kinds import KINDS
from .leaves import Leaves, leaf_column
from .meaning import dense, ids
from .numeric import Numeric, numeric_column
from .ragged import Ragged
from .sparse import sparse_column
from .transformer import FeatureColumns
from .vocabulary import (
    categorical_column,
    categorical_column_with_vocabulary_file,
    categorical_column_with_vocabulary_list,
)
from .weighted import Weighted, weighted_categorical_column

__all__ = [
    "KINDS",
    "Bag",
    "Bucketized",
    "Categorical",
    "Cluster",
    "ClusterDistances",
    "Column",
    "ColumnSet",
    "Crossed",
    "Embedding",
    "Encoded",
    "FeatureColumns",
    "Features",
    "Frame",
    "Indicator",
    "Inferred",
    "Leaves",
    "Number",
    "Numeric",
    "Ragged",
    "SharedEmbedding",
    "Slot",
    "Targets",
    "Weighted",
    "as_frame",
    "bucketized_column",
    "categorical_column",
    "categorical_column_with_hash_bucket",
    "categorical_column_with_identity",
    "categorical_column_with_vocabulary_file",
    "categorical_column_with_vocabulary_list",
    "cluster_column",
    "crossed_column",
    "date_column",
    "dense",
    "elapsed_column",
    "embedding_column",
    "encode",
    "feeds",
    "from_config",
    "ids",
    "indicator_column",
    "infer_columns",
    "leaf_column",
    "learn",
    "numeric_column",
    "shared_embeddings",
    "sparse_column",
    "to_config",
    "weighted_categorical_column",
]
