"""Bringing geometries from the CRS of their layer to that of the scene.

Done with rasterio's PROJ, the one that knows the scene's CRS. Vertices move, edges stay
straight, as in QGIS.
"""

from __future__ import annotations

import numpy as np
import rasterio
import shapely
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as transform_coordinates

from mambahsi.errors import LabelsError


def is_known(crs: str) -> bool:
    """Whether a CRS says where on Earth coordinates are.

    Empty text does not, nor do local (engineering) systems and the entries that a
    GeoPackage has for layers without CRS.
    """
    name = crs.strip().upper()
    return bool(name) and not (
        name.startswith(("LOCAL_CS", "ENGCRS", "ENGINEERINGCRS"))
        or "UNDEFINED GEOGRAPHIC SRS" in name
        or "UNDEFINED CARTESIAN SRS" in name
    )


def differ(first: str, second: str) -> bool:
    """Whether two CRS are both known and not the same."""
    if not is_known(first) or not is_known(second):
        return False
    with rasterio.Env():
        return bool(CRS.from_user_input(first) != CRS.from_user_input(second))


def reproject(geometries: np.ndarray, source: str, target: str, label: str) -> np.ndarray | None:
    """The geometries in another CRS; None where both CRS are the same.

    Vertices that have no place in the target become infinite.

    Raises:
        LabelsError: One of the CRS is not understood, or nothing leads from one to the other.
    """
    try:
        # rasterio looks CRS up in GDAL's settings, so these must be in place.
        with rasterio.Env():
            own, scene = CRS.from_user_input(source), CRS.from_user_input(target)
            if own == scene:
                return None
            return _moved(geometries, own, scene)
    except CRSError as error:
        raise LabelsError(
            f"Labels {label} have a CRS that is not understood: {error}",
            "Give the layer a known CRS.",
        ) from error
    except (RasterioError, CPLE_BaseError) as error:
        raise LabelsError(
            f"Labels {label} cannot be brought to the scene's CRS: {error}",
            "Check the CRS of both.",
        ) from error


def _moved(geometries: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    coordinates, owners = shapely.get_coordinates(geometries, return_index=True)
    try:
        moved = _moved_coordinates(coordinates, source, target)
    except CPLE_BaseError:
        # One impossible coordinate stops them all; so find out which geometries have one.
        moved = np.full_like(coordinates, np.inf)
        ends = np.searchsorted(owners, np.arange(len(geometries) + 1))
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            try:
                moved[start:stop] = _moved_coordinates(coordinates[start:stop], source, target)
            except CPLE_BaseError:
                continue
        if np.isinf(moved).all():
            raise
    placed: np.ndarray = shapely.set_coordinates(geometries.copy(), moved)
    return placed


def _moved_coordinates(coordinates: np.ndarray, source: CRS, target: CRS) -> np.ndarray:
    xs, ys = transform_coordinates(source, target, coordinates[:, 0], coordinates[:, 1])
    return np.column_stack([xs, ys])
