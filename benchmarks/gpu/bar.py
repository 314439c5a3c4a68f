"""What is aimed at on a graphics card; the card that it is stated for is an H100."""

from __future__ import annotations

from benchmarks.common.aims import Aim, between, gigabytes, least, most
from benchmarks.gpu.settings import LARGEST_FILE, SIZES

WORDS = ("met", "not met", "unmeasured")
FIRST = next(iter(SIZES))


def _accurate(value: float) -> str:
    return f"{value * 100:.2f} percentage points"


AIMS = (
    Aim("a training step at least 3 times as fast as upstream's", "network",
        (f"train_{FIRST}_upstream",), least(3)),
    Aim("a training step in at most a third of upstream's memory (upstream's over ours)", "network",
        (f"train_{FIRST}_memory_upstream",), least(3)),
    Aim("the spectral scan at least 5 times as fast as upstream's (bare; whole block;"
        " forward and backward)", "kernels",
        ("scan_spectral_both_upstream", "block_spectral_both_upstream"), least(5)),
    Aim("the scan kernels within 2 times the floor of their traffic (spectral, spatial: forward;"
        " forward and backward)", "kernels",
        ("scan_spectral_forward", "scan_spectral_both", "scan_spatial_forward",
         "scan_spatial_both"), most(2)),
    Aim(f"200 epochs of {FIRST}'s size in under 20 s", "epochs",
        ("ours",), lambda value: value < 20),
    Aim(f"training {FIRST}'s size within 2 GB", "network",
        (f"train_{FIRST}_memory",), most(2e9), gigabytes),
    Aim(f"file to map of an {LARGEST_FILE}: at least half of the time is reading and writing",
        "scene", ("reading_and_writing",), least(0.5)),
    Aim("memory 0.7 to 1.4 times its prediction (training, forward)", "network",
        (f"train_prediction_{FIRST}", f"forward_prediction_{FIRST}"), between(0.7, 1.4)),
    Aim("bfloat16 costs no accuracy (float32's less bfloat16's)", "precision",
        ("cost",), most(0.0), _accurate),
)  # fmt: skip
