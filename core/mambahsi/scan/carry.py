"""What a sequence hands from its rows so far to the next ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Carry:
    """Brought up to date by whoever works on the next rows.

    Attributes:
        context: The last rows before the convolution, oldest first; float32 (reach, channels).
        state: State of the scan; float32 (states, channels).
    """

    context: Tensor
    state: Tensor

    @classmethod
    def start(
        cls, reach: int, channels: int, states: int, device: torch.device | None = None
    ) -> Carry:
        """Before the first row: nothing but zeros."""
        return cls(
            torch.zeros(reach, channels, device=device),
            torch.zeros(states, channels, device=device),
        )
