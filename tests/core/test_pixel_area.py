"""How much ground pixels cover, against areas that PROJ's equal-area projection gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform

from mambahsi.areas.pixel_area import PixelArea, pixel_area
from mambahsi.grid import Grid


def grid(crs: str, transform: tuple[float, ...], width: int = 40, height: int = 30) -> Grid:
    a, b, c, d, e, f = transform
    wkt = CRS.from_user_input(crs).to_wkt() if crs else ""
    return Grid(width, height, (a, b, c, d, e, f), wkt)


def in_equal_area(where: Grid, row: int, column: int) -> float:
    """Hectares of a pixel in EASE-Grid 2.0, an equal-area projection of WGS 84."""
    corners = [where.affine @ xy for xy in ((column, row), (column + 1, row),
               (column + 1, row + 1), (column, row + 1))]  # fmt: skip
    xs, ys = transform(CRS.from_wkt(where.crs), CRS.from_epsg(6933), *zip(*corners, strict=True))
    return shapely.Polygon(np.column_stack([xs, ys])).area / 10_000


def of(area: PixelArea, row: int, column: int) -> float:
    return float(area.at(np.array([row]), np.array([column]))[0])


@given(
    st.floats(-80, 80),
    st.floats(-170, 170),
    st.floats(1e-5, 0.05),
    st.floats(-0.5, 0.5),
)
def test_pixels_in_degrees_have_their_area_on_the_ellipsoid(
    latitude: float, longitude: float, size: float, turn: float
) -> None:
    where = grid("EPSG:4326", (size, size * turn, longitude, size * turn, -size, latitude))
    area = pixel_area(where)
    assert area.unit == "ha" and area.constant is None
    assert of(area, 7, 11) == pytest.approx(in_equal_area(where, 7, 11), rel=1e-6)
    rows = area.of_rows(7, 2)
    assert rows[0, 11 if rows.shape[1] > 1 else 0] == pytest.approx(of(area, 7, 11))


def test_a_whole_globe_in_degrees() -> None:
    area = pixel_area(grid("EPSG:4326", (1, 0, -180, 0, -1, 90), 360, 180))
    total = (area.of_rows(0, 180) * 360).sum()
    assert total == pytest.approx(510_065_621_724_088 / 10_000, rel=1e-9)  # GRS 80 and WGS 84


def test_projected_pixels_are_plane_and_in_the_unit_of_the_crs() -> None:
    utm = pixel_area(grid("EPSG:32633", (30, 0, 500_000, 0, -30, 5_800_000)))
    assert (utm.constant, utm.unit, utm.warning) == (pytest.approx(0.09), "ha", "")
    turned = pixel_area(grid("EPSG:32633", (18, 24, 500_000, 24, -18, 5_800_000)))
    assert turned.constant == pytest.approx(0.09)
    feet = pixel_area(grid("EPSG:2263", (100, 0, 980_000, 0, -100, 200_000)))
    assert feet.constant == pytest.approx((100 * 1200 / 3937) ** 2 / 10_000, rel=1e-9)
    assert feet.warning == ""


def test_web_mercator_is_warned_of() -> None:
    where = grid("EPSG:3857", (30, 0, 1_500_000, 0, -30, 6_800_000))
    area = pixel_area(where)
    assert "equal-area" in area.warning
    truth = in_equal_area(where, 0, 0)
    assert truth < 0.5 * 0.09 and f"covers {truth:.4g} to" in area.warning


@pytest.mark.parametrize("crs", ["", 'LOCAL_CS["Fields",UNIT["metre",1]]'])
def test_without_a_crs_pixels_are_counted(crs: str) -> None:
    area = pixel_area(Grid(4, 4, (2.0, 0, 0, 0, -2.0, 0), crs))
    assert (area.unit, area.constant) == ("pixels", 1.0)
    assert "no CRS" in area.warning


def test_other_ellipsoids_and_angular_units() -> None:
    # A sphere of 6371 km, on which the band between two parallels has a simple area.
    sphere = 'GEOGCS["s",DATUM["s",SPHEROID["s",6371000,0]],PRIMEM["G",0],UNIT["degree",{}]]'
    area = pixel_area(Grid(1, 1, (1, 0, 0, 0, -1, 60), sphere.format(math.pi / 180)))
    band = 6371_000**2 * math.radians(1) * (math.sin(math.radians(60)) - math.sin(math.radians(59)))
    assert of(area, 0, 0) == pytest.approx(band / 10_000)
    grads = sphere.replace("degree", "grad").format(math.pi / 200)
    in_grads = pixel_area(Grid(1, 1, (10 / 9, 0, 0, 0, -10 / 9, 600 / 9), grads))
    assert of(in_grads, 0, 0) == pytest.approx(band / 10_000)
