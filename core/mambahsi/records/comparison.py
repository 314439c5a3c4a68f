"""How far apart the outputs of two runs of one job are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from mambahsi import cancellation
from mambahsi.feedback import Feedback
from mambahsi.records.digests import read_tensors
from mambahsi.records.record import RunRecord
from mambahsi.records.replay import find_file

IDENTICAL = "identical"

_STRIP_ROWS = 256
_NOT_RESULTS = {"seconds", "cpu_seconds", "pixels_per_second"}
"""Numbers among the results that no two runs share."""


def compare(before: RunRecord, folder: Path, now: RunRecord, feedback: Feedback) -> dict[str, str]:
    """What each output is against that of the run before.

    Args:
        before: Record of the first run.
        folder: Its folder.
        now: Record of the second run.
        feedback: Told how far the hashing is.

    Returns:
        :data:`IDENTICAL`, or how far apart the two are, by role of the output; and of the
        numbers among the results together, as ``results``. Outputs that tell when they were
        made, such as reports, are left out.
    """
    found = {}
    for old in before.outputs:
        new = now.output(old.role) if old.role else None
        if new is None or not old.content:
            continue
        if old.content == new.content:
            found[old.role] = IDENTICAL
            continue
        place, same = find_file(old, folder, feedback)
        if place is None or not same:
            found[old.role] = "different; the output of the first run is gone or has changed"
        elif old.role.startswith("model"):
            found[old.role] = _tensors_apart(place, Path(new.path))
        elif place.suffix.lower() in (".json", ".gpkg", ".csv"):
            found[old.role] = "different"
        else:
            found[old.role] = _pixels_apart(place, Path(new.path))
    found["results"] = _results_apart(
        {name: value for name, value in before.results.items() if name not in before.run},
        now.results,
    )
    return found


def _tensors_apart(one: Path, other: Path) -> str:
    first, second = read_tensors(one), read_tensors(other)
    if {n: t.shape for n, t in first.items()} != {n: t.shape for n, t in second.items()}:
        return "different tensors"
    differing = [name for name in first if not np.array_equal(first[name], second[name])]
    numbers = [
        np.abs(np.asarray(first[n], np.float64) - np.asarray(second[n], np.float64)).max()
        for n in differing
    ]
    largest = max(numbers, default=0.0)
    return (
        f"{len(differing)} of {len(first)} tensors differ, by {largest:.3g} at most"
        if differing
        else "types of numbers differ"
    )


def _pixels_apart(one: Path, other: Path) -> str:
    differing = pixels = 0
    largest = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(one) as first, rasterio.open(other) as second:
            if (first.shape, first.count) != (second.shape, second.count):
                return "rasters of other sizes"
            for top in range(0, first.height, _STRIP_ROWS):
                cancellation.raise_if_requested()
                rows = min(_STRIP_ROWS, first.height - top)
                window = Window(0, top, first.width, rows)
                a, b = (raster.read(window=window).astype(np.float64) for raster in (first, second))
                unlike = (a != b).any(axis=0)
                differing += int(unlike.sum())
                pixels += unlike.size
                largest = max(largest, float(np.abs(a - b).max()))
    share = differing / pixels
    return f"{differing:,} of {pixels:,} pixels differ ({share:.2%}), by {largest:.3g} at most"


def _results_apart(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    differing = [
        f"{name} was {before[name]}, now {now[name]}"
        for name in sorted({*before} & {*now} - _NOT_RESULTS)
        if _is_number(before[name]) and _is_number(now[name])
        if not math.isclose(before[name], now[name], rel_tol=1e-12, abs_tol=1e-12)
    ]
    return "; ".join(differing) or IDENTICAL


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def circumstances_apart(before: RunRecord, now: RunRecord) -> list[str]:
    """What differs between two runs beside their inputs, and may change the last digits.

    The release of the system's kernel is left out.
    """
    pairs = (
        ("", before.run, now.run),
        ("machine's ", before.machine, now.machine),
        ("version of ", before.versions, now.versions),
    )
    return [
        f"{kind}{name} was {one.get(name)}, now {other.get(name)}"
        for kind, one, other in pairs
        for name in sorted({*one, *other} - {"platform"})
        if one.get(name) != other.get(name)
    ]
