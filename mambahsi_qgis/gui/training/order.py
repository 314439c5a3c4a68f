"""From what a person chose to a job: the same checks and the same handing over as in Processing.

Layers are looked at in the main thread and at once: of the polygons a snapshot is taken as they are
now, edits not saved included, and of the scene the source is noted. Nothing of the run touches a
layer after that. Whatever is not chosen here has the default of the job itself.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from osgeo import gdal, ogr
from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)

from mambahsi_qgis.algorithms.trainandclassify import TrainAndClassify
from mambahsi_qgis.engine import rasters
from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.vectors import Vector
from mambahsi_qgis.gui.context import TrainingClass, TrainingContext
from mambahsi_qgis.gui.engine_task import MakeJob
from mambahsi_qgis.gui.snapshot import Snapshot
from mambahsi_qgis.gui.training.run_folder import RunFolder
from mambahsi_qgis.translation import tr

PARTS = 3
"""Parts that labeled pixels are divided into: training, validation and test."""

NAME, COLOR = "mambahsi_name", "mambahsi_color"
"""Fields of the copied polygons that tell names and colors of the classes."""

NAMED = 3
"""Classes that a warning names."""


@dataclass(frozen=True)
class Choices:
    """What a person chose.

    Attributes:
        preset: Network configuration.
        epochs: Passes over the training pixels.
        device: Where the network runs.
        base: Folder that the run's own folder is made in.
        confidence: Whether the confidence is written, too.
        opens_report: Whether the report is opened at the end.
    """

    preset: str
    epochs: int
    device: str
    base: Path
    confidence: bool
    opens_report: bool


@dataclass(frozen=True)
class Subject:
    """What is trained on.

    Attributes:
        scene: The scene.
        layer: The training polygons.
        class_field: Field of their class.
        name_field: Field of the classes' names, or None.
        color_field: Field of the classes' colors, or None.
        classes: The classes as the dock shows them, some of which the layer's style names.
    """

    scene: QgsRasterLayer
    layer: QgsVectorLayer
    class_field: str
    name_field: Optional[str]
    color_field: Optional[str]
    classes: Sequence[TrainingClass]

    @staticmethod
    def is_there(context: TrainingContext) -> bool:
        """Whether scene, layer and class field are chosen."""
        return context.scene is not None and context.layer is not None and bool(context.class_field)

    @classmethod
    def of(cls, context: TrainingContext) -> Optional[Subject]:
        """What the dock has now; None where scene, layer or class field is missing."""
        scene, layer = context.scene, context.layer
        if scene is None or layer is None or not context.class_field:
            return None
        fields = context.class_field, context.name_field, context.color_field
        return cls(scene, layer, *fields, classes=context.classes())


def parameters(subject: Subject, choices: Choices, folder: Optional[RunFolder]) -> dict[str, Any]:
    """The same as parameters of ``mambahsi:trainandclassify``.

    Args:
        subject: What is trained on.
        choices: What a person chose.
        folder: Where the outputs go; None leaves them out.
    """
    values: dict[str, Any] = {
        "SCENE": subject.scene.id(),
        "LABELS": subject.layer.id(),
        "CLASS_FIELD": subject.class_field,
        "NAME_FIELD": subject.name_field,
        "COLOR_FIELD": subject.color_field,
        "PRESET": choices.preset,
        "EPOCHS": choices.epochs,
        "DEVICE": choices.device,
    }
    if folder is not None:
        values["MODEL"] = str(folder.model)
        values["CLASSIFICATION"] = str(folder.classification)
        values["REPORT"] = str(folder.report)
    return values


def problem(subject: Subject, choices: Choices, folder: RunFolder, project: QgsProject) -> str:
    """What can be known to fail before anything is started, or an empty text."""
    context = QgsProcessingContext()
    context.setProject(project)
    algorithm = TrainAndClassify().create()
    accepted, message = algorithm.checkParameterValues(
        parameters(subject, choices, folder), context
    )
    return "" if accepted else message


def prepare(
    subject: Subject,
    choices: Choices,
    folder: RunFolder,
    project: QgsProject,
) -> MakeJob:
    """Take a snapshot of the polygons, note the scene's source, and say how to make the job.

    Args:
        subject: What is trained on.
        choices: What a person chose.
        folder: Where the run's files go.
        project: Knows how to transform between CRS.

    Returns:
        Makes the job; may be called in another thread, as it copies the polygons and may have to
        convert the scene.

    Raises:
        QgsProcessingException: A layer cannot be handed over.
    """
    scene = rasters.resolve(subject.scene)
    field = subject.class_field
    vector = Vector(Snapshot(subject.layer), (field,))
    transforms, classes = project.transformContext(), tuple(subject.classes)
    train = {
        "class_field": field,
        "name_field": NAME,
        "color_field": COLOR,
        "preset": choices.preset,
        "epochs": choices.epochs,
        "device": choices.device,
        "model": str(folder.model),
        "report": str(folder.report),
    }
    confidence = str(folder.confidence) if choices.confidence else ""

    def make(feedback: QgsProcessingFeedback) -> Any:
        labels = vector.hand_over(folder.unfinished / "labels", scene, transforms, feedback)
        name_classes(labels["path"], field, classes)
        raster = jobs.RasterSource(**scene.hand_over(folder.unfinished, feedback))
        job = jobs.TrainAndClassifyJob(
            train=jobs.TrainJob(scene=raster, labels=jobs.VectorSource(**labels), **train),
            classification=str(folder.classification),
            confidence=confidence,
        )
        try:
            jobs.from_json(jobs.to_json(job))
            folder.keep(job)
        except jobs.JobError as error:
            raise QgsProcessingException(f"{error.message} {error.hint}".strip()) from error
        except OSError as error:
            raise QgsProcessingException(
                tr("Folder {} cannot be written to: {}.").format(folder.path, error.strerror)
            ) from error
        return job

    return make


def name_classes(path: str, field: str, classes: Sequence[TrainingClass]) -> None:
    """Write names and colors of the classes to polygons, so that the map has the dock's.

    Args:
        path: GeoPackage with one layer of polygons.
        field: Its field of class values.
        classes: The classes.
    """
    known = {item.value: item for item in classes}
    dataset = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    layer = dataset.GetLayer(0)
    for name in (NAME, COLOR):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    layer.StartTransaction()
    for feature in layer:
        item = known.get(feature.GetField(field))
        if item is not None:
            feature.SetField(NAME, item.name)
            feature.SetField(COLOR, item.color.name())
            layer.SetFeature(feature)
    layer.CommitTransaction()
    del layer, dataset  # closes the file


def few_polygons(values: Iterable[Optional[int]], classes: Sequence[TrainingClass]) -> str:
    """A warning of classes with fewer polygons than parts, or an empty text.

    Such a class cannot be divided by whole polygons.

    Args:
        values: The class of every polygon; None where it has none.
        classes: All classes.
    """
    counts = Counter(values)
    few = [item.name for item in classes if 0 < counts[item.value] < PARTS]
    if not few:
        return ""
    named = ", ".join(f"“{name}”" for name in few[:NAMED])
    if len(few) > NAMED:
        named = tr("{} and {} more").format(named, len(few) - NAMED)
    return tr(
        "Fewer than {} polygons of class {}: they have to be cut, and the same ones then train and "
        "test. Draw more of them, in different places."
    ).format(PARTS, named)


def default_base(
    layer: Optional[QgsVectorLayer], scene: Optional[QgsRasterLayer], project: QgsProject
) -> Path:
    """Folder for runs: that of the training layer, else the project's, else the scene's."""
    places = [_folder(layer), project.homePath(), _folder(scene)]
    found = [Path(place) for place in places if place and Path(place).is_dir()]
    return found[0] if found else Path.home()


def epoch_limits() -> tuple[int, int, int]:
    """Least, most and default number of epochs, as the job has them."""
    field = next(f for f in dataclasses.fields(jobs.TrainJob) if f.name == "epochs")
    return field.metadata["minimum"], field.metadata["maximum"], jobs.TrainJob.epochs


def _folder(layer: Any) -> str:
    if layer is None:
        return ""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = str(parts.get("path") or "")
    return str(Path(path).absolute().parent) if path and Path(path).is_file() else ""
