"""Whether what lies in a run's folder belongs to the run.

A run is decided by the content of scene and labels, by the division of the labels, and by
those fields of its training that change weights or figures. Threads, device and scan backend
change the last digits only: they are part of the record, not of the fit. Files have other
names on another machine, so names decide nothing either.

A field that a record does not know did not exist when it was written: the training then did
what the field's default does now.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mambahsi.benchmark.scenes import SceneContent, SceneFolder
from mambahsi.checkpoint import digest
from mambahsi.jobs import NETWORK, RasterSource, TrainJob
from mambahsi.model_file import ModelFile
from mambahsi.normalization import Normalization
from mambahsi.scene import Scene
from mambahsi.split import Split

_NAMES_OF_THINGS = {
    *("scene", "labels", "class_field", "name_field", "color_field", "model", "report"),
}
_CIRCUMSTANCES = {"device", "scan", "threads", "memory", "resume", "compare"}

_DEFAULTS = {
    item.name: item.default
    for item in dataclasses.fields(TrainJob)
    if item.default is not dataclasses.MISSING
}


def deciding_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields of a training that decide its result.

    Args:
        settings: Fields of a :class:`mambahsi.jobs.TrainJob` as plain values; others, such as
            facts that a model file has beside them, are left out.
    """
    left_out = _NAMES_OF_THINGS | _CIRCUMSTANCES
    return {
        name: settings.get(name, default)
        for name, default in _DEFAULTS.items()
        if name not in left_out
    }


def fingerprint(job: TrainJob, content: SceneContent, split: Split) -> dict[str, Any]:
    """What decides a run, as plain values."""
    return {
        "scene": content.scene_digest,
        "labels": content.labels_digest,
        "split": digest(split.parts, split.index),
        "settings": deciding_fields(dataclasses.asdict(job)),
    }


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what the fingerprint of a record differs from that of the run, for people."""
    found = [
        f"the {what} {'were' if name == 'labels' else 'was'} another one"
        for name, what in (("scene", "scene"), ("labels", "labels"), ("split", "split"))
        if saved.get(name) != now[name]
    ]
    return found + _changed(saved.get("settings", {}), now["settings"])


def model_differences(
    model: ModelFile, job: TrainJob, content: SceneContent, split: Split, place: SceneFolder
) -> list[str]:
    """In what a model that was trained by other means differs from the run's, for people.

    A model file does not hold the pixels that it was trained on, but their constants of
    normalization, by band; its classes; how many pixels of each were in which part, and how
    near training and test pixels came. (That its map has the very confusion matrix that it
    states is compared later, when there is a map.)
    """
    found = _changed(model.training, deciding_fields(dataclasses.asdict(job)))
    if model.mode != ("whole" if job.classifier == NETWORK else "pixels"):
        found.append(f"the scene was seen in {model.mode}")
    grid = model.scene.get("grid", {})
    shape = (grid.get("height"), grid.get("width"))
    if shape != content.survey.valid.shape:
        found.append(f"the scene had {shape[0]} x {shape[1]} pixels")
    if list(model.bands["used"]) != list(content.survey.used):
        found.append("the scene had other usable bands")
    elif not _same_constants(model.normalization, content, place):
        found.append("the scene's bands had other values")
    ours = split.to_json()
    if model.split.get("classes") != ours["classes"]:
        found.append("the parts of the split had other classes or sizes")
    elif not _close(model.split.get("nearest"), ours["nearest"]):
        found.append("training and test pixels had another distance")
    return found


def _same_constants(saved: Normalization, content: SceneContent, place: SceneFolder) -> bool:
    with Scene.open(RasterSource(str(place.scene))) as scene:
        now = Normalization.fit(scene, content.survey.used, content.survey.valid)
    return bool(np.array_equal(saved.low, now.low) and np.array_equal(saved.high, now.high))


def _close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) < 1e-9


def _changed(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} was {before!r}, now {value!r}"
        for name, value in now.items()
        if (before := saved.get(name, _DEFAULTS[name])) != value
    ]
