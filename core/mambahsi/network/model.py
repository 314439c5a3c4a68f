"""The whole network: embedding, three blocks with pooling between, classification head."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mambahsi.allocator import spare_tables
from mambahsi.network.blocks import BothMamba, PixelGroupNorm, SpaMamba, SpeMamba, run
from mambahsi.network.geometry import POOLINGS, SceneGeometry
from mambahsi.network.mamba import Mamba
from mambahsi.network.precision import linear
from mambahsi.scan import resolve_backend

HEAD_WIDTH = 128
BLOCKS = POOLINGS + 1


class MambaHSI(nn.Module):
    """MambaHSI (Li et al. 2024, doi:10.1109/TGRS.2024.3430985), as published.

    The parameters have the published names: ``patch_embedding``, ``mamba.0``, ``mamba.2``,
    ``mamba.4`` (pooling stands at the odd places) and ``cls_head``.

    Attributes:
        hidden_dim: Width of the features.
        scan: Name of the scan backend, or ``auto``.
        recompute: Whether a training step keeps less of its forward pass and computes it again
            in the backward pass, which takes longer.
        precision: What products are computed in, see :meth:`set_precision`.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_dim: int = 128,
        num_classes: int = 10,
        use_residual: bool = True,
        mamba_type: str = "both",
        token_num: int = 4,
        group_num: int = 4,
        use_att: bool = True,
        *,
        scan: str = "auto",
    ) -> None:
        """Draw initial weights from PyTorch's generator.

        Args:
            in_channels: Bands of the scene.
            hidden_dim: Width of the features, divisible by ``token_num`` and ``group_num``.
            num_classes: Number of classes.
            use_residual: Whether blocks and branches add their input to their output.
            mamba_type: ``both``, ``spa`` (spatial branch alone) or ``spe`` (spectral alone).
            token_num: Groups of channels in the spectral branch.
            group_num: Groups of the group normalization.
            use_att: Whether the branches are fused with learned weights, or added.
            scan: Name of the scan backend, or ``auto``.

        Raises:
            ValueError: An argument is out of range or does not fit another.
        """
        super().__init__()
        for name, value in (("in_channels", in_channels), ("num_classes", num_classes)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it must be at least 1")
        for name, value in (("token_num", token_num), ("group_num", group_num)):
            if value < 1 or hidden_dim < 1 or hidden_dim % value:
                raise ValueError(f"hidden_dim {hidden_dim} is not divisible by {name} {value}")
        if mamba_type not in ("both", "spa", "spe"):
            raise ValueError(f"mamba_type {mamba_type!r} is not one of 'both', 'spa', 'spe'")
        self.hidden_dim = hidden_dim
        self.scan = scan
        self.recompute = False
        self.precision = torch.float32
        self.patch_embedding = nn.Sequential(
            nn.Conv2d(in_channels, hidden_dim, 1), PixelGroupNorm(group_num, hidden_dim), nn.SiLU()
        )

        def block() -> nn.Module:
            if mamba_type == "spa":
                return SpaMamba(hidden_dim, use_residual, group_num, scan)
            if mamba_type == "spe":
                return SpeMamba(hidden_dim, token_num, use_residual, group_num, scan)
            return BothMamba(hidden_dim, token_num, use_residual, group_num, use_att, scan)

        # Pooling has no parameters; the places between the blocks keep the numbering.
        self.mamba = nn.ModuleDict({str(2 * number): block() for number in range(BLOCKS)})
        self.cls_head = nn.Sequential(
            nn.Conv2d(hidden_dim, HEAD_WIDTH, 1),
            PixelGroupNorm(group_num, HEAD_WIDTH),
            nn.SiLU(),
            nn.Conv2d(HEAD_WIDTH, num_classes, 1),
        )

    def set_precision(self, precision: torch.dtype) -> None:
        """Compute products in float32, or round what goes into them to bfloat16.

        Parameters, their gradients, the features between blocks, statistics and the scan's
        state stay float32, and so do the sums inside a product. The compiled kernels of the
        scan backend ``cpu`` are made for float32, so plain PyTorch computes in their place.
        """
        self.precision = precision
        for module in self.modules():
            if isinstance(module, Mamba):
                module.precision = precision

    def use_scan(self, scan: str) -> None:
        """Take another scan backend, as where the network is moved to another device."""
        self.scan = scan
        for module in self.modules():
            if isinstance(module, Mamba):
                module.backend = scan

    def coarse_logits(self, pixels: Tensor, geometry: SceneGeometry) -> Tensor:
        """Logits at a quarter of the resolution.

        Args:
            pixels: Normalized spectra of the valid pixels, row by row, (pixels, bands).
            geometry: Where they lie.

        Returns:
            Logits of the coarsest grid's valid cells, (cells, classes).
        """
        backend = resolve_backend(self.scan, pixels.device.type)
        single = self.precision == torch.float32
        if backend == "cpu" and single and _can_fuse(pixels, self.hidden_dim):
            return self._fused_logits(pixels, geometry)
        if backend == "triton" and pixels.dtype == torch.float32:
            return self._gpu_logits(pixels, geometry)
        features = self._features(pixels, geometry)
        widen, norm, activation, classify = self.cls_head
        wide = activation(norm(pointwise(widen, features, self.precision)))
        return pointwise(classify, wide, self.precision)

    def _features(self, pixels: Tensor, geometry: SceneGeometry) -> Tensor:
        features = run(self._embed, pixels, self.recompute)
        for level, block in enumerate(self.mamba.values()):
            if level:
                features = geometry.pool(features, level - 1)
            if isinstance(block, BothMamba):
                # Inside of what is computed again as a whole, one branch at a time.
                block.recompute = self.recompute
            features = run(block, features, self.recompute)
        return features

    def _embed(self, pixels: Tensor) -> Tensor:
        embed, norm, activation = self.patch_embedding
        embedded: Tensor = activation(norm(pointwise(embed, pixels, self.precision)))
        return embedded

    def _fused_logits(self, pixels: Tensor, geometry: SceneGeometry) -> Tensor:
        from mambahsi.network.fused import fused_block, fused_embedding, fused_head
        from mambahsi.network.fused_inference import can_infer, infer_features

        blocks, poolings = list(self.mamba.values()), [*geometry.poolings, None]
        if can_infer(blocks):
            with spare_tables.lending() as lend:
                features = infer_features(
                    self.patch_embedding, blocks, pixels.contiguous(), poolings, lend
                )
                return fused_head(self.cls_head, features)
        features = fused_embedding(self.patch_embedding, pixels)
        for block, pooling in zip(blocks, poolings, strict=True):
            features = fused_block(block, features, pooling, self.recompute)
        return fused_head(self.cls_head, features)

    def _gpu_logits(self, pixels: Tensor, geometry: SceneGeometry) -> Tensor:
        from mambahsi.network.gpu_block import gpu_block
        from mambahsi.network.gpu_embedding import gpu_embedding

        poolings = [*geometry.poolings_on(pixels.device), None]
        features = gpu_embedding(self.patch_embedding, pixels, self.precision)
        for block, pooling in zip(self.mamba.values(), poolings, strict=True):
            features = gpu_block(block, features, pooling, self.recompute)
        *widen, classify = self.cls_head
        wide = gpu_embedding(widen, features, self.precision)
        return pointwise(classify, wide, self.precision)

    def pixel_logits(
        self, pixels: Tensor, geometry: SceneGeometry, at: Tensor | None = None
    ) -> Tensor:
        """Logits at the scene's resolution.

        Args:
            pixels: Normalized spectra of the valid pixels, row by row, (pixels, bands).
            geometry: Where they lie.
            at: Numbers of the valid pixels to give logits for, int64, or None for all.

        Returns:
            (pixels, classes), or (len(at), classes).
        """
        return geometry.upsample(self.coarse_logits(pixels, geometry), at)

    def forward(self, images: Tensor, valid: Tensor | None = None) -> Tensor:
        """Logits at a quarter of the resolution, in the published network's layout.

        Each image of a batch is treated on its own.

        Args:
            images: Normalized images, (batch, bands, rows, columns).
            valid: Which pixels are valid, bool (batch, rows, columns); all if None.

        Returns:
            (batch, classes, rows // 4, columns // 4); 0 in invalid cells.
        """
        results = []
        for number, image in enumerate(images):
            mask = (
                np.ones(image.shape[1:], dtype=bool)
                if valid is None
                else valid[number].cpu().numpy()
            )
            geometry = SceneGeometry(mask)
            inside = torch.from_numpy(geometry.valid[0]).to(image.device)
            logits = self.coarse_logits(image[:, inside].t(), geometry)
            cells = torch.from_numpy(geometry.valid[-1]).to(image.device)
            grid = logits.new_zeros(logits.shape[1], *cells.shape)
            results.append(grid.masked_scatter(cells, logits.t().contiguous()))
        return torch.stack(results)


def pointwise(layer: nn.Module, pixels: Tensor, precision: torch.dtype) -> Tensor:
    """A 1 x 1 convolution on a table of pixels.

    Args:
        layer: The convolution.
        pixels: (pixels, channels).
        precision: What the product is computed in, if the pixels are float32.
    """
    assert isinstance(layer, nn.Conv2d)
    return linear(pixels, layer.weight.flatten(1), layer.bias, precision)


def _can_fuse(pixels: Tensor, width: int) -> bool:
    """Whether the compiled kernels take whole blocks of this width."""
    from mambahsi.network.fused import can_fuse

    return can_fuse(pixels, width)
