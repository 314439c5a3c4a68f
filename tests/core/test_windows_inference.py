"""Maps out of windows: every valid pixel, no seams, no more memory than a row of windows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mambahsi import cancellation, jobs, runs
from mambahsi.certainty import to_probabilities
from mambahsi.errors import Cancelled, ModelError, ResourceError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.jobs import RasterSource
from mambahsi.model_file import load_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import Normalization
from mambahsi.scene import Scene
from mambahsi.windows.inference import blending_weights, classify_wanted, predict_windows
from mambahsi.windows.placement import starts, window_shape
from mambahsi.windows.tiles import TileRaster, WindowReader

WriteScene = Callable[..., Path]
BANDS, CLASSES = 4, 3


def make_network() -> MambaHSI:
    torch.manual_seed(0)
    return MambaHSI(BANDS, 8, CLASSES).eval()


def make_reader(scene: Scene, valid: np.ndarray) -> WindowReader:
    normalization = Normalization(np.zeros(BANDS), np.full(BANDS, 255.0))
    tiles = TileRaster(valid.shape, BANDS, 8, 16)
    return WindowReader(scene, [1, 2, 3, 4], valid, normalization, tiles, 20_000)


def cut(valid: np.ndarray, rows: int) -> list[int]:
    """Pixel numbers every so many rows."""
    before = np.concatenate([[0], np.cumsum(valid.sum(axis=1))])
    return [int(n) for n in before[:-1:rows]] + [int(before[-1])]


def plain_map(network: MambaHSI, reader: WindowReader, shape: tuple[int, int]) -> np.ndarray:
    """Probabilities of all pixels, (rows, columns, classes), from all windows at once."""
    valid = reader.valid
    scene = valid.shape
    sums = np.zeros((*scene, CLASSES))
    totals = np.zeros(scene)
    weights = blending_weights(shape, scene)
    pixels = reader.scene.read(reader.bands).astype(np.float64)
    pixels = np.floor(np.clip(pixels, 0, 255)) / 255
    for top in starts(scene[0], shape[0], shape[0] - shape[0] // 4):
        for left in starts(scene[1], shape[1], shape[1] - shape[1] // 4):
            area = (slice(top, top + shape[0]), slice(left, left + shape[1]))
            mask = valid[area]
            if not mask.any():
                continue
            table = torch.from_numpy(pixels[(slice(None), *area)][:, mask].T.astype(np.float32))
            with torch.no_grad():
                logits = network.pixel_logits(table.contiguous(), SceneGeometry(mask))
            weight = (weights * mask.mean())[mask]
            sums[area][mask] += torch.softmax(logits, 1).numpy() * weight[:, None]
            totals[area][mask] += weight
    return sums / np.where(totals, totals, np.nan)[..., None]


@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_valid_pixel_gets_the_mean_over_its_windows(
    write_scene: WriteScene, data: st.DataObject
) -> None:
    height, width = data.draw(st.integers(4, 50)), data.draw(st.integers(4, 50))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    cube = generator.integers(0, 256, (BANDS, height, width)).astype(np.uint8)
    valid = generator.random((height, width)) < data.draw(st.sampled_from([0.02, 0.5, 1.0]))
    valid[data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))] = True
    shape = window_shape((16, 20), (height, width))
    block = data.draw(st.sampled_from([1, 7, 16, 256]))
    network = make_network()
    with Scene.open(RasterSource(str(write_scene(cube)))) as scene:
        reader = make_reader(scene, valid)
        boundaries = cut(valid, block)
        blocks = list(predict_windows(network, reader, shape, boundaries, Feedback()))
        expected = plain_map(network, reader, shape)[valid]
    assert [(b.start, b.stop) for b in blocks] == list(pairwise(boundaries))
    scores = np.concatenate([block.scores for block in blocks])
    found = to_probabilities(scores)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


@given(st.integers(4, 300), st.integers(4, 300), st.sampled_from([8, 16, 64, 128]))
def test_weights_are_positive_and_fall_towards_inner_edges(
    height: int, width: int, size: int
) -> None:
    shape = window_shape((size, size), (height, width))
    weights = blending_weights(shape, (height, width))
    assert weights.shape == shape
    assert (weights > 0).all() and weights.max() <= 1
    np.testing.assert_allclose(weights, weights[::-1, ::-1])
    for axis, whole in enumerate((height, width)):
        line = np.take(weights, shape[1 - axis] // 2, axis=1 - axis)
        if shape[axis] == whole:
            assert (line == line[0]).all()
        else:
            middle = line[: shape[axis] // 2]
            assert (np.diff(middle) >= 0).all()
            assert shape[axis] < 16 or line[0] < 0.05 * line.max()


def test_a_scene_of_one_window_is_classified_as_a_whole(write_scene: WriteScene) -> None:
    generator = np.random.default_rng(0)
    cube = generator.integers(0, 256, (BANDS, 24, 20)).astype(np.uint8)
    valid = generator.random((24, 20)) < 0.8
    network = make_network()
    with Scene.open(RasterSource(str(write_scene(cube)))) as scene:
        reader = make_reader(scene, valid)
        (block,) = predict_windows(network, reader, (24, 20), cut(valid, 99), Feedback())
    pixels = torch.from_numpy((cube[:, valid].T / 255.0).astype(np.float32))
    with torch.no_grad():
        whole = torch.softmax(network.pixel_logits(pixels, SceneGeometry(valid)), 1)
    np.testing.assert_allclose(to_probabilities(block.scores), whole.numpy(), atol=1e-5)


def test_wanted_pixels_get_the_class_of_the_map(write_scene: WriteScene) -> None:
    generator = np.random.default_rng(0)
    cube = generator.integers(0, 256, (BANDS, 90, 70)).astype(np.uint8)
    valid = generator.random((90, 70)) < 0.8
    wanted = np.zeros_like(valid)
    wanted[40:44, 30:35] = valid[40:44, 30:35]
    network = make_network()
    with Scene.open(RasterSource(str(write_scene(cube)))) as scene:
        reader = make_reader(scene, valid)
        (block,) = predict_windows(network, reader, (16, 16), cut(valid, 99), Feedback())
        scored = wanted & (generator.random(valid.shape) < 0.5)
        found, scores = classify_wanted(network, reader, (16, 16), wanted, scored, Feedback())
    everything = np.full(valid.shape, -1)
    everything[valid] = block.classes
    np.testing.assert_array_equal(found[wanted], everything[wanted])
    np.testing.assert_array_equal(scores, block.scores[scored[valid]])
    assert (found[~valid] == -1).all()
    # Far from what is wanted nothing is looked at.
    assert (found[:20] == -1).all() and (found[70:] == -1).all()


def test_a_network_that_has_diverged_makes_no_map(write_scene: WriteScene) -> None:
    network = make_network()
    with torch.no_grad():
        network.cls_head[3].bias[1] = float("nan")  # type: ignore[union-attr, index, operator]
    cube = np.zeros((BANDS, 16, 16), np.uint8)
    valid = np.ones((16, 16), bool)
    with Scene.open(RasterSource(str(write_scene(cube)))) as scene:
        reader = make_reader(scene, valid)
        with pytest.raises(ModelError, match="diverged"):
            list(predict_windows(network, reader, (8, 8), [0, 256], Feedback()))


@pytest.fixture
def model(tiny: Any) -> str:
    """A model that was trained on windows of the tiny scene."""
    values = tiny.train_job(window=16, epochs=2)
    runs.run(jobs.from_json(values), Feedback())
    return str(values["model"])


def classify(scene: Path, model: str, **changes: Any) -> tuple[np.ndarray, CollectingFeedback]:
    feedback = CollectingFeedback()
    target = scene.parent / "map.tif"
    values = {"scene": {"path": str(scene)}, "model": model, "classification": str(target)}
    runs.run(jobs.from_json({"job": "classify", "threads": 1, **values, **changes}), feedback)
    with rasterio.open(target) as dataset:
        return dataset.read(1), feedback


def test_the_map_has_the_accuracy_that_the_training_told(tiny: Any, model: str) -> None:
    land_cover, feedback = classify(tiny.scene, model)
    np.testing.assert_array_equal(land_cover == 0, tiny.cube[0] == tiny.nodata)
    assert any("windows of 16 x 16" in line for line in feedback.logs)
    # The very training again, classified by itself at its end.
    values = tiny.train_job(window=16, epochs=2, model=str(tiny.folder / "again.safetensors"))
    del values["job"]
    target = str(tiny.folder / "both.tif")
    both = {"job": "trainandclassify", "train": values, "classification": target}
    result = runs.run(jobs.from_json(both), Feedback())
    with rasterio.open(target) as dataset:
        np.testing.assert_array_equal(dataset.read(1), land_cover)
    told = load_model(model).accuracy
    assert told is not None
    assert result["overall_accuracy"] == told["overall_accuracy"]


def test_a_larger_scene_keeps_the_windows_and_a_smaller_one_shrinks_them(
    tiny: Any, model: str, write_scene: WriteScene
) -> None:
    wide = np.concatenate([tiny.cube, tiny.cube[:, :, ::-1]], axis=2)
    scene = write_scene(wide, "wide.tif", nodata=tiny.nodata)
    land_cover, feedback = classify(scene, model)
    np.testing.assert_array_equal(land_cover == 0, wide[0] == tiny.nodata)
    assert any("windows of 16 x 16" in line for line in feedback.logs)
    low = write_scene(tiny.cube[:, 5:12], "low.tif", nodata=tiny.nodata)
    land_cover, feedback = classify(low, model)
    np.testing.assert_array_equal(land_cover == 0, tiny.cube[0, 5:12] == tiny.nodata)
    assert any("windows of 4 x 16" in line for line in feedback.logs)


def test_too_little_memory_is_told_and_never_changes_the_windows(tiny: Any, model: str) -> None:
    with pytest.raises(ResourceError, match=r"windows of 16 x 16 pixels, .* 10 MB"):
        classify(tiny.scene, model, memory=0.01)


def test_a_stop_leaves_nothing(tiny: Any, model: str) -> None:
    before = sorted(tiny.folder.iterdir())
    cancellation.request()
    with pytest.raises(Cancelled):
        classify(tiny.scene, model)
    assert sorted(tiny.folder.iterdir()) == before
