"""Classifying: which bands, which pixels, and what is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambahsi import jobs, runs
from mambahsi.bands import TOLERANCE
from mambahsi.errors import ModelError, ResourceError, SceneError
from mambahsi.feedback import CollectingFeedback, Feedback
from mambahsi.inference import predict_blocks, predict_classes
from mambahsi.model_file import load_model, save_model
from mambahsi.network import MambaHSI, SceneGeometry

WAVELENGTHS = [450.0, 480.0, 550.0, 650.0, 700.0, 800.0, 1600.0, 2200.0]


def train(tiny: Any, **changes: Any) -> str:
    values = tiny.train_job(**changes)
    runs.run(jobs.from_json(values), Feedback())
    return str(values["model"])


def classify(scene: Path, model: str, **changes: Any) -> tuple[np.ndarray, CollectingFeedback]:
    feedback = CollectingFeedback()
    target = scene.parent / "map.tif"
    values = {"scene": {"path": str(scene)}, "model": model, "classification": str(target)}
    runs.run(jobs.from_json({"job": "classify", "threads": 1, **values, **changes}), feedback)
    with rasterio.open(target) as dataset:
        return dataset.read(1), feedback


def tags(wavelengths: list[float], width: float | None = None) -> list[dict[str, str]]:
    extra = {} if width is None else {"fwhm": str(width)}
    return [{"wavelength": str(value), "wavelength_units": "nm", **extra} for value in wavelengths]


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_blocks_do_not_change_the_prediction(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(4, 13)), data.draw(st.integers(4, 13))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    valid = generator.random((rows, columns)) < 0.7
    valid[0, 0] = True
    geometry = SceneGeometry(valid)
    pixels = torch.from_numpy(generator.random((geometry.pixels, 5), dtype=np.float32))
    torch.manual_seed(0)
    network = MambaHSI(5, 8, 4)
    scored = generator.random(geometry.pixels) < 0.5
    whole, scores = predict_classes(network, pixels, geometry, scored, Feedback())
    cuts = data.draw(st.lists(st.integers(0, geometry.pixels), max_size=4).map(sorted))
    boundaries = [0, *cuts, geometry.pixels]
    blocks = list(predict_blocks(network, pixels, geometry, boundaries, Feedback()))
    assert [(b.start, b.stop) for b in blocks] == list(pairwise(boundaries))
    np.testing.assert_array_equal(np.concatenate([b.classes for b in blocks]), whole)
    for block in blocks:
        assert block.scores.shape == (block.stop - block.start, 4)
    with torch.no_grad():
        logits = network.pixel_logits(pixels, geometry).numpy()
    np.testing.assert_array_equal(whole, logits.argmax(axis=1))
    np.testing.assert_allclose(np.concatenate([b.scores for b in blocks]), logits, atol=1e-5)
    np.testing.assert_allclose(scores, logits[scored], atol=1e-5)


def test_a_network_that_has_diverged_makes_no_map() -> None:
    network = MambaHSI(5, 8, 4)
    with torch.no_grad():
        network.cls_head[3].bias[2] = float("nan")  # type: ignore[union-attr, index, operator]
    geometry = SceneGeometry(np.ones((6, 6), dtype=bool))
    with pytest.raises(ModelError, match="diverged"):
        predict_classes(network, torch.rand(36, 5), geometry, np.ones(36, bool), Feedback())


def test_maps_agree_with_each_other_and_with_the_scene(tiny: Any) -> None:
    model = train(tiny)
    confidence, probabilities = tiny.folder / "confidence.tif", tiny.folder / "p.tif"
    land_cover, _ = classify(
        tiny.scene, model, confidence=str(confidence), probabilities=str(probabilities)
    )
    nodata = tiny.cube[0] == tiny.nodata
    np.testing.assert_array_equal(land_cover == 0, nodata)
    with rasterio.open(confidence) as c, rasterio.open(probabilities) as p:
        with rasterio.open(tiny.scene) as scene:
            assert c.transform == p.transform == scene.transform
            assert c.crs == p.crs == scene.crs
        assert p.descriptions == ("Wald", "Wasser", "Äcker")
        shares, largest = p.read(masked=True), c.read(1, masked=True)
    np.testing.assert_array_equal(shares.mask, np.broadcast_to(nodata, shares.shape))
    np.testing.assert_allclose(shares.sum(axis=0).compressed(), 1, rtol=1e-5)
    np.testing.assert_array_equal(shares.max(axis=0).compressed(), largest.compressed())
    classes = shares.argmax(axis=0)[~nodata] + 1
    np.testing.assert_array_equal(classes, land_cover[~nodata])


def test_a_map_says_which_model_made_it(tiny: Any) -> None:
    model = train(tiny, seed=5)
    classify(tiny.scene, model)
    with rasterio.open(tiny.folder / "map.tif") as dataset:
        found = dataset.tags()
    assert found["MAMBAHSI_MODEL_SHA256"] == hashlib.sha256(Path(model).read_bytes()).hexdigest()
    assert found["MAMBAHSI_SEED"] == "5"


def test_what_is_stored_under_nodata_changes_nothing(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    # One band says that the pixel is nodata; what the others hold there is free.
    first = tiny.cube.copy()
    first[:, 12:15, 3:9] = tiny.nodata
    second = first.copy()
    noise = np.random.default_rng(5).integers(-3000, 9000, first.shape).astype(np.int16)
    hidden = np.broadcast_to(first[0] == tiny.nodata, first.shape).copy()
    hidden[4] = False
    second[hidden] = noise[hidden]
    results = []
    for name, cube in (("a/scene.tif", first), ("b/scene.tif", second)):
        scene = write_scene(cube, name, nodata=tiny.nodata)
        model = train(tiny, scene={"path": str(scene)}, model=str(scene.parent / "m.safetensors"))
        results.append((load_model(model), classify(scene, model)[0]))
    (one, one_map), (other, other_map) = results
    assert (first != second).any()
    assert all(torch.equal(one.weights[name], other.weights[name]) for name in one.weights)
    assert one.accuracy == other.accuracy
    np.testing.assert_array_equal(one_map, other_map)


def test_bands_are_found_by_wavelength(tiny: Any, write_scene: Callable[..., Path]) -> None:
    own = write_scene(tiny.cube, "own.tif", nodata=tiny.nodata, band_tags=tags(WAVELENGTHS))
    model = train(tiny, scene={"path": str(own)})
    expected, _ = classify(own, model)
    # More bands, in another order, and a little off.
    order = [7, 2, 0, 5, 3, 1, 6, 4]
    others = np.full((3, *tiny.cube.shape[1:]), 77, dtype=np.int16)
    others[:, ::2] = 78
    cube = np.concatenate([others, tiny.cube[order]])
    # The first lies within the tolerance of 450 nm, too, but is not the nearest.
    wavelengths = [454.0, 900.0, 1000.0] + [WAVELENGTHS[i] + 1.5 for i in order]
    scene = write_scene(cube, "wide.tif", nodata=tiny.nodata, band_tags=tags(wavelengths))
    found, feedback = classify(scene, model)
    np.testing.assert_array_equal(found, expected)
    assert any("matched by wavelength: 8 of the scene's 11" in line for line in feedback.logs)
    assert any("off by 1.5 nm" in line for line in feedback.logs)


@pytest.mark.parametrize(
    ("shift", "width", "fits"),
    [
        (TOLERANCE - 0.1, None, True),
        (TOLERANCE + 0.1, None, False),
        (9.9, 20.0, True),
        (10.1, 20.0, False),
    ],
)
def test_wavelengths_may_differ_by_a_stated_tolerance(
    tiny: Any, write_scene: Callable[..., Path], shift: float, width: float | None, fits: bool
) -> None:
    own = write_scene(tiny.cube, "own.tif", nodata=-999, band_tags=tags(WAVELENGTHS, width))
    model = train(tiny, scene={"path": str(own)}, epochs=1)
    shifted = [WAVELENGTHS[0] + shift, *WAVELENGTHS[1:]]
    scene = write_scene(tiny.cube, "shifted.tif", nodata=-999, band_tags=tags(shifted, width))
    if fits:
        np.testing.assert_array_equal(classify(scene, model)[0], classify(own, model)[0])
        return
    with pytest.raises(ModelError, match="no band lies within") as refused:
        classify(scene, model)
    # Both lists.
    assert "1 (450 nm)" in refused.value.message
    assert f"1 ({shifted[0]:g} nm)" in refused.value.message


def test_bands_taken_by_position_must_not_contradict_known_wavelengths(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    # The last band, elevation perhaps, has no wavelength.
    some = [*tags(WAVELENGTHS[:7]), {}]
    own = write_scene(tiny.cube, "own.tif", nodata=-999, band_tags=some)
    model = train(tiny, scene={"path": str(own)}, epochs=1)
    _, feedback = classify(own, model)
    assert any("by position" in line for line in feedback.logs)
    swapped = [some[1], some[0], *some[2:]]
    scene = write_scene(tiny.cube, "swapped.tif", nodata=-999, band_tags=swapped)
    with pytest.raises(ModelError, match="band 1 would have to lie within 5 nm of 450 nm"):
        classify(scene, model)


def test_a_band_stands_for_one_band_only(tiny: Any, write_scene: Callable[..., Path]) -> None:
    close = [450.0, 454.0, *WAVELENGTHS[2:]]
    own = write_scene(tiny.cube, "own.tif", nodata=-999, band_tags=tags(close))
    model = train(tiny, scene={"path": str(own)}, epochs=1)
    scene = write_scene(
        np.delete(tiny.cube, 1, axis=0), "few.tif", nodata=-999, band_tags=tags(np.delete(close, 1))
    )
    with pytest.raises(ModelError, match="more than one of the model's bands"):
        classify(scene, model)


def test_other_bands_are_refused_with_both_lists(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    model = train(tiny, epochs=1)
    scene = write_scene(tiny.cube[:5], "five.tif", nodata=-999)
    with pytest.raises(ModelError) as refused:
        classify(scene, model)
    assert "uses 8 of 8 bands: 1, 2, 3, 4, 5, 6, 7, 8." in refused.value.message
    assert "The scene has 5: 1, 2, 3, 4, 5." in refused.value.message
    assert not (scene.parent / "map.tif").exists()


def test_dropped_bands_of_the_training_scene_are_not_read(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    cube = tiny.cube.copy()
    cube[3] = tiny.nodata
    own = write_scene(cube, "own.tif", nodata=tiny.nodata)
    model = train(tiny, scene={"path": str(own)}, epochs=1)
    assert load_model(model).bands["used"] == [1, 2, 3, 5, 6, 7, 8]
    expected, _ = classify(own, model)
    # In the other scene this band is fine, and still none of the model's business.
    np.testing.assert_array_equal(classify(tiny.scene, model)[0], expected)


def test_a_scene_without_a_needed_band_is_refused(
    tiny: Any, write_scene: Callable[..., Path]
) -> None:
    model = train(tiny, epochs=1)
    cube = tiny.cube.copy()
    cube[3] = tiny.nodata
    scene = write_scene(cube, "gap.tif", nodata=tiny.nodata)
    with pytest.raises(SceneError, match="band 4 has none at all"):
        classify(scene, model)


def test_a_budget_too_small_is_told_with_both_figures(tiny: Any) -> None:
    with pytest.raises(ResourceError, match=r"Training needs about \S+ [GM]B .* take 10 MB"):
        train(tiny, memory=0.01)
    model = train(tiny, epochs=1)
    with pytest.raises(ResourceError, match="Classification needs about"):
        classify(tiny.scene, model, memory=0.01)


def test_a_model_of_another_mode_is_refused(tiny: Any) -> None:
    path = Path(train(tiny, epochs=1))
    model = load_model(path)
    model.mode = "windows"
    save_model(path, model)
    with pytest.raises(ModelError, match="windows"):
        classify(tiny.scene, str(path))


def test_odd_scenes_down_to_four_by_four(
    write_scene: Callable[..., Path], write_labels: Callable[..., Path]
) -> None:
    for rows, columns in ((4, 4), (5, 7)):
        cube = np.random.default_rng(0).random((3, rows, columns)).astype(np.float32)
        cube[0, 0, 0], cube[1, 1, 1] = np.nan, np.inf
        scene = write_scene(cube, f"{rows}/scene.tif", crs=None, transform=None)
        labels = write_labels(
            [shapely.box(0, 2, 2, rows), shapely.box(2, 0, columns, 2)],
            f"{rows}/labels.gpkg",
            crs=None,
            id=[0, 70_000],
        )
        values = {
            "job": "trainandclassify",
            "train": {
                "scene": {"path": str(scene)},
                "labels": {"path": str(labels)},
                "class_field": "id",
                "model": str(scene.parent / "m.safetensors"),
                "epochs": 1,
                "preset": "compact",
                "threads": 1,
            },
            "classification": str(scene.parent / "map.tif"),
        }
        result = runs.run(jobs.from_json(values), Feedback())
        with rasterio.open(result["classification"]) as dataset:
            land_cover = dataset.read(1)
        assert land_cover.shape == (rows, columns)
        np.testing.assert_array_equal(np.argwhere(land_cover == 0), [[0, 0], [1, 1]])
        assert set(np.unique(land_cover)) <= {0, 1, 2}
