"""Model files come back as they were written, and nothing else is taken for one."""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambahsi.calibration import Calibration
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.errors import ModelError
from mambahsi.held_out import HeldOut
from mambahsi.model_file import ModelFile, load_model, load_upstream_state, save_model
from mambahsi.normalization import Normalization

CLASSES = ClassTable(
    (
        LandCoverClass(3, "Wälder & <Forste>", "#00aa11", "w\u00e4ld"),
        LandCoverClass(65535, "水体", "#0000ff", "-1"),
    )
)


def model() -> ModelFile:
    generator = torch.Generator().manual_seed(0)
    return ModelFile(
        weights={
            "patch_embedding.0.weight": torch.randn(8, 3, 1, 1, generator=generator),
            "double": torch.randn(4, generator=generator, dtype=torch.float64),
            "transposed": torch.randn(4, 5, generator=generator).t(),
            "scalar": torch.tensor(0.1),
        },
        network={"in_channels": 3, "hidden_dim": 8, "num_classes": 2, "mamba_type": "both"},
        classes=CLASSES,
        bands={
            "count": 5,
            "used": [1, 2, 5],
            "dropped": [{"index": 3, "reason": "constant"}, {"index": 4, "reason": "all nodata"}],
            "wavelengths": [450.5, 560.0, None],
            "fwhm": [None, 30.0, None],
            "descriptions": ["blue", "grün", ""],
        },
        normalization=Normalization(np.array([0.1, -3, 1 / 3]), np.array([1e-300, 5, 2 / 3])),
        mode="whole",
        scene={"name": "Szene", "grid": {"width": 4, "height": 5}},
        training={"seed": 2**32 - 1, "learning_rate": 3e-4, "resume": False},
        versions={"torch": torch.__version__},
        curves=[{"epoch": 1, "loss": 0.1 + 0.2, "validation_accuracy": None}],
        accuracy=None,
        split={"protocol": "spatial", "nearest": 3.16},
        calibration=Calibration(
            *(1.0 + 1 / 3, "", 40, 9, 1.5, (1.0 + 1 / 3, 1.7), 0.9, 0.8),
            {"pixels": 7},
            HeldOut(0.2, 0.1, 0.97),
        ),
    )


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "Modell mit Leerzeichen.safetensors"
    written = model()
    save_model(path, written)
    read = load_model(path)
    assert read.weights.keys() == written.weights.keys()
    for name, weight in written.weights.items():
        assert read.weights[name].dtype == weight.dtype
        assert torch.equal(read.weights[name], weight)
    assert read.normalization.low.tolist() == written.normalization.low.tolist()
    assert read.normalization.high.tolist() == written.normalization.high.tolist()
    for name in set(ModelFile.__dataclass_fields__) - {"weights", "normalization"}:
        assert getattr(read, name) == getattr(written, name), name


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    save_model(tmp_path / "a", model())
    save_model(tmp_path / "b", model())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_model_from_before_calibration_is_not_scaled(tmp_path: Path) -> None:
    read = load_model(rewritten(tmp_path / "m", {}, ("calibration",)))
    assert read.calibration.temperature == 1.0
    assert not read.calibration.used and "did not calibrate" in read.calibration.reason


def test_figures_that_are_not_finite_become_null(tmp_path: Path) -> None:
    written = model()
    written.curves = [{"epoch": 1, "loss": math.nan}, {"epoch": 2, "loss": (math.inf, 1.0)}]
    save_model(tmp_path / "m", written)
    assert load_model(tmp_path / "m").curves == [
        {"epoch": 1, "loss": None},
        {"epoch": 2, "loss": [None, 1.0]},
    ]


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_model_is_refused(share: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_model(path, model())
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ModelError, match=r"model\.safetensors: not a readable model file"):
            load_model(path)


