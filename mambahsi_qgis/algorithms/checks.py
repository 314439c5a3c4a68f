"""What can be known to be wrong before a job is started, without reading much.

Each check returns a message that names the layer, field or file, or an empty text. Whatever
takes a look at many features or pixels is the engine's to find.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSource,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsWkbTypes,
)

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.translation import tr

SMALLEST_SCENE = 4
"""Rows and columns that the network needs."""

RASTER_EXTENSIONS = ("tif", "tiff")
"""Extensions of maps: the engine writes GeoTIFF alone."""

LARGEST = 1e300
"""Where no number is meant any more."""

USABLE_GEOMETRIES = (
    QgsWkbTypes.GeometryType.PolygonGeometry,
    QgsWkbTypes.GeometryType.PointGeometry,
    QgsWkbTypes.GeometryType.UnknownGeometry,
)


def given(parameters: dict[str, Any], name: str) -> bool:
    """Whether an optional parameter has a value."""
    return parameters.get(name) not in (None, "")


def title(definition: QgsProcessingParameterDefinition) -> str:
    """What a parameter is called in the dialog, and in scripts."""
    return f"{definition.description()} ({definition.name()})"


def settings(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any]) -> str:
    """A choice that does not exist, or a number out of its range."""
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        if value is None or definition.checkValueIsAcceptable(value):
            continue
        if isinstance(definition, QgsProcessingParameterEnum):
            return tr("{}: “{}” is not known. Known: {}.").format(
                title(definition), value, ", ".join(definition.options())
            )
        if isinstance(definition, QgsProcessingParameterNumber):
            kind = tr("a number")
            if definition.dataType() == QgsProcessingParameterNumber.Type.Integer:
                kind = tr("a whole number")
            # QGIS stands for “no limit” by the largest number there is.
            if definition.maximum() < LARGEST:
                limits = tr("from {:,.10g} to {:,.10g}").format(
                    definition.minimum(), definition.maximum()
                )
            else:
                limits = tr("of at least {:,.10g}").format(definition.minimum())
            return tr("{}: “{}” is not {} {}.").format(title(definition), value, kind, limits)
    return ""


def unreadable(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """A file that is there but cannot be read; QGIS would say that it is not there."""
    readers = {"raster": algorithm.parameterAsRasterLayer, "source": algorithm.parameterAsSource}
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        path = value.split("|")[0] if isinstance(value, str) else ""
        if definition.type() not in readers or not path or not Path(path).is_file():
            continue
        if readers[definition.type()](parameters, definition.name(), context) is None:
            return tr(
                "{}: {} cannot be read. It may be corrupt, truncated, or of a format that QGIS "
                "does not know."
            ).format(title(definition), path)
    return ""


def raster(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> str:
    """A raster layer that is missing, rendered, or unreadable for the engine."""
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None:
        return algorithm.invalidRasterError(parameters, name)
    return rasters.refusal(layer)


def scene_size(layer: QgsRasterLayer) -> str:
    """A scene that is too small for the network."""
    if min(layer.width(), layer.height()) >= SMALLEST_SCENE:
        return ""
    return tr("Scene “{}” has {} columns and {} rows; at least {} of each are needed.").format(
        layer.name(), layer.width(), layer.height(), SMALLEST_SCENE
    )


def vector(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    fields: Sequence[str],
    context: QgsProcessingContext,
) -> str:
    """A vector layer that is missing, empty, of lines, or without a field."""
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        return algorithm.invalidSourceError(parameters, name)
    layer = source.sourceName()
    if QgsWkbTypes.geometryType(source.wkbType()) not in USABLE_GEOMETRIES:
        return tr("Layer “{}” holds neither polygons nor points.").format(layer)
    known = source.fields().names()
    for field in filter(None, fields):
        if field not in known:
            return tr("Layer “{}” has no field “{}”. Its fields are: {}.").format(
                layer, field, ", ".join(known)
            )
    if source.featureCount() == 0:
        return tr(
            "Layer “{}” has no feature to use. If “Selected features only” is checked, select some."
        ).format(layer)
    return ""


def classes(source: QgsProcessingFeatureSource, field: str) -> str:
    """A class field with one class only."""
    # Three distinct values hold two classes, even if one of them is null.
    values = source.uniqueValues(source.fields().lookupField(field), 3)
    found = [value for value in values if value is not None and str(value) not in ("", "NULL")]
    if len(values) > 2 or len(found) > 1:
        return ""
    if not found:
        return tr("Field “{}” of “{}” holds no class.").format(field, source.sourceName())
    return tr("Field “{}” of “{}” holds one class only (“{}”); at least two are needed.").format(
        field, source.sourceName(), found[0]
    )


def overlap(
    layer: QgsRasterLayer, source: QgsProcessingFeatureSource, context: QgsProcessingContext
) -> str:
    """A vector layer wholly outside of a raster."""
    ours, theirs = layer.crs(), source.sourceCrs()
    extent = source.sourceExtent()
    if not (ours.isValid() and theirs.isValid()) or extent.isNull():
        return ""
    try:
        placed = QgsCoordinateTransform(
            theirs, ours, context.transformContext()
        ).transformBoundingBox(extent)
    except QgsCsException:
        return ""
    if placed.isFinite() and not _touch(placed, layer.extent()):
        return tr("“{}” lies wholly outside of “{}”. Check the CRS of both.").format(
            source.sourceName(), layer.name()
        )
    return ""


def outputs(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> str:
    """An output that cannot be written, or that would overwrite an input or another output."""
    taken = {_key(path): shown for shown, path in _inputs(algorithm, parameters, context)}
    for definition in algorithm.destinationParameterDefinitions():
        name = definition.name()
        if not given(parameters, name):
            continue
        path = algorithm.parameterAsFileOutput(parameters, name, context)
        if not path:
            continue
        shown = title(definition)
        extension = Path(path).suffix.lower().lstrip(".")
        if definition.type() == "rasterDestination" and extension not in RASTER_EXTENSIONS:
            return tr("{}: {} is not a GeoTIFF, the only format written. Name it .tif.").format(
                shown, path
            )
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            return tr("{}: folder {} does not exist.").format(shown, folder)
        if Path(path).is_dir():
            return tr("{}: {} is a folder; name a file.").format(shown, path)
        if not os.access(folder, os.W_OK):
            return tr("{}: folder {} cannot be written to.").format(shown, folder)
        if _key(path) in taken:
            return tr("{}: {} is the file of {} too. Choose another one.").format(
                shown, path, taken[_key(path)]
            )
        taken[_key(path)] = shown
    return ""


def _inputs(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> Iterable[tuple[str, str]]:
    """Files that the inputs are read from, with the parameters' titles."""
    readers = {
        "raster": algorithm.parameterAsRasterLayer,
        "source": algorithm.parameterAsVectorLayer,
    }
    for definition in algorithm.parameterDefinitions():
        name = definition.name()
        if not given(parameters, name) or definition.isDestination():
            continue
        if definition.type() in readers:
            path = _file(readers[definition.type()](parameters, name, context))
        elif definition.type() == "file":
            path = algorithm.parameterAsFile(parameters, name, context)
        else:
            path = ""
        if path:
            yield title(definition), path


def _file(layer: Optional[QgsMapLayer]) -> str:
    if layer is None:
        return ""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    return str(parts.get("path") or "")


def _key(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _touch(a: QgsRectangle, b: QgsRectangle) -> bool:
    # QgsRectangle.intersects() takes a single point for empty.
    return (
        a.xMinimum() <= b.xMaximum()
        and b.xMinimum() <= a.xMaximum()
        and a.yMinimum() <= b.yMaximum()
        and b.yMinimum() <= a.yMaximum()
    )
