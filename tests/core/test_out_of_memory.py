"""Running out of memory, by errors that PyTorch itself would raise, above a size."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from mambahsi import jobs, runs
from mambahsi.checkpoint import checkpoint_path, load_checkpoint
from mambahsi.devices import MemoryBudget, memory_budget
from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback
from mambahsi.model_file import ModelFile, load_model
from mambahsi.network import MambaHSI, fused_strips
from mambahsi.runs.setup import Place
from mambahsi.scan import set_threads
from mambahsi.streaming import stages


class Shortage:
    """A device on which a network's forward pass fits only if ``fits`` says so.

    Where it does not, a table is made, the error is raised in the frame that holds it, and the
    next pass sees whether that table is gone.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fits: Any) -> None:
        self.raised = 0
        self.passes = 0
        self._tables: list[weakref.ref[torch.Tensor]] = []
        original = MambaHSI.coarse_logits

        def coarse_logits(network: MambaHSI, pixels: torch.Tensor, geometry: Any) -> torch.Tensor:
            self.passes += 1
            assert not self.alive(), "still kept"
            if not fits(self, network, pixels):
                table = pixels.new_ones(1000)
                self._tables.append(weakref.ref(table))
                self.raised += 1
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return original(network, pixels, geometry)

        monkeypatch.setattr(MambaHSI, "coarse_logits", coarse_logits)

    def alive(self) -> int:
        """Tables that are still kept."""
        return sum(table() is not None for table in self._tables)


def train(values: dict[str, Any]) -> tuple[ModelFile, CollectingFeedback]:
    feedback = CollectingFeedback()
    runs.run(jobs.from_json(values), feedback)
    return load_model(values["model"]), feedback


def learns_with_all(network: MambaHSI) -> bool:
    return torch.is_grad_enabled() and not network.recompute