@settings(max_examples=100, deadline=None)
@given(position=st.integers(0, 3000), byte=st.integers(0, 255))
def test_a_damaged_header_is_an_error_or_harmless(position: int, byte: int) -> None:
    """Whatever byte is wrong, either a named error is raised or a model comes back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_model(path, model())
        content = bytearray(path.read_bytes())
        content[position % len(content)] = byte
        path.write_bytes(content)
        try:
            assert isinstance(load_model(path), ModelFile)
        except ModelError as error:
            assert "model.safetensors" in error.message


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "foreign")
    with pytest.raises(ModelError, match=r"foreign: .* not a model of this engine"):
        load_model(tmp_path / "foreign")
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "other", {"format": "pt"})
    with pytest.raises(ModelError, match="not a model of this engine"):
        load_model(tmp_path / "other")
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    (tmp_path / "text.txt").write_text("class,value\nwater,1\n")
    (tmp_path / "empty").write_bytes(b"")
    for name in ("weights.pth", "text.txt", "empty"):
        with pytest.raises(ModelError, match=f"{name}: not a readable model file"):
            load_model(tmp_path / name)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for load in (load_model, load_upstream_state):
        with pytest.raises(ModelError, match=r"nowhere: the model file does not exist"):
            load(tmp_path / "nowhere")
        with pytest.raises(ModelError, match="this is a folder"):
            load(tmp_path)


def rewritten(path: Path, change: dict[str, Any], remove: tuple[str, ...] = ()) -> Path:
    """A model file whose description was changed."""
    save_model(path, model())
    with safetensors.safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["mambahsi"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    facts.update(change)
    for name in remove:
        del facts[name]
    safetensors.torch.save_file(weights, path, {"mambahsi": json.dumps(facts)})
    return path


def test_a_newer_format_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "new", {"format_version": 3, "classes": "of another kind"})
    with pytest.raises(ModelError, match="format version 3") as caught:
        load_model(path)
    assert "Update" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": "one"},
        {"format_version": None},
        {"classes": [{"value": 1}]},
        {"classes": 5},
        {"network": None},
        {"normalization": {"low": [1]}},
        {"normalization": {"low": ["a"], "high": ["b"]}},
        {"bands": []},
        {"bands": {"used": 3}},
        {"network": {"in_channels": "three", "num_classes": 2}},
        {"calibration": {"temperature": 0.0}},
        {"calibration": {"temperature": None}},
        {"calibration": {"temperature": -1.0}},
        {"calibration": {"temperature": 1.0, "warmth": 1.0}},
        {"calibration": {"temperature": 1.0, "interval": [1.0]}},
        {"calibration": {}},
        {"calibration": 1.0},
    ],
    ids=str,
)
def test_a_description_of_the_wrong_form_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="m: the model"):
        load_model(rewritten(tmp_path / "m", change))


# Models of whole scenes have no windows, and networks no choice; the first ones did not say so, nor
# calibrate.
ADDED_LATER = {"window", "calibration", "classifier", "choice", "comparison"}


@pytest.mark.parametrize(
    "name", sorted(set(ModelFile.__dataclass_fields__) - {"weights"} - ADDED_LATER)
)
def test_a_description_with_a_part_missing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"damaged .*{name}"):
        load_model(rewritten(tmp_path / "m", {}, (name,)))


@pytest.mark.parametrize("text", ["", "[]", "5", "null", "{", "NaN", '"a"'])
def test_a_description_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "m", {"mambahsi": text})
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path / "m")


def with_first_class(**change: Any) -> list[dict[str, Any]]:
    first, second = CLASSES.to_json()
    return [{**first, **change}, second]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bands": {**model().bands, "used": [1, 2]}},
            "2 used bands, 3 normalization constants, 3 input channels",
        ),
        ({"network": {"in_channels": 4, "num_classes": 2}}, "4 input channels"),
        ({"mode": "windows"}, "mode windows with windows of None"),
        ({"window": [16, 16]}, "mode whole with windows"),
        ({"mode": "windows", "window": [16, 18]}, "windows of 16 x 18 pixels"),
        ({"mode": "windows", "window": [16]}, "damaged"),
        ({"network": {"in_channels": 3, "num_classes": 9}}, "9 classes, but 2 are named"),
        ({"network": {"in_channels": 3, "num_classes": 2, "hidden_dim": "8"}}, "width"),
        ({"network": {"in_channels": 3, "num_classes": 2}}, "hidden_dim"),
        ({"bands": {**model().bands, "used": [1, 2, 6]}}, "bands do not fit each other"),
        ({"bands": {**model().bands, "used": [0, 1, 2]}}, "bands do not fit each other"),
        ({"bands": {**model().bands, "fwhm": [None]}}, "bands do not fit each other"),
        ({"bands": {"count": 5, "used": [1, 2, 5], "fwhm": [None] * 3}}, "wavelengths"),
        ({"classes": with_first_class(value=0)}, "Wälder .* value 0"),
        ({"classes": with_first_class(value=65536)}, "Wälder .* value 65536"),
        ({"classes": with_first_class(color="green")}, "Wälder .* color green"),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(rewritten(tmp_path / "m", change))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_model_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    save_model(tmp_path / "m", model())
    (tmp_path / "m").chmod(0)
    root = os.geteuid() == 0
    for folder in (tmp_path, *list(tmp_path.parents)[:3]):
        folder.chmod(folder.stat().st_mode | 0o111)
    if root:
        os.seteuid(65534)
    try:
        with pytest.raises(ModelError, match="cannot be opened .Permission denied"):
            load_model(tmp_path / "m")
    finally:
        if root:
            os.seteuid(0)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    broken = model()
    broken.weights["double"][2] = math.nan
    save_model(tmp_path / "m", broken)
    with pytest.raises(ModelError, match="weights of double are not finite"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_published_weights_are_read_under_their_names(tmp_path: Path, wrap: str | None) -> None:
    state = {"mamba.0.spa_mamba.A_log": torch.randn(3, 4), "cls_head.0.bias": torch.zeros(2)}
    torch.save({wrap: state, "epoch": 3} if wrap else state, tmp_path / "net.pth")
    read = load_upstream_state(tmp_path / "net.pth")
    assert list(read) == list(state)
    assert all(torch.equal(read[name], state[name]) for name in state)


class Trap:
    """Pickled, this writes a file when it is loaded by an unrestricted unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_checkpoint_that_runs_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"state_dict": Trap(mark)}, tmp_path / "net.pth")
    with pytest.raises(ModelError, match=r"net\.pth: not a readable PyTorch checkpoint"):
        load_upstream_state(tmp_path / "net.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(ModelError, match="not a readable PyTorch checkpoint"):
        load_upstream_state(tmp_path / "old.pth")
    assert not mark.exists()
    pickle.loads((tmp_path / "old.pth").read_bytes()).close()
    assert mark.exists(), "the trap does not work, so this test shows nothing"


@pytest.mark.parametrize(
    "content", [{}, {"epoch": 3}, [torch.zeros(1)], torch.zeros(1), {"a": "b"}]
)
def test_a_checkpoint_without_weights_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(ModelError, match="not the weights of a network"):
        load_upstream_state(tmp_path / "net.pth")


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, size: int) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").write_bytes(content[:size])
    with pytest.raises(ModelError, match="not a readable PyTorch checkpoint"):
        load_upstream_state(tmp_path / "net.pth")
