"""How long region growing lets a person wait: the first click, and each move of the slider.

    make benchmark-growing
    scripts/in_qgis.sh build/qgis/bin/python benchmarks/region_growing.py [--clicks N] [--side N]

Runs in QGIS's Python, on the very objects of the dock: a map canvas, the tool's rubber band, the
thread that reads. The scenes are 1000 x 1000 pixels of 224 bands in compressed tiles of 256 x 256
(16-bit integers and 32-bit floats, bands together and apart); they are made once, below
build/benchmarks/region_growing/. Every click is the first in its scene: the file is opened anew
and nothing is kept in the process. (The operating system keeps the file in memory, as it does
after the scene was drawn.)

- *First click*: until the first preview is on the canvas, and until the whole window is.
- *Slider*: from a move until the preview is on the canvas, over the slider's whole range.

Beside it, on the same window and tolerances: a flood fill pixel by pixel, and the outline by
``gdal.Polygonize``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal, ogr

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "benchmarks" / "region_growing"
SIZE, BANDS, BLOCK = 1000, 224, 256
TOLERANCES = [round(60 * (step / 40) ** 2, 2) for step in range(1, 41)]
"""Where the slider is moved to: degrees, as it spaces them."""

CLICK = ("first", "whole", "first_cpu", "whole_cpu")
"""What is measured of a click."""

SCENES = {
    f"{kind}, {interleave.lower()}": (kind, interleave)
    for kind in ("int16", "float32")
    for interleave in ("PIXEL", "BAND")
}


def make_scene(path: Path, kind: str, interleave: str) -> None:
    """Fields with a spectrum each, with shade, texture and noise, as compressed tiles."""
    generator = np.random.default_rng(7)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    # Borders of fields wind, so that regions have outlines as in reality.
    winding = 9 * np.sin(rows / 23.0) + 9 * np.cos(columns / 31.0)
    field = (((rows + winding) // 60) * 17 + ((columns + winding) // 75) * 31).astype(int) % 12
    signatures = 2500 + np.cumsum(generator.normal(0, 60, (12, BANDS)), axis=1)
    shade = generator.uniform(0.85, 1.15, (SIZE, SIZE))
    gdal_type = {"int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32}[kind]
    options = [
        "TILED=YES",
        f"BLOCKXSIZE={BLOCK}",
        f"BLOCKYSIZE={BLOCK}",
        "COMPRESS=DEFLATE",
        f"PREDICTOR={2 if kind == 'int16' else 3}",
        f"INTERLEAVE={interleave}",
    ]
    partial = path.with_suffix(".partial.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(partial), SIZE, SIZE, BANDS, gdal_type, options
    )
    dataset.SetGeoTransform((370000, 30, 0, 5810000, 0, -30))
    reference = ogr.osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    dataset.SetProjection(reference.ExportToWkt())
    for top in range(0, SIZE, BLOCK):
        for left in range(0, SIZE, BLOCK):
            place = slice(top, top + BLOCK), slice(left, left + BLOCK)
            values = signatures[field[place]].transpose(2, 0, 1) * shade[place]
            values += generator.normal(0, 40, values.shape)
            if kind == "float32":
                values /= 10000
            dataset.WriteArray(values.astype(kind), left, top)
    for number in range(BANDS):
        dataset.GetRasterBand(number + 1).SetNoDataValue(-32768)
    dataset = None
    partial.replace(path)


class Interface:
    """As much of QGIS's interface as drawing needs."""

    def __init__(self, canvas: Any, bar: Any) -> None:
        self._canvas = canvas
        self._bar = bar

    def mapCanvas(self) -> Any:  # noqa: N802
        """The canvas."""
        return self._canvas

    def messageBar(self) -> Any:  # noqa: N802
        """The message bar."""
        return self._bar


def layers(path: Path) -> tuple[Any, Any]:
    """The scene, and a training layer with one class."""
    from qgis.core import QgsFeature, QgsRasterLayer, QgsVectorLayer

    scene = QgsRasterLayer(str(path), "Scene")
    labels = QgsVectorLayer("Polygon?crs=EPSG:32633&field=class_id:integer", "Labels", "memory")
    feature = QgsFeature(labels.fields())
    feature.setAttributes([1])
    labels.dataProvider().addFeature(feature)
    return scene, labels


