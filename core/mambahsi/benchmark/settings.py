"""The protocols of a benchmark, as fields of an ordinary training."""

from __future__ import annotations

from typing import Any

from mambahsi.jobs import JobError


def protocol_fields(scene: str, protocol: str, seed: int) -> dict[str, Any]:
    """The fields of :class:`mambahsi.jobs.TrainJob` that divide the labels.

    Args:
        scene: Key of the scene.
        protocol: One of :data:`mambahsi.jobs.BENCHMARK_PROTOCOLS`.
        seed: Seed of weights and division.

    Raises:
        JobError: The protocol is not there.
    """
    if protocol == "random":
        # The paper's numbers, whatever a training's defaults are.
        return {"protocol": "random", "seed": seed, "train_pixels": 30, "validation_pixels": 10}
    raise JobError(f"Field protocol: {protocol!r} is not there yet.", "Take 'random'.")
