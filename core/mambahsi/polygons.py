"""From the features of a layer to single polygons and points in pixel coordinates.

In pixel coordinates x is the column and y the row, counted from the upper left corner of
the scene, so rotated grids, any CRS and no georeference at all are the same from here on.

Features with several parts fall apart into single polygons or points, because it is those
that lie somewhere and can be kept apart by a split: a layer that was dissolved by class
would otherwise have one polygon for each class, spread over the scene. Parts of a feature
that touch each other, at a corner for example, still count as one.

Scenes without georeference need care. QGIS shows them with rows counted downwards into
negative y, so labels drawn there have y from -height to 0; they are recognized by where
they lie and turned over. And a CRS on one side only says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mambahsi.errors import LabelsError
from mambahsi.grid import Grid
from mambahsi.reprojection import is_known, reproject
from mambahsi.vectors import VectorLayer

_POINT, _POLYGON = 0, 3
_LINES = (1, 2, 5)


@dataclass(eq=False)
class Shapes:
    """Single polygons and points.

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

    def keep(self, chosen: np.ndarray) -> None:
        """Drop all shapes but the chosen ones."""
        self.geometries, self.features = self.geometries[chosen], self.features[chosen]

    def groups(self) -> np.ndarray:
        """Number of the polygon that each shape belongs to; int32, shape (shapes,).

        Shapes of one feature that touch each other, directly or through others, are one.
        """
        _, feature, parts = np.unique(self.features, return_inverse=True, return_counts=True)
        several = np.flatnonzero(parts[feature] > 1)
        tree = shapely.STRtree(self.geometries[several])
        a, b = several[tree.query(self.geometries[several], predicate="intersects")]
        together = self.features[a] == self.features[b]
        pairs = (np.ones(together.sum(), dtype=bool), (a[together], b[together]))
        graph = coo_array(pairs, shape=(len(self.features), len(self.features)))
        numbers: np.ndarray = connected_components(graph, directed=False)[1]
        return numbers.astype(np.int32)

    def note(self, what: str, count: int) -> None:
        """Note what happened to how many shapes, if to any."""
        if count:
            self.notes.append(f"{what}: {count}.")


def to_pixel_shapes(layer: VectorLayer, grid: Grid) -> Shapes:
    """Polygons and points of a layer, in pixel coordinates, that touch the scene.

    Raises:
        LabelsError: There are none; where there are some outside the scene, the message
            gives both extents.
    """
    shapes = Shapes(layer.geometries, np.arange(len(layer.geometries)))
    _split_parts(shapes)
    _repair(shapes)
    if not len(shapes.geometries):
        raise LabelsError(
            f"Labels {layer.label} hold no polygon and no point that can be used. "
            + " ".join(shapes.notes),
            "Draw polygons or points and give each a class.",
        )
    _to_scene_crs(shapes, layer, grid)
    _flip_if_drawn_in_qgis(shapes, grid)
    extent = shapely.total_bounds(shapes.geometries)
    _to_pixels(shapes, grid)

    scene = shapely.box(0, 0, grid.width, grid.height)
    inside = shapely.intersects(shapes.geometries, scene)
    # The lower and right edges of the scene belong to no pixel.
    points = inside & (shapely.get_type_id(shapes.geometries) == _POINT)
    at = shapely.get_coordinates(shapes.geometries[points])
    inside[points] = (at < (grid.width, grid.height)).all(axis=1)
    if not inside.any():
        raise _outside(layer, grid, extent)
    shapes.note("Polygons or points outside the scene, left out", int((~inside).sum()))
    shapes.keep(inside)
    # A polygon that ends with the scene may stick out by what reprojecting it rounded.
    partly = ~shapely.covered_by(shapes.geometries, shapely.buffer(scene, 1e-3, join_style="mitre"))
    shapes.note("Polygons partly outside the scene, used as far as inside", int(partly.sum()))
    return shapes


