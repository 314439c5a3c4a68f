"""The two ways a training can take: the scene as a whole, or windows around its labels.

Both take the same preparations and give the same results; what lies between is theirs.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import mambahsi
from mambahsi.checkpoint import checkpoint_path, digest
from mambahsi.devices import is_out_of_memory, release_memory
from mambahsi.feedback import Feedback
from mambahsi.inference import predict_classes
from mambahsi.jobs import TrainJob
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.normalization import Normalization
from mambahsi.pixels import pixel_numbers, read_pixels
from mambahsi.plans import Plan
from mambahsi.previews import step_for
from mambahsi.runs.calibrate import pixels_to_score
from mambahsi.runs.setup import Place, move_to_cpu
from mambahsi.scene import BandSurvey, Scene
from mambahsi.split import TEST, TRAIN, VALIDATION, Split
from mambahsi.training import TrainingData, train_network
from mambahsi.training_halves import split_in_halves, train_in_halves
from mambahsi.training_loop import CheckpointPlan, TrainingOutcome
from mambahsi.windows.inference import classify_wanted
from mambahsi.windows.placement import window_shape
from mambahsi.windows.tiles import TileRaster, WindowReader
from mambahsi.windows.training import LabeledPixels, train_on_windows

_RESUMABLE_WITH_OTHER = {
    *("scene", "labels", "class_field", "name_field", "color_field", "validation", "test"),
    *("model", "report", "epochs", "patience", "device", "scan", "threads", "memory", "resume"),
    *("classifier", "compare"),
}
"""Fields of a job that do not decide whether a checkpoint belongs to it. What files hold is
compared by content; device, scan and threads are compared and warned of."""


_STRIP_BYTES = 16 * 2**20
"""Pixels read at a time for a digest, in bytes of the file's data type."""


@dataclass(frozen=True)
class Preparation:
    """All that a training starts from.

    Attributes:
        job: What is asked for.
        scene: The open scene.
        survey: Its bands and valid pixels.
        split: Its labels.
        place: Where the network runs.
        plan: The way that is taken.
        tiles: The tiles in which windows are read.
        network: Freshly constructed, at its place.
        normalization: Constants by used band.
        colors: Positions, among the used bands, of those shown as red, green and blue.
    """

    job: TrainJob
    scene: Scene
    survey: BandSurvey
    split: Split
    place: Place
    plan: Plan
    tiles: TileRaster
    network: MambaHSI
    normalization: Normalization
    colors: tuple[int, int, int]

    def labeled(self, part: int) -> LabeledPixels:
        """The labeled pixels of a part."""
        chosen = self.split.parts == part
        classes = torch.from_numpy(self.split.index[chosen].astype(np.int64))
        return LabeledPixels(np.argwhere(chosen), classes.to(self.place.device))

    def checkpoint_plan(self, pixels: str) -> CheckpointPlan:
        """Where the checkpoint goes, and what it belongs to.

        Args:
            pixels: Digest of the scene's valid pixels.
        """
        settings = {
            name: value
            for name, value in dataclasses.asdict(self.job).items()
            if name not in _RESUMABLE_WITH_OTHER
        }
        contents = {
            "window": self.plan.window,
            "number of classes": len(self.split.table),
            "content of the scene's valid pixels": pixels,
            "division of the labels": digest(self.split.parts, self.split.index),
        }
        circumstances = {
            "engine version": mambahsi.__version__,
            "plan": self.plan.name,
            **self.place.to_json(),
        }
        return CheckpointPlan(checkpoint_path(self.job.model), settings | contents, circumstances)


@dataclass(frozen=True, eq=False)
class Training:
    """What a training gave. The best weights are in the network.

    Attributes:
        outcome: How it went.
        window: Rows and columns of the windows that the network has seen, None if it has seen
            the whole scene.
        predicted: Class index of the test pixels, and of others as far as they came along;
            int (rows, columns), -1 elsewhere.
        scores: Of the pixels that :func:`mambahsi.runs.calibrate.pixels_to_score` names, row by
            row; float32 (pixels, classes).
        image: Red, green and blue, at reduced size; float32 (3, rows, columns).
        image_valid: Where it shows anything; bool (rows, columns).
    """

    outcome: TrainingOutcome
    window: tuple[int, int] | None
    predicted: np.ndarray
    scores: np.ndarray
    image: np.ndarray
    image_valid: np.ndarray


