"""A scene in true and false colors: the bands, their stretch, and what the user is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal, gdal_array
from qgis.core import (
    QgsApplication,
    QgsProject,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsRasterRange,
    QgsSettings,
    QgsTask,
)
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QEventLoop, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QToolButton

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA") or ROOT.parent / "shared").resolve() / "data"
SENSOR = [480, 500, 560, 640, 655, 760, 865, 940, 1400, 1640, 2200]

Write = Callable[..., str]


@pytest.fixture()
def write(tmp_path: Path) -> Write:
    """Writes an array (bands, rows, columns) as a GeoTIFF, with wavelengths in nanometers."""

    def write(
        data: np.ndarray,
        nm: list[int] | None = None,
        nodata: float | None = None,
        name: str = "scene.tif",
        options: tuple[str, ...] = (),
    ) -> str:
        count, rows, columns = data.shape
        kind = gdal_array.NumericTypeCodeToGDALTypeCode(data.dtype)
        path = str(tmp_path / name)
        dataset = gdal.GetDriverByName("GTiff").Create(
            path, columns, rows, count, kind, options=list(options)
        )
        dataset.SetGeoTransform((370000, 30, 0, 5810000, 0, -30))
        for i, pixels in enumerate(data):
            band = dataset.GetRasterBand(i + 1)
            if nodata is not None:
                band.SetNoDataValue(nodata)
            band.WriteArray(pixels)
            if nm is not None:
                band.SetMetadataItem("wavelength", str(nm[i]))
                band.SetMetadataItem("wavelength_units", "nm")
        return path

    return write


@pytest.fixture()
def bar(qgis_app: Any) -> Iterator[QgsMessageBar]:
    bar = QgsMessageBar()
    yield bar
    bar.deleteLater()


def noise(bands: int, rows: int = 40, columns: int = 50, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.gamma(2.0, 400.0, (bands, rows, columns)).astype(np.float32)


def shown(layer: QgsRasterLayer, composite: str, bar: QgsMessageBar) -> str:
    """Show a layer and wait until it is; what the user was told."""
    from mambahsi_qgis import display

    bar.clearWidgets()
    finish(display.show(layer, display.Composite(composite), bar))
    return told(bar)


def told(bar: QgsMessageBar) -> str:
    return " / ".join(item.text() for item in bar.items())


def finish(task: QgsTask | None) -> None:
    if task is None:
        return
    loop = QEventLoop()
    task.taskCompleted.connect(loop.quit)
    task.taskTerminated.connect(loop.quit)
    QTimer.singleShot(20000, loop.quit)
    loop.exec()


def bands(layer: QgsRasterLayer) -> list[int]:
    return list(layer.renderer().usesBands())


def limits(layer: QgsRasterLayer) -> list[tuple[float, float]]:
    renderer = layer.renderer()
    if renderer.type() == "singlebandgray":
        stretches = [renderer.contrastEnhancement()]
    else:
        stretches = [
            renderer.redContrastEnhancement(),
            renderer.greenContrastEnhancement(),
            renderer.blueContrastEnhancement(),
        ]
    return [(s.minimumValue(), s.maximumValue()) for s in stretches]


def percentiles(*values: np.ndarray) -> np.ndarray:
    return np.array([np.percentile(v.astype(float), [2, 98]) for v in values])


# --- which bands


@pytest.mark.parametrize(
    ("composite", "expected"),
    [("true_color", [5, 3, 1]), ("near_infrared", [7, 5, 3]), ("short_wave", [10, 7, 5])],
)
def test_bands_nearest_by_wavelength(
    write: Write, bar: QgsMessageBar, composite: str, expected: list[int]
) -> None:
    data = noise(len(SENSOR))
    # In no order, as overlapping detectors have them.
    order = np.random.default_rng(1).permutation(len(SENSOR))
    layer = QgsRasterLayer(write(data[order], [SENSOR[i] for i in order]), "Szene ä")
    text = shown(layer, composite, bar)
    place = [int(np.flatnonzero(order == band - 1)[0]) + 1 for band in expected]
    assert bands(layer) == place
    np.testing.assert_allclose(limits(layer), percentiles(*(data[b - 1] for b in expected)))
    for band, original in zip(place, expected, strict=True):
        assert f"{band} ({SENSOR[original - 1]} nm)" in text
    assert "Szene ä" in text


def test_bad_and_empty_bands_give_way(write: Write, bar: QgsMessageBar) -> None:
    data = noise(5)
    data[1] = -1
    data[2] = 7
    path = write(data, [480, 560, 555, 550, 650], nodata=-1)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(5).SetMetadataItem("bbl", "0")
    del dataset
    layer = QgsRasterLayer(path, "scene")
    before = bands(layer), layer.styleManager().styles()
    assert "610 and 700 nm" in shown(layer, "true_color", bar)
    assert (bands(layer), layer.styleManager().styles()) == before
    path = write(data, [480, 560, 555, 550, 650], nodata=-1, name="other.tif")
    layer = QgsRasterLayer(path, "scene")
    shown(layer, "true_color", bar)
    assert bands(layer) == [5, 4, 1]


def test_the_second_short_wave_window_serves_where_the_first_is_missing(
    write: Write, bar: QgsMessageBar
) -> None:
    layer = QgsRasterLayer(write(noise(4), [2210, 650, 860, 1450]), "scene")
    shown(layer, "short_wave", bar)
    assert bands(layer) == [1, 3, 2]


@pytest.mark.parametrize(
    ("names", "composite", "expected"),
    [
        (["Blue 490", "Green 560", "Red 665", "RE1 705", "NIR 842"], "near_infrared", [5, 3, 2]),
        (["B4 - red", "B3 - green", "B2 - blue"], "true_color", [1, 2, 3]),
        (["B02", "B03", "B04", "B8A", "B11"], "short_wave", [5, 4, 3]),
        (["SWIR1", "NIR", "red edge 1", "Red"], "short_wave", [1, 2, 4]),
    ],
)
def test_names_tell_where_wavelengths_are_missing(
    write: Write, bar: QgsMessageBar, names: list[str], composite: str, expected: list[int]
) -> None:
    path = write(noise(len(names)))
    dataset = gdal.Open(path, gdal.GA_Update)
    for i, name in enumerate(names):
        dataset.GetRasterBand(i + 1).SetDescription(name)
    del dataset
    layer = QgsRasterLayer(path, "scene")
    assert "by their names" in shown(layer, composite, bar)
    assert bands(layer) == expected


@pytest.mark.parametrize(
    ("count", "composite", "expected", "said"),
    [
        (1, "true_color", [1], "gray"),
        (2, "short_wave", [1], "gray"),
        (3, "near_infrared", [3, 2, 1], "usual order"),
        (6, "near_infrared", [4, 3, 2], "usual order"),
        (6, "short_wave", [5, 4, 3], "usual order"),
        (60, "true_color", [50, 30, 10], "spread"),
    ],
)
def test_sensible_bands_without_wavelengths(
    write: Write,
    bar: QgsMessageBar,
    count: int,
    composite: str,
    expected: list[int],
    said: str,
) -> None:
    data = noise(count)
    layer = QgsRasterLayer(write(data), "scene")
    text = shown(layer, composite, bar)
    assert said in text
    np.testing.assert_allclose(
        limits(layer), percentiles(*(data[band - 1] for band in bands(layer)))
    )
    if count < 60:
        assert bands(layer) == expected
    else:
        # One band of each third, the longest wavelengths as red.
        assert [(band - 1) // 20 for band in bands(layer)] == [2, 1, 0]


def test_the_files_own_colors(write: Write, bar: QgsMessageBar) -> None:
    path = write(noise(4).astype(np.uint8), options=("PHOTOMETRIC=MINISBLACK",))
    dataset = gdal.Open(path, gdal.GA_Update)
    kinds = (gdal.GCI_BlueBand, gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_AlphaBand)
    for i, kind in enumerate(kinds):
        dataset.GetRasterBand(i + 1).SetColorInterpretation(kind)
    del dataset
    layer = QgsRasterLayer(path, "scene")
    assert "own colors" in shown(layer, "true_color", bar)
    assert bands(layer)[:3] == [2, 3, 1]


# --- the stretch


def test_nodata_of_every_kind_is_ignored(write: Write, bar: QgsMessageBar) -> None:
    data = noise(3)
    data[:, :10] = -9999
    data[:, 10] = np.nan
    data[0, 11] = np.inf
    data[:, 12] = 60000
    layer = QgsRasterLayer(write(data, [650, 560, 480], nodata=-9999), "scene")
    for band in (1, 2, 3):
        layer.dataProvider().setUserNoDataValue(band, [QgsRasterRange(50000, 70000)])
    shown(layer, "true_color", bar)
    expected = percentiles(data[0][(data[0] > 0) & (data[0] < 50000)], data[1, 13:], data[2, 13:])
    expected[1:] = percentiles(
        *(np.concatenate([data[b, 11].ravel(), data[b, 13:].ravel()]) for b in (1, 2))
    )
    np.testing.assert_allclose(limits(layer), expected)
    # The file's nodata value counts as data where the user has switched it off.
    for band in (1, 2, 3):
        layer.dataProvider().setUseSourceNoDataValue(band, False)
    shown(layer, "true_color", bar)
    assert [low for low, _ in limits(layer)] == [-9999] * 3


def test_mask_is_respected(write: Write, bar: QgsMessageBar) -> None:
    data = noise(3)
    data[:, :, :20] = 30000
    path = write(data, [650, 560, 480])
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    mask = np.full(data.shape[1:], 255, np.uint8)
    mask[:, :20] = 0
    dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
    del dataset
    layer = QgsRasterLayer(path, "scene")
    shown(layer, "true_color", bar)
    np.testing.assert_allclose(limits(layer), percentiles(*data[:, :, 20:]))


def test_limits_are_in_the_units_that_qgis_shows(write: Write, bar: QgsMessageBar) -> None:
    data = noise(3).astype(np.int16)
    path = write(data, [650, 560, 480])
    dataset = gdal.Open(path, gdal.GA_Update)
    for i in range(3):
        dataset.GetRasterBand(i + 1).SetScale(1e-4)
        dataset.GetRasterBand(i + 1).SetOffset(-0.1)
    del dataset
    layer = QgsRasterLayer(path, "scene")
    shown(layer, "true_color", bar)
    np.testing.assert_allclose(limits(layer), percentiles(*data) * 1e-4 - 0.1)
    block = layer.dataProvider().block(1, layer.extent(), 50, 40)
    values = np.array([[block.value(r, c) for c in range(50)] for r in range(40)])
    np.testing.assert_allclose(limits(layer)[0], np.percentile(values, [2, 98]), rtol=1e-5)


LARGE = 2400
TILED = ("TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256")


@pytest.mark.parametrize(
    ("options", "overviews"),
    [
        ((), False),
        (TILED, False),
        ((*TILED, "INTERLEAVE=PIXEL"), False),
        (("INTERLEAVE=BAND",), True),
    ],
)
def test_large_scene_is_sampled(
    write: Write, bar: QgsMessageBar, options: tuple[str, ...], overviews: bool
) -> None:
    generator = np.random.default_rng(5)
    data = generator.integers(500, 3000, (3, LARGE, LARGE), dtype=np.uint16)
    data += np.linspace(0, 3000, LARGE).astype(np.uint16)
    data[:, :, 1600:1900] = 0
    path = write(data, [650, 560, 480], nodata=0, options=options)
    if overviews:
        gdal.Open(path).BuildOverviews("NEAREST", [4])
    layer = QgsRasterLayer(path, "scene")
    shown(layer, "true_color", bar)
    expected = percentiles(*(band[band != 0] for band in data))
    # Close in terms of what is shown: the range between the limits.
    span = expected[:, 1] - expected[:, 0]
    assert (np.abs(np.array(limits(layer)) - expected) < 0.03 * span[:, None]).all()


def test_data_between_the_samples_are_found(write: Write, bar: QgsMessageBar) -> None:
    data = np.zeros((3, LARGE, LARGE), np.uint8)
    data[:, 520:600, 520:600] = np.arange(80) + 20
    layer = QgsRasterLayer(write(data, [650, 560, 480], nodata=0, options=TILED), "scene")
    assert "bands 1 (650 nm)" in shown(layer, "true_color", bar)
    # Every fourth column is seen, of values 20 to 99.
    assert all(20 <= low < 25 and 94 < high <= 99 for low, high in limits(layer))


def test_nothing_to_see_is_told(write: Write, bar: QgsMessageBar) -> None:
    layer = QgsRasterLayer(write(np.full((3, 8, 8), -1, np.int16), [650, 560, 480], -1), "leer")
    before = layer.styleManager().styles()
    assert "nothing to see in band 1" in shown(layer, "true_color", bar)
    assert layer.styleManager().styles() == before


# --- the layer


def test_former_style_stays_a_click_away(write: Write, bar: QgsMessageBar) -> None:
    layer = QgsRasterLayer(write(noise(len(SENSOR)), SENSOR), "scene")
    layer.renderer().setOpacity(0.5)
    layer.renderer().setRedBand(9)
    former = layer.styleManager().currentStyle()
    for composite in ("true_color", "short_wave", "true_color"):
        shown(layer, composite, bar)
        assert layer.renderer().opacity() == 0.5
    assert layer.renderer().minMaxOrigin().limits() == QgsRasterMinMaxOrigin.Limits.CumulativeCut
    styles = layer.styleManager()
    assert len(styles.styles()) == 3 and styles.currentStyle() == "True color"
    styles.setCurrentStyle(former)
    assert bands(layer)[0] == 9
    styles.setCurrentStyle("Short-wave false color")
    assert bands(layer) == [10, 7, 5]


def test_colors_reach_the_screen(write: Write, bar: QgsMessageBar) -> None:
    data = np.zeros((3, 30, 30), np.float32)
    for i in range(3):
        data[i, 10 * i : 10 * i + 10] = 1000
    layer = QgsRasterLayer(write(data, [650, 560, 480]), "scene")
    shown(layer, "true_color", bar)
    block = layer.renderer().block(1, layer.extent(), 30, 30)
    colors = [block.color(row, 15) for row in (5, 15, 25)]
    assert [(c & 0xFF0000) >> 16 for c in colors] == [255, 0, 0]
    assert [(c & 0x00FF00) >> 8 for c in colors] == [0, 255, 0]
    assert [c & 0x0000FF for c in colors] == [0, 0, 255]


def test_last_of_several_requests_wins(write: Write, bar: QgsMessageBar) -> None:
    from mambahsi_qgis import display

    layer = QgsRasterLayer(write(noise(len(SENSOR), 300, 300), SENSOR), "scene")
    for composite in (*display.Composite, display.Composite.NEAR_INFRARED):
        last = display.show(layer, composite, bar)
    finish(last)
    QgsApplication.processEvents()
    assert bands(layer) == [7, 5, 3]
    assert len(bar.items()) == 1


def test_layer_removed_meanwhile(write: Write, bar: QgsMessageBar, qgis_new_project: Any) -> None:
    from mambahsi_qgis import display

    layer = QgsRasterLayer(write(noise(len(SENSOR)), SENSOR), "scene")
    QgsProject.instance().addMapLayer(layer)
    task = display.show(layer, display.Composite.TRUE_COLOR, bar)
    QgsProject.instance().removeMapLayer(layer.id())
    finish(task)
    assert told(bar) == ""


def test_what_is_no_scene_is_refused(write: Write, bar: QgsMessageBar, tmp_path: Path) -> None:
    web = QgsRasterLayer("type=xyz&url=file:///none/{x}{y}{z}", "web", "wms")
    assert "“web”" in shown(web, "true_color", bar)
    path = write(np.ones((1, 8, 8), np.uint8))
    dataset = gdal.Open(path, gdal.GA_Update)
    table = gdal.ColorTable()
    table.SetColorEntry(1, (255, 0, 0, 255))
    dataset.GetRasterBand(1).SetColorTable(table)
    del dataset
    layer = QgsRasterLayer(path, "map")
    assert layer.renderer().type() == "paletted"
    assert "map of classes" in shown(layer, "true_color", bar)
    assert layer.renderer().type() == "paletted"


def test_truncated_file_is_told(write: Write, bar: QgsMessageBar) -> None:
    path = write(noise(3, 200, 200), [650, 560, 480])
    layer = QgsRasterLayer(path, "scene")
    size = Path(path).stat().st_size
    with Path(path).open("r+b") as file:
        file.truncate(size // 2)
    assert "cannot be read" in shown(layer, "true_color", bar)


# --- real scenes


@pytest.mark.parametrize(
    ("path", "composite", "expected"),
    [
        ("enmap_potsdam/enmap_potsdam.tif", "true_color", None),
        ("enmap_potsdam/enmap_potsdam.tif", "near_infrared", None),
        ("enmap_potsdam/enmap_potsdam.tif", "short_wave", None),
        ("sentinel2_aberystwyth/sentinel2_aberystwyth.tif", "near_infrared", [7, 3, 2]),
        ("landsat7_north_carolina/landsat_multiband.tif", "near_infrared", [4, 3, 2]),
    ],
)
def test_real_scenes(
    bar: QgsMessageBar, path: str, composite: str, expected: list[int] | None
) -> None:
    if not (DATA / path).is_file():
        pytest.skip(f"{DATA / path} is missing; set MAMBAHSI_TEST_DATA")
    layer = QgsRasterLayer(str(DATA / path), "scene")
    shown(layer, composite, bar)
    dataset = gdal.Open(str(DATA / path))
    if expected is None:
        centers = {
            "true_color": (650, 560, 480),
            "near_infrared": (860, 650, 560),
            "short_wave": (1650, 860, 650),
        }[composite]
        nm = [
            float(dataset.GetRasterBand(i).GetMetadataItem("wavelength"))
            for i in range(1, dataset.RasterCount + 1)
        ]
        expected = [int(np.argmin(np.abs(np.array(nm) - center))) + 1 for center in centers]
    assert bands(layer) == expected
    found = []
    for band in expected:
        raster = dataset.GetRasterBand(band)
        pixels = raster.ReadAsArray()
        found.append(pixels[pixels != raster.GetNoDataValue()])
    exact = percentiles(*found)
    span = exact[:, 1] - exact[:, 0]
    close = 1e-9 if max(layer.width(), layer.height()) <= 512 else 0.03
    assert (np.abs(np.array(limits(layer)) - exact) <= close * span[:, None]).all()


# --- the actions


def test_button_shows_and_remembers(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, write: Write
) -> None:
    from mambahsi_qgis.display.actions import ViewButton

    QgsSettings().remove("mambahsi/composite")
    layer = QgsRasterLayer(write(noise(len(SENSOR)), SENSOR), "scene")
    QgsProject.instance().addMapLayer(layer)
    button = ViewButton(lambda: [layer], qgis_iface)
    assert button.popupMode() == QToolButton.ToolButtonPopupMode.MenuButtonPopup
    assert "true color" in button.defaultAction().toolTip()
    assert all(action.toolTip() for action in button.menu().actions())
    other = ViewButton(lambda: [layer], qgis_iface)
    button.menu().actions()[2].trigger()
    assert "short-wave" in other.defaultAction().toolTip()
    wait_until(lambda: bands(layer) == [10, 7, 5])
    layer.styleManager().setCurrentStyle("default")
    button.show()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    wait_until(lambda: bands(layer) == [10, 7, 5])
    again = ViewButton(lambda: [layer], qgis_iface)
    assert "short-wave" in again.defaultAction().toolTip()
    for made in (button, other, again):
        made.deleteLater()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        QTest.qWait(25)
    raise AssertionError("it did not happen within ten seconds")


# --- opening products


@pytest.mark.parametrize(
    ("picked", "others", "expected"),
    [
        ("ENMAP01-X-METADATA.XML", ["ENMAP01-X-SPECTRAL_IMAGE.TIF"], 1),
        (
            "ENMAP01-X-METADATA.XML",
            ["ENMAP01-X-SPECTRAL_IMAGE_SWIR.TIF", "ENMAP01-X-SPECTRAL_IMAGE_VNIR.TIF"],
            2,
        ),
        ("scene.hdr", ["scene.bsq.aux.xml", "scene.bsq", "scene.bsq.ovr"], 2),
        ("scene.img.hdr", ["scene.img"], 1),
        ("scene.hdr", ["scene"], 1),
        ("scene.tif", ["scene.tif.aux.xml"], 0),
    ],
)
def test_image_of_what_was_picked(
    qgis_app: Any, tmp_path: Path, picked: str, others: list[str], expected: int
) -> None:
    from mambahsi_qgis.display.products import image_of

    for name in (picked, *others):
        (tmp_path / name).write_bytes(b"")
    assert image_of(tmp_path / picked) == tmp_path / [picked, *others][expected]


def write_cube(path: str, groups: tuple[str, ...], name: str, attributes: dict[str, str]) -> str:
    """An HDF5 file of a product's structure, by GDAL's netCDF driver; the cube's GDAL source."""
    root = gdal.GetDriverByName("netCDF").CreateMultiDimensional(path).GetRootGroup()
    text = gdal.ExtendedDataType.CreateString()
    for key, value in attributes.items():
        root.CreateAttribute(key, [], text).Write(value)
    group = root
    for part in groups:
        group = group.CreateGroup(part)
    sizes = (("line", 7), ("band", 4), ("column", 5))
    axes = [group.CreateDimension(axis, "", "", size) for axis, size in sizes]
    number = gdal.ExtendedDataType.Create(gdal.GDT_Float32)
    group.CreateMDArray(name, axes, number).Write(np.zeros((7, 4, 5), np.float32))
    return "//" + "/".join((*groups, name))


