"""The scene of a benchmark: where it lies, and what its content is.

A benchmark has a folder for each scene, ``OUTPUT/KEY``, with the scene as a GeoTIFF and its
ground truth as polygons. Runs are told apart by what these files hold, not by their names or
dates, so a folder may be copied to another machine, and runs there go on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambahsi.benchmark_scenes.fields import CLASS_FIELD, COLOR_FIELD, NAME_FIELD
from mambahsi.checkpoint import digest
from mambahsi.feedback import Feedback
from mambahsi.jobs import RasterSource, VectorSource
from mambahsi.labels import LabelSet, read_labels, restrict
from mambahsi.scene import BandSurvey, Scene, survey_bands

SCENE, LABELS, LABEL_RASTER = "scene.tif", "labels.gpkg", "labels.tif"
"""Names of the files in a scene's folder; nothing but people reads the raster of the labels."""


@dataclass(frozen=True)
class SceneFolder:
    """A scene that is ready for runs.

    Attributes:
        key: Its short name, as ``indian_pines``.
        title: Its name for people.
        folder: Where it lies.
    """

    key: str
    title: str
    folder: Path

    @property
    def scene(self) -> Path:
        """The GeoTIFF."""
        return self.folder / SCENE

    @property
    def labels(self) -> Path:
        """The polygons, which give exactly the ground truth when they are burned."""
        return self.folder / LABELS

    def is_complete(self) -> bool:
        """Whether scene and labels are there."""
        return self.scene.is_file() and self.labels.is_file()


@dataclass(frozen=True, eq=False)
class SceneContent:
    """What a scene and its labels hold.

    Attributes:
        survey: Bands in use and valid pixels.
        labels: Labels on valid pixels.
        scene_digest: SHA-256 of all bands of all pixels, row by row.
        labels_digest: Digest of labeled pixels, names and values of the classes.
        bands: Number of bands in the file.
    """

    survey: BandSurvey
    labels: LabelSet
    scene_digest: str
    labels_digest: str
    bands: int


def read_content(place: SceneFolder, feedback: Feedback) -> SceneContent:
    """Read a scene once, to know what it holds.

    Raises:
        SceneError, LabelsError: One of the files cannot be used.
    """
    with Scene.open(RasterSource(str(place.scene))) as scene:
        survey = survey_bands(scene, feedback)
        labels = read_labels(
            VectorSource(str(place.labels)), scene.grid, CLASS_FIELD, NAME_FIELD, COLOR_FIELD
        )
        labels = restrict(labels, survey.valid, feedback)
        names = "\n".join(f"{c.value} {c.original} {c.name}" for c in labels.table)
        return SceneContent(
            survey,
            labels,
            _digest_pixels(scene, feedback),
            f"{digest(labels.index)}{hashlib.sha256(names.encode()).hexdigest()[:16]}",
            scene.band_count,
        )


def _digest_pixels(scene: Scene, feedback: Feedback) -> str:
    sha = hashlib.sha256(f"{scene.dtype.str}{scene.grid.shape}{scene.band_count}".encode())
    bands = range(1, scene.band_count + 1)
    for window in scene.windows():
        feedback.check()
        # Pixel by pixel, so that it does not matter how many rows a window has.
        sha.update(np.ascontiguousarray(np.moveaxis(scene.read(bands, window), 0, 2)).data)
    return sha.hexdigest()
