"""The whole network at the size of Pavia University: right, small enough, and no larger in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from double_precision import in_double, relative
from torch import Tensor
from torch.nn.functional import cross_entropy

from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.network.memory import training_bytes

pytestmark = pytest.mark.gpu

ROWS, COLUMNS, BANDS, CLASSES, WIDTH = 610, 340, 103, 9, 128
LABELED = 40 * CLASSES
Peak = Callable[[Callable[[], object]], int]


def build(scan: str) -> MambaHSI:
    torch.manual_seed(0)
    return MambaHSI(BANDS, WIDTH, CLASSES, scan=scan)


def draw(valid: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels, numbers of labeled pixels, and their classes."""
    generator = torch.Generator().manual_seed(0)
    count = int(valid.sum())
    pixels = torch.rand(count, BANDS, generator=generator)
    at = torch.randperm(count, generator=generator)[:LABELED].sort().values
    truth = torch.randint(CLASSES, (LABELED,), generator=generator)
    return pixels.to(device), at.to(device), truth.to(device)


def with_nodata() -> np.ndarray:
    valid = np.ones((ROWS, COLUMNS), dtype=bool)
    valid[100:163, 50:121] = False
    valid[::7, ::5] = False
    return valid


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("nodata", [False, True])
def test_logits_and_gradients(nodata: bool, recompute: bool, triton: torch.device) -> None:
    valid = with_nodata() if nodata else np.ones((ROWS, COLUMNS), dtype=bool)
    pixels, at, truth = draw(valid, triton)
    geometry = SceneGeometry(valid)
    found = []
    for network in (build("triton").to(triton), in_double(build("torch")).to(triton)):
        double = next(network.parameters()).dtype == torch.float64
        network.recompute = recompute and not double
        inputs = pixels.double() if double else pixels
        with torch.no_grad():
            logits = network.pixel_logits(inputs, geometry)
        cross_entropy(network.pixel_logits(inputs, geometry, at=at), truth).backward()
        gradients = {name: p.grad for name, p in network.named_parameters()}
        found.append((logits.cpu(), gradients))
    (logits, gradients), (right_logits, right) = found
    assert relative(logits, right_logits) < 1e-4
    assert float((logits.argmax(1) == right_logits.argmax(1)).double().mean()) > 0.9999
    errors = {name: relative(gradients[name], expected) for name, expected in right.items()}
    # Gradients of a convolution's bias before a normalization cancel; what is left is rounding.
    scale = max(float(g.norm()) for g in right.values())
    wrong = {
        name: error
        for name, error in errors.items()
        if not (error < 1e-3 or error * float(right[name].norm()) < 1e-5 * scale)
    }
    assert not wrong


def step(network: MambaHSI, device: torch.device) -> Callable[[], object]:
    valid = np.ones((ROWS, COLUMNS), dtype=bool)
    pixels, at, truth = draw(valid, device)
    geometry = SceneGeometry(valid)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)

    def work() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(network.pixel_logits(pixels, geometry, at=at), truth)
        loss.backward()
        optimizer.step()
        return loss.item()

    return work


@pytest.mark.parametrize("recompute", [False, True])
def test_a_training_step_stays_within_two_gigabytes(
    recompute: bool, triton: torch.device, peak_of: Peak
) -> None:
    network = build("triton").to(triton)
    network.recompute = recompute
    work = step(network, triton)
    work()
    peak = peak_of(work)
    predicted = training_bytes(ROWS * COLUMNS, BANDS, WIDTH, recompute=recompute, scan="triton")
    assert peak < 2e9
    assert 0.7 * predicted < peak < 1.4 * predicted


def test_a_thousand_steps_take_no_more_memory_than_ten(triton: torch.device) -> None:
    torch.manual_seed(0)
    network = MambaHSI(20, 32, 4, scan="triton").to(triton)
    geometry = SceneGeometry(np.ones((40, 36), dtype=bool))
    pixels = torch.rand(geometry.pixels, 20, device=triton)
    truth = torch.randint(4, (geometry.pixels,), device=triton)
    optimizer = torch.optim.Adam(network.parameters())
    counts = []
    for number in range(1000):
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(network.pixel_logits(pixels, geometry), truth).backward()
        optimizer.step()
        if number in (10, 999):
            torch.cuda.synchronize(triton)
            allocated = torch.cuda.memory_allocated(triton)
            counts.append((allocated, torch.cuda.memory_reserved(triton)))
    assert counts[0] == counts[1]


def test_bfloat16_is_near_float32(triton: torch.device) -> None:
    valid = np.ones((ROWS, COLUMNS), dtype=bool)
    pixels, at, truth = draw(valid, triton)
    geometry = SceneGeometry(valid)
    found = []
    for precision in (torch.float32, torch.bfloat16):
        network = build("triton").to(triton)
        network.set_precision(precision)
        loss = cross_entropy(network.pixel_logits(pixels, geometry, at=at), truth)
        loss.backward()
        assert all(p.grad is not None and p.grad.dtype == p.dtype for p in network.parameters())
        with torch.no_grad():
            found.append(network.pixel_logits(pixels, geometry))
    assert 0 < relative(found[1], found[0]) < 0.05
