"""The kernels between the Mamba blocks compile for the cards that they are written for."""

from __future__ import annotations

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

from ahead_of_time import CARDS, compile_for

from mambahsi.network.gpu_tables import STEPS, WARPS, sizes
from mambahsi.scan.gpu.kernels import blocks

HALF = {"table", "s", "p", "b", "db"}
"""Tables that are in half precision where products are."""

OTHERS = {"cells": "*i32", "members": "*i32", "rows": "i32", "place": "i32"}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize(
    "name", ["moments", "combine", "branch_sums", "branch_gradient", "input_gradient"]
)
def test_compiles(name: str, pooled: bool, card: int) -> None:
    kernel = getattr(blocks, name)
    options = {"STEPS": STEPS, "RESIDUAL": True, "HAS_S": True, "HAS_P": True, "POOLED": pooled}
    constants = {k: v for k, v in {**sizes(128), **options}.items() if k in kernel.arg_names}
    # Half precision where there is no pooling, so that both are compiled.
    types = {
        argument: OTHERS.get(argument, "*bf16" if argument in HALF and not pooled else "*fp32")
        for argument in kernel.arg_names
    }
    assert compile_for(card, kernel, types, constants, WARPS)
