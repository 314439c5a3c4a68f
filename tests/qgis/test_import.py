"""``importbenchmark`` in a QGIS with a project: how the layers come into the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qgis.core import QgsProject, QgsRasterLayer


@pytest.fixture(autouse=True)
def needs_engine(engine: Path) -> None:
    """All of this runs the real engine."""


@pytest.fixture()
def project() -> Any:
    yield QgsProject.instance()
    QgsProject.instance().clear()


def test_layers_are_loaded_with_their_classes(
    project: QgsProject, benchmark_cube: Path, told: Any, tmp_path: Path
) -> None:
    import processing

    names = {"SCENE": "tif", "LABELS": "gpkg", "REFERENCE_RASTER": "tif"}
    paths = {name: str(tmp_path / f"{name}.{suffix}") for name, suffix in names.items()}
    result = processing.runAndLoadResults(
        "mambahsi:importbenchmark", {"INPUT": str(benchmark_cube), **paths}, feedback=told
    )
    assert result == {**paths, "RECOGNIZED": "salinas_a"}
    by_source = {layer.source().split("|")[0]: layer for layer in project.mapLayers().values()}
    layers = {name: by_source[path] for name, path in paths.items()}

    scene = layers["SCENE"]
    renderer = scene.renderer()
    # Bands close to natural colors are shown, without anybody choosing them.
    assert (renderer.redBand(), renderer.greenBand(), renderer.blueBand()) == (29, 19, 9)
    contrast = renderer.redContrastEnhancement()
    red = np.load(benchmark_cube)[:, :, 28]
    assert contrast.minimumValue() == pytest.approx(np.percentile(red, 2))
    assert contrast.maximumValue() == pytest.approx(np.percentile(red, 98))
    assert scene.crs().authid() == "EPSG:32610"

    categories = layers["LABELS"].renderer().categories()
    assert [c.value() for c in categories] == [1, 10, 11, 12, 13, 14]
    assert categories[2].label() == "Lettuce romaine 4wk"
    stroke = categories[2].symbol().symbolLayer(0).strokeColor()
    assert stroke.name() == "#00ff00"

    entries = layers["REFERENCE_RASTER"].renderer().classes()
    assert {(e.value, e.label) for e in entries} >= {(11, "Lettuce romaine 4wk")}
    tree = project.layerTreeRoot()
    assert tree.findLayer(scene.id()).isVisible()
    assert not tree.findLayer(layers["REFERENCE_RASTER"].id()).isVisible()


def test_only_the_scene_may_be_asked_for(benchmark_cube: Path, tmp_path: Path, told: Any) -> None:
    import processing

    path = str(tmp_path / "scene.tif")
    result = processing.run(
        "mambahsi:importbenchmark",
        {"INPUT": str(benchmark_cube.parent), "SCENE": path},
        feedback=told,
    )
    assert result == {"SCENE": path, "RECOGNIZED": "salinas_a"}
    assert QgsRasterLayer(path).bandCount() == 204
