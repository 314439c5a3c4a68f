"""Reading the progress that ``qgis_process`` prints."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from qgis_process import Ticks

OUTPUT = (
    "----------------\nInputs\n----------------\n\nSEED:\t0\n\n"
    "0...10.Epoch 1/20, loss 2.9\n..20...30..16 classes\n.40...50...60...70...80...90...100"
    "\n\nResults\nMODEL:\tm.safetensors\n"
)
LINES = [
    "----------------",
    "Inputs",
    "----------------",
    "SEED:\t0",
    "Epoch 1/20, loss 2.9",
    "16 classes",
    "Results",
    "MODEL:\tm.safetensors",
]


@given(st.lists(st.integers(0, len(OUTPUT)), max_size=20))
def test_any_cut_of_the_output_gives_the_same(cuts: list[int]) -> None:
    """The output arrives in pieces that end anywhere."""
    ticks = Ticks()
    edges = [0, *sorted(cuts), len(OUTPUT)]
    lines, fractions = [], []
    for start, stop in itertools.pairwise(edges):
        lines += ticks.feed(OUTPUT[start:stop])
        fractions.append(ticks.fraction)
    assert lines == LINES
    assert fractions == sorted(fractions)
    assert ticks.fraction == 1.0


def test_progress_is_known_before_the_line_ends() -> None:
    ticks = Ticks()
    assert ticks.feed("Inputs\n0...10...20..") == ["Inputs"]
    assert ticks.fraction == 0.25
