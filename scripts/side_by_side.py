"""Draw a scene, its labels and its land-cover map side by side, with a legend.

    side_by_side.py SCENE LABELS MAP PNG

Runs in QGIS's Python and reads everything with GDAL, as any other program would: colors and
class names come from the map's own color table and category names.
"""

from __future__ import annotations

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch
from osgeo import gdal, ogr

gdal.UseExceptions()
ogr.UseExceptions()

SHOWN_BANDS = (51, 28, 18)
"""Shown as red, green and blue: near infrared, red and green light, so vegetation is red."""

UNLABELED = np.array([235, 235, 235], dtype=np.uint8)


def picture(scene: gdal.Dataset) -> np.ndarray:
    """The scene in three bands, each stretched; (rows, columns, 3) uint8."""
    bands = [scene.GetRasterBand(band).ReadAsArray().astype(float) for band in SHOWN_BANDS]
    stretched = []
    for band in bands:
        low, high = np.percentile(band, (2, 98))
        stretched.append(np.clip((band - low) / (high - low), 0, 1))
    return (np.dstack(stretched) * 255).astype(np.uint8)


def palette(land_cover: gdal.Dataset) -> np.ndarray:
    """The map's colors by value: (entries, 3) uint8; 0 is unlabeled."""
    table = land_cover.GetRasterBand(1).GetColorTable()
    colors = [table.GetColorEntry(value)[:3] for value in range(table.GetCount())]
    colors[0] = tuple(UNLABELED)
    return np.array(colors, dtype=np.uint8)


def burn(labels: str, like: gdal.Dataset) -> np.ndarray:
    """The labels' class values on the grid of ``like``: (rows, columns) uint16."""
    target = gdal.GetDriverByName("MEM").Create("", like.RasterXSize, like.RasterYSize, 1, 2)
    target.SetGeoTransform(like.GetGeoTransform())
    target.SetProjection(like.GetProjection())
    layer = ogr.Open(labels)
    gdal.RasterizeLayer(target, [1], layer.GetLayer(0), options=["ATTRIBUTE=class_id"])
    return target.ReadAsArray()


def draw(scene_path: str, labels_path: str, map_path: str, png: str) -> None:
    """Write the picture."""
    scene, land_cover = gdal.Open(scene_path), gdal.Open(map_path)
    colors = palette(land_cover)
    names = land_cover.GetRasterBand(1).GetCategoryNames()
    values = land_cover.ReadAsArray()
    labels = burn(labels_path, scene)

    figure, axes = plt.subplots(1, 3, figsize=(15, 6.4))
    panels = {
        "Scene (near infrared, red, green)": picture(scene),
        "Labeled fields": colors[labels],
        "Land-cover map": colors[values],
    }
    for axis, (title, image) in zip(axes, panels.items(), strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title)
        axis.set_axis_off()
    used = [value for value in np.union1d(np.unique(labels), np.unique(values)) if value]
    keys = [Patch(facecolor=colors[v] / 255, edgecolor="0.4", label=names[v]) for v in used]
    keys.append(Patch(facecolor=UNLABELED / 255, edgecolor="0.4", label="unlabeled"))
    figure.legend(handles=keys, loc="lower center", ncol=6, frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.13, 1, 1))
    figure.savefig(png, dpi=90)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    draw(*sys.argv[1:])
