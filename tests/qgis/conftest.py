"""A real QGIS with the plugin's provider in it, small scenes, and the real engine.

The user's own QGIS is never touched: pytest-qgis puts the profile into ``.qgis-settings`` at
the top of the repository, and caches lie in a temporary folder unless the environment names
another.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingFeedback,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QDesktopServices

if "XDG_CACHE_HOME" not in os.environ:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="mambahsi_tests_")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ENGINE = os.environ.get("MAMBAHSI_ENGINE_PYTHON", "")
WIDTH, HEIGHT, BANDS, PIXEL = 20, 24, 8, 30.0
LEFT, TOP = 370000.0, 5810000.0
CLASSES = (("Wald", 11, "#1a6b3c"), ("Gewässer", 22, "#2b83ba"), ("Acker", 33, "#d9a441"))


class Told(QgsProcessingFeedback):
    """Feedback that keeps everything it is told."""

    def __init__(self) -> None:
        super().__init__(False)
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def pushInfo(self, info: str) -> None:
        self.lines.append(info)

    def pushDebugInfo(self, info: str) -> None:
        self.lines.append(info)

    def setProgressText(self, text: str) -> None:
        self.lines.append(text)

    def pushWarning(self, warning: str) -> None:
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.errors.append(error)


@pytest.fixture()
def told() -> Told:
    return Told()


@pytest.fixture(scope="session")
def provider(qgis_app: Any, qgis_processing: Any) -> Iterator[Any]:
    """The plugin's provider, registered as QGIS does it without a window."""
    from mambahsi_qgis import classFactory

    plugin = classFactory(None)
    plugin.initProcessing()
    assert plugin.provider is not None
    yield plugin.provider
    QgsProject.instance().clear()
    plugin.unload()


@pytest.fixture()
def no_engine(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QGIS in which no engine is set up."""
    monkeypatch.delenv("MAMBAHSI_ENGINE_PYTHON", raising=False)


@pytest.fixture(scope="session")
def engine(provider: Any) -> Path:
    """The real engine's interpreter."""
    if not ENGINE:
        pytest.skip("MAMBAHSI_ENGINE_PYTHON names no engine")
    if not Path(ENGINE).is_file():
        pytest.skip(f"MAMBAHSI_ENGINE_PYTHON names {ENGINE}, which does not exist")
    return Path(ENGINE)


def field_class(row: int, column: int) -> int:
    """Class index of a pixel: fields of 6 x 5 pixels."""
    return (row // 6 + column // 5) % len(CLASSES)


def _write_scene(path: str, driver: str = "GTiff") -> str:
    """Write a scene of fields with a signature each, a corner of nodata, and wavelengths."""
    generator = np.random.default_rng(7)
    signatures = generator.uniform(300, 4000, (len(CLASSES), BANDS))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    truth = (rows // 6 + columns // 5) % len(CLASSES)
    data = signatures[truth].transpose(2, 0, 1) + generator.normal(0, 60, (BANDS, HEIGHT, WIDTH))
    data[:, :3, :3] = -32768
    dataset = gdal.GetDriverByName(driver).Create(path, WIDTH, HEIGHT, BANDS, gdal.GDT_Int16)
    dataset.SetGeoTransform((LEFT, PIXEL, 0, TOP, 0, -PIXEL))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    dataset.SetProjection(reference.ExportToWkt())
    for number in range(BANDS):
        band = dataset.GetRasterBand(number + 1)
        band.WriteArray(data[number].astype(np.int16))
        band.SetNoDataValue(-32768)
        band.SetMetadataItem("wavelength", str(450 + 50 * number))
        band.SetMetadataItem("wavelength_units", "nm")
    dataset.FlushCache()
    return path


@pytest.fixture(scope="session")
def write_scene() -> Callable[..., str]:
    """Writes a scene to a path, by a GDAL driver."""
    return _write_scene


@pytest.fixture()
def scene(tmp_path: Path) -> str:
    """A scene in a folder with a space and a letter beyond ASCII."""
    folder = tmp_path / "Szene ä"
    folder.mkdir()
    return _write_scene(str(folder / "scene.tif"))


def fields() -> Iterator[tuple[int, QgsGeometry]]:
    """Class index and polygon (the inner 4 x 3 pixels) of every field."""
    for row in range(0, HEIGHT, 6):
        for column in range(0, WIDTH, 5):
            x, y = LEFT + PIXEL * (column + 1), TOP - PIXEL * (row + 1)
            rectangle = QgsRectangle(x, y - 4 * PIXEL, x + 3 * PIXEL, y)
            yield field_class(row, column), QgsGeometry.fromRect(rectangle)


def _make_labels(name: str = "Flächen") -> QgsVectorLayer:
    """Labeled fields, as a layer in memory that no file knows."""
    definition = "Polygon?crs=EPSG:32633&field=code:integer&field=cover:string&field=hue:string"
    layer = QgsVectorLayer(definition, name, "memory")
    features = []
    for index, geometry in fields():
        cover, code, color = CLASSES[index]
        feature = QgsFeature(layer.fields())
        feature.setAttributes([code, cover, color])
        feature.setGeometry(geometry)
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    return layer


@pytest.fixture()
def labels(provider: Any) -> QgsVectorLayer:
    """Labeled fields in memory: three classes, named and colored."""
    return _make_labels()


@pytest.fixture()
def benchmark_cube(tmp_path: Path) -> Path:
    """A cube of Salinas-A's size with invented contents, and a label map beside it."""
    generator = np.random.default_rng(3)
    folder = tmp_path / "Benchmark ä"
    folder.mkdir()
    np.save(folder / "SalinasA.npy", generator.integers(0, 9000, (83, 86, 204)).astype(np.uint16))
    values = np.array([0, 1, 10, 11, 12, 13, 14, 0], np.uint8)
    truth = np.kron(generator.permutation(np.arange(80) % 8).reshape(8, 10), np.ones((10, 8), int))
    np.save(folder / "SalinasA_gt.npy", np.pad(values[truth], ((0, 3), (0, 6))))
    return folder / "SalinasA.npy"


@pytest.fixture()
def training(scene: str, labels: QgsVectorLayer, tmp_path: Path) -> dict[str, Any]:
    """Parameters of a training and classification that is over in seconds."""
    return {
        "SCENE": scene,
        "LABELS": labels,
        "CLASS_FIELD": "code",
        "NAME_FIELD": "cover",
        "COLOR_FIELD": "hue",
        "PRESET": "compact",
        "EPOCHS": 3,
        "DEVICE": "cpu",
        "MODEL": str(tmp_path / "model.safetensors"),
        "CLASSIFICATION": str(tmp_path / "map.tif"),
    }


class Browser(QObject):
    """Takes the files that would be opened in a browser."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        QDesktopServices.setUrlHandler("file", self, "open")

    @pyqtSlot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toLocalFile())


@pytest.fixture()
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    QDesktopServices.unsetUrlHandler("file")
