"""What is kept of the trials on a card, and how the fastest is told. No card is needed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch

from mambahsi.runs.setup import Place
from mambahsi.scan import code_cache
from mambahsi.scan.gpu import tuning
from mambahsi.scan.gpu.tuning import CANDIDATES, Tuning

CARD = "NVIDIA Test, 100, Triton 3"
FOUND = Tuning(*(candidates[1] for candidates in CANDIDATES.values()))
DEVICE = torch.device("cpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for kernels; gives it."""
    monkeypatch.setenv("MAMBAHSI_CACHE_DIR", str(tmp_path))
    code_cache.folder.cache_clear()
    yield tmp_path / "kernels"
    code_cache.folder.cache_clear()


def test_what_was_found_is_kept_for_this_kind_of_card_alone(folder: Path) -> None:
    assert tuning.load(CARD) is None
    tuning.save(CARD, FOUND)
    assert tuning.load(CARD) == FOUND != Tuning()
    assert tuning.load(CARD + "1") is None
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"chunk": 64}',
        json.dumps({"chunk": 3, "forward": 4, "backward": 2}).encode(),
        json.dumps({"chunk": 64, "forward": "4", "backward": 2}).encode(),
        json.dumps({"chunk": [64], "forward": 4, "backward": 2}).encode(),
    ],
)
def test_a_file_that_makes_no_sense_counts_as_none(folder: Path, content: bytes) -> None:
    tuning.save(CARD, FOUND)
    next(folder.iterdir()).write_bytes(content)
    assert tuning.load(CARD) is None


def test_what_is_kept_is_not_overwritten(folder: Path) -> None:
    """Two processes may try at once; both use what the first one kept."""
    tuning.save(CARD, FOUND)
    tuning.save(CARD, Tuning())
    assert tuning.load(CARD) == FOUND
    next(folder.iterdir()).write_text("half a fi")
    tuning.save(CARD, Tuning())
    assert tuning.load(CARD) == Tuning()
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_written_to_is_no_error(folder: Path) -> None:
    folder.write_text("a file")
    tuning.save(CARD, FOUND)
    assert tuning.load(CARD) is None


def test_a_choice_lasts_as_long_as_it_is_asked_for() -> None:
    with pytest.raises(KeyError), tuning.using(DEVICE, FOUND):
        assert tuning.of(DEVICE) == FOUND
        assert tuning.of(torch.device("meta")) == Tuning()
        raise KeyError
    assert tuning.of(DEVICE) == Tuning()


@pytest.mark.parametrize(("text", "expected"), [("", True), ("off", False), ("0", False)])
def test_tuning_can_be_switched_off(
    text: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAMBAHSI_TUNING", text)
    assert tuning.wanted() is expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({1: [2.0], 2: [1.0], 3: [1.5]}, 2),
        ({1: [1.0], 2: [0.99], 3: [1.5]}, 1),  # not clearly faster
        ({1: [1.0], 2: [2.0], 3: [2.0]}, 1),
        # Slow once is not slow; the first time, which compiles, does not count.
        ({1: [9, 1, 1, 1, 1, 1.0], 2: [99, 9, 0.5, 0.5, 9, 0.5], 3: [1.0]}, 2),
        ({1: [0.1, 1, 1, 1, 1, 1.0], 2: [1.0], 3: [0.1, 1, 1, 1, 1, 1]}, 1),
    ],
)
def test_the_fastest_is_told_by_the_median(times: dict[int, list[float]], expected: int) -> None:
    pytest.importorskip("triton")
    from mambahsi.scan.gpu.trials import fastest

    series = {candidate: itertools.cycle(taken) for candidate, taken in times.items()}
    assert fastest(tuple(times), lambda candidate: next(series[candidate])) == expected


def test_records_tell_how_kernels_were_launched() -> None:
    place = Place(DEVICE, "triton", 1, launches=str(FOUND))
    assert place.to_json()["launches"] == "chunk 128, forward 2, backward 1"
    assert "launches" not in Place(DEVICE, "cpu", 1).to_json()
