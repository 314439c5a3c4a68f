"""Interpreted sample points against a map: which class each has on both, and in which stratum.

The points come from :mod:`~mambahsi.areas.sample_file`, or from elsewhere. Ours carry stratum and
stratum sizes, so they are recognized and may be used for any map of the area. Points from
elsewhere were drawn, the user says, at random from the whole map or from each of its classes; in
both cases the map's classes serve as strata (after Olofsson et al. 2014, section 4.3, the
estimators of a stratified sample also serve a simple random one: poststratification).

Every interpreted point counts. One whose reference class the map does not know is an error of
the map, and its class has an area, too; leaving it out would bias all figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from mambahsi.areas.drawing import MapClasses, values_at
from mambahsi.areas.estimators import Sample, Strata
from mambahsi.areas.pixel_area import PixelArea
from mambahsi.areas.sample_file import (
    OTHER_CLASS,
    OTHER_NAME,
    STRATUM,
    STRATUM_HA,
    STRATUM_PIXELS,
)
from mambahsi.class_values import ClassValues, best_reading, read_class_values
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.colors import default_color
from mambahsi.errors import LabelsError
from mambahsi.feedback import Feedback
from mambahsi.jobs import SAMPLE_FIELDS, VectorSource
from mambahsi.polygons import to_pixel_shapes
from mambahsi.scene import Scene
from mambahsi.vectors import VectorLayer, field_names, read_layer

Integers = NDArray[np.int64]

_POINTS = (0, 4)  # shapely's numbers of points and multi-points


@dataclass(frozen=True, eq=False)
class Interpreted:
    """An interpreted sample and the map.

    Attributes:
        sample: The sampled pixels.
        strata: The strata.
        table: The map's classes, then those that only the reference has.
        strata_names: What the strata are called; one for each.
        by_map: Whether the strata are the map's own classes.
        points: Points of the layer, interpreted or not.
    """

    sample: Sample
    strata: Strata
    table: ClassTable
    strata_names: list[str]
    by_map: bool
    points: int


def carries_design(source: VectorSource) -> bool:
    """Whether a layer is a sample that this engine drew.

    Raises:
        LabelsError: The layer cannot be read.
    """
    return {STRATUM, STRATUM_PIXELS} <= set(field_names(source))


def read_sample(
    source: VectorSource,
    class_field: str,
    scene: Scene,
    classes: MapClasses,
    table: ClassTable,
    area: PixelArea,
    *,
    stratified: bool,
    feedback: Feedback,
) -> Interpreted:
    """Read a sample.

    Args:
        source: The points.
        class_field: Field with the reference class.
        scene: The map.
        classes: What the map holds.
        table: Its classes; every value of the map is among theirs.
        area: Areas of its pixels.
        stratified: Whether strata that the points carry are to be used.
        feedback: Told what was left out.

    Raises:
        LabelsError: The layer holds no points or no class, or contradicts itself or the map.
    """
    known = field_names(source)
    strata_fields = [name for name in SAMPLE_FIELDS if stratified and name in known]
    layer = read_layer(source, [class_field, *strata_fields])
    _refuse_other_shapes(layer)
    found = read_class_values(layer.fields[class_field], class_field, layer.label)
    _tell_gaps(found, layer.label, feedback)
    ours = STRATUM_PIXELS in strata_fields and STRATUM in strata_fields
    table, class_of = _join(found, table, by_value=ours)
    rows, columns, features, values = _place(layer, found.codes >= 0, scene, ours, feedback)
    value_index = {int(value): i for i, value in enumerate(table.values)}
    sample = Sample(
        np.zeros(len(rows), dtype=np.int64),
        np.array([value_index[int(value)] for value in values], dtype=np.int64),
        class_of[found.codes[features]],
        area.at(rows, columns),
    )
    own = np.array([value_index[int(value)] for value in classes.values], dtype=np.int64)
    names = [table[int(i)].name for i in own]
    by_map = Strata(classes.pixels, classes.areas, own)
    in_class = replace(sample, stratum=np.searchsorted(classes.values, values))
    carried = {name: layer.fields[name] for name in strata_fields}
    points = len(found.codes)
    if not carried or _fits_map(carried, features, values, classes, table, ours):
        return Interpreted(in_class, by_map, table, names, True, points)
    if not ours:
        raise LabelsError(
            f"Sample {layer.label} was stratified by something else than this map (field "
            f"{STRATUM!r}), and does not say how large its strata are (field {STRATUM_PIXELS!r}).",
            "Assess the map that the sample was drawn from, or add the field.",
        )
    stratum, strata, texts = _carried(carried, features, sample.areas, area, layer.label)
    return Interpreted(replace(sample, stratum=stratum), strata, table, texts, False, points)


def _refuse_other_shapes(layer: VectorLayer) -> None:
    types = shapely.get_type_id(layer.geometries[~shapely.is_missing(layer.geometries)])
    if not np.isin(types, _POINTS).all():
        raise LabelsError(
            f"Reference {layer.label} holds polygons or lines, which are no probability sample: "
            "nobody can tell how likely each of their pixels was to be chosen.",
            "Give sample points, such as those of a sample design, or assess without a design.",
        )


def _tell_gaps(found: ClassValues, label: str, feedback: Feedback) -> None:
    gaps = int((found.codes < 0).sum())
    if gaps:
        feedback.warning(
            f"{label}: {gaps} of {len(found.codes)} sample points have no reference class and are "
            "left out. That does no harm where they are simply not interpreted yet, in the order "
            "of the points; where they were skipped for being difficult, it biases all figures."
        )


def _join(found: ClassValues, table: ClassTable, by_value: bool) -> tuple[ClassTable, Integers]:
    """The map's classes with those that only the reference has, and which each of its is."""
    if by_value and found.integers is not None:
        position = {c.value: i for i, c in enumerate(table)}
        class_of = [position.get(value, -1) for value in found.integers]
    else:
        class_of = best_reading(found, table)
    further: list[LandCoverClass] = []
    for i, text in enumerate(found.originals):
        if class_of[i] >= 0:
            continue
        class_of[i] = len(table) + len(further)
        value, name = max([0, *table.values.tolist(), *(c.value for c in further)]) + 1, text
        if found.integers is not None:
            value = found.integers[i]
            name = OTHER_NAME if value == OTHER_CLASS else f"Class {value}"
        further.append(LandCoverClass(value, name, default_color(class_of[i]), text))
    return ClassTable((*table, *further)), np.array(class_of, dtype=np.int64)


