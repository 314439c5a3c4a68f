"""Products that GDAL opens, but not as the scene that a person means.

PRISMA and EMIT keep their cubes with the bands in another place than GDAL expects them: it
takes lines for bands, and nothing that is shown or computed then makes sense. An EnMAP product
is opened by its image, not by the metadata beside it. Each is told with a way out.
"""

from __future__ import annotations

import re
from pathlib import Path

from osgeo import gdal

from mambahsi_qgis.engine.jobs import wavelengths as engine
from mambahsi_qgis.translation import tr

_TEXT = (".hdr", ".xml", ".aux", ".txt", ".json", ".qml", ".ovr", ".png", ".jpg")
"""Endings of files that may lie beside an image and share its name."""


def misread(dataset: gdal.Dataset) -> str:
    """Why the bands of a raster are no spectral bands, with what to do; empty if they are."""
    source = dataset.GetDescription()
    if dataset.RasterCount == 0:
        parts = [name for name, _ in dataset.GetSubDatasets()]
        return _prisma(parts) or _emit(parts) or _parted(parts)
    if _prisma([source]):
        listed = engine.prisma_lists(dataset.GetMetadata() or {}, source).get("wavelength", ())
        return "" if len(listed) == dataset.RasterCount else _prisma([source])
    per_band = dataset.GetRasterBand(1).GetMetadata("IMAGERY") or {}
    return "" if "CENTRAL_WAVELENGTH_UM" in per_band else _emit([source])


def _prisma(sources: list[str]) -> str:
    if not any(re.search(r"/PRS_L\w+/.*_Cube$", source) for source in sources):
        return ""
    return tr(
        "GDAL takes the lines of a PRISMA cube for its bands. Convert the product to a GeoTIFF "
        "first, for example with EnMAP-Box (Import PRISMA product), and open that."
    )


def _emit(sources: list[str]) -> str:
    cube = re.compile(r"(NETCDF|HDF5):.*EMIT_L[12].*[:/](reflectance|radiance)$")
    if not any(cube.match(source) for source in sources):
        return ""
    return tr(
        "GDAL takes the lines of an EMIT cube for its bands. Convert the product to a GeoTIFF "
        "first, for example with EnMAP-Box (Import EMIT L2A product), and open that."
    )


def _parted(parts: list[str]) -> str:
    if not parts:
        return tr("It has no bands.")
    return tr(
        "It has no bands of its own, but {} parts. Add the one that holds the scene with "
        "Layer ▸ Add Layer ▸ Add Raster Layer, which asks for the part."
    ).format(len(parts))


def image_of(path: Path) -> Path:
    """The file to open for one that a person picked: the image that it describes.

    Raises:
        ValueError: The image is not beside it; the message says so.
    """
    match = re.fullmatch(r"(ENMAP.*)-METADATA\.xml", path.name, re.IGNORECASE)
    if match is not None:
        start = f"{match[1]}-SPECTRAL_IMAGE"
    elif path.suffix.lower() == ".hdr":
        start = path.stem
    else:
        return path
    # An EnMAP product of level 1B has an image for each detector: the visible one is meant.
    images = sorted(
        (
            file
            for file in path.parent.iterdir()
            if file.name.startswith(start) and file.suffix.lower() not in _TEXT
        ),
        key=lambda file: ("_SWIR" in file.name, len(file.name)),
    )
    if not images:
        raise ValueError(tr("{} describes an image that is not beside it.").format(path.name))
    return images[0]
