"""One Mamba block, with the parameters of ``mamba_ssm.Mamba`` under the same names.

Initialization and the order in which random numbers are drawn follow mamba-ssm as well
(Gu and Dao 2023, arXiv:2312.00752, section 3.6): the bias of the step sizes starts where
softplus gives step sizes spread evenly in their logarithm from 0.001 to 0.1, and A starts
at -1 ... -16 in every channel (the S4D-Real initialization).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambahsi.scan import resolve_backend, selective_scan
from mambahsi.scan.carry import Carry

STATES = 16
TAPS = 4
EXPAND = 2
_STEP_RANGE = (0.001, 0.1)
_SMALLEST_STEP = 1e-4


class Mamba(nn.Module):
    """A selective state-space block over sequences of tokens.

    Attributes:
        backend: Name of the scan backend, or ``auto``.
        precision: What products are computed in, float32 or bfloat16.
    """

    def __init__(self, width: int, backend: str = "auto") -> None:
        """Draw initial weights from PyTorch's generator.

        Args:
            width: Channels of a token.
            backend: Name of the scan backend, or ``auto``.
        """
        super().__init__()
        self.backend = backend
        self.precision = torch.float32
        channels = EXPAND * width
        self.rank = math.ceil(width / 16)
        self.in_proj = nn.Linear(width, 2 * channels, bias=False)
        self.conv1d = nn.Conv1d(channels, channels, TAPS, groups=channels, padding=TAPS - 1)
        self.x_proj = nn.Linear(channels, self.rank + 2 * STATES, bias=False)
        self.dt_proj = nn.Linear(self.rank, channels)
        bound = self.rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        low, high = map(math.log, _STEP_RANGE)
        step = torch.exp(torch.rand(channels) * (high - low) + low).clamp(min=_SMALLEST_STEP)
        with torch.no_grad():
            # The inverse of softplus.
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))
        rates = torch.arange(1, STATES + 1, dtype=torch.float32).repeat(channels, 1)
        self.A_log = nn.Parameter(torch.log(rates))
        self.D = nn.Parameter(torch.ones(channels))
        self.out_proj = nn.Linear(channels, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix tokens along their sequences, causally.

        Args:
            tokens: (sequences, length, width).

        Returns:
            (sequences, length, width).
        """
        if tokens.dtype == torch.float32 != self.precision:
            return self._mix(tokens.to(self.precision)).to(tokens.dtype)
        return self._mix(tokens)

    def _mix(self, tokens: Tensor) -> Tensor:
        backend = resolve_backend(self.backend, tokens.device.type)
        if backend == "triton" and tokens.dtype in (torch.float32, torch.bfloat16):
            from mambahsi.scan.gpu.mixer import mamba_mixer_triton as mixer
        elif backend == "cpu" and tokens.dtype == torch.float32:
            from mambahsi.scan.mixer import mamba_mixer as mixer
        elif backend in ("cpu", "torch") and tokens.dtype in (torch.float32, torch.bfloat16):
            from mambahsi.scan.chunked_mixer import mamba_mixer_chunked as mixer
        else:
            return self._forward_in_steps(tokens, backend)
        return mixer(tokens, *self.mixer_parameters())

    def mixer_parameters(self) -> tuple[Tensor, ...]:
        """The parameters in the order in which the functions of whole blocks take them."""
        assert self.conv1d.bias is not None
        return (
            self.in_proj.weight,
            self.conv1d.weight,
            self.conv1d.bias,
            self.x_proj.weight,
            self.dt_proj.weight,
            self.dt_proj.bias,
            -torch.exp(self.A_log),
            self.D,
            self.out_proj.weight,
        )

    def start(self) -> Carry:
        """What a sequence carries before its first token."""
        return Carry.start(TAPS - 1, self.out_proj.in_features, STATES, self.D.device)

    def _forward_in_steps(self, tokens: Tensor, backend: str) -> Tensor:
        dtype = tokens.dtype
        # The convolution and the scan take the parameters' type where tokens are rounded.
        wide = self.D.dtype

        def product(x: Tensor, weight: Tensor) -> Tensor:
            return F.linear(x.to(dtype), weight.to(dtype))

        length = tokens.shape[1]
        x, z = product(tokens, self.in_proj.weight).transpose(1, 2).chunk(2, dim=1)
        x = F.silu(self.conv1d(x.to(wide))[..., :length]).to(dtype)
        drive = product(x.transpose(1, 2), self.x_proj.weight)
        step, B, C = drive.split([self.rank, STATES, STATES], dim=2)
        y = selective_scan(
            x,
            product(step, self.dt_proj.weight).transpose(1, 2),
            -torch.exp(self.A_log),
            B.transpose(1, 2),
            C.transpose(1, 2),
            self.D,
            z,
            self.dt_proj.bias,
            delta_softplus=True,
            # A dtype that the compiled kernels do not compute in goes to the reference.
            backend="reference" if tokens.dtype == torch.float64 else backend,
        )
        assert isinstance(y, Tensor)
        return product(y.transpose(1, 2), self.out_proj.weight)
