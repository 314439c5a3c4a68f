"""What is known about the bands of a raster layer.

The text comes from QGIS's GDAL, its meaning from the engine's module ``wavelengths``, so a
plot in QGIS and a model file never disagree about a band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterLayer

from mambahsi_qgis.engine import rasters
from mambahsi_qgis.engine.jobs import sidecars
from mambahsi_qgis.engine.jobs import wavelengths as engine


@dataclass(frozen=True, eq=False)
class Wavelengths:
    """The bands of a scene by wavelength.

    Attributes:
        nm: Central wavelengths in nanometers, NaN where unknown; float64, shape (bands,).
        fwhm: Full widths at half maximum in nanometers, NaN where unknown; as ``nm``.
        good: Whether the band is not flagged bad; bool, shape (bands,).
    """

    nm: np.ndarray
    fwhm: np.ndarray
    good: np.ndarray


def wavelengths(layer: QgsRasterLayer) -> Optional[Wavelengths]:
    """The wavelengths of a layer's bands; None where no band has one.

    Only metadata are read, no pixels. A layer of another kind than a raster that GDAL opens,
    a web service for example, has none.
    """
    dataset = rasters.open_dataset(layer)
    if dataset is None:
        return None
    found = arrange(read_bands(dataset))
    return found if np.isfinite(found.nm).any() else None


def arrange(bands: tuple[Any, ...]) -> Wavelengths:
    """Bands as arrays."""
    unknown = float("nan")
    return Wavelengths(
        nm=np.array([unknown if b.wavelength is None else b.wavelength for b in bands], float),
        fwhm=np.array([unknown if b.fwhm is None else b.fwhm for b in bands], float),
        good=np.array([not b.flagged_bad for b in bands], bool),
    )


def read_bands(dataset: gdal.Dataset) -> tuple[Any, ...]:
    """The engine's ``Band`` for each band of an open dataset, in its order."""
    bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
    files = dataset.GetFileList() or ()
    return engine.understand(
        engine.Metadata(
            source=dataset.GetDescription(),
            descriptions=[band.GetDescription() for band in bands],
            bands=[band.GetMetadata() or {} for band in bands],
            imagery=[band.GetMetadata("IMAGERY") or {} for band in bands],
            dataset=dataset.GetMetadata() or {},
            envi=dataset.GetMetadata("ENVI") or {},
            beside=sidecars.beside(files[0]) if files else {},
        )
    )