@pytest.mark.parametrize(
    ("file", "groups", "name", "attributes"),
    [
        (
            "PRS_L2D_STD_20201107101404_20201107101408_0001.he5",
            ("HDFEOS", "SWATHS", "PRS_L2D_HCO", "Data_Fields"),
            "VNIR_Cube",
            {"List_Cw_Vnir": "972.0 650.0 560.0 0 "},
        ),
        ("EMIT_L2A_RFL_001_20220815T042838_2222703_003.nc", (), "reflectance", {}),
    ],
)
def test_products_that_gdal_misreads(
    bar: QgsMessageBar,
    tmp_path: Path,
    file: str,
    groups: tuple[str, ...],
    name: str,
    attributes: dict[str, str],
) -> None:
    from mambahsi_qgis.display.products import misread

    path = str(tmp_path / file)
    inside = write_cube(path, groups, name, attributes)
    mission = "PRISMA" if file.startswith("PRS") else "EMIT"
    source = f'HDF5:"{path}":{inside}'
    assert mission in misread(gdal.Open(source))
    layer = QgsRasterLayer(source, "cube")
    assert layer.isValid()
    text = shown(layer, "true_color", bar)
    assert mission in text and "EnMAP-Box" in text
    whole = gdal.Open(path)
    if whole is not None and whole.RasterCount == 0:
        assert mission in misread(whole)


