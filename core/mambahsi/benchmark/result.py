"""What a run leaves beside its model: every figure as JSON, and the map beside the ground truth.

``result.json`` is written last, so where it is, the run is complete.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from mambahsi.accuracy import Accuracy, confusion_matrix
from mambahsi.benchmark import pictures
from mambahsi.benchmark.run import Run
from mambahsi.benchmark.scenes import SceneContent
from mambahsi.benchmark.work import count_parameters, count_scene
from mambahsi.classes import ClassTable
from mambahsi.errors import ModelError
from mambahsi.events import plain
from mambahsi.jobs import NETWORK
from mambahsi.model_file import ModelFile
from mambahsi.outputs import OutputFiles, write_bytes
from mambahsi.spatial_accuracy import accuracy_by_field
from mambahsi.split import TEST, Split
from mambahsi.versions import versions

RESULT, MAP = "result.json", "map.tif"
FORMAT_VERSION = 1

REDO_HINT = "Choose another output folder, or option redo to replace it."

MOST_MOVED = 0.002
"""Share of test pixels whose class may differ between the map and what the training found.
On another device or with other threads sums are rounded differently, and a pixel between two
classes may change; more than that is another model or another scene."""


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


def write_result(
    run: Run, content: SceneContent, split: Split, model: ModelFile, described: dict[str, Any]
) -> None:
    """Draw the map beside the ground truth, and write all figures.

    Args:
        run: The run, whose map is written.
        content: What its scene holds.
        split: How its labels are divided.
        model: Its model.
        described: ``fingerprint``, ``split``, ``training`` and ``classification``.

    Raises:
        ModelError: The map is not what the model states.
        OutputError: A file cannot be written.
    """
    mapped = _read_map(run.folder / MAP, model.classes)
    moved = _moved(run, model, split, mapped)
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
        "accuracy": model.accuracy,
        "by_field": _by_field(split, mapped),
        **described,
        "classification": {**described["classification"], "test_pixels_unlike_training": moved},
        "network": _network_facts(model, content),
        "settings": model.training,
        "versions": {"training": model.versions, "classification": versions()},
    }
    overall = (model.accuracy or {}).get("overall_accuracy")
    title = run.title if overall is None else f"{run.title}: overall accuracy {overall:.2%}"
    panels = pictures.panels(content.labels.index, mapped, model.classes)
    written = {
        "map.svg": pictures.as_svg(title, panels, model.classes).encode(),
        "map.png": pictures.as_png(panels),
        RESULT: _as_bytes(values),
    }
    with OutputFiles() as files:
        for name, bytes_ in written.items():
            write_bytes(files.add(run.folder / name), bytes_)


def complete_result(run: Run, split: Split, saved: dict[str, Any]) -> None:
    """Add to a run's figures what an earlier engine did not write, from its map.

    Args:
        run: The run.
        split: How its labels are divided.
        saved: Its figures.

    Raises:
        OutputError: They cannot be written.
    """
    if "by_field" in saved or not (run.folder / MAP).is_file():
        return
    values = {**saved, "by_field": _by_field(split, _read_map(run.folder / MAP, split.table))}
    with OutputFiles() as files:
        write_bytes(files.add(run.folder / RESULT), _as_bytes(values))


def _as_bytes(values: dict[str, Any]) -> bytes:
    text = json.dumps(plain(values), indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _by_field(split: Split, mapped: np.ndarray) -> dict[str, Any] | None:
    """Accuracy in fields in which others train, and in fields of their own."""
    if split.trained_fields is None:
        return None
    test = split.parts == TEST
    return accuracy_by_field(split.trained_fields[test], mapped[test] == split.index[test])


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
    moved = int(np.abs(found - Accuracy.from_json(model.accuracy).matrix).sum()) // 2
    if moved > MOST_MOVED * test.sum():
        raise ModelError(
            f"{run.job.model} gives a map that differs from the model's own figures in {moved} of "
            f"{int(test.sum())} test pixels: it was not trained on this scene, or not on these "
            "labels.",
            REDO_HINT,
        )
    return moved


def training_facts(model: ModelFile) -> dict[str, Any]:
    """What a model file tells about how it came about; None where it does not."""
    names = (
        *("best_epoch", "best_validation_accuracy", "epochs_done", "seconds", "cpu_seconds"),
        *("device", "backend", "threads"),
    )
    return {"mode": model.mode, **{name: model.training.get(name) for name in names}}


def _network_facts(model: ModelFile, content: SceneContent) -> dict[str, Any]:
    if model.classifier != NETWORK:
        return {"arguments": None, "parameters": None, "operations": None, "choice": model.choice}
    work = count_scene(model.network, content.survey.valid)
    return {
        "arguments": model.network,
        "parameters": count_parameters(model.network),
        "operations": work.to_json(),
    }
