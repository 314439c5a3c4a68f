"""Gradients of one Mamba block at a scene's full length, beside a float64 oracle.

    python benchmarks/gradient_oracle.py [--tokens N] [--width N] [--threads N] [--seed N]

The block of the spatial branch at width 128, with its initial parameters, runs over one
sequence of as many tokens as Pavia University has pixels (610 x 340). The compiled kernels
compute in float32; the oracle, in ``tests/core/oracles.py``, is a sequential scan in float64
with a gradient written by hand, which tests hold against automatic differentiation at small
sizes. For each parameter and for the tokens, the table shows the norm of the difference of
the gradients divided by the oracle's norm. Ends with status 1 where one is above 1e-4.

At full length the oracle takes a minute or two and 2 GB of memory.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from mambahsi.network.mamba import Mamba
from mambahsi.scan import resolve_backend, set_threads
from mambahsi.scan.mixer import mamba_mixer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "core"))
import oracles  # type: ignore[import-not-found]

BAR = 1e-4
PAVIA = 610 * 340


def parameters(width: int, seed: int) -> dict[str, torch.Tensor]:
    """A block's initial parameters, in the order that the fused block takes them."""
    torch.manual_seed(seed)
    m = Mamba(width)
    assert m.conv1d.bias is not None
    named = {
        "in_proj": m.in_proj.weight,
        "conv_weight": m.conv1d.weight,
        "conv_bias": m.conv1d.bias,
        "x_proj": m.x_proj.weight,
        "dt_proj": m.dt_proj.weight,
        "dt_bias": m.dt_proj.bias,
        "A": -torch.exp(m.A_log),
        "D": m.D,
        "out_proj": m.out_proj.weight,
    }
    return {name: tensor.detach() for name, tensor in named.items()}


def errors(tokens: int, width: int, seed: int) -> dict[str, float]:
    """Relative error of the output and of every gradient."""
    named = parameters(width, seed)
    x, weight = torch.randn(1, tokens, width), torch.randn(1, tokens, width)
    leaves = {"tokens": x, **named}
    started = time.perf_counter()
    for leaf in leaves.values():
        leaf.requires_grad_()
    out = mamba_mixer(*leaves.values())
    gradients = torch.autograd.grad(out, list(leaves.values()), weight)
    middle = time.perf_counter()
    doubles = {name: p.detach().double().numpy() for name, p in named.items()}
    doubles["conv_weight"] = doubles["conv_weight"][:, 0]
    w = oracles.Block(*(doubles[f.name] for f in fields(oracles.Block)))
    right, kept = oracles.block(w, x.detach().double().numpy())
    dtokens, dw = oracles.block_gradients(
        w, x.detach().double().numpy(), kept, weight.double().numpy()
    )
    ended = time.perf_counter()
    print(f"kernels {middle - started:.1f} s, oracle {ended - middle:.1f} s", file=sys.stderr)
    expected = {"tokens": dtokens, **{name: getattr(dw, name) for name in named}}
    found = {"output": relative(out.detach(), right)}
    for name, gradient in zip(leaves, gradients, strict=True):
        found[f"gradient of {name}"] = relative(gradient, expected[name])
    return found


def relative(got: torch.Tensor, expected: np.ndarray) -> float:
    """Norm of the difference, relative to the expected norm."""
    difference = got.double().numpy().reshape(expected.shape) - expected
    return float(np.linalg.norm(difference) / np.linalg.norm(expected))


def main() -> int:
    """Print the table; the status says whether all gradients are exact enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=PAVIA)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    set_threads(arguments.threads)
    # Says what is wrong where the kernels cannot run.
    resolve_backend("cpu")
    found = errors(arguments.tokens, arguments.width, arguments.seed)
    print(f"| {arguments.tokens:,} tokens, width {arguments.width} | relative error |")
    print("|---|---|")
    for name, error in found.items():
        print(f"| {name} | {error:.1e} |")
    worst = max(found.values())
    print(f"\nLargest: {worst:.1e}; the bar is {BAR:.0e}.")
    return 0 if worst < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
