"""One run: a method, a scene, a division of its labels, a seed.

A run's folder ends up with::

    model.safetensors   the model
    report.html         the report of its training
    map.tif             the whole scene, classified; with .aux.xml and .qml
    *.record.json       the records of training and classification
    map.svg map.png     the map beside the ground truth
    result.json         every figure, and all that it depends on; written last

So a run whose ``result.json`` fits is done. Otherwise the work goes on with what is there: a
model that fits is taken over, a checkpoint is resumed. What does not fit is refused, because
it may be somebody's work, or is done anew where the user says so.

One process works on a run; another one that comes to it meanwhile passes by.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.benchmark import pictures
from mambahsi.benchmark.fit import differences, fingerprint, model_differences
from mambahsi.benchmark.methods import METHODS
from mambahsi.benchmark.protocols import division_differs, fixed_hash, parts_hash
from mambahsi.benchmark.scenes import SceneContent, SceneFolder
from mambahsi.benchmark.work import count_parameters, count_scene
from mambahsi.checkpoint import checkpoint_path
from mambahsi.classes import ClassTable
from mambahsi.errors import ModelError
from mambahsi.events import plain
from mambahsi.feedback import Feedback
from mambahsi.jobs import NETWORK, ClassifyJob, TrainJob
from mambahsi.model_file import ModelFile, load_model
from mambahsi.outputs import OutputFiles, write_bytes, writing
from mambahsi.runs.classify import classify
from mambahsi.runs.division import divide_labels
from mambahsi.runs.setup import choose_place, versions
from mambahsi.runs.train import train
from mambahsi.scene import Scene
from mambahsi.split import TEST, Split
from mambahsi.streaming.locks import FileLock

RESULT = "result.json"
FORMAT_VERSION = 1

TRAINING_SHARE = 0.95
"""Share of a run's progress that its training stands for."""

