"""From the dock's scene and polygons to a job that looks at the samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingFeedback, QgsProject

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.vectors import Vector
from mambahsi_qgis.gui.snapshot import Snapshot
from mambahsi_qgis.gui.training.order import COLOR, NAME, Subject, name_classes


def prepare(
    subject: Subject, project: QgsProject, folder: Path
) -> Callable[[QgsProcessingFeedback], Any]:
    """Look at the layers, and return what makes the job in another thread.

    Args:
        subject: Scene, polygons and classes.
        project: Knows how to transform between CRS.
        folder: Folder for what is handed to the engine.

    Raises:
        QgsProcessingException: The scene cannot be used.
    """
    scene = rasters.resolve(subject.scene)
    vector = Vector(Snapshot(subject.layer), (subject.class_field,))
    transforms = project.transformContext()
    field, classes = subject.class_field, tuple(subject.classes)

    def make(feedback: QgsProcessingFeedback) -> Any:
        labels = vector.hand_over(folder / "labels", scene, transforms, feedback)
        name_classes(labels["path"], field, classes)
        return jobs.CheckSamplesJob(
            scene=jobs.RasterSource(**scene.hand_over(folder, feedback)),
            labels=jobs.VectorSource(**labels),
            class_field=field,
            name_field=NAME,
            color_field=COLOR,
            table=str(folder / "samples.json"),
        )

    return make
