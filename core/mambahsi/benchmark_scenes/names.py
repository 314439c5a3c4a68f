"""What the names of files and variables tell about their contents.

Names only help to choose among arrays whose size fits: which of two cubes is the usual version,
which of several maps holds the labels, and which part of the labels.
"""

from __future__ import annotations

import re

from mambahsi.benchmark_scenes.arrays import StoredArray

TRAINING = "training"
TEST = "test"

_PARTS = {
    **dict.fromkeys(("tr", "train", "training", "trainset"), TRAINING),
    **dict.fromkeys(("te", "ts", "test", "testing", "va", "val", "validation"), TEST),
}
_LABELS = {"gt", "gnd", "label", "labels", "truth", "groundtruth", "map", "mask"}
_WORD = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def plain(name: str) -> str:
    """A name in small letters and digits alone: ``Indian_pines_gt`` -> ``indianpinesgt``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def words(array: StoredArray) -> set[str]:
    """The words of an array's file and variable: ``TRLabel`` -> ``tr``, ``label``."""
    return {word.lower() for word in _WORD.findall(f"{array.path.stem} {array.name}")}


def part_of(array: StoredArray) -> str:
    """Which part of the labels the names say: :data:`TRAINING`, :data:`TEST`, or empty."""
    parts = {_PARTS[word] for word in words(array) if word in _PARTS}
    return parts.pop() if len(parts) == 1 else ""


def says_labels(array: StoredArray) -> bool:
    """Whether the names say that it holds labels."""
    stem, name = plain(array.path.stem), plain(array.name)
    return bool(words(array) & _LABELS) or stem.endswith("gt") or name.endswith("gt")


def is_usual(array: StoredArray, names: tuple[str, ...]) -> tuple[int, int]:
    """How usual the names of a cube are: the place of variable and file among the usual ones."""
    last = len(names)
    place = {name: index for index, name in enumerate(names)}
    return place.get(plain(array.name), last), place.get(plain(array.path.stem), last)
