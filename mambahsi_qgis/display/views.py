"""From a raster and a composite to what is drawn: bands, and the limits of their stretch.

Nothing here touches a layer, so it may run in any thread. A band that turns out to hold no
valid pixel, or one value only, gives way to the next best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from osgeo import gdal

from mambahsi_qgis.display import bands, names, pixels
from mambahsi_qgis.display.composites import (
    Basis,
    Choice,
    Composite,
    Part,
    by_wavelength,
    missing_part,
    without_wavelengths,
)
from mambahsi_qgis.translation import tr

LOWER, UPPER = 2.0, 98.0
"""Percentiles between which a band is stretched."""


class NotShown(Exception):
    """Why a raster is not shown in a composite; the message is for the user."""


@dataclass(frozen=True)
class View:
    """How a raster is shown.

    Attributes:
        composite: What was asked for.
        basis: What the choice of bands rests on.
        bands: Numbers, from 1, of the bands for red, green and blue, or of the one for gray.
        limits: For each of them the values shown black and fully bright.
        nm: Their wavelengths, NaN where unknown.
    """

    composite: Composite
    basis: Basis
    bands: tuple[int, ...]
    limits: tuple[tuple[float, float], ...]
    nm: tuple[float, ...]


def make_view(dataset: gdal.Dataset, composite: Composite, nodata: Sequence[pixels.Nodata]) -> View:
    """Choose bands and compute their stretch.

    Args:
        dataset: The open raster.
        composite: What to show.
        nodata: What is invalid in each band.

    Raises:
        NotShown: The composite cannot be had from this raster, or nothing is valid in it.
        RuntimeError: The file cannot be read.
    """
    choice, nm = choose(dataset, composite)
    # The best bands together, because that is cheaper; others one by one, if needed at all.
    best = list(dict.fromkeys(candidates[0] for candidates in choice.bands))
    stretches = dict(zip(best, map(limits_of, pixels.sample(dataset, best, nodata))))

    def stretch(band: int) -> Optional[tuple[float, float]]:
        if band not in stretches:
            stretches[band] = limits_of(*pixels.sample(dataset, [band], nodata))
        return stretches[band]

    found = []
    for candidates in choice.bands:
        band = next((band for band in candidates if stretch(band) is not None), None)
        if band is None:
            raise NotShown(
                tr("There is nothing to see in band {}: no data, or one value only.").format(
                    ", ".join(map(str, candidates))
                )
            )
        found.append(band)
    return View(
        composite=composite,
        basis=choice.basis,
        bands=tuple(found),
        limits=tuple(limits for limits in map(stretch, found) if limits is not None),
        nm=tuple(float(nm[band - 1]) for band in found),
    )


def choose(dataset: gdal.Dataset, composite: Composite) -> tuple[Choice, np.ndarray]:
    """The bands that would show a composite, and the wavelengths, in nanometers, of all.

    Raises:
        NotShown: The raster has wavelengths, but none where the composite needs them.
    """
    known = bands.arrange(bands.read_bands(dataset))
    rasters = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
    kinds = [raster.GetColorInterpretation() for raster in rasters]
    good = known.good & (np.array(kinds) != gdal.GCI_AlphaBand)
    if np.count_nonzero(good) >= 3:
        if np.isfinite(known.nm).any():
            choice = by_wavelength(composite, known.nm, good)
            if choice is None:
                raise NotShown(_lacking(missing_part(composite, known.nm, good)))
            return choice, known.nm
        named = names.nominal([raster.GetDescription() for raster in rasters])
        choice = by_wavelength(composite, named, good, Basis.NAMES)
        if choice is not None:
            return choice, known.nm
    primary = (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)
    colors = [kinds.index(kind) + 1 for kind in primary] if set(primary) <= set(kinds) else None
    return without_wavelengths(composite, good, colors), known.nm


def limits_of(values: np.ndarray) -> Optional[tuple[float, float]]:
    """The limits of a stretch between the percentiles; None where all values are one.

    Args:
        values: Valid pixels, shape (pixels,).
    """
    if not values.size:
        return None
    low, high = np.percentile(values, (LOWER, UPPER))
    if low == high:
        # Few pixels differ from the rest: they are what there is to see.
        low, high = values.min(), values.max()
    return (float(low), float(high)) if low < high else None


def _lacking(part: Optional[Part]) -> str:
    assert part is not None
    return tr("The scene has no good band between {:g} and {:g} nm, which this needs.").format(
        part.low, part.high
    )
