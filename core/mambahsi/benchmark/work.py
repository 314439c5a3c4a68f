"""Parameters and floating-point operations of the network, counted from its definition.

Conventions, because literature has several:

- A multiplication and an addition are two operations.
- *Products* are all linear layers and 1 x 1 convolutions, without biases.
- *Convolutions* are the causal ones of the Mamba blocks: two operations a tap.
- The *scan* takes, for every token, channel and state, seven operations: step size times A
  (1), its exponential (1), step size times input times B (1, their product with each other
  counted once a channel), the state's decay and increment (2), the product with C and the
  sum over states (2). For every token and channel it takes four more: step size times input
  (1), the skip with D (2), the gate (1).
- Activations, normalization, residuals, fusion, pooling and the interpolation to the scene's
  size are not counted, as is usual.

The network is run on the valid pixels; a pooled grid has the cells that hold one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from mambahsi.network import MambaHSI
from mambahsi.network.mamba import EXPAND, STATES, TAPS
from mambahsi.network.model import HEAD_WIDTH
from mambahsi.streaming.grids import Grids

_PER_STATE = 7
_PER_CHANNEL = 4


@dataclass(frozen=True)
class Work:
    """Floating-point operations of one forward pass.

    Attributes:
        products: Those of linear layers and 1 x 1 convolutions.
        convolutions: Those of the causal convolutions.
        scan: Those of the selective scans.
    """

    products: int
    convolutions: int
    scan: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.products + self.convolutions + self.scan

    def to_json(self) -> dict[str, int]:
        """The counts as plain values, with their sum."""
        return {**asdict(self), "total": self.total}

    def __add__(self, other: Work) -> Work:
        return Work(
            self.products + other.products,
            self.convolutions + other.convolutions,
            self.scan + other.scan,
        )


def count_parameters(arguments: Mapping[str, Any]) -> int:
    """Trainable numbers of a network with these constructor arguments."""
    with torch.device("meta"):
        network = MambaHSI(**arguments)
    return sum(parameter.numel() for parameter in network.parameters())


def count_scene(arguments: Mapping[str, Any], valid: np.ndarray) -> Work:
    """The work of one forward pass over a scene.

    Args:
        arguments: The network's constructor arguments.
        valid: Its valid pixels; bool (rows, columns).
    """
    return count_forward(arguments, Grids(valid).counts)


def count_forward(arguments: Mapping[str, Any], cells: Sequence[int]) -> Work:
    """The work of one forward pass.

    Args:
        arguments: The network's constructor arguments.
        cells: Valid pixels, and valid cells of each pooled grid.
    """
    width, tokens = arguments["hidden_dim"], arguments["token_num"]
    ends = cells[0] * arguments["in_channels"] * width
    ends += cells[-1] * HEAD_WIDTH * (width + arguments["num_classes"])
    found = Work(2 * ends, 0, 0)
    for pixels in cells:
        if arguments["mamba_type"] in ("both", "spa"):
            found += _block(pixels, width)
        if arguments["mamba_type"] in ("both", "spe"):
            found += _block(tokens * pixels, width // tokens)
    return found


def _block(tokens: int, width: int) -> Work:
    """One Mamba block over so many tokens."""
    channels, rank = EXPAND * width, math.ceil(width / 16)
    products = width * 2 * channels + channels * (rank + 2 * STATES) + rank * channels
    products += channels * width
    return Work(
        products=2 * tokens * products,
        convolutions=2 * tokens * channels * TAPS,
        scan=tokens * channels * (_PER_STATE * STATES + _PER_CHANNEL),
    )
