"""How kernels are launched: what was found to be fastest on this kind of card.

How many tokens a program takes one after the other, and how many programs share a
multiprocessor, is a trade between work that is done twice and work that waits; which side wins
depends on the card. None of it is compiled in, so trying a candidate takes milliseconds and no
compiler. :mod:`mambahsi.scan.gpu.trials` does so once for a kind of card. What it finds is kept
beside the compiled kernels, and only what could be kept is used: another choice adds up in
another order, and the same input shall give the same bits tomorrow. Records of runs tell it.
``MAMBAHSI_TUNING=off`` leaves the first candidates, on every card.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from mambahsi.scan import code_cache

CANDIDATES: dict[str, tuple[int, ...]] = {
    "chunk": (64, 128, 256),
    "forward": (4, 2, 8),
    "backward": (2, 1),
}
"""By attribute of :class:`Tuning`. The first is taken where nothing is known, and predictions of
memory are made for it: longer chunks, and fewer programs in the backward pass, take less."""


@dataclass(frozen=True)
class Tuning:
    """What kernels are launched with.

    Attributes:
        chunk: Tokens of a long sequence that a program takes one after the other. More chunks
            keep more of the card busy; the states before them are kept for the backward pass.
        forward: Programs for each multiprocessor, over short sequences.
        backward: The same in the backward pass, where each has gradients of its own.
    """

    chunk: int = CANDIDATES["chunk"][0]
    forward: int = CANDIDATES["forward"][0]
    backward: int = CANDIDATES["backward"][0]

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


_DEFAULT = Tuning()
_found: dict[torch.device, Tuning] = {}


def of(device: torch.device) -> Tuning:
    """What to launch with on a device; those of tensors always have a number."""
    return _found.get(device, _DEFAULT)


def use(device: torch.device, tuning: Tuning) -> None:
    """Launch with this from now on.

    Not between a forward pass and its backward pass, which has to cut sequences alike.
    """
    _found[device] = tuning


@contextlib.contextmanager
def using(device: torch.device, tuning: Tuning) -> Iterator[None]:
    """Launch with this for a while."""
    before = of(device)
    use(device, tuning)
    try:
        yield
    finally:
        use(device, before)


def wanted() -> bool:
    """Whether anything but the first candidates may be taken."""
    return os.environ.get("MAMBAHSI_TUNING", "").lower() not in ("off", "0", "false", "no")


def kind_of(device: torch.device) -> str:
    """A card's name, and what else times depend on: the kernels and their compiler."""
    import triton

    properties = torch.cuda.get_device_properties(device)
    return (
        f"{properties.name}, {properties.multi_processor_count} multiprocessors, "
        f"Triton {triton.__version__}, PyTorch {torch.__version__}, kernels {_code()}"
    )


@functools.cache
def _code() -> str:
    """A name for all that is compiled and launched."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return code_cache.name_of(*(file.read_text(encoding="utf-8") for file in files))


def load(kind: str) -> Tuning | None:
    """What was found on a kind of card, or None where nothing was, or nothing that makes sense.

    Args:
        kind: As of :func:`kind_of`.
    """
    try:
        values = json.loads(_path(kind).read_text(encoding="utf-8"))
        chosen = {name: values[name] for name in CANDIDATES}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if any(chosen[name] not in known for name, known in CANDIDATES.items()):
        return None
    return Tuning(**chosen)


def save(kind: str, tuning: Tuning) -> None:
    """Keep what was found, unless another process has kept something before.

    Where that cannot be done, the next process tries again.
    """
    with contextlib.suppress(OSError):
        path = _path(kind)
        if load(kind) is None:
            # A file that makes no sense.
            path.unlink(missing_ok=True)
        content = json.dumps({"card": kind, **asdict(tuning)})
        code_cache.write(path, content.encode("utf-8"), over=False)


def _path(kind: str) -> Path:
    return code_cache.folder() / f"tuning-{code_cache.name_of(kind)}.json"
