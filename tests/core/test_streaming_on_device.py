"""Streaming as on a GPU: rows that take the way through other memory, and plans for two memories.

What needs a GPU is in ``tests/gpu``. Here the CPU takes the same way, and tensors without numbers
on a device of their own show that nothing is mixed with tensors of the CPU.
"""

from __future__ import annotations

import functools
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_scenes import (
    Strips,
    assert_same,
    in_memory,
    make_cube,
    make_network,
    normalization,
    punch,
    stream,
    write,
)

from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import ClassifyJob, RasterSource
from mambahsi.network.blocks import branches
from mambahsi.runs.setup import Place
from mambahsi.runs.ways import Way, choose_way
from mambahsi.scene import Scene
from mambahsi.streaming import stages, work
from mambahsi.streaming.grids import Grids
from mambahsi.streaming.levels import LevelReader
from mambahsi.streaming.maps import predict_windows
from mambahsi.streaming.passes import Passes
from mambahsi.streaming.plan import Layout, plan_stream_on_device
from mambahsi.streaming.spool import Spool, spool_path
from mambahsi.streaming.tables import Buffers, FileTable, MemoryTable
from mambahsi.streaming.transfer import WAITING, Transfer

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


@pytest.mark.parametrize("scan", ["torch", "auto"])
@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
def test_rows_that_take_the_way_through_other_memory_stay_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan: str, kind: str
) -> None:
    holes = np.random.default_rng(2).random((41, 23)) < 0.2
    path = write(tmp_path / "scene.tif", punch(make_cube(5, 41, 23), holes))
    network = make_network(5, 32, mamba_type=kind, scan=scan)
    expected = stream(path, network, Strips(), tmp_path / "one.tif")
    monkeypatch.setattr(work, "Transfer", functools.partial(Transfer, staged=True))
    got = stream(path, network, Strips(), tmp_path / "other.tif")
    np.testing.assert_array_equal(got, expected)
    assert_same(got, in_memory(path, network))


