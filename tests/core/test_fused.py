"""Blocks computed in chunks, against the network step by step in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.network.moments import Moments
from mambahsi.scan import available_backends, set_threads, thread_count
from mambahsi.scan.mixer_chunks import CHUNK

COMPILED = available_backends()["cpu"]
pytestmark = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")

BANDS, CLASSES = 5, 3


def gradients(
    network: MambaHSI, geometry: SceneGeometry, pixels: torch.Tensor, at: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Logits at some pixels, and the gradient of every parameter."""
    logits = network.pixel_logits(pixels, geometry, at)
    labels = torch.arange(len(at)) % CLASSES
    functional.cross_entropy(logits, labels).backward()
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    assert len(found) == len(list(network.parameters()))
    return {"logits": logits.detach()} | found


def networks(width: int, **arguments: Any) -> list[MambaHSI]:
    """The same network twice: step by step in double precision, and fused."""
    torch.manual_seed(1)
    first = MambaHSI(BANDS, width, CLASSES, scan="torch", **arguments).double()
    with torch.no_grad():
        for name, parameter in first.named_parameters():
            # Nothing may hide behind weights that are all one and biases that are all zero.
            if ".proj.0." in name or "patch_embedding.1" in name or name.endswith("weights"):
                parameter += 0.3 * torch.randn_like(parameter)
    second = MambaHSI(BANDS, width, CLASSES, scan="cpu", **arguments)
    second.load_state_dict(first.state_dict())
    return [first, second]


def relative(got: torch.Tensor, expected: torch.Tensor) -> float:
    # Gradients far below the others, those of the fusion's weights above all, are differences of
    # much larger sums; some are exactly 0.
    return float((got.double() - expected).norm() / expected.norm().clamp(min=1e-4))


def compare(valid: np.ndarray, threads: int, recompute: bool, **arguments: Any) -> None:
    geometry = SceneGeometry(valid)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(geometry.pixels, BANDS, generator=generator)
    at = torch.randperm(geometry.pixels, generator=generator)[:40]
    expected, got = networks(**arguments)
    got.recompute = recompute
    before = thread_count()
    try:
        set_threads(threads)
        wanted = gradients(expected, geometry, pixels.double(), at)
        found = gradients(got, geometry, pixels, at)
        with torch.no_grad():
            again = got.pixel_logits(pixels, geometry, at)
    finally:
        set_threads(before)
    for name, value in wanted.items():
        assert relative(found[name], value) < 1e-4, name
    assert torch.equal(again, found["logits"])


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(4, 41),
    columns=st.integers(8, 41),
    holes=st.sampled_from([0.0, 0.2, 0.8]),
    threads=st.integers(1, 3),
    recompute=st.booleans(),
    kind=st.sampled_from(["both", "spa", "spe"]),
)
def test_any_shape_with_any_holes(
    rows: int, columns: int, holes: float, threads: int, recompute: bool, kind: str
) -> None:
    generator = np.random.default_rng(rows * 100 + columns)
    valid = generator.random((rows, columns)) >= holes
    # A single coarse cell has nothing to be normalized against.
    valid[0, 0] = valid[-(rows % 4) - 1, -(columns % 4) - 1] = True
    if rows > 12:
        valid[5:9] = False
    compare(valid, threads, recompute, width=32, mamba_type=kind)


@pytest.mark.parametrize("pixels", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 63])
@pytest.mark.parametrize("threads", [1, 2])
def test_boundaries_of_chunks(pixels: int, threads: int) -> None:
    valid = np.zeros((40, 40), dtype=bool)
    valid.ravel()[:pixels] = True
    compare(valid, threads, recompute=pixels % 2 == 0, width=32)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("attention", [True, False])
def test_kinds_of_fusion(residual: bool, attention: bool) -> None:
    valid = np.ones((13, 22), dtype=bool)
    compare(valid, 2, False, width=64, use_residual=residual, use_att=attention)


def test_recomputing_changes_rounding_at_most() -> None:
    geometry = SceneGeometry(np.ones((30, 31), dtype=bool))
    pixels = torch.rand(geometry.pixels, BANDS)
    network, results = networks(64)[1], []
    for recompute in (False, True):
        network.recompute = recompute
        network.zero_grad()
        results.append(gradients(network, geometry, pixels, torch.arange(50)))
    for name, value in results[0].items():
        assert relative(results[1][name], value.double()) < 1e-5, name


@given(
    values=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    mean=st.floats(-1e6, 1e6),
)
def test_moments_of_parts_are_those_of_the_whole(values: list[int], mean: float) -> None:
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(n, 4, generator=generator, dtype=torch.float64) + mean for n in values]
    whole, joined = torch.cat(parts), Moments.none(4)
    for part in parts:
        center = part.mean(0)
        joined.join(Moments(len(part), center, (part - center).square().sum(0)))
    assert joined.count == len(whole)
    torch.testing.assert_close(joined.mean, whole.mean(0), rtol=1e-12, atol=1e-12)
    squares = (whole - whole.mean(0)).square().sum(0)
    torch.testing.assert_close(joined.squares, squares, rtol=1e-6, atol=1e-6)


def test_pixels_that_want_a_gradient_get_it() -> None:
    """The fused embedding gives none; such pixels go another way."""
    geometry = SceneGeometry(np.ones((8, 8), dtype=bool))
    found = []
    for network in networks(16):
        dtype = next(network.parameters()).dtype
        pixels = torch.linspace(-1, 1, 64 * BANDS, dtype=dtype).sin().view(64, BANDS)
        pixels.requires_grad_()
        network.coarse_logits(pixels, geometry).square().sum().backward()
        assert pixels.grad is not None
        found.append(pixels.grad.double())
    assert float((found[0] - found[1]).norm()) < 1e-3 * float(found[0].norm())


def test_second_derivatives_are_refused() -> None:
    """Without an error, a penalty on gradients would add nothing."""
    geometry = SceneGeometry(np.ones((8, 8), dtype=bool))
    network = networks(16)[1]
    loss = network.coarse_logits(torch.ones(64, BANDS), geometry).square().sum()
    gradients = torch.autograd.grad(loss, list(network.parameters()), create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.stack([g.square().sum() for g in gradients]).sum().backward()
