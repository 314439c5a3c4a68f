"""What is known about each benchmark scene: size, classes, names of its files, place.

The files of most scenes hold no position, so every scene has a *nominal* place: a corner near
where it was flown, rounded to kilometers, north up. Scenes of AVIRIS go around with all bands and
"corrected", without those in which water vapor leaves no signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mambahsi.benchmark_scenes import class_tables
from mambahsi.classes import ClassTable


@dataclass(frozen=True)
class BenchmarkScene:
    """One scene of the literature.

    Attributes:
        key: Name for programs.
        title: Name for people.
        rows: Height in pixels.
        columns: Width in pixels.
        bands: Numbers of bands that circulate, the usual one first.
        classes: Classes by label value; 0 in a label map is unlabeled.
        pixels: Labeled pixels by label value where known, else empty.
        labeled_pixels: All labeled pixels, or None where not known.
        names: Usual names of file and variable, in small letters and digits alone.
        sensor: Instrument.
        pixel_size: Side of a pixel in meters.
        crs: CRS of the nominal place.
        corner: Easting and northing of the nominal upper left corner, in meters.
        place: Where it was flown.
        natural_colors: Bands, counted from 1, that are close to red, green and blue.
        has_official_split: Whether its labels were published as a training and a test map.
    """

    key: str
    title: str
    rows: int
    columns: int
    bands: tuple[int, ...]
    classes: ClassTable
    pixels: Mapping[int, int]
    labeled_pixels: int | None
    names: tuple[str, ...]
    sensor: str
    pixel_size: float
    crs: str
    corner: tuple[float, float]
    place: str
    natural_colors: tuple[int, int, int]
    has_official_split: bool = False

    @property
    def size(self) -> str:
        """Its size in words, for messages."""
        bands = " or ".join(str(number) for number in self.bands)
        return f"{self.rows} rows, {self.columns} columns and {bands} bands"


def _scene(
    key: str,
    title: str,
    size: tuple[int, int],
    bands: tuple[int, ...],
    classes: class_tables.Classes,
    names: str,
    sensor: str,
    pixel_size: float,
    place: tuple[str, str, float, float],
    natural_colors: tuple[int, int, int],
    *,
    labeled_pixels: int | None = None,
    has_official_split: bool = False,
) -> BenchmarkScene:
    table, pixels = classes
    where, crs, easting, northing = place
    return BenchmarkScene(
        key,
        title,
        *size,
        bands,
        table,
        MappingProxyType(pixels),
        sum(pixels.values()) or labeled_pixels,
        tuple(names.split()),
        sensor,
        pixel_size,
        crs,
        (easting, northing),
        where,
        natural_colors,
        has_official_split,
    )


_AVIRIS = "AVIRIS"
_ROSIS = "ROSIS"
_UAV = "Headwall Nano-Hyperspec on a UAV"

_SCENES = (
    _scene(
        "pavia_university",
        "Pavia University",
        (610, 340),
        (103,),
        class_tables.PAVIA_UNIVERSITY,
        "paviau paviauniversity universityofpavia unipavia pu up",
        _ROSIS,
        1.3,
        ("Pavia, Italy", "EPSG:32632", 511_000, 5_005_000),
        (55, 30, 8),
    ),
    _scene(
        "pavia_centre",
        "Pavia Centre",
        (1096, 715),
        (102,),
        class_tables.PAVIA_CENTRE,
        "pavia paviac paviacentre paviacenter pc",
        _ROSIS,
        1.3,
        ("Pavia, Italy", "EPSG:32632", 512_000, 5_003_000),
        (55, 30, 8),
        labeled_pixels=148_152,
    ),
    _scene(
        "salinas",
        "Salinas",
        (512, 217),
        (204, 224),
        class_tables.SALINAS,
        "salinascorrected salinas salinasvalley sa sv",
        _AVIRIS,
        3.7,
        ("Salinas Valley, California", "EPSG:32610", 625_000, 4_051_000),
        (29, 19, 9),
    ),
    _scene(
        "salinas_a",
        "Salinas-A",
        (83, 86),
        (204, 224),
        class_tables.SALINAS_A,
        "salinasacorrected salinasacorrect salinasa",
        _AVIRIS,
        3.7,
        ("Salinas Valley, California", "EPSG:32610", 625_000, 4_050_000),
        (29, 19, 9),
    ),
    _scene(
        "botswana",
        "Botswana",
        (1476, 256),
        (145,),
        class_tables.BOTSWANA,
        "botswana bs bt",
        "Hyperion on EO-1",
        30.0,
        ("Okavango Delta, Botswana", "EPSG:32734", 689_000, 7_843_000),
        (20, 11, 4),
    ),
    _scene(
        "ksc",
        "Kennedy Space Center",
        (512, 614),
        (176,),
        class_tables.KSC,
        "ksc kscdata ksccorrected kennedyspacecenter",
        _AVIRIS,
        18.0,
        ("Kennedy Space Center, Florida", "EPSG:32617", 529_000, 3_164_000),
        (29, 19, 9),
    ),
    _scene(
        "houston_2013",
        "Houston 2013",
        (349, 1905),
        (144,),
        class_tables.HOUSTON_2013,
        "houston houston2013 houston13 houstonhsi houston2013hsi houston13data grss2013 "
        "dfc2013houston 2013ieeegrssdfcontestcasi hsi",
        "CASI-1500",
        2.5,
        ("University of Houston, Texas", "EPSG:32615", 274_000, 3_290_000),
        (61, 40, 23),
        has_official_split=True,
    ),
    _scene(
        "whu_hi_hanchuan",
        "WHU-Hi HanChuan",
        (1217, 303),
        (274,),
        class_tables.WHU_HI_HANCHUAN,
        "whuhihanchuan hanchuan whuhc",
        _UAV,
        0.109,
        ("Hanchuan, Hubei, China", "EPSG:32649", 768_000, 3_389_000),
        (114, 69, 28),
        labeled_pixels=257_530,
    ),
    _scene(
        "whu_hi_honghu",
        "WHU-Hi HongHu",
        (940, 475),
        (270,),
        class_tables.WHU_HI_HONGHU,
        "whuhihonghu honghu whuhh",
        _UAV,
        0.043,
        ("Honghu, Hubei, China", "EPSG:32649", 732_000, 3_299_000),
        (112, 68, 28),
        labeled_pixels=386_693,
    ),
    _scene(
        "whu_hi_longkou",
        "WHU-Hi LongKou",
        (550, 400),
        (270,),
        class_tables.WHU_HI_LONGKOU,
        "whuhilongkou longkou whulk",
        _UAV,
        0.463,
        ("Longkou, Hubei, China", "EPSG:32649", 760_000, 3_322_000),
        (112, 68, 28),
        labeled_pixels=204_542,
    ),
    _scene(
        "indian_pines",
        "Indian Pines",
        (145, 145),
        (200, 220, 224),
        class_tables.INDIAN_PINES,
        "indianpinescorrected indianpines indianpine indian ip",
        _AVIRIS,
        20.0,
        ("West Lafayette, Indiana", "EPSG:32616", 496_000, 4_479_000),
        (29, 19, 9),
    ),
)

catalog: Mapping[str, BenchmarkScene] = MappingProxyType({scene.key: scene for scene in _SCENES})
"""The scenes by key."""
