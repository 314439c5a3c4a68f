"""What the plugin knows about bands: every convention, on real files, and as the engine sees it."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(os.environ.get("MAMBAHSI_TEST_DATA") or ROOT.parent / "shared").resolve()
CENTERS, WIDTHS, GOOD = [460.0, 560.0, 655.0, 865.0], [10.0, 11.0, 12.0, 20.0], [1, 1, 0, 1]


def write(path: Path, driver: str = "GTiff", bands: int = 4, **options: Any) -> gdal.Dataset:
    """A small raster without any word about its bands, still open for writing."""
    dataset = gdal.GetDriverByName(driver).Create(
        str(path), 6, 5, bands, gdal.GDT_Int16, options=[f"{k}={v}" for k, v in options.items()]
    )
    dataset.SetGeoTransform((370000, 30, 0, 5810000, 0, -30))
    for number in range(bands):
        pixels = np.arange(30, dtype=np.int16).reshape(5, 6) + number
        dataset.GetRasterBand(number + 1).WriteArray(pixels)
    return dataset


def as_band_metadata(path: Path) -> None:
    dataset = write(path)
    for i, (center, width, good) in enumerate(zip(CENTERS, WIDTHS, GOOD, strict=True)):
        band = dataset.GetRasterBand(i + 1)
        band.SetMetadataItem("wavelength", str(center / 1e3))
        band.SetMetadataItem("wavelength_units", "Micrometers")
        band.SetMetadataItem("fwhm", str(width / 1e3))
        band.SetMetadataItem("bbl", str(good))


def as_sentinel_2_driver(path: Path) -> None:
    dataset = write(path)
    for i, (center, width, good) in enumerate(zip(CENTERS, WIDTHS, GOOD, strict=True)):
        band = dataset.GetRasterBand(i + 1)
        band.SetMetadataItem("WAVELENGTH", str(center))
        band.SetMetadataItem("WAVELENGTH_UNIT", "nm")
        band.SetMetadataItem("BANDWIDTH", str(width))
        band.SetMetadataItem("BANDWIDTH_UNIT", "nm")
        band.SetMetadataItem("bbl", str(good))


def as_imagery_domain(path: Path) -> None:
    dataset = write(path)
    for i, (center, width, good) in enumerate(zip(CENTERS, WIDTHS, GOOD, strict=True)):
        band = dataset.GetRasterBand(i + 1)
        band.SetMetadataItem("CENTRAL_WAVELENGTH_UM", str(center / 1e3), "IMAGERY")
        band.SetMetadataItem("FWHM_UM", str(width / 1e3), "IMAGERY")
        band.SetMetadataItem("bbl", str(good))


def header(unit: str = "nanometers", factor: float = 1.0) -> str:
    def listed(values: list[Any]) -> str:
        return "{\n " + ",\n ".join(str(value) for value in values) + "}"

    return (
        f"wavelength units = {unit}\nwavelength = {listed([c * factor for c in CENTERS])}\n"
        f"fwhm = {listed([w * factor for w in WIDTHS])}\nbbl = {listed(GOOD)}\n"
    )


def as_envi(path: Path) -> None:
    write(path, "ENVI").FlushCache()
    with path.with_suffix(".hdr").open("a") as file:
        file.write(header())


def as_envi_domain(path: Path) -> None:
    dataset = write(path)
    dataset.SetMetadataItem("wavelength", "{" + ", ".join(map(str, CENTERS)) + "}", "ENVI")
    dataset.SetMetadataItem("wavelength_units", "nanometers", "ENVI")
    dataset.SetMetadataItem("fwhm", "{" + ", ".join(map(str, WIDTHS)) + "}", "ENVI")
    dataset.SetMetadataItem("bbl", "{" + ", ".join(map(str, GOOD)) + "}", "ENVI")


def as_header_beside(path: Path) -> None:
    write(path).FlushCache()
    text = "ENVI\nsamples = 6\nlines = 5\nbands = 4\n" + header("Micrometers", 1e-3)
    path.with_suffix(".hdr").write_text(text)


def as_emit_lists(path: Path) -> None:
    """The names of EMIT's variables, as converters copy them to the dataset."""
    dataset = write(path)
    dataset.SetMetadataItem("wavelengths", str(CENTERS))
    dataset.SetMetadataItem("fwhm", str(WIDTHS))
    dataset.SetMetadataItem("good_wavelengths", str(GOOD))


