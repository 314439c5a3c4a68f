"""The kernels for short sequences compile for the cards that they are written for."""

from __future__ import annotations

import pytest
import torch
from test_chunked_mixer import draw

pytest.importorskip("triton", reason="Triton is not installed")

from ahead_of_time import CARDS, compile_for

from mambahsi.scan.gpu.kernels.short import (
    mix_short_backward,
    mix_short_forward,
)
from mambahsi.scan.gpu.short import WARPS, Sizes


def types(dtype: str, *names: str) -> dict[str, str]:
    """Arguments of the kernels: tables of tokens, named, and the others."""
    tables = dict.fromkeys(("table", "shares", "rooms"), "*fp32")
    return {**dict.fromkeys(names, dtype), **tables, "sequences": "i32"}


def constants(length: int, width: int, exact: bool) -> dict[str, object]:
    tokens, *parameters = draw(0, 1, length, width, torch.float32)
    return {**Sizes.of(tokens, tuple(parameters)).constants, "EXACT": exact}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_forward(card: int) -> None:
    exact = card != 90
    kind = types("*fp32" if exact else "*bf16", "tokens", "out")
    assert compile_for(card, mix_short_forward, kind, constants(4, 32, exact), WARPS["forward"])


# Two tokens instead of four, which take a fourth of the time to compile.
@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_backward(card: int) -> None:
    exact = card != 90
    kind = types("*fp32" if exact else "*bf16", "tokens", "gradient", "dtokens")
    assert compile_for(card, mix_short_backward, kind, constants(2, 32, exact), WARPS["backward"])
