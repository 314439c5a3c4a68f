"""What every classifier of single pixels offers, and what it is made from."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from mambahsi.errors import ModelError

ABSENT_SCORE = -30.0
"""Score of a class without a training pixel: a probability of 1e-13 at most."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Labeled pixels.

    Attributes:
        pixels: Normalized bands; float32 (pixels, bands).
        classes: Class indices; int64 (pixels,).
    """

    pixels: np.ndarray
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)


class PixelClassifier(abc.ABC):
    """A fitted classifier.

    Attributes:
        bands: Bands of a pixel.
        classes: Number of classes, those without a training pixel included.
    """

    bands: int
    classes: int

    @property
    @abc.abstractmethod
    def block_pixels(self) -> int:
        """How many pixels are best scored at a time: few enough to stop soon, and to fit into
        little memory. It depends on nothing but the classifier, so results do not either."""

    @property
    @abc.abstractmethod
    def held_bytes(self) -> int:
        """Memory of the classifier, roughly."""

    @property
    @abc.abstractmethod
    def block_bytes(self) -> int:
        """Memory that scoring one block takes, roughly."""

    @abc.abstractmethod
    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """What the classifier says of each class; the largest one is its prediction.

        Args:
            pixels: Normalized bands; float32 (pixels, bands), finite.

        Returns:
            float64 (pixels, classes), finite.
        """

    @abc.abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """The whole classifier, for a model file."""


class Damaged(ModelError):
    """The arrays of a model file are no classifier."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The model's classifier is damaged: {problem}.", "Copy or train it again."
        )


class CheckedArrays:
    """The arrays of a model file, each looked at before it is used.

    Args:
        tensors: The tensors of the file, by name.
        names: All that have to be there.

    Raises:
        Damaged: One is missing, or there are others.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor], names: set[str]) -> None:
        if set(tensors) != names:
            different = ", ".join(sorted(set(tensors) ^ names)[:5])
            raise Damaged(f"arrays are missing or unknown ({different})")
        self._tensors = tensors

    def take(self, name: str, dtype: torch.dtype, *shape: int | None) -> np.ndarray:
        """An array, if it has this type and shape and is finite.

        Args:
            name: Which one.
            dtype: Its type.
            shape: Its lengths; None allows any, but not zero.

        Raises:
            Damaged: It is another one.
        """
        tensor = self._tensors[name]
        found = tuple(tensor.shape)
        fits = len(found) == len(shape) and all(
            length > 0 if wanted is None else length == wanted
            for length, wanted in zip(found, shape, strict=True)
        )
        if tensor.dtype != dtype or not fits:
            raise Damaged(f"{name} is {str(tensor.dtype).removeprefix('torch.')} {list(found)}")
        array: np.ndarray = tensor.numpy()
        if not np.isfinite(array).all():
            raise Damaged(f"{name} is not finite")
        return array

    def present(self, classes: int) -> np.ndarray:
        """Class indices that the classifier knows; int64, ascending, below ``classes``."""
        present = self.take("present", torch.int64, None)
        # Compared, not subtracted: differences of numbers without a bound may wrap around.
        rising = (present[1:] > present[:-1]).all()
        if present[0] < 0 or present[-1] >= classes or not rising:
            raise Damaged(f"present does not name classes of {classes}")
        return present