def test_a_prisma_cube_in_the_right_order(qgis_app: Any, tmp_path: Path) -> None:
    """As a GDAL that knows the product would give it: the lists fit the bands."""
    from mambahsi_qgis.engine.jobs import wavelengths as engine

    found = engine.understand(
        engine.Metadata(
            source='HDF5:"x.he5"://HDFEOS/SWATHS/PRS_L2D_HCO/Data_Fields/VNIR_Cube',
            descriptions=[""] * 3,
            bands=[{}] * 3,
            imagery=[{}] * 3,
            dataset={
                "List_Cw_Vnir": "972 650.5 0 ",
                "List_Fwhm_Vnir": "12 11 0 ",
                "List_Cw_Swir": "2200 1650 1000 ",
            },
        )
    )
    assert [band.wavelength for band in found] == [972, 650.5, None]
    assert [band.fwhm for band in found] == [12, 11, None]


def test_open_scene_shows_it(
    provider: Any, qgis_iface: Any, qgis_new_project: Any, write: Write, tmp_path: Path
) -> None:
    from mambahsi_qgis.display.opening import open_scene

    QgsSettings().setValue("mambahsi/composite", "near_infrared")
    write(noise(len(SENSOR)), SENSOR, name="ENMAP01-X-SPECTRAL_IMAGE.TIF")
    picked = tmp_path / "ENMAP01-X-METADATA.XML"
    picked.write_text("<level_X/>")
    layer = open_scene(qgis_iface, picked)
    assert layer is not None and layer.source().endswith("SPECTRAL_IMAGE.TIF")
    wait_until(lambda: bands(layer) == [7, 5, 3])
    QgsSettings().remove("mambahsi/composite")
    (tmp_path / "ENMAP01-X-SPECTRAL_IMAGE.TIF").unlink()
    assert open_scene(qgis_iface, picked) is None
    assert open_scene(qgis_iface, tmp_path / "missing.tif") is None
