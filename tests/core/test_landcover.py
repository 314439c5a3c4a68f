"""Written maps lie on the scene's grid, and other programs find names and colors."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from mambahsi import cancellation
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.errors import Cancelled, OutputError
from mambahsi.grid import Grid
from mambahsi.jobs import UNSURE_BELOW
from mambahsi.landcover import NODATA_FLOAT, FloatRasterWriter, LandCoverWriter
from mambahsi.outputs import OutputFiles, attributes_path, style_path
from mambahsi.pam import MAX_CATEGORY
from mambahsi.qml import RAMPS

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

CORE = Path(__file__).parents[2] / "core"
UTM = CRS.from_epsg(32633).to_wkt()
NORTH_UP = (30.0, 0.0, 380000.0, 0.0, -30.0, 5810000.0)
ROTATED = (25.9, 15.0, 380000.0, 15.0, -25.9, 5810000.0)
NASTY = (
    "Wälder & <Forste>",
    "„Ödland“ 'a' \"b\"",
    "水体",
    "in  between",
    "a\tb",
    "-->]]>",
    "&amp;",
)

# What GDAL itself says about a map. It answers with JSON; the first question is the grid,
# because GDAL 3.6 reads the .aux.xml of a GeoTIFF late, and not when asked for categories.
ASK_GDAL = """
import json, sys
from osgeo import gdal
gdal.UseExceptions()
answers = []
for path in sys.argv[1:]:
    dataset = gdal.Open(path)
    reference = dataset.GetSpatialRef()
    band = dataset.GetRasterBand(1)
    table = band.GetDefaultRAT()
    colors = band.GetColorTable()
    columns = range(table.GetColumnCount()) if table else ()
    rows = range(table.GetRowCount()) if table else ()
    answers.append({
        "transform": dataset.GetGeoTransform(can_return_null=True),
        "crs": reference.ExportToWkt(["FORMAT=WKT2_2019"]) if reference else "",
        "size": [dataset.RasterXSize, dataset.RasterYSize],
        "type": gdal.GetDataTypeName(band.DataType),
        "nodata": band.GetNoDataValue(),
        "metadata": dataset.GetMetadata(),
        "categories": band.GetRasterCategoryNames(),
        "colors": [colors.GetColorEntry(i) for i in range(colors.GetCount())] if colors else None,
        "usages": {table.GetNameOfCol(c): table.GetUsageOfCol(c) for c in columns},
        "usage_codes": [gdal.GFU_MinMax, gdal.GFU_Name, gdal.GFU_Red, gdal.GFU_Green,
                        gdal.GFU_Blue, gdal.GFU_Alpha, gdal.GFU_Generic, gdal.GFU_PixelCount],
        "thematic": table.GetTableType() == gdal.GRTT_THEMATIC if table else None,
        "rows": [{table.GetNameOfCol(c): table.GetValueAsString(r, c) for c in columns}
                 for r in rows],
        "statistics": band.GetMetadata().get("STATISTICS_MAXIMUM"),
    })
