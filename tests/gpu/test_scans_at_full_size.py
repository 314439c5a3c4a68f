"""Scans and Mamba blocks of the ``triton`` backend at the size of a real scene.

Held against PyTorch in float64 on the same card, chunk by chunk: values and all gradients, in
both of the network's shapes. Lengths are no multiples of any chunk.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from double_precision import relative
from torch import Tensor

from mambahsi.network.mamba import STATES, TAPS, Mamba
from mambahsi.scan.carry import Carry
from mambahsi.scan.chunked import selective_scan_chunked
from mambahsi.scan.chunked_mixer import mamba_mixer_chunked

pytestmark = pytest.mark.gpu

PIXELS = 610 * 340 + 1
SHAPES = {"spatial": (1, PIXELS, 128), "spectral": (PIXELS, 4, 32)}
"""Sequences, tokens, width of a token."""

TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""bfloat16 keeps eight digits of inputs and outputs; a sum of thousands of them keeps more."""

Names = tuple[str, ...]
SCAN_NAMES: Names = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state")
BLOCK_NAMES: Names = (
    *("tokens", "in_proj", "conv_weight", "conv_bias", "x_proj", "dt_proj", "dt_bias", "A", "D"),
    "out_proj",
)


def differences(
    names: Names,
    ours: Callable[..., tuple[Tensor, ...]],
    right: Callable[..., tuple[Tensor, ...]],
    leaves: list[Tensor],
) -> dict[str, float]:
    """Relative errors of results and of all gradients."""
    found: list[list[Tensor]] = []
    weights: list[Tensor] = []
    for function, dtype in ((ours, None), (right, torch.float64)):
        inputs = [leaf.detach().to(dtype or leaf.dtype).requires_grad_() for leaf in leaves]
        results = function(*inputs)
        if not weights:
            weights = [torch.randn_like(result) for result in results]
        same = [w.to(result.dtype) for w, result in zip(weights, results, strict=True)]
        gradients = torch.autograd.grad(results, inputs, same)
        found.append([*(x.detach() for x in results), *gradients])
    told = [f"result {number}" for number in range(len(weights))]
    told += [f"gradient of {name}" for name in names]
    return {n: relative(a, b) for n, a, b in zip(told, *found, strict=True)}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_scan(shape: tuple[int, int, int], dtype: torch.dtype, triton: torch.device) -> None:
    from mambahsi.scan.gpu.selective import selective_scan_triton

    sequences, length, width = shape
    channels = 2 * width
    torch.manual_seed(0)

    def table(size: int) -> Tensor:
        return torch.randn(sequences, length, size, device=triton).to(dtype).transpose(1, 2)

    def normal(*size: int) -> Tensor:
        return torch.randn(size, device=triton)

    leaves = [
        *(table(channels), table(channels) - 1, -torch.exp(normal(channels, STATES))),
        *(table(STATES), table(STATES), normal(channels), table(channels), normal(channels) - 1),
        normal(sequences, channels, STATES),
    ]
    found = differences(
        SCAN_NAMES,
        lambda *x: selective_scan_triton(*x[:8], True, x[8]),
        lambda *x: selective_scan_chunked(*x[:8], True, x[8]),
        leaves,
    )
    wrong = {name: error for name, error in found.items() if not error < TOLERANCE[dtype]}
    assert not wrong


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_block(shape: tuple[int, int, int], dtype: torch.dtype, triton: torch.device) -> None:
    from mambahsi.scan.gpu.mixer import mamba_mixer_triton

    torch.manual_seed(1)
    parameters = Mamba(shape[2], "torch").to(triton).mixer_parameters()
    tokens = torch.randn(shape, device=triton).to(dtype)
    found = differences(
        BLOCK_NAMES,
        lambda *x: (mamba_mixer_triton(*x),),
        lambda *x: (mamba_mixer_chunked(*x),),
        [tokens, *parameters],
    )
    wrong = {name: error for name, error in found.items() if not error < TOLERANCE[dtype]}
    assert not wrong


def test_rows_piece_by_piece_are_the_whole_sequence(triton: torch.device) -> None:
    from mambahsi.scan.gpu.mixer import mamba_mixer_triton, mix_rows

    torch.manual_seed(2)
    parameters = Mamba(128, "torch").to(triton).mixer_parameters()
    rows = torch.randn(PIXELS, 128, device=triton)
    carry = Carry.start(TAPS - 1, 256, STATES)
    sizes = [1, 2, 3, PIXELS // 3, 64, PIXELS // 3]
    pieces = rows.split([*sizes, PIXELS - sum(sizes)])
    with torch.no_grad():
        whole = mamba_mixer_triton(rows[None], *parameters)[0]
        streamed = torch.cat([mix_rows(parameters, piece, carry) for piece in pieces])
    assert relative(streamed, whole) < 1e-5


def test_inputs_may_be_parts_of_wider_tables(triton: torch.device) -> None:
    from mambahsi.scan.gpu.mixer import mamba_mixer_triton

    torch.manual_seed(3)
    parameters = Mamba(32, "torch").to(triton).mixer_parameters()
    # Begins at no multiple of 16 bytes, and its rows lie apart.
    wide = torch.randn(1001, 4, 37, device=triton)
    part = wide[:, :, 3:35]
    with torch.no_grad():
        assert torch.equal(
            mamba_mixer_triton(part, *parameters),
            mamba_mixer_triton(part.contiguous(), *parameters),
        )


def test_a_second_card_is_used_where_tensors_lie(triton: torch.device) -> None:
    """Triton launches on the current device, which need not be theirs."""
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one card only")
    from mambahsi.scan.gpu.mixer import mamba_mixer_triton

    torch.manual_seed(4)
    results = []
    for shape in ((1, 999, 32), (999, 4, 32)):
        parameters = Mamba(shape[2], "torch").mixer_parameters()
        tokens = torch.randn(shape)
        for number in range(2):
            there = [x.detach().to(f"cuda:{number}").requires_grad_() for x in parameters]
            out = mamba_mixer_triton(tokens.to(f"cuda:{number}"), *there)
            out.sum().backward()
            assert there[0].grad is not None and out.get_device() == number
            results.append(there[0].grad.cpu())
    assert torch.equal(results[0], results[1]) and torch.equal(results[2], results[3])