def _place(
    layer: VectorLayer, chosen: NDArray[np.bool_], scene: Scene, ours: bool, feedback: Feedback
) -> tuple[Integers, Integers, Integers, Integers]:
    """Row, column, feature and map value of every chosen point that lies on the map."""
    numbers = np.flatnonzero(chosen)
    shapes = to_pixel_shapes(replace(layer, geometries=layer.geometries[chosen]), scene.grid)
    if len(np.unique(shapes.features)) < len(shapes.features):
        raise LabelsError(
            f"Sample {layer.label} has features of several points.",
            "Split them into single points: each is a unit of the sample.",
        )
    columns, rows = np.floor(shapely.get_coordinates(shapes.geometries)).astype(np.int64).T
    values, valid = values_at(scene, rows, columns)
    off = len(numbers) - int(valid.sum())
    if not valid.any():
        raise LabelsError(
            f"Reference {layer.label} shares no pixel with map {scene.path}.",
            "Check that both cover the same area, and that the map has data there.",
        )
    if off and ours:
        raise LabelsError(
            f"{off} of {len(numbers)} points of sample {layer.label} lie outside of the map or "
            "where it has no data, so the map does not cover the area that they stand for.",
            "Assess a map of the whole area that the sample was drawn from.",
        )
    if off:
        feedback.warning(
            f"{layer.label}: {off} of {len(numbers)} points lie outside of the map or where it has "
            "no data, and are left out; the figures are about the map's own area."
        )
    features = numbers[shapes.features]
    return rows[valid], columns[valid], features[valid], values[valid]


def _fits_map(
    carried: dict[str, np.ndarray],
    features: Integers,
    values: Integers,
    classes: MapClasses,
    table: ClassTable,
    ours: bool,
) -> bool:
    """Whether the strata that the points carry are this map's classes."""
    if STRATUM not in carried:
        return True
    # From elsewhere, strata may be told by name; ours are values, which names could look like.
    meant = {c.value: {str(c.value)} if ours else {str(c.value), c.original, c.name} for c in table}
    told = [_text(stratum) for stratum in carried[STRATUM][features]]
    if not all(text in meant[int(value)] for text, value in zip(told, values, strict=True)):
        return False
    if not ours:
        return True
    size = dict(zip(classes.values.tolist(), classes.pixels.tolist(), strict=True))
    sizes = carried[STRATUM_PIXELS][features]
    return all(size[int(value)] == n for value, n in zip(values, sizes, strict=True))


def _carried(
    carried: dict[str, np.ndarray],
    features: Integers,
    pixel_areas: NDArray[np.float64],
    area: PixelArea,
    label: str,
) -> tuple[Integers, Strata, list[str]]:
    """Stratum of each sampled pixel, the strata and their names, as the points carry them.

    Points that are not interpreted tell of strata, too.
    """
    texts = np.array([_text(value) for value in carried[STRATUM]])
    names, numbers = np.unique(texts, return_inverse=True)
    if "" in names:
        raise LabelsError(
            f"Sample {label} has points without a stratum (field {STRATUM!r}).",
            "Restore the field as it was drawn, or draw the sample anew.",
        )
    stratum: Integers = numbers[features].astype(np.int64)
    pixels = np.zeros(len(names), dtype=np.int64)
    areas = np.zeros(len(names))
    told_pixels = np.asarray(carried[STRATUM_PIXELS], dtype=np.float64)
    hectares = np.asarray(carried.get(STRATUM_HA, np.full(len(texts), np.nan)), dtype=np.float64)
    for i, name in enumerate(names):
        told = np.unique(told_pixels[numbers == i])
        if len(told) != 1 or not told[0] >= 1:
            raise LabelsError(
                f"Sample {label} gives several sizes, or none, for stratum {name} (field "
                f"{STRATUM_PIXELS!r}).",
                "Do not mix samples: assess each by itself.",
            )
        pixels[i] = int(told[0])
        own = hectares[numbers == i]
        if area.unit == "ha" and np.isfinite(own).all():
            areas[i] = own[0]
        else:
            inside = stratum == i
            areas[i] = pixels[i] * pixel_areas[inside if inside.any() else slice(None)].mean()
    return stratum, Strata(pixels, areas), [f"Stratum {name}" for name in names]


def _text(value: object) -> str:
    """A stratum as text; numbers with an empty cell beside them come as floats."""
    if value is None or value != value:
        return ""
    return f"{value:.0f}" if isinstance(value, float | np.floating) else str(value)