@pytest.mark.parametrize(
    "how", [{"scan": "torch"}, {}, {"row_halves": True}, {"window": 16}], ids=str
)
def test_a_training_goes_on_from_its_last_step_with_less(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    values = tiny.train_job(epochs=4, **how)
    expected, _ = train(values)
    Path(values["model"]).unlink()
    shortage = Shortage(
        monkeypatch, lambda self, network, _: not (self.passes > 2 and learns_with_all(network))
    )
    got, feedback = train(values)
    assert shortage.raised == 1
    told = [line for line in feedback.warnings if "Memory ran out in epoch" in line]
    assert len(told) == 1 and "Tried to allocate 2.00 GiB" in told[0]
    plan = {"row_halves": "halves recompute", "window": "windows"}.get(next(iter(how), ""))
    assert got.training["plan"] == (plan or "recompute")
    # No epoch is done, or told, twice.
    assert [m["epoch"] for m in feedback.metrics] == [c["epoch"] for c in got.curves]
    losses, right = ([c["loss"] for c in model.curves] for model in (got, expected))
    np.testing.assert_allclose(losses, right, rtol=1e-4)
    for name, weights in expected.weights.items():
        torch.testing.assert_close(got.weights[name], weights, rtol=1e-3, atol=1e-5)


def test_features_computed_again_give_the_same_bits(tiny: Any) -> None:
    set_threads(1)
    from mambahsi.network import SceneGeometry

    found = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = MambaHSI(8, 16, 3, scan="torch")
        network.recompute = recompute
        geometry = SceneGeometry(np.ones((12, 9), dtype=bool))
        logits = network.pixel_logits(torch.rand(108, 8), geometry)
        logits.square().sum().backward()
        found.append([p.grad for p in network.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_a_training_that_fits_in_no_way_stops_with_sizes_and_offers_windows(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = tiny.train_job(epochs=4)
    expected, _ = train(values)
    Path(values["model"]).unlink()
    alive: list[int] = []
    with monkeypatch.context() as short:
        shortage = Shortage(
            short, lambda self, *_: not (self.passes > 2 and torch.is_grad_enabled())
        )

        def budget(*arguments: Any) -> MemoryBudget:
            alive.append(shortage.alive())
            return memory_budget(*arguments)

        short.setattr("mambahsi.runs.train.memory_budget", budget)
        with pytest.raises(ResourceError) as told:
            train(values)
    # What may be taken is measured when nothing of the training takes any.
    assert alive and not any(alive)
    assert shortage.raised == 2  # with all, and with less
    assert "480 pixels" not in told.value.message  # invalid pixels do not count
    assert "468 pixels and 8 bands take about" in told.value.message
    assert "WINDOW" in told.value.hint and "--window" in told.value.hint
    assert not Path(values["model"]).exists()
    kept = load_checkpoint(checkpoint_path(values["model"]))
    assert kept.progress.epoch == 2
    assert kept.circumstances["plan"] == "recompute"
    # What is kept goes on where there is memory, as if nothing had happened.
    got, _ = train({**values, "resume": True})
    assert got.training["plan"] == "recompute"
    np.testing.assert_allclose(
        [c["loss"] for c in got.curves], [c["loss"] for c in expected.curves], rtol=1e-4
    )


def test_another_error_is_not_taken_for_it(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any) -> torch.Tensor:
        raise RuntimeError("The size of tensor a must match the size of tensor b")

    monkeypatch.setattr(MambaHSI, "coarse_logits", wrong)
    with pytest.raises(RuntimeError, match="must match"):
        train(tiny.train_job())


def classification(tiny: Any, **changes: Any) -> dict[str, Any]:
    return {
        "job": "classify",
        "scene": {"path": str(tiny.scene)},
        "model": str(tiny.folder / "model.safetensors"),
        "classification": str(tiny.folder / "map.tif"),
        "probabilities": str(tiny.folder / "probabilities.tif"),
        "threads": 1,
        **changes,
    }


def read(path: str) -> np.ndarray:
    with rasterio.open(path) as dataset:
        content: np.ndarray = dataset.read()
    return content


@pytest.mark.parametrize("scan", ["auto", "torch"])
def test_a_map_goes_on_in_strips_and_stays_the_same(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, scan: str
) -> None:
    train(tiny.train_job(epochs=2))
    job = jobs.from_json(classification(tiny, scan=scan))
    whole = CollectingFeedback()
    runs.run(job, whole)
    expected = read(job.probabilities)
    shortage = Shortage(monkeypatch, lambda *_: False)
    feedback = CollectingFeedback()
    result = runs.run(job, feedback)
    assert shortage.raised == 1
    (told,) = [line for line in feedback.warnings if "Memory ran out" in line]
    assert "in one piece on the CPU (CUDA out of memory. Tried to allocate 2.00 GiB.)" in told
    assert "It is classified in strips of" in told and "on the CPU" in told
    assert result["way"].startswith("strips of")
    np.testing.assert_allclose(read(job.probabilities), expected, rtol=0, atol=1e-4)
    assert not tiny.temporary_files() and not list(tiny.folder.glob("*.unfinished"))


def test_windows_stay_windows(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny.train_job(epochs=1, window=16))
    Shortage(monkeypatch, lambda *_: False)
    with pytest.raises(ResourceError, match="windows of 16 x 16 pixels"):
        runs.run(jobs.from_json(classification(tiny)), CollectingFeedback())
    assert not (tiny.folder / "map.tif").exists() and not tiny.temporary_files()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_windows_that_the_device_has_no_memory_for_are_classified_on_the_cpu(
    tiny: Any, monkeypatch: pytest.MonkeyPatch, precision: torch.dtype
) -> None:
    train(tiny.train_job(epochs=1, window=16))
    job = jobs.from_json(classification(tiny))
    runs.run(job, CollectingFeedback())
    expected = read(job.probabilities)

    def budget(gigabytes: float, device: torch.device) -> MemoryBudget:
        full = MemoryBudget(1000, "what others have left")
        return memory_budget(gigabytes, device) if device.type == "cpu" else full

    card = Place(torch.device("cuda"), "torch", 1, precision)
    monkeypatch.setattr("mambahsi.runs.classify.choose_place", lambda *_: card)
    monkeypatch.setattr("mambahsi.runs.classify.memory_budget", budget)
    feedback = CollectingFeedback()
    runs.run(job, feedback)
    (told,) = [line for line in feedback.warnings if "classified on the CPU" in line]
    assert "but may take 0.001 MB (what others have left)" in told
    # The CPU computes in float32.
    same = precision == torch.float32
    assert ("same result" in told) == same and ("instead of bfloat16" in told) != same
    np.testing.assert_array_equal(read(job.probabilities), expected)


def test_a_map_that_fits_in_no_way_is_refused(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tiny.train_job(epochs=1))
    Shortage(monkeypatch, lambda *_: False)

    def nowhere(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(fused_strips, "measure", nowhere)
    monkeypatch.setattr(stages, "measure", nowhere)
    with pytest.raises(ResourceError, match="even in strips on the CPU"):
        runs.run(jobs.from_json(classification(tiny)), CollectingFeedback())
    assert not (tiny.folder / "map.tif").exists() and not tiny.temporary_files()
    assert not list(tiny.folder.glob("*.unfinished"))


def test_a_kernel_too_large_for_the_gpu_is_told_with_a_way_out(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton = pytest.importorskip("triton", reason="Triton is not installed")

    def too_large(*_: Any) -> torch.Tensor:
        raise triton.OutOfResources(120_000, 101_376, "shared memory")

    monkeypatch.setattr(MambaHSI, "coarse_logits", too_large)
    with pytest.raises(ResourceError, match=r"shared memory, Required: 120000") as told:
        train(tiny.train_job())
    assert "scan 'torch'" in told.value.hint
    assert not tiny.temporary_files()


def test_a_device_that_others_have_filled_is_told_as_such(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    # Even the weights find no place.
    monkeypatch.setattr(MambaHSI, "to", full)
    with pytest.raises(ResourceError, match="Memory ran out: CUDA out of memory"):
        train(tiny.train_job())
    assert not tiny.temporary_files()
