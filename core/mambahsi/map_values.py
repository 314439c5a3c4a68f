"""The classes of a land-cover map, read from the map itself.

A map that this engine wrote carries its class table in its metadata. A map from elsewhere has
values only. Nodata is no class, and neither is 0, which many maps use for it without saying so.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.colors import default_color
from mambahsi.errors import SceneError
from mambahsi.jobs import RasterSource
from mambahsi.scene import Scene

CLASSES_TAG = "MAMBAHSI_CLASSES"
"""Metadata item of a map that holds its class table as JSON, for an assessment to read."""


def written_table(source: RasterSource) -> ClassTable | None:
    """The class table that this engine put into a map, or None in any other map.

    Raises:
        SceneError: There is one, but it is broken.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(source.path) as dataset:
            text = dataset.tags().get(CLASSES_TAG)
    try:
        return ClassTable.from_json(json.loads(text)) if text else None
    except (ValueError, KeyError, TypeError) as error:
        raise SceneError(
            f"Map {source.path} has a class table that cannot be read ({error!r}).",
            f"Classify the scene again, or remove the metadata item {CLASSES_TAG}.",
        ) from error


def table_of_values(values: list[int], first_color: int = 0) -> ClassTable:
    """A table of classes that are known by their values alone."""
    return ClassTable(
        tuple(
            LandCoverClass(value, f"Class {value}", default_color(first_color + i), str(value))
            for i, value in enumerate(values)
        )
    )


def colored_table(source: RasterSource, values: list[int]) -> ClassTable:
    """A table of classes that are known by their values, and by their colors in a paletted map."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(source.path) as dataset:
            try:
                palette = dataset.colormap(1)
            except ValueError:  # it has none
                palette = {}
    return ClassTable(
        tuple(
            replace(item, color="#{:02x}{:02x}{:02x}".format(*palette[item.value][:3]))
            if item.value in palette
            else item
            for item in table_of_values(values)
        )
    )


def refuse_several_bands(scene: Scene) -> None:
    """Refuse a raster that cannot be a map.

    Raises:
        SceneError: It has more than one band besides alpha.
    """
    bands = scene.band_count - len(scene.alpha_bands)
    if bands != 1:
        raise SceneError(
            f"Raster {scene.path} has {bands} bands, and a land-cover map has one.",
            "Choose a land-cover map.",
        )


def read_map(scene: Scene, window: Window | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Class values of a map, and which pixels have one.

    Args:
        scene: A raster of one band.
        window: Part to read; None is everything.

    Returns:
        Values in the raster's type, and bool; both of shape (rows, columns).

    Raises:
        SceneError: The raster holds numbers that are no integers.
    """
    data, valid = scene.read_valid([1], window)
    valid &= data[0] != 0
    values = data[0][valid]
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        raise SceneError(
            f"Raster {scene.path} holds numbers that are no integers.", "Choose a land-cover map."
        )
    return data[0], valid


def no_class(scene: Scene) -> SceneError:
    """The error for a map without any class."""
    return SceneError(
        f"Raster {scene.path} holds no class: all its pixels are nodata or 0.",
        "Choose a land-cover map.",
    )