print(json.dumps(answers))
"""


@functools.cache
def has_module(python: str, module: str) -> bool:
    return not subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode


def system_python(code: str, *arguments: Path, module: str) -> str:
    """Run code in the interpreter that QGIS uses, which has GDAL's and QGIS's own bindings."""
    python = "/usr/bin/python3"
    if not Path(python).exists() or not has_module(python, module):
        pytest.skip(f"{python} has no module {module}")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for name in ("PYTHONPATH", "PYTHONHOME", "PROJ_LIB", "PROJ_DATA", "GDAL_DATA"):
        environment.pop(name, None)
    done = subprocess.run(
        [python, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask_gdal(*paths: Path) -> list[dict[str, Any]]:
    return json.loads(system_python(ASK_GDAL, *paths, module="osgeo.gdal"))


def table_of(*values: int, names: tuple[str, ...] = ()) -> ClassTable:
    return ClassTable(
        tuple(
            LandCoverClass(
                value,
                names[i] if i < len(names) else f"Class {value}",
                f"#{(value * 2654435761) % 0xFFFFFF:06x}",
                f"original <{value}>",
            )
            for i, value in enumerate(values)
        )
    )


def write_map(
    path: Path, grid: Grid, table: ClassTable, values: np.ndarray, rows: int = 7
) -> dict[str, str]:
    provenance = {"TIFFTAG_SOFTWARE": "mambahsi 0.1.0", "MAMBAHSI_MODEL": "Modell <ä>.safetensors"}
    with OutputFiles() as files:
        temporary = files.add_raster(path)
        with LandCoverWriter(temporary, grid, table, provenance) as writer:
            for start in range(0, grid.height, rows):
                part = slice(start, min(start + rows, grid.height))
                writer.write(part, values[part])
    return provenance


def random_map(grid: Grid, table: ClassTable, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([0, *table.values], size=grid.shape)


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (NORTH_UP, UTM),
        (ROTATED, UTM),
        (NORTH_UP, ""),
        ((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), ""),
        # A CRS that no GeoTIFF key expresses: GDAL itself puts it into the .aux.xml.
        (
            (0.1, 0.0, 5.0, 0.0, -0.1, 50.0),
            CRS.from_user_input(
                "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=39 +lon_0=18 +R=6371000"
            ).to_wkt(version="WKT2_2019"),
        ),
    ],
    ids=["north up", "rotated", "no CRS", "no georeference", "exotic CRS"],
)
@pytest.mark.parametrize("shape", [(4, 4), (300, 517)])
def test_map_lies_on_the_grid(
    tmp_path: Path,
    transform: tuple[float, float, float, float, float, float],
    crs: str,
    shape: tuple[int, int],
) -> None:
    grid = Grid(shape[1], shape[0], transform, crs)
    table = table_of(1, 2, 7, names=NASTY)
    values = random_map(grid, table)
    path = tmp_path / "Karte mit Leerzeichen.tif"
    provenance = write_map(path, grid, table, values)
    with rasterio.open(path) as written:
        assert written.read(1).tolist() == values.tolist()
        assert tuple(written.transform)[:6] == transform
        assert written.shape == shape
        assert (written.crs.to_wkt() if written.crs else "") == (
            CRS.from_wkt(crs).to_wkt() if crs else ""
        )
        assert written.profile["tiled"]
        assert written.block_shapes == [(256, 256)]
        assert written.compression.value == "DEFLATE"
        assert provenance.items() <= written.tags().items()
    (answer,) = ask_gdal(path)
    a, b, c, d, e, f = transform
    identity = transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert answer["transform"] == (None if identity else [c, a, b, f, d, e])
    assert bool(answer["crs"]) == bool(crs)
    assert answer["size"] == [shape[1], shape[0]]
    assert answer["nodata"] == 0
    assert answer["metadata"]["TIFFTAG_SOFTWARE"] == "mambahsi 0.1.0"
    assert answer["categories"] == ["", *NASTY[:2], "", "", "", "", NASTY[2]]


@pytest.mark.parametrize(
    ("values", "kind"),
    [((1,), "Byte"), ((3, 255), "Byte"), ((1, 256), "UInt16"), ((17, 65535), "UInt16")],
)
def test_gdal_finds_names_colors_and_counts(
    tmp_path: Path, values: tuple[int, ...], kind: str
) -> None:
    grid = Grid(20, 30, NORTH_UP, UTM)
    table = table_of(*values, names=NASTY)
    pixels = random_map(grid, table)
    write_map(tmp_path / "map.tif", grid, table, pixels)
    (answer,) = ask_gdal(tmp_path / "map.tif")
    assert answer["type"] == kind
    assert list(answer["usages"].values()) == answer["usage_codes"]
    assert answer["thematic"]
    assert answer["rows"] == [
        {
            "Value": str(item.value),
            "Class": item.name,
            "Red": str(item.rgb[0]),
            "Green": str(item.rgb[1]),
            "Blue": str(item.rgb[2]),
            "Alpha": "255",
            "Original": item.original,
            "Count": str((pixels == item.value).sum()),
        }
        for item in table
    ]
    assert answer["colors"][0] == [0, 0, 0, 0]
    for item in table:
        assert answer["colors"][item.value] == [*item.rgb, 255]
    if max(values) <= MAX_CATEGORY:
        names = {item.value: item.name for item in table}
        assert answer["categories"] == [names.get(v, "") for v in range(max(values) + 1)]
    else:
        assert answer["categories"] is None


def test_every_name_survives(tmp_path: Path) -> None:
    names = (*NASTY, "a" * 2000, "", "é" + "\N{COMBINING ACUTE ACCENT}", "🌲")
    grid = Grid(4, 4)
    table = table_of(*range(1, len(names) + 1), names=names)
    write_map(tmp_path / "map.tif", grid, table, random_map(grid, table))
    (answer,) = ask_gdal(tmp_path / "map.tif")
    assert [row["Class"] for row in answer["rows"]] == list(names)


def test_characters_that_xml_forbids_are_replaced(tmp_path: Path) -> None:
    grid = Grid(4, 4)
    table = table_of(1, names=("bell \a and half a pair \ud800",))
    write_map(tmp_path / "map.tif", grid, table, random_map(grid, table))
    (answer,) = ask_gdal(tmp_path / "map.tif")
    assert answer["rows"][0]["Class"] == "bell \N{REPLACEMENT CHARACTER} and half a pair " + (
        "\N{REPLACEMENT CHARACTER}"
    )


def test_statistics_computed_later_keep_the_table(tmp_path: Path) -> None:
    grid = Grid(20, 30, NORTH_UP, UTM)
    table = table_of(1, 2)
    write_map(tmp_path / "map.tif", grid, table, random_map(grid, table))
    code = "import sys; from osgeo import gdal; d = gdal.Open(sys.argv[1]);"
    code += "d.GetRasterBand(1).ComputeStatistics(False); d = None"
    system_python(code, tmp_path / "map.tif", module="osgeo.gdal")
    (answer,) = ask_gdal(tmp_path / "map.tif")
    assert answer["statistics"] == "2"
    assert [row["Class"] for row in answer["rows"]] == ["Class 1", "Class 2"]
    assert answer["categories"] == ["", "Class 1", "Class 2"]


def test_qgis_draws_the_map_with_names_and_colors(tmp_path: Path) -> None:
    grid = Grid(20, 30, NORTH_UP, UTM)
    table = table_of(1, 300, 65535, names=NASTY)
    write_map(tmp_path / "map.tif", grid, table, random_map(grid, table))
    code = """