MOST_MOVED = 0.002
"""Share of test pixels whose class may differ between the map and what the training found.
On another device or with other threads sums are rounded differently, and a pixel between two
classes may change; more than that is another model or another scene."""


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        place: The scene.
        protocol: Name of the protocol.
        method: Name of the method.
        job: The training, whose model lies in the run's folder.
    """

    place: SceneFolder
    protocol: str
    method: str
    job: TrainJob

    @property
    def folder(self) -> Path:
        """Where all files of the run lie."""
        return run_folder(self.place, self.protocol, self.method, self.job.seed)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        method = METHODS[self.method].title
        return f"{self.place.title}, {self.protocol}, {method}, seed {self.job.seed}"


def run_folder(place: SceneFolder, protocol: str, method: str, seed: int) -> Path:
    """Where a run lies."""
    return place.folder / protocol / method / f"seed_{seed}"


def do_run(run: Run, content: SceneContent, redo: bool, feedback: Feedback) -> str:
    """Do what is missing of a run.

    Args:
        run: The run.
        content: What its scene holds.
        redo: Whether to replace what does not fit instead of refusing it.
        feedback: Told about progress.

    Returns:
        ``done``, ``already done``, or ``left to another process``.

    Raises:
        ModelError: A result, a model or a checkpoint in the folder belongs to another run.
        OutputError: The folder cannot be written to.
        MambaHSIError: As of training and classification.
    """
    with writing(run.folder):
        run.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(run.folder / ".lock")
        held = lock.acquire()
    if not held:
        feedback.log(f"{run.title}: left to another process, which works on it.")
        return "left to another process"
    try:
        return _do_run(run, content, redo, feedback)
    finally:
        lock.remove()


def _do_run(run: Run, content: SceneContent, redo: bool, feedback: Feedback) -> str:
    with Scene.open(run.job.scene) as scene:
        split = divide_labels(run.job, scene, content.survey, Feedback())
    is_fixed = _is_fixed_one(run, split, feedback)
    if division_differs(run.place.key, run.protocol, run.job.seed, split.parts):
        feedback.warning(
            f"{run.title}: the division is not the one fixed for the scene, so the figures cannot "
            "be compared with others. Its ground truth or its valid pixels are other ones."
        )
    now = fingerprint(run.job, content, split)
    result = run.folder / RESULT
    if result.exists():
        saved = read_result(result)
        changed = differences(saved.get("fingerprint", {}), now)
        if not changed:
            feedback.log(f"{run.title}: already done.")
            return "already done"
        _refuse(result, changed, redo, feedback)
    feedback.log(run.title)
    taken_over = _take_over(run, content, split, redo, feedback)
    if not taken_over:
        _train(run, redo, feedback.part(0.0, TRAINING_SHARE))
    model = load_model(run.job.model)
    mapping = _classify(run, feedback.part(TRAINING_SHARE, 1.0))
    mapped = _read_map(run.folder / "map.tif", model.classes)
    values = {
        "format_version": FORMAT_VERSION,
        "scene": {
            "key": run.place.key,
            "title": run.place.title,
            "rows": content.survey.valid.shape[0],
            "columns": content.survey.valid.shape[1],
            "bands": content.bands,
            "valid_pixels": int(content.survey.valid.sum()),
        },
        "protocol": run.protocol,
        "method": run.method,
        "seed": run.job.seed,
        "fingerprint": now,
        "accuracy": model.accuracy,
        "split": {**split.to_json(), "is_fixed_one": is_fixed},
        "training": {**_facts_of_training(model), "taken_over": taken_over},
        "classification": {
            **mapping,
            "test_pixels_unlike_training": _moved(run, model, split, mapped),
        },
        "network": _facts_of_network(model, content),
        "settings": model.training,
        "versions": {"training": model.versions, "classification": versions()},
    }
    _write(run, values, pictures.panels(split_reference(content), mapped, model.classes), model)
    return "done"


def read_result(path: Path) -> dict[str, Any]:
    """A run's figures.

    Raises:
        ModelError: The file is damaged, or of a newer engine.
    """
    hint = "Delete it; the run is then completed again."
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version = int(values["format_version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: not a readable result ({error!r}).", hint) from error
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: written in format version {version}, but this engine reads up to "
            f"{FORMAT_VERSION}.",
            "Update the engine.",
        )
    return dict(values)


def split_reference(content: SceneContent) -> np.ndarray:
    """Class index of every labeled pixel, -1 elsewhere; int32 (rows, columns)."""
    return content.labels.index


def _is_fixed_one(run: Run, split: Split, feedback: Feedback) -> bool | None:
    """Whether the division is the one that is fixed for the buffered protocol; None if none is."""
    wanted = fixed_hash(run.place.key, run.job.seed) if run.protocol == "buffered" else None
    if wanted is None:
        return None
    same = parts_hash(split.parts) == wanted
    if not same:
        feedback.warning(
            f"{run.title}: the labels are divided otherwise than is fixed for this scene and seed, "
            "so figures cannot be compared with those of others. The ground truth differs, or "
            "nodata covers a part of it."
        )
    return same


def _take_over(
    run: Run, content: SceneContent, split: Split, redo: bool, feedback: Feedback
) -> bool:
    """Whether the folder has the run's model already."""
    path = Path(run.job.model)
    if not path.exists():
        return False
    changed = model_differences(load_model(path), run.job, content, split, run.place)
    if changed:
        _refuse(path, changed, redo, feedback)
        return False
    feedback.log(f"The model {path} is taken over.")
    return True


def _train(run: Run, redo: bool, feedback: Feedback) -> None:
    checkpoint = checkpoint_path(run.job.model)
    if checkpoint.exists():
        try:
            train(dataclasses.replace(run.job, resume=True), feedback, windows=False)
        except ModelError as error:
            if not redo:
                raise ModelError(error.message, f"{error.hint} {_REDO_HINT}") from error
            feedback.warning(f"Begun anew. {error.message}")
        else:
            return
    train(run.job, feedback, windows=False)


