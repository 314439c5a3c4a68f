"""Pictures of the screen in few colors: a third as large as in all, with letters as sharp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from osgeo import gdal, gdal_array
from qgis.PyQt.QtGui import QImage
from qgis.PyQt.QtWidgets import QApplication

COLORS, EXACT = 256, 128
"""Colors of a picture, and how many of them are the window's own."""


def picture(path: Path) -> None:
    """Save the screen as a PNG of 256 colors, which is a third as large as one of all."""
    screen = QApplication.primaryScreen().grabWindow(0).toImage()
    screen = screen.convertToFormat(QImage.Format.Format_RGB888)
    width, height = screen.width(), screen.height()
    bits = screen.constBits()
    bits.setsize(screen.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(height, screen.bytesPerLine())
    pixels = rows[:, : 3 * width].reshape(-1, 3).astype(np.int32)
    packed = pixels @ np.array([65536, 256, 1], np.int32)
    distinct, where, counts = np.unique(packed, return_inverse=True, return_counts=True)
    colors = _unpacked(distinct)
    table = _palette(colors, counts)
    indices = _nearest(colors, table)[where].reshape(height, width)
    file = gdal.GetDriverByName("MEM").Create("", width, height, 1, gdal.GDT_Byte)
    entries = gdal.ColorTable()
    for index, color in enumerate(table.tolist()):
        entries.SetColorEntry(index, tuple(color))
    file.GetRasterBand(1).SetColorTable(entries)
    file.GetRasterBand(1).WriteArray(indices)
    path.parent.mkdir(parents=True, exist_ok=True)
    gdal.GetDriverByName("PNG").CreateCopy(str(path), file, options=["ZLEVEL=9"])
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)


def _palette(colors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """256 colors for a picture: those of the window as they are, and for the scene the best.

    Args:
        colors: Distinct colors, (n, 3).
        counts: How many pixels have each.
    """
    order = np.argsort(-counts)
    exact, others = order[:EXACT], order[EXACT:]
    if len(others) <= COLORS - EXACT:
        return colors[order]
    # By the root of their number: else a large scene leaves nothing for what is small.
    sample = np.repeat(colors[others], np.ceil(np.sqrt(counts[others])).astype(int), axis=0)
    bands = gdal_array.OpenArray(np.ascontiguousarray(sample.T[:, None, :].astype(np.uint8)))
    table = gdal.ColorTable()
    rest = COLORS - EXACT
    gdal.ComputeMedianCutPCT(*(bands.GetRasterBand(band) for band in (1, 2, 3)), rest, table)
    found = [table.GetColorEntry(index)[:3] for index in range(min(table.GetCount(), rest))]
    return np.concatenate([colors[exact], np.array(found, np.int32)])


def _nearest(colors: np.ndarray, table: np.ndarray) -> np.ndarray:
    """The nearest color of a table for each; without dither, so that letters stay sharp."""
    found = np.empty(len(colors), np.uint8)
    for start in range(0, len(colors), 4096):
        apart = colors[start : start + 4096, None] - table[None]
        found[start : start + 4096] = (apart**2).sum(axis=2).argmin(axis=1)
    return found


def _unpacked(packed: np.ndarray) -> np.ndarray:
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=1)