import json, sys
from qgis.core import QgsApplication, QgsRasterLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsRasterLayer(sys.argv[1])
renderer = layer.renderer()
classes = [[c.value, c.label, c.color.name()] for c in renderer.classes()]
print(json.dumps([layer.isValid(), renderer.type(), layer.opacity(), classes]))
sys.stdout.flush()
del renderer, layer
import os
os._exit(0)
"""
    answer = json.loads(system_python(code, tmp_path / "map.tif", module="qgis.core"))
    expected = [[item.value, item.name, item.color] for item in table]
    assert answer == [True, "paletted", 1.0, expected]


def test_a_new_map_forgets_the_old_one(tmp_path: Path) -> None:
    grid = Grid(20, 30, NORTH_UP, UTM)
    path = tmp_path / "map.tif"
    write_map(path, grid, table_of(1, 2, 3), random_map(grid, table_of(1, 2, 3)))
    code = "import sys; from osgeo import gdal; d = gdal.Open(sys.argv[1]);"
    code += "d.BuildOverviews('NEAREST', [2]); d.GetRasterBand(1).ComputeStatistics(False)"
    system_python(code, path, module="osgeo.gdal")
    assert (tmp_path / "map.tif.ovr").exists()
    table = table_of(9)
    write_map(path, grid, table, random_map(grid, table))
    (answer,) = ask_gdal(path)
    assert [row["Value"] for row in answer["rows"]] == ["9"]
    assert answer["statistics"] is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif", "map.tif.aux.xml"]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(4, 300),
    cols=st.integers(4, 300),
    top=st.integers(1, 65535),
    step=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_is_written_is_read_back(
    rows: int, cols: int, top: int, step: int, seed: int
) -> None:
    grid = Grid(cols, rows, NORTH_UP, UTM)
    table = table_of(*sorted({1, top}))
    values = random_map(grid, table, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.tif"
        write_map(path, grid, table, values, step)
        with rasterio.open(path) as written:
            assert (written.read(1) == values).all()
            assert (written.dataset_mask() > 0).tolist() == (values > 0).tolist()
            assert np.iinfo(written.dtypes[0]).max == (255 if top <= 255 else 65535)


def test_windows_may_be_written_in_any_order(tmp_path: Path) -> None:
    grid = Grid(10, 8)
    table = table_of(1, 2)
    values = random_map(grid, table)
    with LandCoverWriter(tmp_path / "map.tif", grid, table, {}) as writer:
        for row, col in ((4, 5), (0, 0), (4, 0), (0, 5)):
            window = rasterio.windows.Window(col, row, 5, 4)
            writer.write(window, values[row : row + 4, col : col + 5])
    with rasterio.open(tmp_path / "map.tif") as written:
        assert (written.read(1) == values).all()


def test_a_map_with_a_gap_is_a_defect(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="16 pixels were written"),
        LandCoverWriter(tmp_path / "map.tif", Grid(4, 5), table_of(1), {}) as writer,
    ):
        writer.write(slice(0, 4), np.ones((4, 4), dtype=int))


def test_a_file_that_holds_something_else_is_noticed(tmp_path: Path) -> None:
    with (
        OutputFiles() as files,
        pytest.raises(OutputError, match=r"map\.tif: the file does not hold what was written"),
        LandCoverWriter(files.add(tmp_path / "map.tif"), Grid(4, 8), table_of(1, 2), {}) as writer,
    ):
        writer.write(slice(0, 4), np.full((4, 4), 1))
        writer.write(slice(0, 4), np.full((4, 4), 2))  # over the first part


FILL_THE_DISK = """
import resource, signal, sys
import numpy as np
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.grid import Grid
from mambahsi.jobs import UNSURE_BELOW
from mambahsi.landcover import FloatRasterWriter, LandCoverWriter
from mambahsi.outputs import OutputFiles
folder, kind, limit = sys.argv[1:]
if int(limit):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
random = np.random.default_rng(0)
grid = Grid(1000, 1000)
with OutputFiles() as files:
    path = files.add_raster(folder + "/map.tif")
    if kind == "map":
        table = ClassTable(tuple(LandCoverClass(i, "", "#000000", "") for i in range(1, 256)))
        with LandCoverWriter(path, grid, table, {}) as writer:
            for row in range(0, 1000, 100):
                writer.write(slice(row, row + 100), random.integers(0, 256, (100, 1000)))
    else:
        with FloatRasterWriter(path, grid, ["a"], {}) as writer:
            for row in range(0, 1000, 100):
                values = random.random((1, 100, 1000), dtype=np.float32)
                writer.write(slice(row, row + 100), values)
