"""The scenes of the tutorial, and where a person who knows them draws.

Boxes and points are in columns and rows of the scene, inside of fields and stands that the scene's
published labels confirm.
"""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[int, int, int, int]
"""First column and row, last column and row."""


@dataclass(frozen=True)
class Drawn:
    """A class and its samples.

    Attributes:
        name: Its name.
        color: Its color.
        boxes: Where polygons are drawn, corner by corner.
        seed: Column and row of the pixel from which a region is grown.
        angle: How far its spectra may be from that pixel's, in degrees.
    """

    name: str
    color: str
    boxes: tuple[Box, ...]
    seed: tuple[int, int]
    angle: float


@dataclass(frozen=True)
class Scene:
    """A scene.

    Attributes:
        file: Name of its file.
        classes: What is drawn in it.
        epochs: How long it is trained.
    """

    file: str
    classes: tuple[Drawn, ...]
    epochs: int


INDIAN_PINES = Scene(
    "indian_pines.tif",
    (
        Drawn(
            "Corn",
            "#e5a92b",
            ((32, 31, 58, 42), (74, 74, 82, 92), (96, 43, 101, 62), (19, 127, 45, 134)),
            (42, 67),
            1.8,
        ),
        Drawn(
            "Soybean",
            "#6fb03f",
            ((32, 75, 46, 92), (59, 66, 70, 94), (98, 1, 117, 16), (75, 40, 92, 60)),
            (40, 105),
            1.8,
        ),
        Drawn(
            "Woods",
            "#1abc9c",
            ((87, 119, 102, 136), (106, 124, 120, 138), (97, 30, 119, 38)),
            (125, 14),
            3.0,
        ),
        Drawn(
            "Grünland",
            "#a98fd6",
            ((2, 74, 20, 85), (27, 49, 35, 70), (58, 100, 70, 113)),
            (78, 100),
            3.0,
        ),
    ),
    60,
)

POTSDAM = Scene(
    "enmap_potsdam.tif",
    (
        Drawn(
            "Gewässer",
            "#2b7bba",
            ((68, 129, 74, 133), (78, 129, 84, 133), (61, 140, 66, 144)),
            (63, 136),
            20.0,
        ),
        Drawn(
            "Wald",
            "#14602f",
            ((24, 21, 35, 30), (24, 36, 34, 46), (122, 149, 129, 162), (134, 171, 149, 176)),
            (38, 32),
            4.0,
        ),
        Drawn(
            "Grünland",
            "#9ccc5a",
            ((46, 37, 54, 41), (70, 9, 78, 12), (40, 28, 44, 36), (72, 16, 75, 23)),
            (28, 9),
            4.0,
        ),
        Drawn(
            "Siedlung",
            "#c8503c",
            ((121, 105, 127, 108), (131, 103, 134, 106), (80, 35, 83, 38)),
            (124, 107),
            5.0,
        ),
    ),
    20,
)

SCENES = {scene.file: scene for scene in (INDIAN_PINES, POTSDAM)}
