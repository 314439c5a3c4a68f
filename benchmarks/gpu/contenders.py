"""Networks on a device, ready to classify a scene and to make a step of training.

All of them get the same weights, the same pixels and the same labels, so that their logits can be
compared before they are timed.

- ``ours``: the engine's network with the backend that is measured, and ``ours bfloat16`` with that
  precision.
- ``torch``: the engine's network with the backend in plain PyTorch.
- ``reference``: the engine's network with the reference scan, one token after the other.
- ``upstream``: the published formulation around mamba-ssm's ``Mamba``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.common.formulation import ImageNetwork
from benchmarks.gpu import upstream
from benchmarks.gpu.settings import Settings, Size
from mambahsi.network import MambaHSI, SceneGeometry

PER_CLASS = 30
"""Training pixels of a class, as in the paper."""

_SEED = 1992


class Contender:
    """A network and a scene.

    Attributes:
        network: The network.
        optimizer: Adam over its parameters.
    """

    def __init__(self, network: nn.Module, size: Size, classes: int, device: torch.device) -> None:
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)
        pixels = size[0] * size[1]
        random = np.random.default_rng(_SEED)
        count = min(pixels, PER_CLASS * classes)
        numbers = np.sort(random.permutation(pixels)[:count])
        self.at = torch.from_numpy(numbers).to(device)
        self.truth = torch.from_numpy(random.integers(classes, size=count)).to(device)

    def all_logits(self) -> Tensor:
        """Of every pixel, (pixels, classes)."""
        raise NotImplementedError

    def training_logits(self) -> Tensor:
        """Of the training pixels."""
        return self.all_logits()[self.at]

    def forward(self) -> Tensor:
        """Classes of all pixels; int64 (pixels,)."""
        with torch.no_grad():
            return self.all_logits().argmax(dim=1)

    def train(self) -> Tensor:
        """One step of Adam; gives the loss."""
        self.optimizer.zero_grad()
        loss = cross_entropy(self.training_logits(), self.truth)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


class Ours(Contender):
    """The engine's network on a table of pixels."""

    def __init__(
        self,
        settings: Settings,
        size: Size,
        scan: str,
        precision: str = "float32",
        recompute: bool = False,
    ) -> None:
        device = torch.device(settings.device)
        network = our_network(settings, size[2], scan).to(device)
        network.recompute = recompute
        network.set_precision(getattr(torch, precision))
        super().__init__(network, size, settings.classes, device)
        self.ours = network
        self.pixels = scene(size, device)
        self.geometry = SceneGeometry(np.ones(size[:2], dtype=bool))

    def all_logits(self) -> Tensor:
        return self.ours.pixel_logits(self.pixels, self.geometry)

    def training_logits(self) -> Tensor:
        return self.ours.pixel_logits(self.pixels, self.geometry, at=self.at)


class Upstream(Contender):
    """The published formulation on an image."""

    def __init__(self, settings: Settings, size: Size) -> None:
        device = torch.device(settings.device)
        make_block = upstream.block_maker(settings.upstream)
        network = ImageNetwork(size[2], settings.width, settings.classes, make_block)
        network.load_state_dict(our_network(settings, size[2], "torch").state_dict())
        super().__init__(network.to(device), size, settings.classes, device)
        image = scene(size, device).t().contiguous()
        self.image = image.view(1, size[2], size[0], size[1])

    def all_logits(self) -> Tensor:
        return self.network(self.image)[0].flatten(1).t()

    def forward(self) -> Tensor:
        with _free_order():
            return super().forward()

    def train(self) -> Tensor:
        with _free_order():
            return super().train()


@contextmanager
def _free_order() -> Iterator[None]:
    """Without the reproducible sums that the engine insists on, as upstream is run."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=True)


def makers(settings: Settings, size: Size) -> dict[str, Callable[[], Contender]]:
    """What makes the contenders that can run here, by name."""
    found: dict[str, Callable[[], Contender]] = {
        "ours": lambda: Ours(settings, size, settings.scan),
        "ours bfloat16": lambda: Ours(settings, size, settings.scan, "bfloat16"),
        "torch": lambda: Ours(settings, size, "torch"),
    }
    if settings.upstream:
        found["upstream"] = lambda: Upstream(settings, size)
    return found


def our_network(settings: Settings, bands: int, scan: str) -> MambaHSI:
    """The engine's network with seeded weights, in main memory."""
    torch.manual_seed(0)
    return MambaHSI(bands, settings.width, settings.classes, scan=scan)


def scene(size: Size, device: torch.device) -> Tensor:
    """Pixels between 0 and 1, the same for everybody; float32 (pixels, bands)."""
    generator = torch.Generator(device).manual_seed(_SEED)
    rows, columns, bands = size
    return torch.rand(rows * columns, bands, device=device, generator=generator)
