"""What bfloat16 costs: the same trainings in both precisions, on pixels that neither has seen.

The scene is drawn: patches of classes whose spectra differ by less than a pixel's noise, so that
neighbors have to help, and accuracy is far from all right. Thirty pixels of a class train.
"""

from __future__ import annotations

import statistics

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.common.scenes import patches
from benchmarks.gpu.clock import Clock, Failure
from benchmarks.gpu.contenders import PER_CLASS, our_network
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import Settings
from mambahsi.network import SceneGeometry

SEEDS = 3
NOISE = 1.5
LEARNING_RATE = 1e-3
PRECISIONS = ("float32", "bfloat16")


def run(settings: Settings, result: Result) -> None:
    """Train at half the rows and columns of the first scene, in both precisions."""
    clock = Clock(torch.device(settings.device))
    rows, columns, bands = settings.sizes[settings.first]
    size = (max(8, rows // 2), max(8, columns // 2), bands)
    for precision in PRECISIONS:
        found: list[float] = []
        why = ""
        for seed in range(SEEDS):
            try:
                found.append(_accuracy(settings, size, precision, seed))
            except Exception as error:
                why = clock.failure(error).why
                break
        title = f"{settings.epochs} epochs, {precision}"
        if why:
            result.add(Row.of(title, size[0] * size[1], Failure(why)))
            continue
        result.figures[precision] = statistics.mean(found)
        each = ", ".join(f"{share:.2%}" for share in found)
        text = f"overall accuracy of seeds 0 to {SEEDS - 1}: {each}"
        result.add(Row(title, size[0] * size[1], figure=text))
    if all(name in result.figures for name in PRECISIONS):
        result.figures["cost"] = result.figures["float32"] - result.figures["bfloat16"]


def _accuracy(settings: Settings, size: tuple[int, int, int], precision: str, seed: int) -> float:
    """Share of the pixels that did not train and are right after a training."""
    rows, columns, bands = size
    device = torch.device(settings.device)
    random = np.random.default_rng(seed)
    classes = patches(rows, columns, settings.classes, seed).ravel()
    spectra = random.standard_normal((settings.classes, bands), dtype=np.float32)
    noise = NOISE * random.standard_normal((rows * columns, bands), dtype=np.float32)
    pixels = torch.from_numpy(0.5 + 0.1 * (spectra[classes] + noise)).to(device)
    truth = torch.from_numpy(classes).to(device)
    places = [random.permutation(np.flatnonzero(classes == k)) for k in np.unique(classes)]
    train = torch.from_numpy(np.sort(np.concatenate([p[:PER_CLASS] for p in places]))).to(device)
    network = our_network(settings, bands, settings.scan).to(device)
    network.set_precision(getattr(torch, precision))
    geometry = SceneGeometry(np.ones((rows, columns), dtype=bool))
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    for _ in range(settings.epochs):
        optimizer.zero_grad()
        logits = network.pixel_logits(pixels, geometry, at=train)
        cross_entropy(logits.float(), truth[train]).backward()
        optimizer.step()
    with torch.no_grad():
        right = network.pixel_logits(pixels, geometry).argmax(dim=1) == truth
    right[train] = False
    return float(right.sum()) / max(1, len(right) - len(train))
