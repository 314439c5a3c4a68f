"""Every way of launching the kernels gives the same, and trials find the fastest, interpreted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mambahsi.network.mamba import Mamba
from mambahsi.scan.gpu import short, trials, tuning
from mambahsi.scan.gpu.long import mix_long
from mambahsi.scan.gpu.short import mix_short
from mambahsi.scan.gpu.tuning import CANDIDATES, Tuning

CPU = torch.device("cpu")


def results(mixer: Callable[..., Tensor], shape: tuple[int, int, int]) -> list[Tensor]:
    """Output and all gradients of a block."""
    torch.manual_seed(0)
    parameters = [p.detach().clone() for p in Mamba(shape[2]).mixer_parameters()]
    leaves = [x.requires_grad_() for x in (torch.randn(shape), *parameters)]
    out = mixer(*leaves)
    return [out.detach(), *torch.autograd.grad(out, leaves, torch.randn(shape))]


def test_the_length_of_chunks_changes_nothing_but_rounding() -> None:
    """Over a length that is no multiple of any, with one, two and three chunks."""
    found = []
    for chunk in CANDIDATES["chunk"]:
        with tuning.using(CPU, Tuning(chunk=chunk)):
            found.append(results(mix_long, (1, 139, 4)))
    for other in found[1:]:
        for got, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert any(not torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))


def test_the_number_of_programs_changes_nothing_but_rounding() -> None:
    """On a CPU there is one multiprocessor, so these are the numbers of programs themselves."""
    shape = (short.TILE * 5 + 3, 2, 4)
    found = []
    for forward, backward in ((4, 2), (2, 1), (8, 1)):
        with tuning.using(CPU, Tuning(forward=forward, backward=backward)):
            found.append(results(mix_short, shape))
    for other in found[1:]:
        for got, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    assert any(not torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))


def test_trials_run_every_candidate_and_find_the_fastest() -> None:
    """By a clock that runs each way of launching once, and tells times that are known."""
    state = torch.random.get_rng_state()
    best = Tuning(chunk=128, forward=8, backward=1)
    ran: set[Tuning] = set()

    def clock(work: Callable[[], object]) -> float:
        now = tuning.of(CPU)
        if now not in ran:
            ran.add(now)
            work()
        return 1.0 + sum(getattr(now, name) != getattr(best, name) for name in CANDIDATES)

    assert trials.try_out(CPU, clock, length=17, pixels=17) == best
    assert tuning.of(CPU) == Tuning()
    assert {now.chunk for now in ran} == set(CANDIDATES["chunk"])
    assert {(now.forward, now.backward) for now in ran if now.chunk == 128} == {
        *((forward, 2) for forward in CANDIDATES["forward"]),
        *((8, backward) for backward in CANDIDATES["backward"]),
    }
    assert torch.equal(torch.random.get_rng_state(), state)


def test_chunks_of_another_length_in_the_backward_pass_are_refused() -> None:
    """Kernels would read states that are not there."""
    torch.manual_seed(0)
    leaves = [torch.randn(1, 70, 2), *Mamba(2).mixer_parameters()]
    out = mix_long(leaves[0].requires_grad_(), *leaves[1:])
    with tuning.using(CPU, Tuning(chunk=128)), pytest.raises(AssertionError, match="length"):
        out.sum().backward()
