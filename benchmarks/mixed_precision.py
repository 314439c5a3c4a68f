"""What rounding the factors of products to bfloat16 costs in accuracy, on Indian Pines.

    python benchmarks/mixed_precision.py [--seeds N ...] [--epochs N] [--device cuda]

Each seed is trained twice by the paper's protocol, in float32 and with ``precision`` bfloat16, from
the same initial weights on the same pixels, and tested on all others; the network computes the
test's scores in the precision that it was trained in. The processor can do both: it rounds
what the GPU rounds, and adds up in float32 as the GPU does, so the accuracy is measured without
one, if slowly, and its times mean nothing. The scan is that of plain PyTorch on the CPU, and the
best there is on a GPU, where a job would take it.

The scene is downloaded (see ``scripts/indian_pines.py``). A pair that is done is kept in
``build/benchmarks/mixed_precision/``, a file for each seed, precision, device and number of
epochs, and not made again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mambahsi.devices import choose_device, choose_precision, describe_device, make_reproducible
from mambahsi.feedback import Feedback
from mambahsi.jobs import PRECISIONS, PRESETS, RasterSource, TrainJob, VectorSource
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import resolve_backend, set_threads
from mambahsi.training import TrainingData, train_network
from mambahsi.training_loop import CheckpointPlan

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "benchmarks" / "mixed_precision"
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def spectra(cube: np.ndarray) -> torch.Tensor:
    """The paper's stretch: percentiles 2 and 98 of each band, in 256 steps; (pixels, bands)."""
    pixels = cube.reshape(-1, cube.shape[2]).astype(np.float64)
    low, high = np.percentile(pixels, (2, 98), axis=0)
    stretched = np.clip((pixels - low) / np.maximum(high - low, 1e-12), 0, 1)
    return torch.from_numpy((stretched * 255).astype(np.uint8)).float() / 255


def divide(truth: np.ndarray, seed: int, train: int, validation: int) -> dict[str, np.ndarray]:
    """The paper's division: numbers of the pixels of each part, class by class."""
    generator = np.random.RandomState(seed)
    parts: dict[str, list[np.ndarray]] = {"train": [], "validation": [], "test": []}
    for value in range(1, int(truth.max()) + 1):
        pixels = np.flatnonzero(truth.ravel() == value)
        generator.shuffle(pixels)
        first = train if len(pixels) > train else train // 2
        parts["train"].append(pixels[:first])
        parts["validation"].append(pixels[first : first + validation])
        parts["test"].append(pixels[first + validation :])
    return {name: np.concatenate(found) for name, found in parts.items()}


def measure(
    cube: np.ndarray,
    truth: np.ndarray,
    seed: int,
    precision: str,
    device: torch.device,
    epochs: int,
    width: int,
) -> dict[str, Any]:
    """Train and test once.

    Args:
        cube: (rows, columns, bands).
        truth: Classes from 1 on, 0 where there is none; (rows, columns).
        seed: Of the weights and of the division.
        precision: One of :data:`mambahsi.jobs.PRECISIONS`.
        device: Where it is done.
        epochs: Steps on the whole scene.
        width: Of the network.

    Returns:
        Overall and average accuracy on the test pixels, and the loss of the last epoch.
    """
    job = TrainJob(
        RasterSource("scene"), VectorSource("labels"), "class", "model",
        protocol="random", epochs=epochs, seed=seed, precision=precision,
    )  # fmt: skip
    classes = truth.ravel().astype(np.int64) - 1
    parts = divide(truth, seed, job.train_pixels, job.validation_pixels)
    # As where the job divides its labels, in the scene's order.
    numbers = {name: torch.from_numpy(np.sort(found)).to(device) for name, found in parts.items()}
    target = {
        name: torch.from_numpy(classes)[found.cpu()].to(device) for name, found in numbers.items()
    }
    geometry = SceneGeometry(np.ones(truth.shape, dtype=bool))
    pixels = spectra(cube).to(device)
    data = TrainingData(
        pixels, geometry, numbers["train"], target["train"], numbers["validation"],
        target["validation"],
    )  # fmt: skip
    scan = "torch" if device.type == "cpu" else resolve_backend("auto", device.type)
    torch.manual_seed(seed)
    network = MambaHSI(cube.shape[2], width, int(truth.max()), scan=scan).to(device)
    network.set_precision(TYPES[precision])
    with tempfile.TemporaryDirectory() as folder:
        plan = CheckpointPlan(Path(folder) / "checkpoint", {}, {"plan": "whole"})
        outcome = train_network(network, data, job, plan, Feedback())
    with torch.no_grad():
        found = network.pixel_logits(pixels, geometry, at=numbers["test"]).argmax(dim=1)
    right = (found == target["test"]).double()
    by_class = [float(right[target["test"] == n].mean()) for n in target["test"].unique()]
    return {
        "overall": float(right.mean()),
        "average": statistics.mean(by_class),
        "loss": outcome.curves[-1]["loss"],
        "device": describe_device(device),
        "scan": scan,
    }


def main() -> None:
    """Measure what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    parser.add_argument("--epochs", type=int, default=TrainJob.epochs)
    parser.add_argument("--threads", type=int, default=TrainJob.threads)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "scripts"))
    from indian_pines import fetch

    set_threads(arguments.threads)
    device = choose_device(arguments.device)
    make_reproducible(device)
    if device.type != "cpu":
        choose_precision("bfloat16", device)
    RESULTS.mkdir(parents=True, exist_ok=True)
    scene: tuple[np.ndarray, np.ndarray] | None = None
    found: dict[str, list[dict[str, Any]]] = {precision: [] for precision in PRECISIONS}
    for seed in arguments.seeds:
        for precision in PRECISIONS:
            name = f"{device.type}_{arguments.epochs}_{seed}_{precision}.json"
            if not (RESULTS / name).exists():
                scene = scene or fetch()
                width = PRESETS[TrainJob.preset].hidden_dim
                result = measure(*scene, seed, precision, device, arguments.epochs, width)
                (RESULTS / name).write_text(json.dumps(result), encoding="utf-8")
            found[precision].append(json.loads((RESULTS / name).read_text(encoding="utf-8")))
            print(f"seed {seed}, {precision}: {found[precision][-1]['overall']:.2%}", flush=True)
    print(table(found))


def table(found: dict[str, list[dict[str, Any]]]) -> str:
    """The table: mean and standard deviation over the seeds, and the difference by seed."""
    lines = ["| precision | seeds | OA | AA |", "|---|---|---|---|"]
    for precision, results in found.items():
        columns = [_spread([r[name] for r in results]) for name in ("overall", "average")]
        lines.append(f"| {precision} | {len(results)} | {' | '.join(columns)} |")
    pairs = list(zip(found["bfloat16"], found["float32"], strict=True))
    columns = [_spread([a[name] - b[name] for a, b in pairs]) for name in ("overall", "average")]
    lines.append(f"| difference | {len(pairs)} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.2f} +- {100 * spread:.2f}"


if __name__ == "__main__":
    main()