def test_features_in_main_memory_give_the_same_and_leave_no_file(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", make_cube(5, 22, 19))
    network = make_network(5, 32, scan="torch")
    expected = stream(path, network, Strips(), tmp_path / "map.tif")
    target, how = tmp_path / "map.tif", Strips()
    with Scene.open(RasterSource(str(path))) as scene:
        valid = scene.valid([1, 2, 3, 4, 5])
        grids = Grids(valid)
        reader = LevelReader(scene, [1, 2, 3, 4, 5], valid, normalization(5))
        with Spool(target, {}, Feedback(), in_memory=True) as spool:
            passes = Passes(network, reader, grids, how.plan(), spool)
            passes.run(Feedback())
            assert [file.name for file in spool.folder.iterdir()] == ["lock"]
            image = np.full((*valid.shape, 5), np.nan, dtype=np.float32)
            for window, found in predict_windows(passes, grids, how.plan(), Feedback()):
                image[window.toslices()][valid[window.toslices()]] = torch.softmax(
                    torch.from_numpy(found), dim=1
                )
    np.testing.assert_allclose(image, expected, rtol=0, atol=1e-6)
    assert not spool_path(target).exists()


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_what_waits_is_written_in_time(tmp_path: Path, kind: str) -> None:
    table: Any = (
        FileTable(tmp_path / "t.table", 3, torch.float32)
        if kind == "file"
        else MemoryTable("t", 40, 3, torch.float32)
    )
    rows = torch.arange(120, dtype=torch.float32).view(40, 3)
    transfer = Transfer(CPU, staged=True)
    for start in range(0, 40, 4):
        part = rows[start : start + 4].clone()
        transfer.write(table, start, part)
        # What a strip gave may be used up while it waits.
        part.zero_()
    # Of the last ones nothing is certain; the others are in the table.
    done = 40 - 4 * WAITING
    assert torch.equal(table.read(0, done), rows[:done])
    transfer.finish()
    assert torch.equal(transfer.read(table, 7, 31), rows[7:31])
    assert torch.equal(table.pick(np.array([0, 5, 39])), rows[[0, 5, 39]])
    transfer.clear()
    table.close()
    table.close()


def test_strips_that_grow_leave_no_memory_behind() -> None:
    """As those of a rotated scene do from its corner on."""
    table: Any = MemoryTable("t", 200, 3, torch.float32)
    transfer = Transfer(CPU, staged=True)
    rooms: list[weakref.ref[torch.Tensor]] = []
    most, start = 0, 0
    for rows in range(1, 17):
        transfer.write(table, start, torch.zeros(rows, 3))
        start += rows
        rooms.append(weakref.ref(transfer._waiting[-1].room))
        most = max(most, len({id(room()) for room in rooms if room() is not None}))
    # What waits, and one that was just written or is written to.
    assert most <= WAITING + 1
    transfer.finish()
    transfer.clear()


def test_page_locked_memory_goes_back_with_its_last_use(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(torch._C, "_host_emptyCache", lambda: given_back.append(1), raising=False)
    Transfer(CPU, staged=True).clear()
    assert not given_back
    Transfer(CUDA).clear()
    assert given_back == [1]


@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_strip_stays_on_the_device_of_the_network(kind: str, precision: torch.dtype) -> None:
    """On the device ``meta``, whose tensors have a shape and no numbers."""
    network = make_network(5, 32, mamba_type=kind, scan="torch").to("meta")
    network.set_precision(precision)
    block, meta = network.mamba["0"], torch.device("meta")
    with torch.no_grad():
        levels = torch.empty(50, 5, dtype=torch.uint8, device=meta)
        x = stages.embed(network, levels, Buffers(meta))
        moments = stages.measure(x)
        x = stages.activate(x, stages.norm_of(network.patch_embedding), moments)
        spatial, _ = branches(block)
        carry = spatial.mamba.start() if spatial else None
        mixed, found = stages.mix(block, x, carry)
        out = stages.combine(block, x, mixed, found, None)
        wide = stages.widen(network, out)
        logits = stages.classify(network, wide)
    used = [x, moments.mean, moments.squares, out, wide, logits]
    used += [] if carry is None else [carry.context, carry.state]
    assert {tensor.device for tensor in used} == {meta}
    assert logits.shape == (50, 5) and logits.dtype == torch.float32


@settings(max_examples=60)
@given(
    rows=st.integers(4, 20_000),
    columns=st.integers(4, 20_000),
    bands=st.integers(1, 500),
    width=st.sampled_from([16, 64, 128]),
    device=st.integers(10**7, 10**11),
    budget=st.integers(10**7, 10**11),
)
def test_a_plan_for_two_memories_keeps_to_both(
    rows: int, columns: int, bands: int, width: int, device: int, budget: int
) -> None:
    layout = Layout(rows, columns, bands, 2, 8, columns, 16 * columns, width, 9, "both")
    pixels = [rows * columns >> (2 * level) for level in range(3)]
    plan = plan_stream_on_device(layout, pixels, device, budget)
    assert plan.strip_rows[0] >= 4 and plan.strip_rows[0] % 4 == 0
    # Only what is smallest already may be too large: four rows, and the writing of the map.
    smallest = plan_stream_on_device(layout, pixels, 0, budget)
    assert smallest.strip_rows[0] == 4
    assert plan.device <= max(device, smallest.device)
    assert plan.memory <= max(budget, smallest.memory)
    if plan.in_memory:
        assert plan.disk == 0 and plan.memory <= budget
        smaller = plan_stream_on_device(layout, pixels, device, plan.memory // 2)
        assert not smaller.in_memory and smaller.disk > 0
    more = plan_stream_on_device(layout, pixels, 2 * device, 2 * budget)
    assert more.strip_rows[0] >= plan.strip_rows[0]


LAYOUT = Layout(1000, 1000, 200, 2, 8, 1000, 16_000, 128, 9, "both")
PIXELS = [10**6, 250_000, 62_500]


def ways(
    memory: float, *failed: Way, precision: torch.dtype = torch.float32
) -> tuple[Way, CollectingFeedback]:
    job = ClassifyJob(RasterSource("s.tif"), "m.safetensors", "map.tif", memory=memory)
    feedback = CollectingFeedback()
    place = Place(CUDA, "torch", 2, precision)
    last = failed[-1] if failed else None
    return choose_way(job, place, LAYOUT, PIXELS, feedback, last), feedback


def test_ways_follow_each_other_from_the_device_to_strips_on_the_cpu() -> None:
    taken: list[Way] = []
    for device, streamed in (("cuda", False), ("cuda", True), ("cpu", False), ("cpu", True)):
        way, _ = ways(64.0, *taken)
        assert (way.place.device.type, way.stream is not None) == (device, streamed)
        taken.append(way)
    assert taken[1].stream and taken[1].stream.in_memory
    assert taken[2].place.scan != "triton"
    with pytest.raises(ResourceError, match="even in strips on the CPU"):
        ways(64.0, *taken)


def test_a_device_that_is_too_small_streams_and_says_why() -> None:
    way, feedback = ways(2.0)
    assert way.place.device == CUDA and way.stream is not None
    assert way.stream.device <= 2e9 and way.stream.memory <= 2e9
    told = feedback.logs[-1]
    assert "in one piece on cuda would take about" in told
    assert "in strips of" in told and "on cuda instead" in told and "same result" in told
    # The features of a million pixels do not fit into what is left of two gigabytes.
    assert not way.stream.in_memory and "temporary files beside the map" in told
    smaller, feedback = ways(0.25)
    assert smaller.place.device == CPU
    assert "same result" in feedback.logs[-1]
    _, feedback = ways(0.25, precision=torch.bfloat16)
    assert "same result" not in feedback.logs[-1]
    assert "in float32 instead of bfloat16" in feedback.logs[-1]
    assert "on cuda would take" in feedback.logs[-1]