CONVENTIONS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "band metadata": ("scene.tif", as_band_metadata),
    "Sentinel-2 driver": ("scene.tif", as_sentinel_2_driver),
    "IMAGERY": ("scene.tif", as_imagery_domain),
    "ENVI": ("scene.img", as_envi),
    "ENVI domain": ("scene.tif", as_envi_domain),
    "header beside": ("scene.tif", as_header_beside),
    "EMIT lists": ("scene.tif", as_emit_lists),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_is_understood(qgis_app: Any, tmp_path: Path, convention: str) -> None:
    from mambahsi_qgis import display

    name, make = CONVENTIONS[convention]
    make(tmp_path / name)
    found = display.wavelengths(QgsRasterLayer(str(tmp_path / name)))
    assert found is not None
    np.testing.assert_allclose(found.nm, CENTERS)
    np.testing.assert_allclose(found.fwhm, WIDTHS)
    np.testing.assert_array_equal(found.good, np.array(GOOD, bool))


ENMAP = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z"


def enmap_xml() -> str:
    bands = "".join(
        f'<bandID number="{i + 1}"><wavelengthCenterOfBand>{center}</wavelengthCenterOfBand>'
        f"<FWHMOfBand>{width}</FWHMOfBand><GainOfBand>1</GainOfBand></bandID>"
        for i, (center, width) in enumerate(zip(CENTERS, WIDTHS, strict=True))
    )
    return (
        "<level_X><specific><vnirProductQuality><expectedChannelsList>1,2,3"
        "</expectedChannelsList></vnirProductQuality><swirProductQuality><expectedChannelsList>4"
        "</expectedChannelsList></swirProductQuality>"
        f"<bandCharacterisation>{bands}</bandCharacterisation></specific></level_X>"
    )


@pytest.mark.parametrize(
    ("image", "bands"), [("", slice(4)), ("_VNIR", slice(3)), ("_SWIR", slice(3, 4))]
)
def test_metadata_of_an_enmap_product(
    qgis_app: Any, tmp_path: Path, image: str, bands: slice
) -> None:
    from mambahsi_qgis import display

    path = tmp_path / f"{ENMAP}-SPECTRAL_IMAGE{image}.TIF"
    write(path, bands=len(CENTERS[bands])).FlushCache()
    (tmp_path / f"{ENMAP}-METADATA.XML").write_text(enmap_xml())
    found = display.wavelengths(QgsRasterLayer(str(path)))
    assert found is not None
    np.testing.assert_allclose(found.nm, CENTERS[bands])
    np.testing.assert_allclose(found.fwhm, WIDTHS[bands])
    # Other rasters of the product are no spectral images.
    other = tmp_path / f"{ENMAP}-QL_QUALITY_CIRRUS.TIF"
    write(other).FlushCache()
    assert display.wavelengths(QgsRasterLayer(str(other))) is None


def test_netcdf_over_a_wavelength_axis(qgis_app: Any, tmp_path: Path) -> None:
    from mambahsi_qgis import display

    path = str(tmp_path / "cube.nc")
    root = gdal.GetDriverByName("netCDF").CreateMultiDimensional(path).GetRootGroup()
    sizes = (("wavelength", 4), ("y", 5), ("x", 6))
    axes = [root.CreateDimension(name, "", "", size) for name, size in sizes]
    number = gdal.ExtendedDataType.Create(gdal.GDT_Float64)
    values = (np.array(CENTERS), 5810000.0 - 30 * np.arange(5), 370000.0 + 30 * np.arange(6))
    for axis, value in zip(axes, values, strict=True):
        root.CreateMDArray(axis.GetName(), [axis], number).Write(value)
    root.OpenMDArray("wavelength").SetUnit("nm")
    root.CreateMDArray("reflectance", axes, number).Write(np.zeros((4, 5, 6)))
    del root, axes
    found = display.wavelengths(QgsRasterLayer(f'NETCDF:"{path}":reflectance'))
    assert found is not None
    np.testing.assert_allclose(found.nm, CENTERS)