_REDO_HINT = "Choose another output folder, or option redo to replace it."


def _refuse(path: Path, changed: list[str], redo: bool, feedback: Feedback) -> None:
    what = f"{path} belongs to another run: {'; '.join(changed)}."
    if not redo:
        raise ModelError(what, _REDO_HINT)
    feedback.warning(f"Replaced. {what}")


def _classify(run: Run, feedback: Feedback) -> dict[str, Any]:
    """Write the map; how long it took, and where."""
    train_job = run.job
    job = ClassifyJob(
        scene=train_job.scene,
        model=train_job.model,
        classification=str(run.folder / "map.tif"),
        device=train_job.device,
        scan=train_job.scan,
        threads=train_job.threads,
        memory=train_job.memory,
    )
    if train_job.classifier == NETWORK:
        # Compiles what is to be compiled, so that it is not part of the time.
        choose_place(job, Feedback())
    found = classify(job, feedback)
    names = ("seconds", "cpu_seconds", "pixels", "device", "backend", "threads", "way")
    return {
        **{name: found[name] for name in names},
        "pixels_per_second": found["pixels"] / found["seconds"],
    }


def _read_map(path: Path, table: ClassTable) -> np.ndarray:
    """Class index by pixel, -1 where the map has none; int32 (rows, columns)."""
    with rasterio.open(path) as source:
        values = source.read(1)
    index = np.full(values.shape, -1, dtype=np.int32)
    for number, item in enumerate(table):
        index[values == item.value] = number
    return index


def _moved(run: Run, model: ModelFile, split: Split, mapped: np.ndarray) -> int:
    """Of how many test pixels, at least, the map differs from what the training found.

    Raises:
        ModelError: Of more than rounding can explain.
    """
    test = split.parts == TEST
    if model.accuracy is None:
        return 0
    found = confusion_matrix(split.index[test], mapped[test], len(split.table))
    stated = Accuracy.from_json(model.accuracy).matrix
    moved = int(np.abs(found - stated).sum()) // 2
    if found.shape != stated.shape or moved > MOST_MOVED * test.sum():
        raise ModelError(
            f"{run.job.model} gives a map that differs from the model's own figures in {moved} of "
            f"{int(test.sum())} test pixels: it was not trained on this scene, or not on these "
            "labels.",
            _REDO_HINT,
        )
    return moved


def _facts_of_training(model: ModelFile) -> dict[str, Any]:
    """What a model file tells about how it came about; None where it does not."""
    names = (
        *("best_epoch", "best_validation_accuracy", "epochs_done", "seconds", "cpu_seconds"),
        *("device", "backend", "threads"),
    )
    return {"mode": model.mode, **{name: model.training.get(name) for name in names}}


def _facts_of_network(model: ModelFile, content: SceneContent) -> dict[str, Any]:
    if model.classifier != NETWORK:
        return {"arguments": None, "parameters": None, "operations": None, "choice": model.choice}
    work = count_scene(model.network, content.survey.valid)
    return {
        "arguments": model.network,
        "parameters": count_parameters(model.network),
        "operations": work.to_json(),
    }


def _write(run: Run, values: dict[str, Any], panels: Any, model: ModelFile) -> None:
    accuracy = model.accuracy or {}
    overall = accuracy.get("overall_accuracy")
    title = run.title if overall is None else f"{run.title}: overall accuracy {overall:.2%}"
    with OutputFiles() as files:
        targets = [files.add(run.folder / name) for name in ("map.svg", "map.png", RESULT)]
        svg = pictures.as_svg(title, panels, model.classes).encode()
        text = json.dumps(plain(values), indent=1, ensure_ascii=False, allow_nan=False)
        for target, content in zip(
            targets, (svg, pictures.as_png(panels), f"{text}\n".encode()), strict=True
        ):
            write_bytes(target, content)
