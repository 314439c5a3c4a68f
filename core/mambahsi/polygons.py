"""From the features of a layer to single polygons and points in pixel coordinates.

In pixel coordinates x is the column and y the row, counted from the upper left corner of
the scene, so rotated grids, any CRS and no georeference at all are the same from here on.

Features with several parts fall apart into single polygons or points, because it is those
that lie somewhere and can be kept apart by a split: a layer that was dissolved by class
would otherwise have one polygon for each class, spread over the scene.

Two things are not what they seem in scenes without georeference. QGIS shows them with rows
counted downwards into negative y, so labels drawn there have y from -height to 0; they are
recognized by where they lie and turned over. And a CRS on one side only says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as transform_coordinates

from mambahsi.errors import LabelsError
from mambahsi.grid import Grid
from mambahsi.vectors import VectorLayer

_POINT, _POLYGON = 0, 3
_LINES = (1, 2, 5)


@dataclass(eq=False)
class Shapes:
    """Single polygons and points in pixel coordinates, that touch the scene.

    Attributes:
        geometries: Object array of shape (shapes,).
        features: Number of the feature that each comes from; int64, shape (shapes,).
        notes: What was left out or repaired, with counts, for the user.
        logs: Facts worth keeping.
    """

    geometries: np.ndarray
    features: np.ndarray
    notes: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    @property
    def is_point(self) -> np.ndarray:
        """Which shapes are points; the others are polygons."""
        return shapely.get_type_id(self.geometries) == _POINT


def to_pixel_shapes(layer: VectorLayer, grid: Grid) -> Shapes:
    """Polygons and points of a layer that lie in the scene, at least in part.

    Raises:
        LabelsError: Nothing is left, or nothing lies in the scene; the message gives both
            extents.
    """
    shapes = Shapes(layer.geometries, np.arange(len(layer.geometries)))
    _split_parts(shapes)
    _repair(shapes)
    if not len(shapes.geometries):
        raise LabelsError(
            f"Labels {layer.label} hold no polygon and no point. {' '.join(shapes.notes)}".strip(),
            "Draw polygons or points and give each a class.",
        )
    mapped = _to_scene_crs(shapes, layer, grid)
    mapped = _flip_if_drawn_in_qgis(shapes, mapped, grid)
    pixels = shapely.transform(mapped, grid.to_pixels)
    # Transforming can make touching edges cross, by rounding; predicates need validity.
    broken = ~shapely.is_valid(pixels)
    pixels[broken] = shapely.make_valid(pixels[broken])

    scene = shapely.box(0, 0, grid.width, grid.height)
    finite = np.isfinite(shapely.bounds(pixels)).all(axis=1)
    inside = finite & shapely.intersects(pixels, scene)
    points = shapely.get_type_id(pixels) == _POINT
    # The lower and right edges of the scene belong to no pixel.
    at = shapely.get_coordinates(pixels[points & inside])
    inside[points & inside] = (at >= 0).all(axis=1) & (at < (grid.width, grid.height)).all(axis=1)
    if not inside.any():
        raise _outside(layer, grid, shapely.total_bounds(mapped))
    _note(shapes, int((~inside).sum()), "lie outside the scene and are left out")
    _note(
        shapes,
        int((inside & ~shapely.covered_by(pixels, scene)).sum()),
        "lie partly outside the scene; the part inside is used",
    )
    shapes.geometries, shapes.features = pixels[inside], shapes.features[inside]
    return shapes


def _note(shapes: Shapes, count: int, what: str) -> None:
    if count:
        shapes.notes.append(f"{count} polygons or points {what}.")


def _split_parts(shapes: Shapes) -> None:
    """Leave out what has no place or no area, and take multi-part features apart."""
    missing = shapely.is_missing(shapes.geometries) | shapely.is_empty(shapes.geometries)
    if missing.any():
        shapes.notes.append(f"{int(missing.sum())} features have no geometry and are left out.")
    shapes.geometries, shapes.features = shapes.geometries[~missing], shapes.features[~missing]
    while (shapely.get_type_id(shapes.geometries) > _POLYGON).any():
        parts, index = shapely.get_parts(shapes.geometries, return_index=True)
        shapes.geometries, shapes.features = parts, shapes.features[index]
    kinds = shapely.get_type_id(shapes.geometries)
    lines = np.isin(kinds, _LINES)
    if lines.any():
        shapes.notes.append(
            f"{int(lines.sum())} lines are left out: labels are polygons or points."
        )
    keep = ~lines & ~shapely.is_empty(shapes.geometries)
    shapes.geometries, shapes.features = shapes.geometries[keep], shapes.features[keep]


def _repair(shapes: Shapes) -> None:
    """Make invalid polygons valid; keep the polygons of what comes out."""
    invalid = ~shapely.is_valid(shapes.geometries)
    if not invalid.any():
        return
    shapes.notes.append(f"{int(invalid.sum())} polygons had an invalid geometry and were repaired.")
    repaired = shapely.make_valid(shapes.geometries[invalid])
    owners = shapes.features[invalid]
    while (shapely.get_type_id(repaired) > _POLYGON).any():
        repaired, index = shapely.get_parts(repaired, return_index=True)
        owners = owners[index]
    areas = (shapely.get_type_id(repaired) == _POLYGON) & ~shapely.is_empty(repaired)
    shapes.geometries = np.concatenate([shapes.geometries[~invalid], repaired[areas]])
    shapes.features = np.concatenate([shapes.features[~invalid], owners[areas]])


def _to_scene_crs(shapes: Shapes, layer: VectorLayer, grid: Grid) -> np.ndarray:
    """The geometries in the scene's CRS, as far as both sides have one."""
    if not layer.crs:
        if grid.crs:
            shapes.notes.append("The labels have no CRS; the scene's is assumed.")
        return shapes.geometries
    if not grid.crs:
        shapes.notes.append(
            "The scene has no CRS; the coordinates of the labels are taken as the scene's."
        )
        return shapes.geometries
    try:
        # rasterio's own GDAL looks the CRS up, so its settings must be in place.
        with rasterio.Env():
            own, scene = CRS.from_user_input(layer.crs), CRS.from_user_input(grid.crs)
            if own == scene:
                return shapes.geometries
            coordinates = shapely.get_coordinates(shapes.geometries)
            xs, ys = transform_coordinates(own, scene, coordinates[:, 0], coordinates[:, 1])
    except CRSError as error:
        raise LabelsError(
            f"Labels {layer.label} have a CRS that is not understood: {error}",
            "Give the layer a known CRS.",
        ) from error
    except RasterioError as error:
        raise LabelsError(
            f"Labels {layer.label} cannot be brought to the scene's CRS: {error}",
            "Check the CRS of both.",
        ) from error
    shapes.logs.append("The labels are brought from their CRS to the scene's.")
    moved = shapes.geometries.copy()
    shapely.set_coordinates(moved, np.column_stack([xs, ys]))
    return moved


