"""How much memory the network will need, told before it is used.

What grows with the scene are tables of (pixels, width), and how many of them are alive at once
follows from what is kept for the backward pass. The rest is fitted to measured peaks of
resident memory on top of a process that has loaded everything, at 40,000 to 250,000 pixels and
widths 64 and 128; a test holds the prediction against a measurement.

That of the scan backend ``triton`` is counted, not measured: a test counts the tensors that are
alive in a step whose kernels are not run. What the libraries on a GPU take for themselves, and
what its allocator loses between tensors, is not among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from mambahsi.network.geometry import POOLINGS
from mambahsi.network.mamba import EXPAND
from mambahsi.scan.gpu import parts

_FLOAT = 4


@dataclass(frozen=True)
class _Tables:
    """Tables of (pixels, width) alive at a peak.

    Attributes:
        kept: On every grid: what a block keeps until its backward pass.
        passing: On the finest grid only: gradients, or what a block needs while it runs.
    """

    kept: float
    passing: float

    def count(self) -> float:
        """Tables of the finest grid that take as much memory as all of them."""
        return self.kept * sum(1 / 4**level for level in range(POOLINGS + 1)) + self.passing


# A block keeps its input, its branches, and for a spatial branch half a table of states.
# The passing quarter is the gradient of its pooled output; the whole one that of its input,
# while the tables of coarser grids are gone.
_TRAINING = {
    "both": _Tables(3.5, 0.4),
    "spa": _Tables(2.5, 0.7),
    "spe": _Tables(2.0, 0.8),
}
# Only inputs and states are kept, but the branches of a block exist while it runs.
_RECOMPUTING = {
    "both": _Tables(1.5, 2.0),
    "spa": _Tables(1.5, 1.3),
    "spe": _Tables(1.0, 1.3),
}
# With both branches, a block's input makes room for one of them.
_INFERENCE = {"both": _Tables(0.0, 2.3), "spa": _Tables(0.0, 2.3), "spe": _Tables(0.0, 2.3)}
# The scan backends other than ``cpu`` leave the blocks to PyTorch, which keeps every step.
_STEPWISE_TRAINING = {"both": _Tables(15, 0), "spa": _Tables(8, 0), "spe": _Tables(8, 0)}
# Inputs of blocks are kept, and of the block that runs its branches, of which one is computed.
_STEPWISE_RECOMPUTING = {"both": _Tables(1, 7), "spa": _Tables(1, 6), "spe": _Tables(1, 2)}
_STEPWISE_INFERENCE = {kind: _Tables(0.0, 6.0) for kind in ("both", "spa", "spe")}
# Its kernel is all that mamba-ssm takes of a Mamba, whose dozen tables of twice the width stay; of
# short sequences, the kernel keeps 32 numbers for every channel. Counted, not measured.
_MAMBA_SSM_TRAINING = {"both": _Tables(62, 4), "spa": _Tables(24, 4), "spe": _Tables(40, 4)}
_MAMBA_SSM_RECOMPUTING = {"both": _Tables(1, 66), "spa": _Tables(1, 28), "spe": _Tables(1, 44)}
_MAMBA_SSM_INFERENCE = {"both": _Tables(0, 40), "spa": _Tables(0, 24), "spe": _Tables(0, 40)}
# A block keeps what it keeps on a CPU, or its input alone; a branch's gradient takes the branch's
# place, and beside it comes that of the input.
_TRITON_TRAINING = {"both": _Tables(3.5, 0.5), "spa": _Tables(2.5, 0.75), "spe": _Tables(2.0, 0.8)}
_TRITON_RECOMPUTING = {
    "both": _Tables(1.0, 2.75),
    "spa": _Tables(1.0, 2.75),
    "spe": _Tables(1.0, 2.1),
}
_TRITON_INFERENCE = {"both": _Tables(0, 3.3), "spa": _Tables(0, 2.4), "spe": _Tables(0, 2.3)}


@dataclass(frozen=True)
class _Scan:
    """What a scan backend makes the network need.

    Attributes:
        training: Tables by kind of network.
        recomputing: The same where it keeps less and computes it again.
        inference: The same without gradients.
        per_pixel: Bytes of whatever does not grow with the width: where pixels lie,
            interpolation, logits.
        fixed: Bytes of the chunks' buffers, gradients, optimizer state.
        parts: Whether the spatial branch takes room for parts of the scene besides, see
            :mod:`mambahsi.scan.gpu.parts`.
    """

    training: dict[str, _Tables]
    recomputing: dict[str, _Tables]
    inference: dict[str, _Tables]
    per_pixel: int
    fixed: int
    parts: bool = False

    def bytes_for(
        self, pixels: int, bands: int, width: int, kind: str, tables: _Tables, *, backward: bool
    ) -> int:
        """All of it for a scene, its spectra included."""
        table = width * _FLOAT * pixels
        features = tables.count() * table
        if self.parts and kind != "spe":
            working = parts.working_bytes(pixels, EXPAND * width, backward=backward)
            # Where nothing is kept, little more than the branch and its input is there meanwhile.
            features = features + working if backward else max(features, 2 * table + working)
        return int(self.fixed + (bands * _FLOAT + self.per_pixel) * pixels + features)


_STEPWISE = _Scan(_STEPWISE_TRAINING, _STEPWISE_RECOMPUTING, _STEPWISE_INFERENCE, 1000, 120_000_000)
_SCANS = {
    "cpu": _Scan(_TRAINING, _RECOMPUTING, _INFERENCE, 150, 20_000_000),
    "mamba_ssm": _Scan(
        _MAMBA_SSM_TRAINING, _MAMBA_SSM_RECOMPUTING, _MAMBA_SSM_INFERENCE, 1000, 120_000_000
    ),
    # The fixed part is room for cuBLAS, and the short sequences' shares of gradients.
    "triton": _Scan(
        _TRITON_TRAINING, _TRITON_RECOMPUTING, _TRITON_INFERENCE, 150, 100_000_000, parts=True
    ),
}


def training_bytes(
    pixels: int,
    bands: int,
    hidden_dim: int,
    mamba_type: str = "both",
    *,
    recompute: bool = False,
    scan: str = "cpu",
) -> int:
    """Peak memory of a training step on a whole scene, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.
        mamba_type: Kind of network.
        recompute: Whether the network keeps less and computes it again.
        scan: Name of the scan backend.

    Returns:
        Bytes.
    """
    needs = _SCANS.get(scan, _STEPWISE)
    tables = needs.recomputing if recompute else needs.training
    return needs.bytes_for(pixels, bands, hidden_dim, mamba_type, tables[mamba_type], backward=True)


def inference_bytes(
    pixels: int, bands: int, hidden_dim: int, mamba_type: str = "both", *, scan: str = "cpu"
) -> int:
    """Peak memory of classifying a whole scene at once, its spectra included.

    Args:
        pixels: Valid pixels.
        bands: Used bands.
        hidden_dim: Width of the features.
        mamba_type: Kind of network.
        scan: Name of the scan backend.

    Returns:
        Bytes.
    """
    needs = _SCANS.get(scan, _STEPWISE)
    tables = needs.inference[mamba_type]
    return needs.bytes_for(pixels, bands, hidden_dim, mamba_type, tables, backward=False)
