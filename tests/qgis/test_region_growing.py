"""Region growing against plain oracles: distances, connection, outlines, reading by blocks."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from osgeo import gdal, ogr

PIXEL_BITS = st.integers(1, 9).flatmap(
    lambda rows: st.integers(1, 9).flatmap(
        lambda columns: st.lists(
            st.booleans(), min_size=rows * columns, max_size=rows * columns
        ).map(lambda bits: np.array(bits).reshape(rows, columns))
    )
)
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def modules(provider: Any) -> Any:
    """The plugin's modules, from the assembled plugin."""
    from types import SimpleNamespace

    from mambahsi_qgis import growing_window, pixel_outline, region_growing, spectra

    return SimpleNamespace(
        growing=region_growing,
        outline=pixel_outline.outline,
        spectra=spectra,
        window=growing_window,
    )


# Oracles --------------------------------------------------------------------------------------


def flood(alike: np.ndarray, row: int, column: int) -> np.ndarray:
    """Pixels connected by edges, one after the other."""
    found = np.zeros(alike.shape, dtype=bool)
    found[row, column] = True
    waiting = deque([(row, column)])
    while waiting:
        r, c = waiting.popleft()
        for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
            inside = 0 <= y < alike.shape[0] and 0 <= x < alike.shape[1]
            if inside and alike[y, x] and not found[y, x]:
                found[y, x] = True
                waiting.append((y, x))
    return found


def distance(a: np.ndarray, b: np.ndarray, measure: str) -> float:
    """Between two spectra, by the formulas as they are printed."""
    a, b = a.astype(float), b.astype(float)
    if measure == "distance":
        return float(np.linalg.norm(a - b))
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    if not lengths:
        return np.inf
    with np.errstate(invalid="ignore"):  # infinite values, which are not valid anyway
        return float(np.degrees(np.arccos(np.clip(np.dot(a, b) / lengths, -1, 1))))


def grown(
    values: np.ndarray,
    valid: np.ndarray,
    pixel: tuple[int, int],
    side: int,
    tolerance: float,
    measure: str,
) -> np.ndarray:
    """The region in the whole scene; values have the shape (bands, rows, columns)."""
    rows, columns = valid.shape
    alike = np.zeros(valid.shape, dtype=bool)
    half = side // 2
    for r in range(max(0, pixel[0] - half), min(rows, pixel[0] - half + side)):
        for c in range(max(0, pixel[1] - half), min(columns, pixel[1] - half + side)):
            near = distance(values[:, r, c], values[:, pixel[0], pixel[1]], measure)
            alike[r, c] = valid[r, c] and near <= tolerance
    return flood(alike, *pixel)