def _flip_if_drawn_in_qgis(shapes: Shapes, mapped: np.ndarray, grid: Grid) -> np.ndarray:
    """Turn labels over that lie where QGIS draws a scene without georeference."""
    if grid.has_transform:
        return mapped
    _, south, _, north = shapely.total_bounds(mapped)
    overlap_as_drawn = min(north, grid.height) - max(south, 0.0)
    overlap_turned = min(-south, grid.height) - max(-north, 0.0)
    if overlap_turned <= overlap_as_drawn or overlap_turned < 0:
        return mapped
    shapes.logs.append(
        "The scene has no georeference and the labels lie at negative y, as QGIS draws such "
        "scenes: row r of the scene is y = -r there."
    )
    turned: np.ndarray = shapely.transform(mapped, lambda xy: xy * (1.0, -1.0))
    return turned


def _outside(layer: VectorLayer, grid: Grid, bounds: np.ndarray) -> LabelsError:
    return LabelsError(
        f"Labels {layer.label} lie wholly outside the scene: they extend over "
        f"{_extent(tuple(bounds))}, the scene over {_extent(grid.bounds)}, both in the "
        f"{'CRS' if grid.crs else 'coordinates'} of the scene.",
        "Check that both show the same place and that their CRS are right.",
    )


def _extent(bounds: tuple[float, ...]) -> str:
    west, south, east, north = bounds
    return f"x {west:.10g} to {east:.10g}, y {south:.10g} to {north:.10g}"
