"""The scenes that are classified: drawn numbers where speed alone counts, real spectra else.

A forest's speed depends on what it sees, so for it the scene has to be a likely one. There
are no large scenes that everybody may download, but the spectra of Indian Pines are real: each
pixel of an enlarged scene takes the spectrum of a random labeled pixel of its class, with noise
as a sensor adds it, so that no two neighbors are the same. The classes lie in patches.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from benchmarks.common.folders import FOLDER, ROOT

NOISE = 0.01
"""Standard deviation of the noise, relative to each band's mean."""

PATCH = 12
"""Pixels over which the field that classes are cut from is smooth."""

_SEED = 1992


@dataclass(frozen=True)
class LabeledScene:
    """A scene as the network and the forest take it.

    Attributes:
        pixels: Bands between 0 and 1; float32 (pixels, bands), row by row.
        classes: Class index of each pixel; int64 (pixels,).
    """

    pixels: np.ndarray
    classes: np.ndarray

    def training_pixels(self, per_class: int = 30) -> np.ndarray:
        """Numbers of random pixels, so many of each class; int64."""
        random = np.random.default_rng(_SEED)
        numbers = [np.flatnonzero(self.classes == k) for k in np.unique(self.classes)]
        return np.concatenate([random.permutation(some)[:per_class] for some in numbers])


def drawn(rows: int, columns: int, bands: int, classes: int) -> LabeledScene:
    """A scene of uniform random numbers."""
    random = np.random.default_rng(_SEED)
    pixels = random.random((rows * columns, bands), dtype=np.float32)
    return LabeledScene(pixels, patches(rows, columns, classes).ravel())


def enlarged(rows: int, columns: int, bands: int) -> LabeledScene:
    """Indian Pines with its 16 classes at another size.

    Args:
        rows: Rows.
        columns: Columns.
        bands: Bands, at most 200; spread evenly over the scene's.
    """
    spectra = real_spectra()
    which = np.linspace(0, next(iter(spectra.values())).shape[1] - 1, bands).round().astype(int)
    classes = patches(rows, columns, len(spectra)).ravel()
    random = np.random.default_rng(_SEED)
    pixels = np.empty((rows * columns, bands), dtype=np.float32)
    for index, known in enumerate(spectra.values()):
        numbers = np.flatnonzero(classes == index)
        pixels[numbers] = known[random.integers(len(known), size=len(numbers))][:, which]
    pixels += random.standard_normal(pixels.shape, dtype=np.float32) * NOISE * pixels.mean(0)
    low, high = np.percentile(pixels, (2, 98), axis=0).astype(np.float32)
    np.clip((pixels - low) / (high - low), 0, 1, out=pixels)
    return LabeledScene(pixels, classes)


def patches(rows: int, columns: int, classes: int, seed: int = _SEED) -> np.ndarray:
    """A map of patches of all classes; int64 (rows, columns)."""
    from scipy.ndimage import gaussian_filter

    random = np.random.default_rng(seed)
    best = np.full((rows, columns), -np.inf, dtype=np.float32)
    index = np.zeros((rows, columns), dtype=np.int64)
    for number in range(classes):
        noise = random.standard_normal((rows, columns), dtype=np.float32)
        field = gaussian_filter(noise, PATCH)
        index[field > best] = number
        best = np.maximum(best, field)
    return index


@cache
def real_spectra() -> dict[int, np.ndarray]:
    """The labeled spectra of Indian Pines by class; float32 (pixels, 200) each."""
    path = FOLDER / "indian_pines.npz"
    if not path.exists():
        # Among the scripts, which are no package.
        sys.path.append(str(ROOT / "scripts"))
        import indian_pines

        cube, truth = indian_pines.fetch()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name("partial.npz")
        np.savez(partial, cube=cube, truth=truth)
        partial.replace(path)
    with np.load(path) as arrays:
        cube, truth = arrays["cube"], arrays["truth"]
    return {int(k): cube[truth == k].astype(np.float32) for k in np.unique(truth[truth > 0])}


def make(values: dict[str, Any]) -> LabeledScene:
    """The scene that a contender's settings describe."""
    size = values["rows"], values["columns"], values["bands"]
    return enlarged(*size) if values.get("real") else drawn(*size, values["classes"])
