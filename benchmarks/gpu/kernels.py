"""The scan and the Mamba block alone, in both of the network's shapes, beside their floors.

The spatial branch has one sequence of all pixels, the spectral branch one of four tokens for each
pixel. A bare scan reads u, delta, z, B and C and writes y, once each; its gradient reads these and
that of y, and writes five more. It computes one exponential for each channel, state and token in
either direction, and at least 6 operations forward and 17 backward. A block reads its tokens and
writes as many, and backward reads both and writes gradients of the first; products are those of
its four projections, twice as many backward. So nothing is counted that is computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common.work import STATES, TOKENS, block_products
from benchmarks.gpu import upstream
from benchmarks.gpu.clock import Clock, Failure, Work
from benchmarks.gpu.floor import Need, measure
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings
from mambahsi.network.mamba import Mamba
from mambahsi.scan import selective_scan

FLOAT = 4
SCAN_OPERATIONS = (6, 17)
"""For each channel, state and token: forward, and backward."""

TASKS = {"forward": "forward", "both": "forward and backward"}

Shape = tuple[int, int, int]
"""Sequences, tokens of each, width of a token."""

Differentiable = tuple[Callable[[], Tensor], list[Tensor]]
"""What computes a result, and the tensors that it is differentiated by."""

Makers = dict[str, Callable[[], Differentiable]]
"""By contender."""


def run(settings: Settings, result: Result) -> None:
    """Measure at the size of the first scene."""
    clock = Clock(torch.device(settings.device))
    rates = measure(settings, clock)
    rows, columns, _ = settings.sizes[settings.first]
    pixels, width = rows * columns, settings.width
    shapes: dict[str, Shape] = {
        "spectral": (pixels, TOKENS, width // TOKENS),
        "spatial": (1, pixels, width),
    }
    for branch, shape in shapes.items():
        for what, makers, needs in (
            ("scan", scans(settings, shape), scan_needs(shape)),
            ("block", blocks(settings, shape), block_needs(shape)),
        ):
            for task, need in (("forward", needs[0]), ("both", needs[0] + needs[1])):
                found = durations(makers, task, settings, clock)
                ours = found["ours"]
                for contender, seconds in found.items():
                    half = contender.endswith("bfloat16")
                    floors = rates.floors(need.halved() if half else need)
                    key, text = f"{what}_{branch}_{task}", ""
                    if isinstance(seconds, float):
                        ratio = seconds / floors.traffic
                        text = f"{ratio:.2f} times its traffic's floor"
                        if contender == "ours":
                            result.figures[key] = ratio
                        elif isinstance(ours, float):
                            result.figures[f"{key}_{contender}"] = seconds / ours
                            text += f", {seconds / ours:.2f} times ours"
                    title = f"{what}, {branch}, {TASKS[task]}: {contender}"
                    result.add(Row.of(title, pixels, seconds, floors, figure=text))
    if not settings.upstream:
        why = f"not built, because {settings.why_not}"
        result.add(Row("scan and block: upstream", 0, figure=why))


def scans(settings: Settings, shape: Shape) -> Makers:
    """Bare scans; the same numbers for all, laid out as each one's block has them.

    Ours has the channels of a token side by side, mamba-ssm the tokens of a channel.
    """
    sequences, length, width = shape
    channels, device = 2 * width, torch.device(settings.device)

    def inputs(dtype: torch.dtype, rows: bool) -> list[Tensor]:
        generator = torch.Generator(device).manual_seed(0)

        def table(size: int) -> Tensor:
            shape = (sequences, length, size)
            found = torch.randn(shape, device=device, generator=generator).to(dtype)
            return found.transpose(1, 2) if rows else found.transpose(1, 2).contiguous()

        u, step, gate = (table(channels) for _ in range(3))
        into, out_of = (table(STATES) for _ in range(2))
        rates = -torch.arange(1.0, STATES + 1, device=device).repeat(channels, 1)
        skip, bias = torch.ones(channels, device=device), torch.zeros(channels, device=device)
        tensors = [u, step, rates, into, out_of, skip, gate, bias]
        return [tensor.requires_grad_() for tensor in tensors]

    def ours(dtype: torch.dtype, scan: str) -> Differentiable:
        function: Callable[..., Any] = partial(selective_scan, delta_softplus=True, backend=scan)
        tensors = inputs(dtype, rows=True)
        return lambda: function(*tensors), tensors

    def theirs() -> Differentiable:
        scan, tensors = upstream.scan_function(settings.upstream), inputs(torch.float32, rows=False)
        return lambda: scan(*tensors, delta_softplus=True), tensors

    makers: Makers = {
        "ours": lambda: ours(torch.float32, settings.scan),
        "ours bfloat16": lambda: ours(torch.bfloat16, settings.scan),
        "torch": lambda: ours(torch.float32, "torch"),
    }
    return makers | ({"upstream": theirs} if settings.upstream else {})


def blocks(settings: Settings, shape: Shape) -> Makers:
    """Mamba blocks, as the network calls them; the same weights for all."""
    device = torch.device(settings.device)

    def of(make: Callable[[int], nn.Module]) -> Differentiable:
        torch.manual_seed(0)
        block = Mamba(shape[2], "torch")
        weights = block.state_dict()
        ready = make(shape[2]).to(device)
        ready.load_state_dict(weights)
        tokens = torch.randn(shape).to(device).requires_grad_()
        return lambda: ready(tokens), [tokens, *ready.parameters()]

    makers: Makers = {
        "ours": lambda: of(lambda width: Mamba(width, settings.scan)),
        "torch": lambda: of(lambda width: Mamba(width, "torch")),
    }
    if settings.upstream:
        makers["upstream"] = lambda: of(upstream.block_maker(settings.upstream))
    return makers


def durations(
    makers: Makers, task: str, settings: Settings, clock: Clock
) -> dict[str, float | Failure]:
    """Time forward without gradients, or forward and backward together."""
    works: dict[str, Work] = {}
    failures: dict[str, float | Failure] = {}
    for name, make in makers.items():
        try:
            works[name] = (_forward if task == "forward" else _both)(*make())
        except Exception as error:
            failures[name] = clock.failure(error)
    found = clock.in_turn(works, settings.rounds, settings.warm_up)
    works.clear()
    clock.clear()
    return {name: (failures | found)[name] for name in makers}


def _forward(work: Callable[[], Tensor], _: Sequence[Tensor]) -> Work:
    def run() -> None:
        with torch.no_grad():
            work()

    return run


def _both(work: Callable[[], Tensor], leaves: Sequence[Tensor]) -> Work:
    with torch.no_grad():
        weight = torch.randn_like(work())
    # Not backward(): adding to gradients that are there already would be timed, too.
    return lambda: torch.autograd.grad(work(), leaves, weight)


def scan_needs(shape: Shape) -> tuple[Need, Need]:
    """What a bare scan in float32 needs at least, forward and backward."""
    sequences, length, width = shape
    tokens, channels = sequences * length, 2 * width
    each = tokens * channels * STATES
    forward, backward = SCAN_OPERATIONS
    return (
        Need(FLOAT * tokens * (4 * channels + 2 * STATES), forward * each, each),
        Need(FLOAT * tokens * (7 * channels + 4 * STATES), backward * each, each),
    )


def block_needs(shape: Shape) -> tuple[Need, Need]:
    """What a Mamba block needs at least, forward and backward."""
    sequences, length, width = shape
    tokens = sequences * length
    operations = sum(2 * m * k * n for m, k, n in block_products(tokens, width))
    # States of 2 x width channels, and their SiLU before the scan and behind it.
    exponentials = 2 * tokens * width * (STATES + 2)
    return (
        Need(2 * FLOAT * tokens * width, operations, exponentials),
        Need(3 * FLOAT * tokens * width, 2 * operations, exponentials),
    )
