"""How threads share the parts of a scene: in turns where they must, and with the same result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.network.fused import fused_block, fused_embedding
from mambahsi.network.fused_strips import mix
from mambahsi.network.mamba import Mamba
from mambahsi.scan import available_backends, set_threads, thread_count
from mambahsi.scan.mixer_chunks import CHUNK
from mambahsi.scan.pipeline import Part, Pipeline
from mambahsi.scan.threads import work_together

COMPILED = available_backends()["cpu"]
needs_compiler = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")

COUNTS = [1, 2, 3, 5]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = thread_count()
    yield
    cancellation.reset()
    set_threads(before)


def with_every_count(run: Callable[[], list[Tensor]]) -> list[list[Tensor]]:
    results = []
    for count in COUNTS:
        set_threads(count)
        results.append(run())
    return results


def assert_same_bits(results: list[list[Tensor]]) -> None:
    for result in results[1:]:
        for number, (one, other) in enumerate(zip(results[0], result, strict=True)):
            assert torch.equal(one, other), number


@needs_compiler
@pytest.mark.parametrize(
    "shape", [(1, CHUNK - 1), (1, CHUNK + 1), (1, 4 * CHUNK + 3), (2, 2 * CHUNK), (1500, 4)]
)
def test_a_mamba_gives_the_same_bits_with_any_number_of_threads(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    block = Mamba(16, "cpu")
    tokens = torch.randn(*shape, 16, requires_grad=True)
    weight = torch.randn(*shape, 16)

    def run() -> list[Tensor]:
        out = block(tokens)
        leaves = [tokens, *block.parameters()]
        return [out.detach(), *torch.autograd.grad(out, leaves, weight)]

    assert_same_bits(with_every_count(run))


@needs_compiler
@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("columns", [32, 67])
def test_embedding_and_blocks_give_the_same_bits_with_any_number_of_threads(
    kind: str, recompute: bool, columns: int
) -> None:
    torch.manual_seed(0)
    network = MambaHSI(7, 32, 3, mamba_type=kind, scan="cpu")
    geometry = SceneGeometry(np.ones((CHUNK * 3 // 32, columns), dtype=bool))
    pixels = torch.rand(geometry.pixels, 7)

    def run() -> list[Tensor]:
        network.zero_grad()
        x = fused_embedding(network.patch_embedding, pixels)
        for block, pooling in zip(network.mamba.values(), [*geometry.poolings, None], strict=True):
            x = fused_block(block, x, pooling, recompute)
        x.square().sum().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        return [x.detach(), *(gradient.clone() for gradient in gradients)]

    assert_same_bits(with_every_count(run))


@needs_compiler
@pytest.mark.parametrize("recompute", [False, True])
def test_a_whole_network_gives_the_same_bits_with_any_number_of_threads(recompute: bool) -> None:
    torch.manual_seed(0)
    network = MambaHSI(7, 32, 5, scan="cpu")
    network.recompute = recompute
    # More coarse cells than a chunk takes, and more pixels than are brought up at a time.
    valid = np.ones((180, 151), dtype=bool)
    valid[40:50, 3:90] = False
    geometry = SceneGeometry(valid)
    pixels = torch.rand(geometry.pixels, 7)
    at = torch.randperm(geometry.pixels)[:200]
    labels = torch.arange(len(at)) % 5

    def run() -> list[Tensor]:
        network.zero_grad()
        with torch.no_grad():
            everywhere = network.pixel_logits(pixels, geometry)
            some = network.pixel_logits(pixels, geometry, at)
        logits = network.pixel_logits(pixels, geometry, at)
        cross_entropy(logits, labels).backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        assert len(gradients) == len(list(network.parameters()))
        assert torch.equal(everywhere[at], some) and torch.equal(logits, some)
        return [everywhere, *(gradient.clone() for gradient in gradients)]

    assert_same_bits(with_every_count(run))


@needs_compiler
def test_strips_give_and_carry_the_same_bits_with_any_number_of_threads() -> None:
    torch.manual_seed(0)
    block = MambaHSI(7, 32, 3, scan="cpu").mamba["0"]
    x = torch.randn(2 * CHUNK + 5, 32)

    def run() -> list[Tensor]:
        carry = block.spa_mamba.mamba.start()
        found: list[Tensor] = []
        with torch.no_grad():
            for strip in (x[: CHUNK + 2], x[CHUNK + 2 : CHUNK + 4], x[CHUNK + 4 :]):
                mixed, moments = mix(block, strip, carry)
                found += [table for table in mixed if table is not None]
                found += [m.mean for m in moments] + [m.squares for m in moments]
        return [*found, carry.context, carry.state]

    assert_same_bits(with_every_count(run))


@given(
    total=st.integers(0, 60),
    size=st.integers(1, 13),
    count=st.sampled_from([1, 2, 5]),
    backward=st.booleans(),
)
@settings(deadline=None)
def test_every_part_is_handed_out_once_and_turns_follow_their_order(
    total: int, size: int, count: int, backward: bool
) -> None:
    set_threads(count)
    taken: list[Part] = []
    stages: dict[int, list[Part]] = {0: [], 1: []}

    def work(pipeline: Pipeline) -> None:
        for part in pipeline.parts(total, size, backward=backward):
            taken.append(part)
            for stage, seen in stages.items():
                with pipeline.turn(part, "stage", stage):
                    seen.append(part)

    work_together(work)
    items = [list(range(part.start, part.stop)) for part in sorted(taken)]
    assert all(0 < len(own) <= size for own in items)
    if backward:
        items.reverse()
    assert [item for own in items for item in own] == list(range(total))
    for seen in stages.values():
        assert seen == sorted(taken)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 40])
def test_groups_cover_everything_once(count: int) -> None:
    for total in (1, 2, 7, 16):
        groups = Pipeline(count).groups(total)
        assert [i for first, last in groups for i in range(first, last)] == list(range(total))
        assert all(first < last for first, last in groups)


class _Broken(Exception):
    pass


def test_a_failure_ends_those_who_wait_for_their_turn() -> None:
    set_threads(3)
    ended: list[int] = []

    def work(pipeline: Pipeline) -> None:
        for part in pipeline.parts(100, 1):
            try:
                if part.number == 0:
                    # The others wait by now, or will.
                    time.sleep(0.1)
                    raise _Broken
                with pipeline.turn(part):
                    pytest.fail("the first part was never done")
            finally:
                ended.append(part.number)

    with pytest.raises(_Broken):
        work_together(work)
    assert sorted(ended) == [0, 1, 2]


def test_a_failure_within_a_turn_does_not_let_the_next_one_begin() -> None:
    set_threads(2)
    begun: list[int] = []

    def work(pipeline: Pipeline) -> None:
        for part in pipeline.parts(20, 1):
            with pipeline.turn(part):
                begun.append(part.number)
                if part.number == 3:
                    raise _Broken

    with pytest.raises(_Broken):
        work_together(work)
    assert begun == [0, 1, 2, 3]
    # The pool is in order again.
    numbers: list[int] = []
    work_together(lambda pipeline: numbers.extend(p.number for p in pipeline.parts(5, 1)))
    assert sorted(numbers) == list(range(5))


def test_a_stop_ends_those_who_wait_for_their_turn() -> None:
    """Who works sees the flag; who waits cannot, and is told."""
    set_threads(2)
    waiting = threading.Event()

    def work(pipeline: Pipeline) -> None:
        for part in pipeline.parts(100, 1):
            if part.number == 0:
                waiting.wait(10)
                cancellation.request()
                cancellation.raise_if_requested()
            waiting.set()
            with pipeline.turn(part):
                pytest.fail("the first part was never done")

    with pytest.raises(Cancelled):
        work_together(work)