class Person:
    """Somebody who clicks and moves the slider, with a clock."""

    def __init__(self, canvas: Any, iface: Interface, path: Path, side: int) -> None:
        from mambahsi_qgis.gui.context import TrainingContext
        from mambahsi_qgis.gui.drawing.toolbar import DrawingToolBar
        from qgis.core import QgsProject

        self.canvas = canvas
        self.scene, self.labels = layers(path)
        QgsProject.instance().addMapLayers([self.scene, self.labels])
        self.context = TrainingContext(iface)
        self.context.set_scene(self.scene)
        self.context.set_layer(self.labels)
        canvas.setDestinationCrs(self.scene.crs())
        self.bar = DrawingToolBar(self.context)
        self.grower = self.bar.grower
        self.grower.set_measure("angle")
        self.grower.set_side(side)
        self.grower.set_tolerance(4.0)
        canvas.setMapTool(self.bar.tools["growing"])

    def click(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Seconds until the first preview and until the whole window are on the canvas.

        And the processor's seconds by then, of all threads.
        """
        from qgis.core import QgsPointXY, QgsRectangle
        from qgis.PyQt.QtCore import QCoreApplication, QEventLoop

        more = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        point = QgsPointXY(370000 + 30 * (column + 0.5), 5810000 - 30 * (row + 0.5))
        reach = 30 * self.grower.side
        self.canvas.setExtent(
            QgsRectangle(point.x() - reach, point.y() - reach, point.x() + reach, point.y() + reach)
        )
        self.canvas.viewport().repaint()
        started, worked = time.perf_counter(), time.process_time()
        times: list[float] = []
        self.grower.start(point, self.scene.crs())
        while self.grower.busy:
            QCoreApplication.processEvents(more)
            if not times and self.grower.inside is not None:
                self.canvas.viewport().repaint()
                times += [time.perf_counter() - started, time.process_time() - worked]
        self.canvas.viewport().repaint()
        times += [time.perf_counter() - started, time.process_time() - worked]
        return times[0], times[-2], times[1], times[-1]

    def move(self, tolerance: float) -> float:
        """Seconds from a move of the slider until the preview is on the canvas."""
        started = time.perf_counter()
        self.grower.set_tolerance(tolerance)
        self.canvas.viewport().repaint()
        return time.perf_counter() - started

    def window(self) -> tuple[np.ndarray, int, int]:
        """Distances, and the clicked pixel, for the others."""
        row, column = self.grower._pixel or (0, 0)
        window = self.grower._window
        return self.grower._distances, row - window.top, column - window.left

    def leave(self) -> None:
        """Close the scene."""
        from qgis.core import QgsProject

        self.bar.unload()
        self.context.close()
        QgsProject.instance().clear()


def flood(alike: np.ndarray, row: int, column: int) -> np.ndarray:
    """The plain way: pixel after pixel."""
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


def polygonize(inside: np.ndarray) -> float:
    """The outline by GDAL; returns its area."""
    raster = gdal.GetDriverByName("MEM").Create("", *inside.shape[::-1], 1, gdal.GDT_Byte)
    raster.GetRasterBand(1).WriteArray(inside.astype(np.uint8))
    vectors = ogr.GetDriverByName("Memory").CreateDataSource("")  # owns its layer
    layer = vectors.CreateLayer("outline")
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer, -1)
    feature = layer.GetNextFeature()
    return float(feature.GetGeometryRef().Area())


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what it gave."""
    started = time.perf_counter()
    result = action()
    return time.perf_counter() - started, result


def others(distances: np.ndarray, row: int, column: int) -> dict[str, list[float]]:
    """Seconds of region and outline at each tolerance: ours, and the plain way."""
    from mambahsi_qgis.pixel_outline import outline
    from mambahsi_qgis.region_growing import region

    seconds: dict[str, list[float]] = {"ours": [], "flood fill and gdal.Polygonize": []}
    for tolerance in TOLERANCES:

        def ours(limit: float = tolerance) -> tuple[np.ndarray, bytes]:
            inside = region(distances, row, column, limit)
            return inside, outline(inside, 0, 0, (0, 1, 0, 0, 0, 1))

        def plain(limit: float = tolerance) -> tuple[np.ndarray, float]:
            inside = flood(distances <= limit, row, column)
            return inside, polygonize(inside)

        took, (inside, wkb) = timed(ours)
        seconds["ours"].append(took)
        took, (expected, area) = timed(plain)
        seconds["flood fill and gdal.Polygonize"].append(took)
        same = (inside == expected).all() and ogr.CreateGeometryFromWkb(wkb).Area() == area
        if not same:
            raise SystemExit(f"Both ways differ at {tolerance} degrees.")
    return seconds


def spread(seconds: list[float]) -> str:
    """Median and worst in milliseconds."""
    return f"{1e3 * statistics.median(seconds):.0f} | {1e3 * max(seconds):.0f}"


def measure(canvas: Any, clicks: int, side: int) -> dict[str, Any]:
    """All figures in seconds, by scene."""
    from qgis.gui import QgsMessageBar

    iface = Interface(canvas, QgsMessageBar())
    figures: dict[str, Any] = {}
    for name, (kind, interleave) in SCENES.items():
        path = RESULTS / f"{kind}_{interleave.lower()}.tif"
        if not path.exists():
            print(f"Making {path.name} ...", file=sys.stderr)
            make_scene(path, kind, interleave)
        path.read_bytes()  # into the operating system's memory
        generator = np.random.default_rng(11)
        found: dict[str, Any] = {key: [] for key in (*CLICK, "moves")}
        for number in range(clicks):
            print(f"\r{name}: click {number + 1}/{clicks}  ", end="", file=sys.stderr)
            person = Person(canvas, iface, path, side)
            row, column = (int(v) for v in generator.integers(0, SIZE, 2))
            for key, seconds in zip(CLICK, person.click(row, column), strict=True):
                found[key].append(seconds)
            found["moves"] += [person.move(tolerance) for tolerance in TOLERANCES]
            if number == 0:
                found["others"] = others(*person.window())
            person.leave()
        figures[name] = found
    print("\r" + " " * 40 + "\r", end="", file=sys.stderr)
    return figures


def table(figures: dict[str, Any], clicks: int, side: int) -> str:
    """The figures as Markdown."""
    lines = [
        f"Window of {side} x {side} pixels, {clicks} clicks, {len(TOLERANCES)} moves after each. "
        "Milliseconds.",
        "",
        "| scene | first preview, median | worst | processor, worst "
        "| whole window, median | worst | processor, worst | slider move, median | worst |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, found in figures.items():
        parts = [spread(found["first"]), f"{1e3 * max(found['first_cpu']):.0f}"]
        parts += [spread(found["whole"]), f"{1e3 * max(found['whole_cpu']):.0f}"]
        parts.append(spread(found["moves"]))
        lines.append(f"| {name} | {' | '.join(parts)} |")
    lines += [
        "",
        "| region and outline, without drawing | median | worst |",
        "|---|---|---|",
    ]
    ways: dict[str, list[float]] = {}
    for found in figures.values():
        for way, seconds in found["others"].items():
            ways.setdefault(way, []).extend(seconds)
    for way, seconds in ways.items():
        median, worst = 1e3 * statistics.median(seconds), 1e3 * max(seconds)
        lines.append(f"| {way} | {median:.1f} | {worst:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Make what is missing, measure, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clicks", type=int, default=12)
    parser.add_argument("--side", type=int, default=201)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "build" / "plugins"))
    from qgis.core import QgsApplication
    from qgis.gui import QgsMapCanvas
    from qgis.PyQt.QtCore import QCoreApplication

    application = QgsApplication([], True)
    application.initQgis()
    # The choices of whoever uses this profile are theirs.
    QCoreApplication.setOrganizationName("mambahsi-benchmark")
    RESULTS.mkdir(parents=True, exist_ok=True)
    canvas = QgsMapCanvas()
    canvas.resize(1000, 800)
    canvas.show()
    load = os.getloadavg()[0]
    figures = measure(canvas, arguments.clicks, arguments.side)
    made = table(figures, arguments.clicks, arguments.side)
    made += f"\n\nLoad of the machine before: {load:.1f}.\n"
    (RESULTS / f"figures_{arguments.side}.json").write_text(json.dumps(figures), encoding="utf-8")
    (RESULTS / f"table_{arguments.side}.md").write_text(made, encoding="utf-8")
    print(made)
    sys.stdout.flush()
    os._exit(0)  # QGIS outside of its own program does not always end well


if __name__ == "__main__":
    main()
