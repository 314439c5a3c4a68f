"""Which files a source is made of, so that no output takes the place of one of them.

A raster is often more than the file that its source string names: an ENVI file has a header
beside it, and a virtual raster is nothing without the files that it is put together from. A
shapefile is at least three files. Overwriting any of them destroys the user's data.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

_SEVERAL_FILES = {".shp", ".tab", ".mif"}
"""Vector formats of several files, which share one name but for the extension."""

_OF_A_LAYER = {
    *(".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx"),
    *(".tab", ".dat", ".map", ".id", ".ind", ".mif", ".mid"),
}


def raster_files(source: str) -> list[str]:
    """The source itself, and all files that GDAL reads for it.

    A source that cannot be opened has itself only; whoever reads it tells what is wrong.
    """
    found = [source]
    # GDAL names the files that a virtual raster refers to, but not what these refer to.
    pending = [source]
    while pending:
        new = [name for name in _files(pending.pop()) if name not in found]
        found += new
        pending += [name for name in new if name.lower().endswith(".vrt")]
    return found


def vector_files(source: str) -> list[str]:
    """The source itself, and the files of its name that belong to its format."""
    path = Path(source)
    if path.suffix.lower() not in _SEVERAL_FILES or not path.is_file():
        return [source]
    beside = [
        str(file)
        for file in path.parent.iterdir()
        if file.stem == path.stem and file.suffix.lower() in _OF_A_LAYER and file != path
    ]
    return [source, *sorted(beside)]


def _files(source: str) -> list[str]:
    try:
        with rasterio.Env(), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(source) as dataset:
                return [str(name) for name in dataset.files]
    except (RasterioError, CPLE_BaseError):
        return []
