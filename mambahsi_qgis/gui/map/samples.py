"""Which places already hold training polygons."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)


def polygons_in(
    layer: QgsVectorLayer, outlines: Sequence[QgsGeometry], crs: QgsCoordinateReferenceSystem
) -> list[int]:
    """How many polygons of a layer, unsaved ones included, meet each outline.

    Args:
        layer: The training layer.
        outlines: Polygons.
        crs: Their CRS.
    """
    transform = QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance())
    counts = []
    for outline in outlines:
        placed = QgsGeometry(outline)
        try:
            placed.transform(transform)
        except QgsCsException:
            counts.append(0)
            continue
        engine = QgsGeometry.createGeometryEngine(placed.constGet())
        engine.prepareGeometry()
        request = QgsFeatureRequest().setFilterRect(placed.boundingBox()).setNoAttributes()
        shapes = [f.geometry() for f in layer.getFeatures(request) if f.hasGeometry()]
        # A polygon that only lies beside a place is not in it.
        inside = [
            engine.intersects(shape.constGet()) and not engine.touches(shape.constGet())
            for shape in shapes
        ]
        counts.append(sum(inside))
    return counts