def _split_parts(shapes: Shapes) -> None:
    """Leave out what has no place or no area, and take multi-part features apart."""
    missing = shapely.is_missing(shapes.geometries) | shapely.is_empty(shapes.geometries)
    shapes.note("Features without geometry, left out", int(missing.sum()))
    shapes.keep(~missing)
    while (shapely.get_type_id(shapes.geometries) > _POLYGON).any():
        parts, index = shapely.get_parts(shapes.geometries, return_index=True)
        shapes.geometries, shapes.features = parts, shapes.features[index]
    lines = np.isin(shapely.get_type_id(shapes.geometries), _LINES)
    shapes.note("Lines, which are no labels, left out", int(lines.sum()))
    shapes.keep(~lines & ~shapely.is_empty(shapes.geometries))


def _repair(shapes: Shapes) -> None:
    """Make invalid polygons valid, and drop those without area and what is not finite."""
    finite = np.isfinite(shapely.bounds(shapes.geometries)).all(axis=1)
    shapes.note("Geometries with coordinates that are no numbers, left out", int((~finite).sum()))
    shapes.keep(finite)
    invalid = ~shapely.is_valid(shapes.geometries)
    if not invalid.any():
        return
    shapes.note("Polygons with an invalid geometry, repaired", int(invalid.sum()))
    valid = _made_valid(shapes.geometries[invalid])
    flat = shapely.is_empty(valid)
    shapes.note("Polygons of these that have no area, left out", int(flat.sum()))
    repaired, index = shapely.get_parts(valid[~flat], return_index=True)
    features = shapes.features[invalid][~flat][index]
    shapes.geometries = np.concatenate([shapes.geometries[~invalid], repaired])
    shapes.features = np.concatenate([shapes.features[~invalid], features])


def _made_valid(polygons: np.ndarray) -> np.ndarray:
    """Valid polygons or multi-polygons that cover what was meant; empty without area."""
    valid: np.ndarray = shapely.make_valid(polygons, method="structure", keep_collapsed=False)
    return valid


def _to_scene_crs(shapes: Shapes, layer: VectorLayer, grid: Grid) -> None:
    """Bring the geometries into the scene's CRS, as far as both sides have one."""
    if not is_known(layer.crs):
        if is_known(grid.crs):
            shapes.notes.append("The labels have no CRS; the scene's is assumed.")
        return
    if not is_known(grid.crs):
        shapes.notes.append(
            "The scene has no CRS; the coordinates of the labels are taken as the scene's."
        )
        return
    moved = reproject(shapes.geometries, layer.crs, grid.crs, layer.label)
    if moved is None:
        return
    shapes.logs.append("The labels are brought from their CRS to the scene's.")
    shapes.geometries = moved
    placed = np.isfinite(shapely.bounds(moved)).all(axis=1)
    shapes.note("Geometries without a place in the scene's CRS, left out", int((~placed).sum()))
    shapes.keep(placed)


def _flip_if_drawn_in_qgis(shapes: Shapes, grid: Grid) -> None:
    """Turn labels over that lie where QGIS draws a scene without georeference."""
    if grid.has_transform:
        return
    _, low, _, high = shapely.total_bounds(shapes.geometries)
    overlap_as_drawn = min(high, grid.height) - max(low, 0.0)
    overlap_turned = min(-low, grid.height) - max(-high, 0.0)
    if overlap_turned <= overlap_as_drawn or overlap_turned < 0:
        return
    shapes.logs.append(
        "The scene has no georeference and the labels lie at negative y, as QGIS draws such "
        "scenes: row r of the scene is y = -r there."
    )
    shapes.geometries = shapely.transform(shapes.geometries, lambda xy: xy * (1.0, -1.0))


def _to_pixels(shapes: Shapes, grid: Grid) -> None:
    shapes.geometries = shapely.transform(shapes.geometries, grid.to_pixels)
    # Moving vertices can make touching edges cross, by rounding; predicates need validity.
    broken = ~shapely.is_valid(shapes.geometries)
    shapes.geometries[broken] = _made_valid(shapes.geometries[broken])


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
