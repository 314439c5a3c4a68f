"""What is aimed at on the processor."""

from __future__ import annotations

from benchmarks.common.aims import Aim, between, gigabytes, least, most


def _small(value: float) -> str:
    return f"{value:.1e}"


AIMS = (
    Aim("inference 22 times as fast as the reference scan", "network",
        ("inference_reference",), least(22)),
    Aim("inference 28 times as fast as mambapy", "network", ("inference_mambapy",), least(28)),
    Aim("training step 25 times as fast as mambapy", "network",
        ("training_mambapy",), least(25)),
    Aim("training step 15 times as fast as mambapy with huge pages", "network",
        ("training_mambapy_huge",), least(15)),
    Aim("training memory of the fast plan at most 1.0 GB", "memory",
        ("fast",), most(1e9), gigabytes),
    Aim("training memory with more recomputation at most 0.7 GB", "memory",
        ("recompute",), most(0.7e9), gigabytes),
    Aim("memory 0.7 to 1.4 times its prediction", "memory",
        ("fast_ratio", "recompute_ratio"), between(0.7, 1.4)),
    Aim("gradients within 1e-4 of a sequential scan in double precision", "gradients",
        ("worst",), most(1e-4), _small),
    Aim("threads: 0.9 of the rate of independent processes (inference, training)", "threads",
        ("inference", "training"), least(0.9)),
    Aim("inference within 1.35 times the floor (both sizes)", "floor",
        ("inference_size", "inference_large"), most(1.35)),
    Aim("training step within 1.4 times four floors (both sizes)", "floor",
        ("training_size", "training_large"), most(1.4)),
    Aim("streaming: peak of the process at most 1 GB", "streaming",
        ("peak",), most(1e9), gigabytes),
    Aim("streaming: 0.6 of the rate in memory (in one go; killed and resumed, both runs counted)",
        "streaming", ("rate", "rate_with_kill"), least(0.6)),
    Aim("streaming: the same map when killed and resumed", "streaming",
        ("resumed_same",), least(1), "{:.0f}".format),
    Aim("inference no slower than the random forest at 200 bands (time over the forest's)",
        "forest", ("200_1",), most(1)),
    Aim("inference within 1.3 times the random forest's time at 103 bands", "forest",
        ("103_1",), most(1.3)),
    Aim("without AVX-512: logits within 1e-4", "limited", ("difference",), most(1e-4), _small),
    Aim("without AVX-512: half as fast (inference, training)", "limited",
        ("inference", "training"), least(0.5)),
)  # fmt: skip
