"""A network in float64 at any size, and how far results are from it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mambahsi.network import MambaHSI
from mambahsi.network.mamba import Mamba
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked


def in_double(network: MambaHSI) -> MambaHSI:
    """Make a network compute in float64, with Mambas whose memory does not grow with the length.

    The reference scan takes one token after the other; the scan in chunks, which other tests hold
    against it, gives the same in float64, and takes seconds.
    """
    network.double()
    for module in network.modules():
        if isinstance(module, Mamba):
            module.forward = _chunked(module)  # type: ignore[method-assign]
    return network


def _chunked(module: Mamba) -> Callable[[Tensor], Tensor]:
    return lambda tokens: mamba_mixer_chunked(tokens, *module.mixer_parameters())


def relative(got: Tensor, expected: Tensor) -> float:
    """Norm of a difference, relative to the expected norm; NaN where something is."""
    expected = expected.detach().double()
    difference = got.detach().double() - expected
    return float(difference.norm() / expected.norm().clamp(min=1e-30))