"""


def fill_the_disk(folder: Path, kind: str, limit: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, str(folder), kind, str(limit)],
        env={"PYTHONPATH": str(CORE)},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("kind", ["map", "confidence"])
@pytest.mark.parametrize("limit", [100, 60_000, 900_000])
def test_a_disk_that_fills_up_is_noticed(tmp_path: Path, kind: str, limit: int) -> None:
    """A limit on the size of files acts as a full disk does, and needs no privileges."""
    (tmp_path / "map.tif").write_text("old")
    done = fill_the_disk(tmp_path, kind, limit)
    assert done.returncode == 1
    assert f"mambahsi.errors.OutputError: {tmp_path}/map.tif: " in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["map.tif"]
    assert (tmp_path / "map.tif").read_text() == "old"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kind", ["map", "confidence"])
def test_a_small_disk_that_fills_up_is_noticed(small_disk: Path, kind: str) -> None:
    done = fill_the_disk(small_disk, kind, 0)
    assert done.returncode == 1
    assert f"mambahsi.errors.OutputError: {small_disk}/map.tif: " in done.stderr
    assert list(small_disk.iterdir()) == []


def test_floats_are_kept_and_gaps_are_nodata(tmp_path: Path) -> None:
    grid = Grid(300, 20, ROTATED, UTM)
    values = np.random.default_rng(0).random((2, 20, 300), dtype=np.float32)
    values[:, 3:5] = np.nan
    values[0, 0, 0] = np.inf
    names = ["Wälder & <Forste>", "水体"]
    with FloatRasterWriter(tmp_path / "p.tif", grid, names, {"TIFFTAG_SOFTWARE": "x"}) as writer:
        writer.write(slice(0, 9), values[:, :9])
        writer.write(slice(9, 20), values[:, 9:])
    with rasterio.open(tmp_path / "p.tif") as written:
        finite = np.isfinite(values)
        assert written.dtypes == ("float32", "float32")
        assert list(written.descriptions) == names
        assert written.nodata == NODATA_FLOAT
        assert (written.read() == np.where(finite, values, NODATA_FLOAT)).all()
        assert (written.read_masks() > 0).tolist() == finite.tolist()
        assert tuple(written.transform)[:6] == ROTATED
        assert written.tags()["TIFFTAG_SOFTWARE"] == "x"


def test_a_failure_while_writing_is_not_hidden(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        OutputFiles() as files,
        LandCoverWriter(files.add_raster(tmp_path / "map.tif"), Grid(4, 4), table_of(1), {}),
    ):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_reading_back_can_be_cancelled(tmp_path: Path) -> None:
    writer = LandCoverWriter(tmp_path / "map.tif", Grid(4, 4), table_of(1), {})
    writer.write(slice(0, 4), np.ones((4, 4), dtype=int))
    cancellation.request()
    try:
        with pytest.raises(Cancelled):
            writer.close()
    finally:
        cancellation.reset()
    assert not attributes_path(tmp_path / "map.tif").exists()
    assert not style_path(tmp_path / "map.tif").exists()


def lightness(color: str) -> float:
    """CIE 1976 L*, by which colors are ordered for people of any color vision."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    y = float(linear @ [0.2126, 0.7152, 0.0722])
    return 116 * (y ** (1 / 3)) - 16 if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize("name", ["confidence", "margin", "entropy"])
def test_ramps_are_ordered_by_lightness_from_sure_to_unsure(name: str) -> None:
    values, colors, labels = zip(*RAMPS[name], strict=True)
    assert (values[0], values[-1]) == (0, 1) and list(values) == sorted(values)
    shades = [lightness(color) for color in colors]
    assert shades == sorted(shades, reverse=name != "entropy")
    assert min(abs(np.diff(shades))) > 4 and all(labels)
    if name == "confidence":
        step = values.index(UNSURE_BELOW)
        assert UNSURE_BELOW - values[step - 1] < 1e-5
        assert shades[step - 1] - shades[step] > 30


def test_a_ramp_lies_beside_a_raster_of_its_kind_alone(tmp_path: Path) -> None:
    for name, bands in (("margin", ["margin"]), ("classes", ["confidence", "other"])):
        grid = Grid(4, 4, NORTH_UP, UTM)
        with FloatRasterWriter(tmp_path / f"{name}.tif", grid, bands, {}) as writer:
            writer.write(slice(0, 4), np.zeros((len(bands), 4, 4), np.float32))
    assert "singlebandpseudocolor" in style_path(tmp_path / "margin.tif").read_text("utf-8")
    assert not style_path(tmp_path / "classes.tif").exists()