def write(path: str, values: np.ndarray, options: tuple[str, ...] = (), **more: Any) -> str:
    """A GeoTIFF of values (bands, rows, columns), with nodata -99 unless told otherwise."""
    types = {"int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32, "uint8": gdal.GDT_Byte}
    bands, rows, columns = values.shape
    kind = types[values.dtype.name]
    dataset = gdal.GetDriverByName("GTiff").Create(path, columns, rows, bands, kind, list(options))
    dataset.SetGeoTransform(more.get("transform", (370000, 30, 0, 5810000, 0, -30)))
    for number in range(bands):
        band = dataset.GetRasterBand(number + 1)
        band.WriteArray(values[number])
        if more.get("nodata", -99) is not None:
            band.SetNoDataValue(more.get("nodata", -99))
    dataset.FlushCache()
    return path


def rasterized(wkb: bytes, shape: tuple[int, int], transform: tuple[float, ...]) -> np.ndarray:
    """The pixels whose centers lie in a polygon, by GDAL."""
    raster = gdal.GetDriverByName("MEM").Create("", shape[1], shape[0], 1, gdal.GDT_Byte)
    raster.SetGeoTransform(transform)
    vectors = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = vectors.CreateLayer("polygon", None, ogr.wkbPolygon)
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetGeometry(ogr.CreateGeometryFromWkb(wkb))
    layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    return raster.ReadAsArray().astype(bool)


# Connection and outline -------------------------------------------------------------------------


@SETTINGS
@given(bits=PIXEL_BITS, data=st.data())
def test_connection_is_that_of_a_flood(modules: Any, bits: np.ndarray, data: Any) -> None:
    row = data.draw(st.integers(0, bits.shape[0] - 1))
    column = data.draw(st.integers(0, bits.shape[1] - 1))
    assert (modules.growing.connected(bits, row, column) == flood(bits, row, column)).all()


def test_connection_follows_a_maze(modules: Any) -> None:
    """A way through every second row, over and back."""
    maze = np.ones((41, 40), dtype=bool)
    maze[1::4, :-1] = False
    maze[3::4, 1:] = False
    assert (modules.growing.connected(maze, 0, 0) == maze).all()
    maze[20, 17] = False
    found = modules.growing.connected(maze, 0, 0)
    assert (found == flood(maze, 0, 0)).all() and 0 < found.sum() < maze.sum() - 100


TRANSFORMS = st.sampled_from(
    [
        (370000.0, 30.0, 0.0, 5810000.0, 0.0, -30.0),
        (370000.0, 30.0, 0.0, 5810000.0, 0.0, 30.0),  # south up
        (13.1, 1e-4, 0.0, 52.4, 0.0, -2e-4),
        (370000.0, 21.2, 21.2, 5810000.0, 21.2, -21.2),  # rotated
        (370000.0, -12.0, 27.0, 5810000.0, 25.0, 11.0),  # rotated and mirrored
        (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    ]
)


@SETTINGS
@given(bits=PIXEL_BITS, data=st.data(), transform=TRANSFORMS, every_corner=st.booleans())
def test_polygon_burns_back_to_the_region(
    modules: Any, bits: np.ndarray, data: Any, transform: tuple[float, ...], every_corner: bool
) -> None:
    row = data.draw(st.integers(0, bits.shape[0] - 1))
    column = data.draw(st.integers(0, bits.shape[1] - 1))
    region = flood(bits, row, column)
    scene = np.pad(region, ((3, 2), (4, 1)))
    wkb = modules.outline(region, 3, 4, transform, every_corner=every_corner)
    assert (rasterized(wkb, scene.shape, transform) == scene).all()
    polygon = ogr.CreateGeometryFromWkb(wkb)
    size = abs(transform[1] * transform[5] - transform[2] * transform[4])
    assert polygon.GetArea() == pytest.approx(region.sum() * size)


@SETTINGS
@given(bits=PIXEL_BITS, data=st.data(), fill=st.booleans())
def test_outline_is_that_of_gdal(modules: Any, bits: np.ndarray, data: Any, fill: bool) -> None:
    row = data.draw(st.integers(0, bits.shape[0] - 1))
    column = data.draw(st.integers(0, bits.shape[1] - 1))
    region = flood(bits, row, column)
    raster = gdal.GetDriverByName("MEM").Create("", *region.shape[::-1], 1, gdal.GDT_Byte)
    raster.GetRasterBand(1).WriteArray(region.astype(np.uint8))
    vectors = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = vectors.CreateLayer("outline", None, ogr.wkbPolygon)
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer, -1)
    assert layer.GetFeatureCount() == 1
    feature = layer.GetNextFeature()
    expected = feature.GetGeometryRef()

    polygon = ogr.CreateGeometryFromWkb(
        modules.outline(region, 0, 0, (0, 1, 0, 0, 0, 1), fill_holes=fill)
    )
    assert polygon.IsValid()
    corners = [set(ring.GetPoints(2)) for ring in polygon]
    expected_corners = [set(ring.GetPoints(2)) for ring in expected]
    assert corners[0] == expected_corners[0]
    if fill:
        assert len(corners) == 1
    else:
        assert sorted(map(sorted, corners)) == sorted(map(sorted, expected_corners))


def test_region_without_pixels_has_no_outline(modules: Any) -> None:
    with pytest.raises(ValueError, match="without a pixel"):
        modules.outline(np.zeros((2, 2), dtype=bool), 0, 0, (0, 1, 0, 0, 0, -1))


# Regions of scenes ------------------------------------------------------------------------------


@SETTINGS
@given(
    seed=st.integers(0, 2**32 - 1),
    measure=st.sampled_from(["angle", "distance"]),
    kind=st.sampled_from([np.int16, np.float32]),
    layout=st.sampled_from(
        [
            ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16", "COMPRESS=DEFLATE", "INTERLEAVE=PIXEL"),
            ("TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=32", "COMPRESS=DEFLATE", "INTERLEAVE=BAND"),
            ("BLOCKYSIZE=3", "COMPRESS=LZW"),
            ("BLOCKYSIZE=1",),
        ]
    ),
    side=st.integers(3, 90),
    data=st.data(),
)
def test_region_is_that_of_the_oracle(
    modules: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    measure: str,
    kind: type,
    layout: tuple[str, ...],
    side: int,
    data: Any,
) -> None:
    generator = np.random.default_rng(seed)
    bands, rows, columns = 5, 36, 41
    fields = generator.integers(0, 3, (rows // 4 + 1, columns // 4 + 1)).repeat(4, 0).repeat(4, 1)
    signatures = generator.uniform(100, 400, (3, bands))
    values = signatures[fields[:rows, :columns]].transpose(2, 0, 1)
    values = (values + generator.normal(0, 20, values.shape)).astype(kind)
    missing = generator.random((rows, columns)) < 0.1
    values[:, missing] = -99
    values[1, generator.random((rows, columns)) < 0.05] = -99
    values[3] = -99  # a band without data anywhere
    if kind is np.float32:
        values[0, generator.random((rows, columns)) < 0.03] = np.nan
        values[2, generator.random((rows, columns)) < 0.02] = np.inf
    used = [0, 1, 2, 4]
    valid = (np.isfinite(values[used]) & (values[used] != -99)).all(axis=0)
    assume(valid.any())
    places = [tuple(place) for place in np.argwhere(valid).tolist()]
    pixel = data.draw(st.sampled_from(places))
    # Small cells, so that windows are put together from many.
    monkeypatch.setattr(modules.spectra, "_CELL_SIDE", 8)

    reader = modules.spectra.SpectraReader(write(str(tmp_path / "scene.tif"), values, layout))
    window = modules.growing.Window.around(*pixel, side, rows, columns)
    apart = np.full(window.shape, np.nan)
    for number, part in enumerate(modules.window.distances_around(reader, *pixel, side, measure)):
        place = part.window.within(window)
        assert np.isnan(apart[place]).all() and not np.isnan(part.distances).any()
        apart[place] = part.distances
        seed_read = not np.isnan(apart[pixel[0] - window.top, pixel[1] - window.left])
        assert seed_read or number > 0
    assert not np.isnan(apart).any()

    tolerance = data.draw(
        st.floats(0, 40) if measure == "angle" else st.floats(0, 400), label="tolerance"
    )
    exact = np.abs(apart - tolerance) < 1e-5
    exact[pixel[0] - window.top, pixel[1] - window.left] = False
    assume(not exact.any())  # a tie may fall either way by rounding
    region = modules.growing.region(apart, pixel[0] - window.top, pixel[1] - window.left, tolerance)
    found = np.zeros((rows, columns), dtype=bool)
    found[window.top : window.bottom, window.left : window.right] = region
    expected = grown(values[used], valid, pixel, side, tolerance, measure)
    assert (found == expected).all()


def test_angles_beyond_a_degree_and_of_nothing(modules: Any) -> None:
    reference = np.array([1, 1, 0], np.int16)
    spectra = np.array([[2, 2, 0], [-1, -1, 0], [0, 0, 7], [1, 0, 0], [0, 0, 0]], np.int16).T
    found = modules.growing.spectral_angles(spectra, reference)
    assert found == pytest.approx([0, 180, 90, 45, np.inf], abs=1e-5)


def test_integers_do_not_overflow(modules: Any) -> None:
    reference = np.full(224, 32767, np.int16)
    spectra = np.array([reference, -reference]).T
    assert modules.growing.spectral_angles(spectra, reference) == pytest.approx([0, 180], abs=1e-5)
    found = modules.growing.euclidean_distances(spectra, reference)
    assert found == pytest.approx([0, 65534 * np.sqrt(224)])


# Reading ----------------------------------------------------------------------------------------


def around(modules: Any, path: str, pixel: tuple[int, int], **options: Any) -> np.ndarray:
    """Euclidean distances in the whole of a small scene."""
    reader = modules.spectra.SpectraReader(path, **options)
    parts = list(modules.window.distances_around(reader, *pixel, 500, "distance"))
    found = np.full((reader.height, reader.width), np.nan)
    for part in parts:
        found[part.window.top : part.window.bottom, part.window.left : part.window.right] = (
            part.distances
        )
    return found


def test_bad_and_alpha_bands_do_not_count(modules: Any, tmp_path: Path) -> None:
    values = np.zeros((4, 5, 6), np.uint8)
    values[:, 2, 3] = (3, 4, 90, 90)
    path = write(str(tmp_path / "scene.tif"), values, nodata=None)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(4).SetColorInterpretation(gdal.GCI_AlphaBand)
    dataset = None
    # Alpha is 0 but for one pixel, which therefore is the only one.
    found = around(modules, path, (2, 3), bad_bands=(3,))
    assert found[2, 3] == 0 and np.isinf(found).sum() == 29
    path = write(str(tmp_path / "plain.tif"), values[:3], ("PHOTOMETRIC=MINISBLACK",), nodata=None)
    assert around(modules, path, (0, 0), bad_bands=(3,))[2, 3] == 5
    with pytest.raises(modules.spectra.SpectraError, match="no band"):
        modules.spectra.SpectraReader(path, bad_bands=(1, 2, 3))


def test_mask_and_added_nodata_exclude_pixels(modules: Any, tmp_path: Path) -> None:
    values = np.arange(30, dtype=np.int16).reshape(1, 5, 6).repeat(2, 0)
    path = write(str(tmp_path / "scene.tif"), values, nodata=7)
    found = around(modules, path, (0, 0), nodata=9.0)
    assert np.isinf(found[1, 1]) and np.isinf(found[1, 3]) and np.isinf(found).sum() == 2
    path = write(str(tmp_path / "masked.tif"), values, nodata=None)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    mask = np.full((5, 6), 255, np.uint8)
    mask[4] = 0
    dataset.GetRasterBand(1).GetMaskBand().WriteArray(mask)
    dataset = None
    found = around(modules, path, (0, 0))
    assert np.isinf(found[4]).all() and np.isfinite(found[:4]).all()


def test_nodata_that_the_type_cannot_store_excludes_nothing(modules: Any, tmp_path: Path) -> None:
    values = np.arange(30, dtype=np.int16).reshape(1, 5, 6) + 31060
    path = write(str(tmp_path / "scene.tif"), values, nodata=None)
    # As 16 bits these would be 31073 and 31074.
    for nodata in (-99999.0, 31074.5, np.nan):
        assert np.isfinite(around(modules, path, (0, 0), nodata=nodata)).all()
    single = np.full((1, 5, 6), 0.1, np.float32)
    single[0, 3, 3] = 7
    path = write(str(tmp_path / "single.tif"), single, nodata=None)
    assert np.isfinite(around(modules, path, (3, 3), nodata=0.1)).sum() == 1


def test_no_spectrum_is_said(modules: Any, tmp_path: Path) -> None:
    values = np.ones((3, 5, 6), np.int16)
    values[1, 2, 2] = -99
    values[:, 3, 3] = -99
    values[:, 4, 4] = 0
    path = write(str(tmp_path / "scene.tif"), values)
    for pixel in ((2, 2), (3, 3)):
        with pytest.raises(modules.spectra.SpectraError, match="no data at this pixel"):
            around(modules, path, pixel)
    reader = modules.spectra.SpectraReader(path)
    with pytest.raises(modules.spectra.SpectraError, match="zero in all bands"):
        list(modules.window.distances_around(reader, 4, 4, 9, "angle"))
    with pytest.raises(modules.spectra.SpectraError, match="cannot open"):
        modules.spectra.SpectraReader(str(tmp_path / "none.tif"))


def test_truncated_file_is_said(modules: Any, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 999, (4, 64, 64)).astype(np.int16)
    path = Path(write(str(tmp_path / "scene.tif"), values, ("COMPRESS=DEFLATE",)))
    path.write_bytes(path.read_bytes()[:-9000])
    reader = modules.spectra.SpectraReader(str(path))
    with pytest.raises(modules.spectra.SpectraError, match="truncated"):
        list(modules.window.distances_around(reader, 32, 32, 64, "angle"))


def test_blocks_are_read_once(modules: Any, tmp_path: Path) -> None:
    """A second click nearby does not go to the file: not even to one that is gone."""
    values = np.random.default_rng(0).integers(0, 999, (4, 200, 300)).astype(np.int16)
    layout = ("TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64", "COMPRESS=DEFLATE")
    path = Path(write(str(tmp_path / "scene.tif"), values, layout))
    reader = modules.spectra.SpectraReader(str(path))
    assert len(list(modules.window.distances_around(reader, 100, 100, 81, "angle"))) == 9
    gdal.Unlink(str(path))
    reader._idle.clear()
    again = list(modules.window.distances_around(reader, 90, 110, 11, "distance"))
    assert len(again) == 1
    assert again[0].window == modules.growing.Window(85, 105, 96, 116)


def test_cells_hold_whole_blocks_and_come_by_distance(modules: Any, tmp_path: Path) -> None:
    values = np.zeros((2, 200, 300), np.int16)
    layout = ("TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=48", "COMPRESS=DEFLATE")
    reader = modules.spectra.SpectraReader(write(str(tmp_path / "a.tif"), values, layout))
    window = modules.growing.Window.around(110, 70, 151, 200, 300)
    cells = reader.cells(window, 110, 70)
    assert cells[0] == modules.growing.Window(96, 64, 192, 128)
    assert all(c.top % 48 == 0 and c.left % 32 == 0 for c in cells)
    assert cells[1].shape == (96, 64) and cells[1].left == 0
    covered = np.zeros((200, 300), dtype=int)
    for cell in cells:
        covered[cell.top : cell.bottom, cell.left : cell.right] += 1
    assert covered.max() == 1
    assert covered[window.top : window.bottom, window.left : window.right].min() == 1


def test_few_blocks_are_kept(modules: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.zeros((2, 256, 256), np.int16)
    layout = ("TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=64")
    reader = modules.spectra.SpectraReader(write(str(tmp_path / "a.tif"), values, layout))
    monkeypatch.setattr(modules.spectra, "KEPT_BYTES", 3 * 64 * 64 * 2 * 2)
    list(modules.window.distances_around(reader, 100, 100, 256, "distance"))
    assert len(reader._kept) == 3
