"""Labeling the regions of a map of any size.

Rows are cut into runs of one class, runs that touch are joined to regions (connected components
of a graph), strip by strip; then the regions of different strips that touch across the seams are
joined. Labels of strips go to a temporary raster, and a table tells which region each belongs to.
Regions are numbered by their first pixel, row by row, whatever the strips.

Pixels without a class belong to no region and separate regions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mambahsi import cancellation
from mambahsi.areas.ellipsoid_area import EllipsoidArea
from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback
from mambahsi.landcover import RasterWriter
from mambahsi.map_values import no_class, read_map, refuse_several_bands
from mambahsi.scene import Scene

Integers = NDArray[np.int64]

STRIP_BYTES = 2**20
"""Map pixels labeled together, in bytes of the file's type; work takes about 100 times that."""

_LARGEST_LABEL = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a map.

    Attributes:
        values: Class value of each; int64, shape (regions,).
        pixels: Pixels of each; int64, shape (regions,).
        hectares: Area of each on the ellipsoid, 0 where nothing is known of it; float64.
        edges: Pairs of regions that touch, each once, the smaller number first; (pairs, 2).
    """

    values: Integers
    pixels: Integers
    hectares: NDArray[np.float64]
    edges: Integers


@dataclass(frozen=True, eq=False)
class Labeled:
    """A labeled map.

    Attributes:
        regions: Its regions.
        path: Raster of labels, 0 where there is no class.
        region_of: Region of each label, counted from 0; that of label 0 is -1; (labels,).
    """

    regions: Regions
    path: Path
    region_of: Integers


def label_regions(
    scene: Scene, area: EllipsoidArea | None, connectivity: str, path: Path, feedback: Feedback
) -> Labeled:
    """Label the regions of a map.

    Args:
        scene: The map.
        area: Areas of its pixels, if anything is known about them.
        connectivity: ``4`` joins pixels across edges, ``8`` across corners, too.
        path: Temporary raster to write.
        feedback: Told how far it is.

    Raises:
        SceneError: The raster is no map, or holds no class.
        OutputError: The temporary raster cannot be written.
        Cancelled: The user asked to stop.
    """
    refuse_several_bands(scene)
    corners = connectivity == "8"
    collected: dict[str, list[NDArray[Any]]] = {
        name: [] for name in ("values", "pixels", "hectares", "joined", "edges")
    }
    count = 0
    above: tuple[NDArray[Any], Integers] | None = None
    labels_of_file: dict[str, Any] = {"count": 1, "dtype": "int32", "nodata": 0, "options": {}}
    with RasterWriter(path, scene.grid, {}, **labels_of_file) as writer:
        for window, values, valid in _strips(scene, feedback):
            strip = _label_strip(values, valid, corners)
            labels = np.where(strip.labels > 0, strip.labels + count, 0)
            n = len(strip.values)
            if count + n > _LARGEST_LABEL:
                raise SceneError(
                    f"Map {scene.path} has more than {_LARGEST_LABEL:,} regions.",
                    "Smooth it first, or cut it into parts.",
                )
            collected["values"].append(strip.values)
            collected["pixels"].append(np.bincount(strip.labels.ravel(), minlength=n + 1)[1:])
            sizes = np.zeros((len(values), 1))
            if area is not None:
                sizes = area.of_rows(window.row_off, window.height)
            weights = np.broadcast_to(sizes, labels.shape).ravel()
            summed = np.bincount(strip.labels.ravel(), weights=weights, minlength=n + 1)
            collected["hectares"].append(summed[1:])
            collected["edges"].append(strip.edges + count)
            if above is not None:
                rows = np.stack([above[0], values[0]]), np.stack([above[1], labels[0]])
                joined, edges = _neighbors(*rows, corners, across=False)
                collected["joined"].append(joined)
                collected["edges"].append(edges)
            writer.write(slice(window.row_off, window.row_off + window.height), labels[np.newaxis])
            above = values[-1], labels[-1]
            count += n
    if not count:
        raise no_class(scene)
    return _join_strips(collected, count, path)


def _strips(
    scene: Scene, feedback: Feedback
) -> Iterator[tuple[Window, NDArray[Any], NDArray[np.bool_]]]:
    for window in scene.windows(1, STRIP_BYTES):
        cancellation.raise_if_requested()
        values, valid = read_map(scene, window)
        if values.dtype.kind == "f":
            values = np.where(valid, values, 0).astype(np.int64)
        yield window, values, valid
        done = (window.row_off + window.height) / scene.grid.height
        feedback.progress(done, "Finding regions")


@dataclass(frozen=True, eq=False)
class _Strip:
    """Labels from 1 (rows, columns), class value by label less 1, and labels that touch."""

    labels: Integers
    values: Integers
    edges: Integers


def _label_strip(values: NDArray[Any], valid: NDArray[np.bool_], corners: bool) -> _Strip:
    starts = np.ones(values.shape, dtype=bool)
    starts[:, 1:] = (values[:, 1:] != values[:, :-1]) | (valid[:, 1:] != valid[:, :-1])
    runs: Integers = np.cumsum(starts.ravel()).reshape(values.shape)
    # Numbers from 1, 0 where there is no class.
    runs[~valid] = 0
    number = int(runs.max(initial=0))
    joined, _ = _neighbors(values, runs, corners)
    component = components(joined, number + 1)
    is_used = np.zeros(int(component.max()) + 1, dtype=bool)
    is_used[component[runs[valid]]] = True
    renumbered = np.cumsum(is_used)
    labels: Integers = np.where(valid, renumbered[component[runs]], 0)
    _, edges = _neighbors(values, labels, corners)
    of_label = np.zeros(int(is_used.sum()) + 1, dtype=np.int64)
    of_label[labels[valid]] = values[valid]
    return _Strip(labels, of_label[1:], edges)


def _neighbors(
    values: NDArray[Any], labels: Integers, corners: bool, across: bool = True
) -> tuple[Integers, Integers]:
    """Pairs of labels that touch: of the same class, and of different ones.

    Args:
        values: Class values; (rows, columns).
        labels: Labels, 0 without class; the same shape.
        corners: Whether pixels touch at corners, too.
        across: Whether neighbors in a row count; otherwise only those of different rows.

    Returns:
        Both int64, shape (pairs, 2); of the first, a pair may be there several times, of the
        second once, the smaller label first.
    """
    up, down, everything = slice(None, -1), slice(1, None), slice(None)
    shifts: list[tuple[tuple[slice, slice], tuple[slice, slice]]]
    shifts = [((up, everything), (down, everything))]
    if across:
        shifts.append(((everything, up), (everything, down)))
    if corners:
        shifts += [((up, up), (down, down)), ((up, down), (down, up))]
    same, different = [], []
    for one, other in shifts:
        first, second = labels[one], labels[other]
        touch = (first != second) & (first > 0) & (second > 0)
        equal = (values[one] == values[other])[touch]
        pairs = np.stack([first[touch], second[touch]], axis=1)
        same.append(_without_repetition(pairs[equal]))
        different.append(_without_repetition(pairs[~equal]))
    return np.concatenate(same), unique_pairs(np.concatenate(different))


def _without_repetition(pairs: Integers) -> Integers:
    """The pairs without those that repeat the one before, as neighbors along a border do."""
    if not len(pairs):
        return pairs
    is_new = np.ones(len(pairs), dtype=bool)
    is_new[1:] = (pairs[1:, 0] != pairs[:-1, 0]) | (pairs[1:, 1] != pairs[:-1, 1])
    return pairs[is_new]


def unique_pairs(pairs: Integers) -> Integers:
    """Each pair of different numbers once, the smaller first; (pairs, 2), sorted."""
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    factor = int(high.max(initial=0)) + 1
    keys = np.unique((low * factor + high)[low != high])
    return np.stack(np.divmod(keys, factor), axis=1)


def components(pairs: Integers, number: int) -> Integers:
    """Component of each of so many nodes that pairs join, numbered by their first node."""
    links = coo_matrix((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), (number,) * 2)
    found: Integers = connected_components(links, directed=False)[1].astype(np.int64)
    return found


def contract(regions: Regions, component: Integers, values: Integers) -> Regions:
    """Regions made of others.

    Args:
        regions: The others.
        component: New region of each, from 0 without gaps.
        values: Class value of each new region.
    """
    number = len(values)
    return Regions(
        values,
        np.bincount(component, regions.pixels, number).astype(np.int64),
        np.bincount(component, regions.hectares, number).astype(np.float64),
        unique_pairs(component[regions.edges]),
    )


def _join_strips(collected: dict[str, list[NDArray[Any]]], count: int, path: Path) -> Labeled:
    nothing = np.empty((0, 2), dtype=np.int64)
    joined, edges = (np.concatenate([nothing, *collected[name]]) for name in ("joined", "edges"))
    parts = Regions(
        np.concatenate(collected["values"]),
        np.concatenate(collected["pixels"]),
        np.concatenate(collected["hectares"]),
        edges - 1,
    )
    component = components(joined - 1, count)
    values = np.zeros(int(component.max()) + 1, dtype=np.int64)
    values[component] = parts.values
    return Labeled(contract(parts, component, values), path, np.concatenate([[-1], component]))