def train_whole(given: Preparation, feedback: Feedback) -> Training:
    """Train on the scene as a whole, or on its halves, and classify it as a whole.

    Raises:
        MambaHSIError: As of :func:`mambahsi.training.train_network`.
    """
    used, valid = given.survey.used, given.survey.valid
    geometry = SceneGeometry(valid)
    pixels = read_pixels(given.scene, used, valid, given.normalization, feedback.part(0.0, 0.02))
    train, validation = given.labeled(TRAIN), given.labeled(VALIDATION)
    device = given.place.device
    data = TrainingData(
        pixels.to(device),
        geometry,
        pixel_numbers(valid, given.split.parts == TRAIN).to(device),
        train.classes,
        pixel_numbers(valid, given.split.parts == VALIDATION).to(device),
        validation.classes,
    )
    checkpoint = given.checkpoint_plan(digest(pixels.numpy()))
    rest = feedback.part(0.02, 0.97)
    if given.job.row_halves:
        halves = split_in_halves(data, valid)
        outcome = train_in_halves(given.network, data, halves, given.job, checkpoint, rest)
    else:
        outcome = train_network(given.network, data, given.job, checkpoint, rest)
    predicted = np.full(valid.shape, -1, dtype=np.int32)
    predicted[valid], scores = _predict(given, data.pixels, geometry, feedback.part(0.97, 1.0))
    image = np.zeros((3, *valid.shape), dtype=np.float32)
    image[:, valid] = pixels[:, list(given.colors)].numpy().T
    return Training(outcome, None, predicted, scores, image, valid)


def _predict(
    given: Preparation, pixels: Tensor, geometry: SceneGeometry, feedback: Feedback
) -> tuple[np.ndarray, np.ndarray]:
    """Classify the scene with the trained network: on its device, or else on the CPU."""
    network = given.network.eval()
    scored = pixels_to_score(given.split)[geometry.valid[0]]
    try:
        return predict_classes(network, pixels, geometry, scored, feedback)
    except (RuntimeError, MemoryError) as error:
        if pixels.device.type == "cpu" or not is_out_of_memory(error):
            raise
    # A whole training must not be lost to its last step.
    release_memory(pixels.device)
    feedback.warning("Memory ran out on the GPU: the trained network is tested on the CPU.")
    here = move_to_cpu(network)
    return predict_classes(here, pixels.cpu(), geometry, scored, feedback)


def train_windows(given: Preparation, feedback: Feedback) -> Training:
    """Train on windows around the labels, and classify those of the map around test pixels.

    Raises:
        MambaHSIError: As of :func:`mambahsi.windows.training.train_on_windows`.
    """
    used, valid = given.survey.used, given.survey.valid
    shape = window_shape((given.plan.window, given.plan.window), valid.shape)
    reader = WindowReader(
        given.scene, used, valid, given.normalization, given.tiles, given.plan.tiles
    )
    checkpoint = given.checkpoint_plan(_digest_scene(given, feedback))
    outcome = train_on_windows(
        given.network,
        reader,
        shape,
        given.labeled(TRAIN),
        given.labeled(VALIDATION),
        given.job,
        checkpoint,
        feedback.part(0.02, 0.97),
    )
    scored = pixels_to_score(given.split)
    predicted, scores = classify_wanted(
        given.network.eval(),
        reader,
        shape,
        scored | (given.split.parts == TEST),
        scored,
        feedback.part(0.97, 1.0),
    )
    image, image_valid = small_image(
        given.scene, given.survey, given.normalization, given.colors, feedback
    )
    return Training(outcome, shape, predicted, scores, image, image_valid)


def _digest_scene(given: Preparation, feedback: Feedback) -> str:
    """A digest of the scene's valid pixels as stored, however its file is laid out."""
    sha = hashlib.sha256()
    for window in given.scene.windows(len(given.survey.used), _STRIP_BYTES):
        feedback.check()
        mask = given.survey.valid[window.toslices()]
        data = given.scene.read(given.survey.used, window)[:, mask]
        sha.update(np.ascontiguousarray(data.T).data)
    return f"{digest(given.survey.valid)}{sha.hexdigest()[:16]}"


def small_image(
    scene: Scene,
    survey: BandSurvey,
    normalization: Normalization,
    colors: tuple[int, int, int],
    feedback: Feedback,
) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a scene at reduced size.

    Args:
        scene: The scene.
        survey: Its bands and valid pixels.
        normalization: Constants by used band.
        colors: Positions, among the used bands, of those shown as red, green and blue.
        feedback: Asked whether to stop.

    Returns:
        Red, green and blue of every n-th pixel, float32 (3, rows, columns), and where it is
        valid, bool (rows, columns).
    """
    valid = survey.valid
    step = step_for(*valid.shape)
    small = valid[::step, ::step]
    image = np.zeros((3, *small.shape), dtype=np.float32)
    bands = [survey.used[position] for position in colors]
    chosen = Normalization(normalization.low[list(colors)], normalization.high[list(colors)])
    for window in scene.windows(len(bands)):
        feedback.check()
        # The first row of this strip that the image shows.
        first = -window.row_off % step
        data = scene.read(bands, window)[:, first::step, ::step]
        top = (window.row_off + first) // step
        image[:, top : top + data.shape[1]] = chosen.apply(np.ascontiguousarray(data))
    return image, small
