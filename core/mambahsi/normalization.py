"""From whatever unit a scene is in to the numbers that the network is trained on.

The paper stretches each band between its 2nd and 98th percentile over the scene, clips,
scales by 255 and truncates to 8 bits, then divides by 255. The constants belong to the
model: a second scene is stretched with those of the scene that the network was trained on,
so that the same reflectance keeps meaning the same thing.

Here the percentiles are those of valid pixels only, so that what is stored under nodata
changes nothing. In a scene without nodata this is the paper's protocol to the bit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mambahsi.feedback import Feedback
from mambahsi.percentiles import count_bytes, percentiles

if TYPE_CHECKING:
    from mambahsi.scene import Scene

PERCENTILES = (2.0, 98.0)

_FIT_BYTES = 128 * 2**20
"""As many bands are worked off together as their counts fit into this."""

_STRIP_BYTES = 32 * 2**20
"""Pixels read at a time to be counted, in bytes of the file's data type."""

_LEVELS = (np.arange(256) / 255.0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Normalization:
    """The stretch of each used band.

    Attributes:
        low: Value that becomes 0, by used band; float64, shape (bands,).
        high: Value that becomes 1, by used band; float64, shape (bands,).
    """

    low: np.ndarray
    high: np.ndarray
    _tables: dict[tuple[int, np.dtype[Any]], np.ndarray] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def fit(
        cls,
        scene: Scene,
        bands: Sequence[int],
        valid: np.ndarray,
        feedback: Feedback | None = None,
    ) -> Normalization:
        """Percentiles of each band over the valid pixels.

        Exact, with ``numpy.percentile``'s linear interpolation in float64, and with memory
        that does not grow with the scene (see :mod:`mambahsi.percentiles`). As many bands as
        fit the memory set aside for it are worked off together, at least one.

        Args:
            scene: The scene.
            bands: Numbers of the used bands, from 1.
            valid: Pixels to count; bool, shape (rows, columns), at least one True.
            feedback: Told about progress.

        Raises:
            SceneError: The file is truncated or corrupt.
            Cancelled: The user asked to stop.
        """
        feedback = feedback or Feedback()
        together = _bands_at_a_time(scene.dtype)
        limits = np.empty((2, len(bands)))
        for start in range(0, len(bands), together):
            group = list(bands[start : start + together])
            feedback.progress(start / len(bands), "Measuring the range of each band")
            limits[:, start : start + together] = percentiles(
                functools.partial(_valid_pixels, scene, group, valid, feedback),
                len(group),
                int(valid.sum()),
                scene.dtype,
                PERCENTILES,
            )
        feedback.progress(1.0)
        return cls(limits[0].copy(), limits[1].copy())

    def apply(self, data: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Stretch pixels to multiples of 1/255 between 0 and 1.

        Args:
            data: Pixels of the used bands, any real type; shape (bands, ...). Invalid pixels
                may hold anything: NaN becomes 0, so the result is always finite.
            out: Array of float32 of the same shape to write to; None makes one.

        Returns:
            float32, same shape. A band whose low equals its high becomes 0.
        """
        if out is None:
            out = np.empty(data.shape, dtype=np.float32)
        if len(data) != len(self.low):
            raise ValueError(f"{len(data)} bands for the constants of {len(self.low)}")
        for number, (band, target) in enumerate(zip(data, out, strict=True)):
            np.take(_LEVELS, self._band_levels(number, band), out=target)
        return out

    def levels(self, number: int, band: np.ndarray, out: np.ndarray) -> None:
        """Stretch pixels of one band to whole numbers: 255 times what :meth:`apply` gives.

        Args:
            number: Which of the used bands it is, from 0.
            band: Its pixels, any real type; (pixels,), contiguous.
            out: Array of uint8 of the same shape to write to.
        """
        if band.dtype.kind in "iu" and band.dtype.itemsize <= 2:
            # There are few values that such a pixel can have, so each is stretched once.
            # All indices lie inside the table; "clip" only spares a look at each of them.
            unsigned = band.view(f"u{band.dtype.itemsize}")
            np.take(self._table(number, band.dtype), unsigned, out=out, mode="clip")
        else:
            out[...] = self._band_levels(number, band)

    def _table(self, number: int, dtype: np.dtype[Any]) -> np.ndarray:
        """Level of every value of a small integer type, by its bits; uint8."""
        table = self._tables.get((number, dtype))
        if table is None:
            bits = np.arange(2 ** (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}")
            table = self._tables[number, dtype] = self._band_levels(number, bits.view(dtype))
        return table

    def _band_levels(self, number: int, band: np.ndarray) -> np.ndarray:
        """Levels of one band's pixels; uint8, same shape."""
        low, high = self.low[number], self.high[number]
        if not high > low:
            return np.zeros(band.shape, dtype=np.uint8)
        stretched = np.clip(band.astype(np.float64), low, high)
        stretched -= low
        stretched /= high - low
        stretched *= 255.0
        np.nan_to_num(stretched, copy=False, nan=0.0)
        return stretched.astype(np.uint8)

    def to_json(self) -> dict[str, Any]:
        """The constants as plain values."""
        return {"low": self.low.tolist(), "high": self.high.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Normalization:
        """The normalization from what :meth:`to_json` gave."""
        return cls(
            np.array(values["low"], dtype=np.float64), np.array(values["high"], dtype=np.float64)
        )


def fitting_bytes(dtype: np.dtype[Any], bands: int, stored: int) -> int:
    """Memory that :meth:`Normalization.fit` takes: strips with and without nodata, and counts.

    Args:
        dtype: Data type of the scene.
        bands: Used bands.
        stored: Bytes of all pixels of the scene.
    """
    each = count_bytes(dtype, PERCENTILES)
    return 2 * min(_STRIP_BYTES, stored) + each * min(bands, _bands_at_a_time(dtype))


def _bands_at_a_time(dtype: np.dtype[Any]) -> int:
    return max(1, _FIT_BYTES // count_bytes(dtype, PERCENTILES))


def _valid_pixels(
    scene: Scene, bands: Sequence[int], valid: np.ndarray, feedback: Feedback
) -> Iterator[np.ndarray]:
    """One pass over the valid pixels of some bands; parts of (bands, pixels)."""
    for window in scene.windows(len(bands), _STRIP_BYTES):
        feedback.check()
        mask = valid[window.toslices()]
        if mask.any():
            yield scene.read(bands, window)[:, mask]
