"""Scenes: what is read, which bands are used, which pixels are valid, what is refused."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from mambahsi import scene as scene_module
from mambahsi.errors import Cancelled, SceneError
from mambahsi.feedback import CollectingFeedback
from mambahsi.grid import Grid
from mambahsi.jobs import RasterSource
from mambahsi.scene import DroppedBand, Scene, survey_bands

WriteScene = Callable[..., Path]


def some_data(bands: int = 3, rows: int = 8, columns: int = 9, dtype: str = "uint16") -> np.ndarray:
    generator = np.random.default_rng(1)
    return generator.integers(1, 200, (bands, rows, columns)).astype(dtype)


def open_scene(path: object, crs: str = "", nodata: float | None = None) -> Scene:
    return Scene.open(RasterSource(str(path), crs, nodata))


def test_reads_pixels_grid_and_name_as_stored(write_scene: WriteScene) -> None:
    data = some_data()
    with open_scene(write_scene(data, "Prüf Fläche/Szene ä.tif")) as scene:
        assert scene.name == "Szene ä"
        assert scene.dtype == np.uint16
        assert scene.grid.shape == (8, 9)
        assert scene.grid.transform == (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_800_000.0)
        assert rasterio.crs.CRS.from_wkt(scene.grid.crs).to_epsg() == 32633
        np.testing.assert_array_equal(scene.read([3, 1]), data[[2, 0]])
        window = rasterio.windows.Window(2, 1, 4, 3)
        np.testing.assert_array_equal(scene.read([2], window), data[1:2, 1:4, 2:6])


def test_crs_of_the_project_replaces_that_of_the_file(write_scene: WriteScene) -> None:
    with open_scene(write_scene(some_data()), crs="EPSG:25833") as scene:
        assert rasterio.crs.CRS.from_wkt(scene.grid.crs).to_epsg() == 25833


def test_rotated_and_missing_georeference(write_scene: WriteScene) -> None:
    rotated = Affine(1.7, 1.5, 7.0, 1.0, -2.6, 8.0)
    with open_scene(write_scene(some_data(), transform=rotated)) as scene:
        assert scene.grid.transform == pytest.approx(tuple(rotated)[:6])
        corner = np.array([rasterio.transform.xy(rotated, 8, 9, offset="ul")])
        np.testing.assert_allclose(scene.grid.to_pixels(corner), [[9, 8]])
    with open_scene(write_scene(some_data(), "bare.tif", crs=None, transform=None)) as scene:
        assert not scene.grid.georeferenced
        assert not scene.notes


def test_ground_control_points_alone_are_told(tmp_path: Path, write_scene: WriteScene) -> None:
    path = write_scene(some_data(), crs=None, transform=None)
    points = [
        rasterio.control.GroundControlPoint(r, c, 10 + c, 50 - r)
        for r, c in [(0, 0), (0, 9), (8, 0)]
    ]
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(path, "r+") as dataset,
    ):
        dataset.gcps = (points, rasterio.crs.CRS.from_epsg(4326))
    feedback = CollectingFeedback()
    with open_scene(path) as scene:
        survey_bands(scene, feedback)
        assert not scene.grid.has_transform
    assert any("ground control points" in warning for warning in feedback.warnings)


@given(
    width=st.integers(4, 40),
    height=st.integers(4, 40),
    corner=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
    angle=st.floats(0, 6.3),
)
def test_grid_survives_json_and_inverts_its_transform(
    width: int, height: int, corner: tuple[float, float], angle: float
) -> None:
    sine, cosine = np.sin(angle), np.cos(angle)
    affine = Affine(3 * cosine, 2 * sine, corner[0], 3 * sine, -2 * cosine, corner[1])
    grid = Grid(width, height, tuple(affine)[:6], "LOCAL")
    assert Grid.from_json(grid.to_json()) == grid
    pixels = np.array([[0, 0], [width, 0.5], [1.25, height]])
    a, b, x, d, e, y = grid.transform
    xy = np.array([(a * c + b * r + x, d * c + e * r + y) for c, r in pixels])
    np.testing.assert_allclose(grid.to_pixels(xy), pixels, atol=1e-6)
    west, south, east, north = grid.bounds
    assert west <= xy[:, 0].min() + 1e-6 and xy[:, 0].max() <= east + 1e-6
    assert south <= xy[:, 1].min() + 1e-6 and xy[:, 1].max() <= north + 1e-6


# --- wavelengths and bad bands


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"wavelength": "450.5", "wavelength_units": "Nanometers"}, 450.5),
        ({"WAVELENGTH": "0.4505", "WAVELENGTH_UNITS": "Micrometers"}, 450.5),
        ({"wavelength": "0.4505"}, 450.5),
        ({"wavelength": "2450"}, 2450.0),
        ({"wavelength": "450.5", "wavelength_units": "Index"}, None),
        ({"wavelength": "0"}, None),
        ({"wavelength": "unknown"}, None),
        ({}, None),
    ],
)
def test_wavelength_of_a_band(
    write_scene: WriteScene, tags: dict[str, str], expected: float | None
) -> None:
    with open_scene(write_scene(some_data(1), band_tags=[tags])) as scene:
        assert scene.bands[0].wavelength == pytest.approx(expected)


def test_wavelengths_of_the_imagery_domain(write_scene: WriteScene) -> None:
    path = write_scene(some_data(2))
    with rasterio.open(path, "r+") as dataset:
        for band, central in ((1, "0.5"), (2, "1.25")):
            dataset.update_tags(band, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=central, FWHM_UM="0.01")
    with open_scene(path) as scene:
        assert [b.wavelength for b in scene.bands] == pytest.approx([500.0, 1250.0])
        assert [b.fwhm for b in scene.bands] == pytest.approx([10.0, 10.0])


def test_wavelength_from_a_description_with_a_unit_only(write_scene: WriteScene) -> None:
    path = write_scene(some_data(3))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("band 7 (453.4 Nanometers)", "Blue 490", "B2 0.49 µm")
    with open_scene(path) as scene:
        assert [b.wavelength for b in scene.bands] == [pytest.approx(453.4), None, 490.0]


def test_envi_header_gives_wavelengths_and_bad_bands(write_scene: WriteScene) -> None:
    path = write_scene(some_data(4), "cube.img", driver="ENVI")
    with path.with_suffix(".hdr").open("a") as header:
        header.write(
            "wavelength units = Micrometers\nwavelength = {0.4, 0.5,\n 0.6, 0.7}\n"
            "fwhm = {0.01, 0.01, 0.01, 0.02}\nbbl = {1, 0, 1, 1}\n"
        )
    with open_scene(path) as scene:
        assert [b.wavelength for b in scene.bands] == pytest.approx([400, 500, 600, 700])
        assert [b.fwhm for b in scene.bands] == pytest.approx([10, 10, 10, 20])
        assert [b.flagged_bad for b in scene.bands] == [False, True, False, False]
        survey = survey_bands(scene)
    assert survey.used == (1, 3, 4)
    assert survey.dropped == (DroppedBand(2, "flagged by bbl"),)


# --- validity


def test_nodata_nan_and_infinity_are_invalid(write_scene: WriteScene) -> None:
    data = some_data(2, dtype="float32")
    data[0, 0, 0], data[1, 1, 1], data[0, 2, 2] = np.nan, np.inf, -np.inf
    data[1, 3, 3], data[0, 4, 4] = -9999, 77_777
    with open_scene(write_scene(data, nodata=-9999), nodata=77_777) as scene:
        valid = scene.valid([1, 2])
        first_alone = scene.valid([1])
    expected = np.ones((8, 9), dtype=bool)
    expected[range(5), range(5)] = False
    np.testing.assert_array_equal(valid, expected)
    assert first_alone[1, 1] and first_alone[3, 3] and not first_alone[0, 0]


def test_nodata_that_the_type_cannot_hold_masks_nothing(write_scene: WriteScene) -> None:
    with open_scene(write_scene(some_data()), nodata=-9999.0) as scene:
        assert scene.valid([1, 2, 3]).all()
    for nodata in (100.5, float("nan"), float("inf"), -1.7e308):
        with open_scene(write_scene(some_data(), "other.tif"), nodata=nodata) as scene:
            assert scene.valid([1, 2, 3]).all()
        real = some_data(dtype="float32")
        with open_scene(write_scene(real, "real.tif"), nodata=nodata) as scene:
            assert scene.valid([1, 2, 3]).all()


def test_stored_mask_is_respected(write_scene: WriteScene) -> None:
    data = some_data()
    mask = np.full(data.shape[1:], 255, dtype=np.uint8)
    mask[2:4, 5:] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = write_scene(data)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(mask)
    with open_scene(path) as scene:
        np.testing.assert_array_equal(scene.valid([1, 3]), mask != 0)
        np.testing.assert_array_equal(survey_bands(scene).valid, mask != 0)


@pytest.mark.parametrize("bands", [2, 4, 6])
def test_alpha_band_masks_and_is_not_used(write_scene: WriteScene, bands: int) -> None:
    data = some_data(bands, dtype="uint8")
    data[-1] = 255
    data[-1, :, :4] = 0
    path = write_scene(data)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [*[ColorInterp.undefined] * (bands - 1), ColorInterp.alpha]
    with open_scene(path) as scene:
        feedback = CollectingFeedback()
        survey = survey_bands(scene, feedback)
        only_first = scene.valid([1])
    assert survey.used == tuple(range(1, bands))
    assert survey.dropped == (DroppedBand(bands, "alpha band"),)
    np.testing.assert_array_equal(survey.valid, data[-1] != 0)
    np.testing.assert_array_equal(only_first, data[-1] != 0)
    assert any(f"Band {bands} of scene is marked as alpha" in text for text in feedback.warnings)


def test_bands_of_different_types_in_a_virtual_raster(
    write_scene: WriteScene, tmp_path: Path
) -> None:
    whole, real = some_data(1), some_data(1, dtype="float32") / 3
    real[0, 0, 0] = np.nan
    sources = write_scene(whole, "whole.tif"), write_scene(real, "real.tif")
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{i}"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
        for i, (kind, path) in enumerate(zip(("UInt16", "Float32"), sources, strict=True), 1)
    )
    virtual = tmp_path / "both.vrt"
    virtual.write_text(f'<VRTDataset rasterXSize="9" rasterYSize="8">{bands}</VRTDataset>')
    with open_scene(virtual) as scene:
        read = scene.read([1, 2])
        np.testing.assert_array_equal(read, np.concatenate([whole.astype("float32"), real]))
        assert survey_bands(scene).valid.sum() == 71


# --- the survey


def oracle(data: np.ndarray, nodata: float) -> tuple[tuple[int, ...], np.ndarray]:
    """Used bands and valid pixels, computed from the whole array at once."""
    ok = np.isfinite(data) & (data != nodata)
    used = [i for i in range(len(data)) if np.unique(data[i][ok[i]]).size > 1]
    return tuple(i + 1 for i in used), ok[used].all(axis=0)


@settings(max_examples=60, deadline=None)
@given(
    data=arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(4, 9), st.integers(4, 6)),
        elements=st.sampled_from([0.0, 0.0, 1.0, 1.0, -9.0, np.nan]),
    ),
    rows=st.integers(1, 9),
)
def test_survey_does_not_depend_on_windows(
    tmp_path_factory: pytest.TempPathFactory, data: np.ndarray, rows: int
) -> None:
    """Against the whole array: bands that turn out used or dropped only late."""
    path = tmp_path_factory.mktemp("survey") / "scene.tif"
    bands, height, width = data.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="float32",
        nodata=-9.0, blockysize=1, transform=Affine(1, 0, 5, 0, -1, 5),
    ) as dataset:  # fmt: skip
        dataset.write(data)
    used, valid = oracle(data, -9.0)
    with open_scene(path) as scene, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_module, "WINDOW_BYTES", rows * width * bands * 4)
        if not used or not valid.any():
            with pytest.raises(SceneError, match=r"no band with content|no pixel that is valid"):
                survey_bands(scene)
            return
        survey = survey_bands(scene)
    assert survey.used == used
    assert [band.index for band in survey.dropped] == sorted(set(range(1, bands + 1)) - set(used))
    np.testing.assert_array_equal(survey.valid, valid)


def test_a_band_without_any_data_costs_no_pixels(write_scene: WriteScene) -> None:
    data = some_data(4, dtype="int16")
    data[1], data[2] = -1, 55
    data[0, 0, 0] = -1
    feedback = CollectingFeedback()
    with open_scene(write_scene(data, nodata=-1)) as scene:
        survey = survey_bands(scene, feedback)
    assert survey.used == (1, 4)
    assert survey.dropped == (DroppedBand(2, "all nodata"), DroppedBand(3, "constant"))
    assert survey.valid.sum() == 71
    assert feedback.logs == ["Bands left out: 2 (all nodata); 3 (constant)."]


def test_no_common_valid_pixel_names_the_poorest_band(write_scene: WriteScene) -> None:
    data = some_data(2)
    data[0, :4] = 0
    data[1, 3:] = 0
    with (
        open_scene(write_scene(data, nodata=0)) as scene,
        pytest.raises(SceneError, match="Band 2 has the fewest valid pixels, 27"),
    ):
        survey_bands(scene)


def test_survey_stops_when_asked(write_scene: WriteScene) -> None:
    from mambahsi import cancellation

    with open_scene(write_scene(some_data())) as scene:
        cancellation.request()
        try:
            with pytest.raises(Cancelled):
                survey_bands(scene)
        finally:
            cancellation.reset()


@given(
    height=st.integers(1, 500),
    block=st.integers(1, 70),
    rows=st.integers(1, 90),
)
def test_windows_cover_every_row_once_within_the_limit(height: int, block: int, rows: int) -> None:
    class Dataset:
        block_shapes = ((block, 10),)

    scene = object.__new__(Scene)
    scene._dataset = Dataset()
    scene.grid = Grid(10, height)
    scene.dtype = np.dtype("uint16")
    windows = list(scene.windows(band_count=3, max_bytes=rows * 10 * 3 * 2 + 5))
    assert [w.row_off for w in windows] == list(np.cumsum([0] + [w.height for w in windows[:-1]]))
    assert sum(w.height for w in windows) == height
    assert all(w.height <= rows and w.width == 10 for w in windows)
    if rows >= block:
        assert all(w.row_off % block == 0 for w in windows)


# --- what is refused


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"gone\.tif does not exist"):
        open_scene(tmp_path / "gone.tif")


def test_file_that_is_no_raster_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.tif"
    path.write_text("no raster")
    with pytest.raises(SceneError, match=r"notes\.tif cannot be opened"):
        open_scene(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compress": "deflate"},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "lzw"},
        {"driver": "ENVI"},
        {"driver": "ENVI", "interleave": "bip"},
        {"driver": "EHdr"},
    ],
    ids=lambda options: "-".join(map(str, options.values())) or "plain",
)
def test_truncated_file_is_refused(
    write_scene: WriteScene, options: dict[str, object], share: float
) -> None:
    raw = "driver" in options
    count = 1 if options.get("driver") == "EHdr" else 3
    path = write_scene(some_data(count, 60, 50), "cut.bil" if raw else "cut.tif", **options)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(SceneError, match=r"cut\.(tif|bil)"), open_scene(path) as scene:
        survey_bands(scene)


def test_block_that_cannot_be_decoded_is_refused(write_scene: WriteScene) -> None:
    path = write_scene(some_data(3, 60, 50), compress="deflate")
    with rasterio.open(path) as dataset:
        start = int(dataset.get_tag_item("BLOCK_OFFSET_0_1", "TIFF", bidx=1))
    content = bytearray(path.read_bytes())
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(SceneError, match=r"scene\.tif"), open_scene(path) as scene:
        survey_bands(scene)


@pytest.mark.parametrize(("rows", "columns"), [(3, 50), (50, 3), (1, 1)])
def test_fewer_than_four_rows_or_columns_are_refused(
    write_scene: WriteScene, rows: int, columns: int
) -> None:
    with pytest.raises(SceneError, match=f"{rows} rows and {columns} columns"):
        open_scene(write_scene(some_data(2, rows, columns)))


def test_four_by_four_is_enough(write_scene: WriteScene) -> None:
    with open_scene(write_scene(some_data(2, 4, 4))) as scene:
        assert survey_bands(scene).valid.sum() == 16


def test_complex_numbers_are_refused(write_scene: WriteScene) -> None:
    with pytest.raises(SceneError, match="complex"):
        open_scene(write_scene(some_data(1, dtype="complex64")))


@pytest.mark.parametrize(
    "source", ["type=xyz&url=https://tiles.test/{z}/{x}/{y}.png", "crs=EPSG:3857&layers=a&url=x"]
)
def test_rendered_layer_is_refused(source: str) -> None:
    with pytest.raises(SceneError, match="rendered layer"):
        open_scene(source)


def test_a_long_description_of_a_service_is_cut() -> None:
    source = "type=xyz&url=https://tiles.test/{z}/{x}/{y}.png&token=" + "a" * 1000
    with pytest.raises(SceneError, match="rendered layer") as caught:
        open_scene(source)
    assert len(caught.value.message) < 350


@pytest.mark.parametrize("source", ["", " "])
def test_no_scene_at_all(source: str) -> None:
    with pytest.raises(SceneError, match="No scene is given"):
        open_scene(source)


def test_unknown_crs_is_refused(write_scene: WriteScene) -> None:
    with pytest.raises(SceneError, match="EPSG:99999999"):
        open_scene(write_scene(some_data()), crs="EPSG:99999999")


def test_container_names_its_subdatasets(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    for i, table in enumerate(("first", "second")):
        with rasterio.open(
            path, "w", driver="GPKG", width=16, height=16, count=3, dtype="uint8", crs="EPSG:32633",
            transform=Affine(10, 0, 5e5, 0, -10, 5.8e6), RASTER_TABLE=table,
            APPEND_SUBDATASET="YES" if i else "NO",
        ) as dataset:  # fmt: skip
            dataset.write(some_data(3, 16, 16, "uint8"))
    with pytest.raises(SceneError, match=r"GPKG:.*two\.gpkg:first.*GPKG:.*two\.gpkg:second"):
        open_scene(path)
    with open_scene(f"GPKG:{path}:second") as scene:
        assert scene.grid.shape == (16, 16)


def test_zipped_file_opens(write_scene: WriteScene, tmp_path: Path) -> None:
    data = some_data()
    path = write_scene(data)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(path, "in/scene.tif")
    with open_scene(f"/vsizip/{tmp_path}/all.zip/in/scene.tif") as scene:
        np.testing.assert_array_equal(scene.read([1]), data[:1])


# --- real scenes


def test_enmap_potsdam(real_scenes: Path) -> None:
    with open_scene(real_scenes / "enmap_potsdam" / "enmap_potsdam.tif") as scene:
        survey = survey_bands(scene)
        assert scene.bands[0].wavelength == pytest.approx(418.24)
        assert scene.bands[0].fwhm == pytest.approx(6.99561)
        nodata = scene.valid(range(130, 136))
    assert [band.index for band in survey.dropped] == list(range(130, 136))
    assert len(survey.used) == 218
    assert survey.valid.sum() == 18_432
    assert not nodata.any()


def test_enmap_without_its_bad_band_list(real_scenes: Path, write_scene: WriteScene) -> None:
    """The six empty bands are found by their pixels, too."""
    source = real_scenes / "enmap_potsdam" / "enmap_potsdam.tif"
    with rasterio.open(source) as dataset:
        part = dataset.read(list(range(120, 140)))
    with open_scene(write_scene(part, nodata=-32768)) as scene:
        survey = survey_bands(scene)
    assert survey.dropped == tuple(DroppedBand(i, "all nodata") for i in range(11, 17))
    assert survey.valid.sum() == 18_432


@pytest.mark.parametrize(
    ("path", "bands", "valid"),
    [
        ("sentinel2_aberystwyth/sentinel2_aberystwyth.tif", 10, 879_780),
        ("landsat7_north_carolina/landsat_multiband.tif", 5, 183_418),
    ],
)
def test_multispectral_scenes(real_scenes: Path, path: str, bands: int, valid: int) -> None:
    with rasterio.open(real_scenes / path) as dataset:
        data, nodata = dataset.read(), dataset.nodata
    assert (data != nodata).all(axis=0).sum() == valid
    with open_scene(real_scenes / path) as scene:
        survey = survey_bands(scene)
    assert survey.used == tuple(range(1, bands + 1))
    assert survey.valid.sum() == valid


def test_memory_of_windows_is_bounded(real_scenes: Path) -> None:
    with open_scene(real_scenes / "enmap_potsdam" / "enmap_potsdam.tif") as scene:
        sizes = [scene.read(range(1, 225), w).nbytes for w in scene.windows(max_bytes=10**6)]
    assert max(sizes) <= 10**6
    assert sum(sizes) == 224 * 192 * 160 * 2
    assert scene_module.WINDOW_BYTES <= 2**27
