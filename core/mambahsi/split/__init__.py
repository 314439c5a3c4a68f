"""How labeled pixels are divided into training, validation and test.

The three parts are disjoint: training pixels enter the loss, validation pixels choose the
checkpoint, test pixels are touched once and are the only source of reported accuracy.

Neighboring pixels are alike, so a test pixel beside a training pixel measures memory more
than skill. The default, :func:`split_spatial`, keeps whole polygons together; :func:`split_blocks`
keeps square blocks of the scene together, and makes folds for a cross-validation over space;
:func:`split_random` is the protocol of the paper, which does neither; and
:func:`split_with_layers` takes parts from separate layers. Each split says how near its
training and test pixels come to each other.
"""

from mambahsi.split.blocks import Folds, split_blocks
from mambahsi.split.layers import split_with_layers
from mambahsi.split.parts import (
    BUFFER,
    PART_NAMES,
    PART_UNUSED,
    TEST,
    TRAIN,
    VALIDATION,
    Split,
)
from mambahsi.split.random import split_random
from mambahsi.split.sample import Sample
from mambahsi.split.spatial import split_spatial

__all__ = [
    "BUFFER",
    "PART_NAMES",
    "PART_UNUSED",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Folds",
    "Sample",
    "Split",
    "split_blocks",
    "split_random",
    "split_spatial",
    "split_with_layers",
]
