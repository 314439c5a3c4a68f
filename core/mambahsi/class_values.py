"""From what a class field holds to classes with values, names and colors.

A class field holds integers or text. Integers from 1 to 65535 keep their value in the map.
Zero, negative or larger integers and text cannot, so then all classes are numbered 1 to n
in their order (text in natural order: ``Field 2`` before ``Field 10``) and the original
stays beside the new value. Real numbers pass where all of them are integers, because that
is how some formats store integers beside empty cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from mambahsi.classes import LARGEST_VALUE, ClassTable, LandCoverClass
from mambahsi.colors import default_color, parse_color
from mambahsi.errors import LabelsError


@dataclass(frozen=True, eq=False)
class ClassValues:
    """The classes that a field names, and which of them each feature has.

    Attributes:
        originals: Distinct values as text, in the order of classes.
        codes: Position in ``originals`` by feature, -1 without class; shape (features,).
        integers: The distinct values as numbers where the field is of integers, else None.
    """

    originals: list[str]
    codes: np.ndarray
    integers: list[int] | None


def read_class_values(values: np.ndarray, field: str, label: str) -> ClassValues:
    """Find the distinct classes of a field; null and blank text mean no class.

    Raises:
        LabelsError: The field holds neither integers nor text, or no value at all.
    """
    codes = np.full(len(values), -1, dtype=np.int64)
    if values.dtype.kind in "iubf":
        present = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), bool)
        numbers = values[present]
        if values.dtype.kind == "f":
            odd = numbers[~np.isfinite(numbers) | (numbers != np.floor(numbers))]
            if odd.size:
                raise LabelsError(
                    f"Class field {field!r} of {label} holds {odd[0]!s}, which is no integer.",
                    "Choose a field of integers or text.",
                )
        distinct, codes[present] = np.unique(numbers, return_inverse=True)
        integers = [int(number) for number in distinct]
        found = ClassValues([str(number) for number in integers], codes, integers)
    elif all(value is None or isinstance(value, str) for value in values):
        texts = [(value or "").strip() for value in values]
        originals = sorted({text for text in texts if text}, key=natural_key)
        position = {text: i for i, text in enumerate(originals)}
        codes[:] = [position.get(text, -1) for text in texts]
        found = ClassValues(originals, codes, None)
    else:
        raise LabelsError(
            f"Class field {field!r} of {label} holds neither integers nor text.",
            "Choose a field of integers or text.",
        )
    if not found.originals:
        raise LabelsError(
            f"Class field {field!r} of {label} is empty throughout.",
            "Choose the field that holds the classes.",
        )
    return found


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sorting key that orders numbers inside text by size and ignores case."""
    parts = re.split(r"(\d+)", text.casefold())
    # str.isdecimal and \d agree, and int() reads any decimal digits.
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p], text


def build_class_table(
    found: ClassValues,
    names: np.ndarray | None,
    colors: np.ndarray | None,
    notes: list[str],
    logs: list[str],
) -> ClassTable:
    """The class table of a layer.

    Args:
        found: Distinct classes of the layer.
        names: Name by feature, or None.
        colors: Color by feature, or None.
        notes: Receives warnings on differing names and unreadable colors.
        logs: Receives a line where classes are renumbered.

    Raises:
        LabelsError: There are more classes than a map can hold.
    """
    originals = found.originals
    if len(originals) > LARGEST_VALUE:
        raise LabelsError(
            f"The class field holds {len(originals)} classes; a map holds {LARGEST_VALUE}.",
            "Choose the field of classes, not one of identifiers.",
        )
    keep = found.integers is not None and all(1 <= v <= LARGEST_VALUE for v in found.integers)
    values = found.integers if keep and found.integers else list(range(1, len(originals) + 1))
    if not keep:
        shown = ", ".join(f"{o} = {v}" for v, o in zip(values, originals[:20], strict=False))
        more = ", ..." if len(originals) > 20 else ""
        logs.append(f"Classes are numbered 1 to {len(originals)} in the map: {shown}{more}.")

    given_names = _first_of_each(found, names, "names", notes)
    given_colors = _first_of_each(found, colors, "colors", notes)
    unreadable = []
    classes = []
    for i, (value, original) in enumerate(zip(values, originals, strict=True)):
        default_name = original if found.integers is None else f"Class {original}"
        color = default_color(i)
        if i in given_colors:
            parsed = parse_color(given_colors[i])
            if parsed is None:
                unreadable.append(given_colors[i])
            else:
                color = parsed
        classes.append(LandCoverClass(value, given_names.get(i, default_name), color, original))
    if unreadable:
        notes.append(
            f"Classes whose color cannot be read, such as {unreadable[0]!r}, and that get a "
            f"default color: {len(unreadable)}."
        )
    return ClassTable(tuple(classes))


def _first_of_each(
    found: ClassValues, values: np.ndarray | None, what: str, notes: list[str]
) -> dict[int, str]:
    """The first text that is not blank, by class; differing ones are noted."""
    first: dict[int, str] = {}
    differing: dict[int, str] = {}
    if values is None:
        return first
    for code, value in zip(found.codes.tolist(), values.tolist(), strict=True):
        if code < 0 or value is None or value != value:
            continue
        text = str(value).strip()
        if text and first.setdefault(code, text) != text:
            differing.setdefault(code, text)
    if differing:
        code, other = next(iter(differing.items()))
        notes.append(
            f"Classes with different {what}, such as {first[code]!r} and {other!r} for class "
            f"{found.originals[code]}, of which the first is taken: {len(differing)}."
        )
    return first


def match_classes(
    found: ClassValues, table: ClassTable, label: str, notes: list[str]
) -> np.ndarray:
    """Which class of an existing table each class of a layer is.

    The layer's classes are compared with the table's originals, values and names, and the
    one of these three that most of them fit is taken for all, so that one layer is never
    read in two ways; in a tie the earlier wins. Classes that do not fit are noted.

    Returns:
        Index in ``table`` by class of the layer, -1 for none; int64.

    Raises:
        LabelsError: No class fits.
    """
    best = best_reading(found, table)
    unknown = [o for o, i in zip(found.originals, best, strict=True) if i < 0]
    if len(unknown) == len(found.originals):
        raise LabelsError(
            f"Labels {label} have none of the known classes: they have {_shown(unknown)}, "
            f"known are {_shown([c.original for c in table])}.",
            "Choose the field that holds the same classes.",
        )
    if unknown:
        features = int(np.isin(found.codes, np.flatnonzero(np.array(best) < 0)).sum())
        notes.append(
            f"Features of classes that are not known ({_shown(unknown)}), left out: {features}."
        )
    return np.array(best, dtype=np.int64)


def best_reading(found: ClassValues, table: ClassTable) -> list[int]:
    """Index in a table by class of a layer, -1 for none: the reading that most classes fit."""
    readings = [
        {c.original: i for i, c in enumerate(table)},
        {str(c.value): i for i, c in enumerate(table)},
        {c.name: i for i, c in enumerate(table)},
    ]
    matches = [[reading.get(original, -1) for original in found.originals] for reading in readings]
    return max(matches, key=lambda match: sum(i >= 0 for i in match))


def _shown(texts: list[str]) -> str:
    return ", ".join(texts[:20]) + (", ..." if len(texts) > 20 else "")
