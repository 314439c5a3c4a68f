"""What moves between main memory and a card: nothing is read before it is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mambahsi.devices import choose_device, choose_precision, list_devices, memory_budget
from mambahsi.errors import ResourceError
from mambahsi.scan.carry import Carry
from mambahsi.streaming.tables import FileTable, MemoryTable, Table
from mambahsi.streaming.transfer import Transfer

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_rows_come_back_as_they_went(device: torch.device, tmp_path: Path, kind: str) -> None:
    rows, width, strip = 60_000, 128, 5000
    table: Table = (
        FileTable(tmp_path / "t.table", width, torch.float32)
        if kind == "file"
        else MemoryTable("t", rows, width, torch.float32)
    )
    transfer = Transfer(device)
    heavy = torch.rand(2048, 2048, device=device)
    for start in range(0, rows, strip):
        for _ in range(10):
            # Keeps the card behind, so that a copy that waits for nothing would be too early.
            heavy = torch.tanh(heavy @ heavy)
        part = torch.arange(start * width, (start + strip) * width, device=device)
        transfer.write(table, start, part.view(strip, width).float())
        del part
    transfer.finish()
    expected = torch.arange(rows * width).view(rows, width).float()
    assert torch.equal(table.read(0, rows), expected)
    kept = []
    for start in range(0, rows, strip):
        found = transfer.read(table, start, start + strip)
        for _ in range(10):
            heavy = torch.tanh(heavy @ heavy)
        kept.append(found * 2)
    assert torch.equal(torch.cat(kept).cpu(), 2 * expected)
    transfer.clear()


@pytest.mark.parametrize("scan", ["triton", "torch"])
@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
def test_strips_on_the_card_are_the_scene_in_memory(
    device: torch.device, tmp_path: Path, scan: str, kind: str
) -> None:
    pytest.importorskip("rasterio", reason="rasterio is not installed")
    scenes = pytest.importorskip("streaming_scenes")
    holes = np.random.default_rng(2).random((90, 70)) < 0.1
    path = scenes.write(tmp_path / "scene.tif", scenes.punch(scenes.make_cube(20, 90, 70), holes))
    expected = scenes.in_memory(path, scenes.make_network(20, 64, mamba_type=kind, scan="cpu"))
    network = scenes.make_network(20, 64, mamba_type=kind, scan=scan).to(device)
    for rows in (4, 24, 88):
        got = scenes.stream(path, network, scenes.Strips(strip_rows=rows), tmp_path / "map.tif")
        scenes.assert_same(got, expected)


def test_devices_are_named_and_their_memory_is_counted(device: torch.device) -> None:
    names = [found["name"] for found in list_devices()]
    assert "cuda:0" in names
    assert choose_device("cuda:0").index == 0
    with pytest.raises(ResourceError, match="does not exist.*cuda:0"):
        choose_device("cuda:7" if len(names) < 8 else "cuda:99")
    # What PyTorch keeps for later is free, too.
    before = memory_budget(0.0, device).bytes
    table = torch.empty(2**28, dtype=torch.uint8, device=device)
    held = memory_budget(0.0, device).bytes
    del table
    after = memory_budget(0.0, device).bytes
    assert held < before - 10**8 and after > held + 10**8


def test_precision_is_where_the_card_has_it(device: torch.device) -> None:
    if torch.cuda.get_device_capability(device) >= (8, 0):
        assert choose_precision("bfloat16", device) == torch.bfloat16
    else:
        with pytest.raises(ResourceError, match="bfloat16"):
            choose_precision("bfloat16", device)


def test_what_is_carried_lies_on_the_card(device: torch.device) -> None:
    carry = Carry.start(3, 8, 16, device)
    assert carry.context.is_cuda and carry.state.is_cuda
