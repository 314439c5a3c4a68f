"""Which bands of a scene can be used, and which pixels are valid in all of them.

Hyperspectral products carry bands without information: water-vapor bands that are nodata
throughout, constant ones, and bands that the producer flags as bad. One band that is nodata
everywhere would make every pixel invalid, so such bands are dropped first, and a pixel is
valid where every band that remains holds a measurement.

The scene is read once. Whether a band will be dropped as constant is known as soon as it
has shown two different values, in most scenes within the first window; from there on its
mask counts at once. Windows from before that are kept in mind and read again for this band
alone, so the result does not depend on where windows begin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.windows import Window

from mambahsi.errors import SceneError
from mambahsi.feedback import Feedback

if TYPE_CHECKING:
    from mambahsi.scene import Scene

ALL_NODATA = "all nodata"
CONSTANT = "constant"
FLAGGED = "flagged by bbl"
ALPHA = "alpha band"


@dataclass(frozen=True)
class DroppedBand:
    """A band that is not used.

    Attributes:
        index: Number in the file, from 1.
        reason: Why, in a few words.
    """

    index: int
    reason: str


@dataclass(frozen=True, eq=False)
class BandSurvey:
    """What :func:`survey_bands` found.

    Attributes:
        used: Numbers, from 1, of the bands that carry information.
        dropped: The other bands, in their order.
        valid: Where all used bands hold a measurement; bool, shape (rows, columns).
    """

    used: tuple[int, ...]
    dropped: tuple[DroppedBand, ...]
    valid: np.ndarray


@dataclass
class _BandState:
    """What was seen of one band so far."""

    valid_pixels: int = 0
    low: Any = None
    high: Any = None
    empty: list[Window] = field(default_factory=list)
    undecided: list[Window] = field(default_factory=list)

    def see(self, values: np.ndarray) -> None:
        low, high = values.min(), values.max()
        self.valid_pixels += values.size
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    @property
    def varies(self) -> bool:
        return self.low is not None and bool(self.low < self.high)


def survey_bands(scene: Scene, feedback: Feedback | None = None) -> BandSurvey:
    """Find the bands that carry information and the pixels that are valid in them.

    Bands flagged bad and alpha bands are not read at all.

    Args:
        scene: The scene.
        feedback: Told about progress, dropped bands and the scene's own notes.

    Raises:
        SceneError: The file is truncated or corrupt, no band carries information, or no
            pixel is valid in all bands that do.
        Cancelled: The user asked to stop.
    """
    feedback = feedback or Feedback()
    for note in scene.notes:
        feedback.warning(note)
    reasons = {band.index: FLAGGED for band in scene.bands if band.flagged_bad}
    reasons.update(dict.fromkeys(scene.alpha_bands, ALPHA))
    candidates = [i for i in range(1, scene.band_count + 1) if i not in reasons]
    states = {i: _BandState() for i in candidates}
    valid = np.ones(scene.grid.shape, dtype=bool)

    for window in scene.windows() if candidates else ():
        feedback.check()
        feedback.progress(window.row_off / scene.grid.height, "Looking for bands without content")
        data, band_valid = scene.read_band_valid(candidates, window)
        area = valid[window.toslices()]
        for pixels, mask, state in zip(data, band_valid, states.values(), strict=True):
            values = pixels[mask]
            if values.size:
                state.see(values)
            if state.varies:
                area &= mask
            elif not values.size:
                state.empty.append(window)
            elif values.size < mask.size:
                state.undecided.append(window)

    for i, state in states.items():
        if not state.valid_pixels:
            reasons[i] = ALL_NODATA
        elif not state.varies:
            reasons[i] = CONSTANT
        else:
            for window in state.empty:
                valid[window.toslices()] = False
            for window in state.undecided:
                valid[window.toslices()] &= scene.valid([i], window)
    feedback.progress(1.0)

    used = tuple(i for i in candidates if i not in reasons)
    dropped = tuple(DroppedBand(i, reasons[i]) for i in sorted(reasons))
    if not used:
        raise SceneError(
            f"Scene {scene.path} has no band with content: {describe_dropped(dropped)}.",
            "Check its nodata value and its bad band list.",
        )
    if not valid.any():
        poorest = min(used, key=lambda i: states[i].valid_pixels)
        raise SceneError(
            f"Scene {scene.path} has no pixel that is valid in all {len(used)} bands.",
            f"Band {poorest} has the fewest valid pixels, {states[poorest].valid_pixels}. "
            "Check the nodata value, or leave out bands that do not overlap.",
        )
    if dropped:
        feedback.log(f"Bands left out: {describe_dropped(dropped)}.")
    return BandSurvey(used, dropped, valid)


def describe_dropped(dropped: tuple[DroppedBand, ...]) -> str:
    """The dropped bands by reason, with runs of numbers joined: ``130-135 (all nodata)``."""
    parts = []
    for reason in dict.fromkeys(band.reason for band in dropped):
        runs: list[list[int]] = []
        for band in dropped:
            if band.reason != reason:
                continue
            if runs and runs[-1][-1] == band.index - 1:
                runs[-1][-1:] = [runs[-1][-1], band.index] if len(runs[-1]) == 1 else [band.index]
            else:
                runs.append([band.index])
        numbers = ", ".join("-".join(map(str, run)) for run in runs)
        parts.append(f"{numbers} ({reason})")
    return "; ".join(parts)
