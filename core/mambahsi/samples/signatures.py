"""The signature of a class: the mean spectrum of its samples, and how they spread around it.

Spectra are drawn over wavelength, in nanometers, where every used band has one, and over band
numbers elsewhere. A line is broken where there is nothing to connect: at bands that are left out
(water vapor, bad bands), at a step in wavelength far larger than the sensor's own, where a product
comes without such bands, and where wavelengths begin anew with another detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mambahsi.band_metadata import Band

PERCENTILES = (5, 50, 95)

_FINE = 20.0
"""Nanometers between bands below which a sensor samples the spectrum without gaps of its own."""

_GAP = 5.0
"""Steps of the sensor that make a gap."""


@dataclass(frozen=True, eq=False)
class Signature:
    """Statistics of one class; all arrays have shape (bands,) and are float64.

    Attributes:
        pixels: Number of samples.
        mean: Mean; NaN without samples.
        deviation: Standard deviation with n - 1; NaN with fewer than two samples.
        percentiles: Shape (3, bands), by :data:`PERCENTILES`; NaN without samples.
    """

    pixels: int
    mean: np.ndarray
    deviation: np.ndarray
    percentiles: np.ndarray


def signature(spectra: np.ndarray) -> Signature:
    """The signature of some samples.

    Args:
        spectra: Any real type, shape (pixels, bands).
    """
    values = spectra.astype(np.float64)
    pixels, bands = values.shape
    nothing = np.full(bands, np.nan)
    return Signature(
        pixels,
        values.mean(axis=0) if pixels else nothing,
        values.std(axis=0, ddof=1) if pixels > 1 else nothing,
        np.percentile(values, PERCENTILES, axis=0) if pixels else np.stack([nothing] * 3),
    )


def wavelengths(bands: Sequence[Band]) -> list[float] | None:
    """Wavelengths of the bands in nanometers, or None unless all have one."""
    found = [band.wavelength for band in bands if band.wavelength is not None]
    return found if len(found) == len(bands) else None


def segments(bands: Sequence[Band], used: Sequence[int]) -> list[list[int]]:
    """Positions among the used bands that one line connects, line by line.

    Args:
        bands: All bands of the file.
        used: Numbers, from 1, of the used ones.
    """
    lengths = wavelengths([bands[number - 1] for number in used])
    known = np.array([band.wavelength for band in bands if band.wavelength is not None])
    step = float(np.median(np.abs(np.diff(known)))) if lengths and len(known) > 1 else np.inf
    if lengths and step > _FINE:
        # Bands far from each other, often stored in an order of their own.
        return [np.argsort(lengths, kind="stable").tolist()]
    broken = np.diff(used) > 1
    if lengths:
        advance = np.diff(lengths)
        broken |= (advance <= 0) | (advance > max(_GAP * step, 2 * _FINE))
    edges = [0, *(np.flatnonzero(broken) + 1).tolist(), len(used)]
    return [list(range(start, end)) for start, end in pairwise(edges)]
