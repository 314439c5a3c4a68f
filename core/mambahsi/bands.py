"""Which bands of a scene a model reads.

A model was trained on certain bands and makes sense of these alone. Where the wavelengths
are known on both sides, bands belong together if their wavelengths do; the scene may then
have more bands, or have them in another order. Otherwise a scene must have as many bands as
the training scene, and they are taken by position, unless the wavelengths that are known
contradict it. Bands are never computed from others: what does not fit is refused, with both
lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.scene import Band, Scene

TOLERANCE = 5.0
"""Nanometers by which the wavelengths of a pair of bands may differ, at least. Where the
width of the model's band is known (full width at half maximum), half of it if that is more:
beyond, the two would look at different parts of the spectrum."""

_SHOWN = 12


def describe_bands(scene: Scene, used: Sequence[int], dropped: Sequence[Any]) -> dict[str, Any]:
    """What a model file keeps of its scene's bands.

    Args:
        scene: The training scene.
        used: Bands that the network reads, 1-based.
        dropped: The others, with the reason of each.
    """
    bands = [scene.bands[index - 1] for index in used]
    return {
        "count": scene.band_count,
        "used": list(used),
        "dropped": [{"index": band.index, "reason": band.reason} for band in dropped],
        "wavelengths": [band.wavelength for band in bands],
        "fwhm": [band.fwhm for band in bands],
        "descriptions": [band.description for band in bands],
    }


def match_bands(model: dict[str, Any], scene: Scene, feedback: Feedback) -> tuple[int, ...]:
    """The scene's bands that the model reads, in the model's order.

    Args:
        model: What :func:`describe_bands` gave.
        scene: The scene to classify.
        feedback: Is told how the bands were matched.

    Returns:
        1-based band numbers of the scene, one for each band that the model uses.

    Raises:
        ModelError: The scene's bands do not fit.
    """
    if _known(model["wavelengths"]) and any(band.wavelength for band in scene.bands):
        return _by_wavelength(model, scene, feedback)
    if scene.band_count != model["count"]:
        raise _refusal(
            model,
            scene,
            "their numbers differ, and without wavelengths bands are matched by position",
        )
    _refuse_other_wavelengths(model, scene)
    feedback.log(
        f"Bands are matched by position: {len(model['used'])} of the scene's {scene.band_count}."
    )
    return tuple(model["used"])


def _refuse_other_wavelengths(model: dict[str, Any], scene: Scene) -> None:
    """Refuse a match by position that the wavelengths known on both sides contradict.

    A stack of spectral bands and others, elevation for example, has wavelengths for some.
    """
    for index, wavelength, width in zip(
        model["used"], model["wavelengths"], model["fwhm"], strict=True
    ):
        band = scene.bands[index - 1]
        if wavelength is None or band.wavelength is None:
            continue
        if not _fits(band, wavelength, _tolerance(width)):
            raise _refusal(
                model,
                scene,
                f"by position, band {index} would have to lie within {_tolerance(width):g} nm of "
                f"{wavelength:g} nm",
            )


def _by_wavelength(model: dict[str, Any], scene: Scene, feedback: Feedback) -> tuple[int, ...]:
    pairs = list(
        zip(model["wavelengths"], [_tolerance(width) for width in model["fwhm"]], strict=True)
    )
    # A sensor whose detectors overlap has bands out of order and close to each other. Where
    # every band fits in its own place, that is what is meant.
    if scene.band_count == model["count"]:
        own = [scene.bands[index - 1] for index in model["used"]]
        if all(
            _fits(band, wavelength, tolerance)
            for band, (wavelength, tolerance) in zip(own, pairs, strict=True)
        ):
            feedback.log(f"All {len(own)} bands have the model's wavelengths at its positions.")
            return tuple(model["used"])
    matched: list[int] = []
    largest = 0.0
    for wavelength, tolerance in pairs:
        candidates = [band for band in scene.bands if _fits(band, wavelength, tolerance)]
        if not candidates:
            raise _refusal(
                model, scene, f"no band lies within {tolerance:g} nm of {wavelength:g} nm"
            )
        nearest = min(candidates, key=lambda band: _distance(band, wavelength))
        if nearest.index in matched:
            raise _refusal(
                model,
                scene,
                f"band {nearest.index} would stand for more than one of the model's bands, "
                f"{wavelength:g} nm among them",
            )
        matched.append(nearest.index)
        largest = max(largest, _distance(nearest, wavelength))
    feedback.log(
        f"Bands are matched by wavelength: {len(matched)} of the scene's {scene.band_count}, "
        f"off by {largest:.1f} nm at most."
    )
    return tuple(matched)


def _tolerance(width: float | None) -> float:
    return max(TOLERANCE, (width or 0.0) / 2)


def _fits(band: Band, wavelength: float, tolerance: float) -> bool:
    return band.wavelength is not None and _distance(band, wavelength) <= tolerance


def _distance(band: Band, wavelength: float) -> float:
    assert band.wavelength is not None
    return abs(band.wavelength - wavelength)


def _known(wavelengths: Sequence[float | None]) -> bool:
    return bool(wavelengths) and all(wavelength is not None for wavelength in wavelengths)


def _refusal(model: dict[str, Any], scene: Scene, reason: str) -> ModelError:
    ours = _list([f"{index}" for index in model["used"]], model["wavelengths"])
    theirs = _list(
        [f"{band.index}" for band in scene.bands], [band.wavelength for band in scene.bands]
    )
    return ModelError(
        f"The bands of {scene.name} do not fit the model: {reason}. The model uses "
        f"{len(model['used'])} of {model['count']} bands: {ours}. The scene has "
        f"{scene.band_count}: {theirs}.",
        "Choose a scene of the same sensor and processing, or train a model on this one.",
    )


def _list(indexes: Sequence[str], wavelengths: Sequence[float | None]) -> str:
    """Bands with their wavelengths; of a long list, the beginning and the end."""
    items = [
        index if wavelength is None else f"{index} ({wavelength:g} nm)"
        for index, wavelength in zip(indexes, wavelengths, strict=True)
    ]
    if len(items) > 2 * _SHOWN:
        items = [*items[:_SHOWN], "...", *items[-_SHOWN:]]
    return ", ".join(items)
