"""The protocols of a benchmark, by scene: the same number of training pixels, drawn thrice.

- ``random``: the paper's protocol, 30 training and 10 validation pixels of each class drawn
  from the whole scene, all others test. Test pixels lie beside training pixels.
- ``buffered``: as many pixels, drawn from blocks of the scene that train and validate, with a
  buffer to the test pixels, which lie in other blocks.
- ``polygons``: as many pixels, drawn from whole fields that train and validate, with the same
  buffer to the test pixels, which lie in other fields.

The buffered protocol is fixed in ``protocols.json``: size of the blocks, buffer, shares, seeds
and, where the ground truth was at hand, the SHA-256 of the division that each seed gives. It
was fixed before any accuracy was measured with it, from the geometry of the ground truth alone:

- Shares of 45 % training, 15 % validation and 40 % test blocks: training blocks must hold 30
  pixels of each class after all, and what they hold beyond that is not used, while every test
  pixel counts.
- Blocks of 6 to 32 pixels and buffers of 2 to 10 were tried, and asked: is every class tested
  with all ten seeds, how many training and validation pixels do classes get, and how many test
  pixels are left? Taken were 24 and 8 for the large fields of Pavia University and Salinas,
  where every class gets its 30 pixels and 31 to 33 % and 23 to 26 % of the labeled pixels test;
  12 and 4 for the small patches of Botswana (30 pixels, too; 18 to 26 % test); 12 and 3 for
  Indian Pines (28 to 30 % test). There the smallest classes (20 to 93 pixels, most of them in
  one field) set the limit: with a buffer of 4 some are not tested with some seeds. Two or three
  classes train on fewer pixels than asked, down to 4; two to four have no validation pixel; and
  three to five are tested with fewer than ten pixels, down to one. Their accuracies mean little,
  and neither does the average accuracy of a single seed.
- Scenes whose ground truth was not at hand take what the scene most like them has: Pavia Centre
  and the scenes of WHU-Hi 24 and 8, Salinas-A, Kennedy Space Center and Houston 12 and 4. They
  have no hashes.

A division depends on the ground truth and the valid pixels alone, so nodata in a cube that the
ground truth labels would change it; a hash that differs says so.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from mambahsi.jobs import BENCHMARK_PROTOCOLS, JobError


def protocol_fields(scene: str, protocol: str, seed: int) -> dict[str, Any]:
    """Fields of a :class:`~mambahsi.jobs.TrainJob` that divide a benchmark scene's labels.

    Args:
        scene: Key of the scene, as in ``mambahsi.benchmark_scenes``.
        protocol: One of :data:`mambahsi.jobs.BENCHMARK_PROTOCOLS`.
        seed: Seed of the division, and of the initial weights.

    Raises:
        JobError: The protocol is unknown, or it is not ``random`` and the scene is unknown.
    """
    fixed = _fixed()
    if protocol not in BENCHMARK_PROTOCOLS:
        raise JobError(
            f"Unknown protocol: {protocol!r}.", f"Known: {', '.join(BENCHMARK_PROTOCOLS)}."
        )
    drawn = {"seed": seed, **fixed["pixels"]}
    if protocol == "random":
        return {"protocol": "random", **drawn}
    if scene not in fixed["scenes"]:
        raise JobError(
            f"Scene {scene!r} has no fixed protocol.", f"Known: {', '.join(fixed['scenes'])}."
        )
    geometry = dict(fixed["scenes"][scene]["geometry"])
    if protocol == "polygons":
        del geometry["block_size"]
        return {"protocol": "spatial", **fixed["shares"], **geometry, "sampled": True, **drawn}
    return {"protocol": "blocks", **fixed["shares"], **geometry, "sampled": True, **drawn}


def fixed_seeds() -> list[int]:
    """The seeds that a benchmark takes."""
    return list(_fixed()["seeds"])


def fixed_hash(scene: str, seed: int) -> str | None:
    """The SHA-256 that the buffered division of a scene must have; None where none is known."""
    found: str | None = _fixed()["scenes"].get(scene, {}).get("divisions", {}).get(str(seed))
    return found and found.removeprefix("sha256:")


def division_differs(scene: str, protocol: str, seed: int, parts: np.ndarray) -> bool:
    """Whether a buffered division is another than the one that was fixed for the scene."""
    fixed = fixed_hash(scene, seed) if protocol == "buffered" else None
    return fixed is not None and fixed != parts_hash(parts)


def parts_hash(parts: np.ndarray) -> str:
    """SHA-256 of a division: its shape as text, such as ``145x145:``, and its bytes.

    Args:
        parts: Part number by pixel; uint8, shape (rows, columns).
    """
    shape = "x".join(map(str, parts.shape)) + ":"
    content = np.ascontiguousarray(parts, dtype=np.uint8).tobytes()
    return hashlib.sha256(shape.encode("ascii") + content).hexdigest()


@cache
def _fixed() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("protocols.json").read_text(encoding="utf-8")
    fixed: dict[str, Any] = json.loads(text)
    return fixed