@pytest.mark.parametrize(
    "damage",
    ["no header at all", "ENVI\nwavelength = {1, 2}\n", "ENVI\nwavelength = {400, 500", ""],
)
def test_a_file_beside_that_says_nothing_useful(qgis_app: Any, tmp_path: Path, damage: str) -> None:
    from mambahsi_qgis import display

    path = tmp_path / f"{ENMAP}-SPECTRAL_IMAGE.TIF"
    write(path).FlushCache()
    path.with_suffix(".hdr").write_text(damage)
    (tmp_path / f"{ENMAP}-METADATA.XML").write_text("<level_X><specific>")
    assert display.wavelengths(QgsRasterLayer(str(path))) is None


def test_other_layers_have_none(qgis_app: Any, tmp_path: Path) -> None:
    from mambahsi_qgis import display

    assert display.wavelengths(QgsRasterLayer(str(tmp_path / "missing.tif"))) is None
    assert display.wavelengths(QgsRasterLayer("type=xyz&url=file:///none", "web", "wms")) is None


PROGRAM = """
import json, sys
from mambahsi.jobs import RasterSource
from mambahsi.scene import Scene
found = []
for path in sys.argv[1:]:
    with Scene.open(RasterSource(path)) as scene:
        found.append([[b.wavelength, b.fwhm, not b.flagged_bad] for b in scene.bands])
print(json.dumps(found))
"""


def test_engine_understands_the_same(qgis_app: Any, engine: Path, tmp_path: Path) -> None:
    from mambahsi_qgis.display.bands import arrange, read_bands
    from mambahsi_qgis.engine.environment import engine_environment

    paths = []
    for convention, (name, make) in CONVENTIONS.items():
        folder = tmp_path / convention.replace(" ", "_")
        folder.mkdir()
        make(folder / name)
        paths.append(folder / name)
    product = tmp_path / f"{ENMAP}-SPECTRAL_IMAGE.TIF"
    write(product).FlushCache()
    (tmp_path / f"{ENMAP}-METADATA.XML").write_text(enmap_xml())
    real = [
        "enmap_potsdam/enmap_potsdam.tif",
        "landsat7_north_carolina/landsat_multiband.tif",
        "sentinel2_aberystwyth/sentinel2_aberystwyth.tif",
    ]
    paths += [product, *(p for p in (DATA / "data" / name for name in real) if p.is_file())]
    run = subprocess.run(
        [str(engine), "-c", PROGRAM, *map(str, paths)],
        capture_output=True,
        text=True,
        env=engine_environment(),
    )
    assert run.returncode == 0, run.stderr
    for path, theirs in zip(paths, json.loads(run.stdout), strict=True):
        ours = arrange(read_bands(gdal.Open(str(path))))
        expected = np.array([[math.nan if v is None else v for v in band] for band in theirs])
        np.testing.assert_allclose(np.stack([ours.nm, ours.fwhm, ours.good], 1), expected)


def test_enmap_potsdam(qgis_app: Any) -> None:
    from mambahsi_qgis import display

    path = DATA / "data" / "enmap_potsdam" / "enmap_potsdam.tif"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    found = display.wavelengths(QgsRasterLayer(str(path)))
    assert found is not None and np.isfinite(found.nm).all()
    assert found.nm[[0, -1]] == pytest.approx([418.24, 2445.53])
    assert found.fwhm[0] == pytest.approx(6.99561)
