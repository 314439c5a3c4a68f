"""The benchmarks compare like with like, and every part of them runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks import indian_pines_protocols, mixed_precision
from benchmarks.common import aims, machine, pages
from benchmarks.common.formulation import ImageNetwork
from benchmarks.common.scenes import drawn
from benchmarks.common.work import work
from benchmarks.cpu import bar, table
from benchmarks.cpu.comparators import ReferenceBlock
from benchmarks.cpu.timing import Row, Worker, in_turn
from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.labels import LabelSet
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import selective_scan
from mambahsi.split import TEST, TRAIN, VALIDATION
from mambahsi.split.random import split_random


def scan_of_ours(*inputs: Tensor, delta_softplus: bool) -> Tensor:
    result = selective_scan(*inputs, delta_softplus=delta_softplus, backend="reference")
    assert isinstance(result, Tensor)
    return result


def make_block(width: int) -> nn.Module:
    return ReferenceBlock(width, scan_of_ours)


@pytest.mark.parametrize(("rows", "columns"), [(8, 8), (13, 10)])
def test_the_published_formulation_gives_our_logits(rows: int, columns: int) -> None:
    torch.manual_seed(0)
    ours = MambaHSI(6, 16, 3)
    theirs = ImageNetwork(6, 16, 3, make_block)
    theirs.load_state_dict(ours.state_dict())
    scene = drawn(rows, columns, 6, 3)
    pixels = torch.from_numpy(scene.pixels)
    geometry = SceneGeometry(np.ones((rows, columns), dtype=bool))
    logits = ours.pixel_logits(pixels, geometry)
    image = theirs(pixels.t().reshape(1, 6, rows, columns))[0].flatten(1).t()
    assert float((logits - image).abs().max().detach()) < 1e-5

    # As good as the same for training: the step of one is the step of the other.
    weight = torch.randn_like(logits)
    gradients = [
        torch.autograd.grad((out * weight).sum(), list(network.parameters()))
        for out, network in ((logits, ours), (image, theirs))
    ]
    names = [[name for name, _ in network.named_parameters()] for network in (ours, theirs)]
    by_name = [dict(zip(n, g, strict=True)) for n, g in zip(names, gradients, strict=True)]
    for name, gradient in by_name[0].items():
        error = (gradient - by_name[1][name]).norm() / gradient.norm()
        assert float(error) < 1e-3, name


def test_the_floor_counts_what_the_bar_states() -> None:
    """84.5 GFLOP, 2.6 G exponentials and 1.63 GB at the size of Pavia University."""
    needed = work(610, 340, 103, 128, 9)
    assert round(needed.operations / 1e9, 1) == 84.5
    assert round(needed.exponentials / 1e9, 1) == 2.6
    assert round(needed.traffic / 1e9, 2) == 1.63


def test_products_of_the_floor_are_those_of_the_network() -> None:
    """Counted by PyTorch itself in the published formulation; the convolution aside."""
    from torch.utils.flop_counter import FlopCounterMode

    network = ImageNetwork(7, 16, 3, make_block)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 7, 8, 12))
    counts = counter.get_flop_counts()["Global"]
    depthwise = (
        sum(count for operation, count in counts.items() if "convolution" in str(operation))
        - 2 * 96 * 7 * 16
        - 2 * 6 * (16 * 128 + 128 * 3)
    )
    assert work(8, 12, 7, 16, 3).operations == sum(counts.values()) - depthwise


def test_an_aim_is_met_only_when_all_its_figures_are_there_and_good() -> None:
    def answer(figures: dict[str, float]) -> str:
        lines = aims.lines(bar.AIMS, {"floor": {"figures": figures}})
        return next(line.answer for line in lines if "1.35" in line.what)

    assert answer({"inference_size": 1.3, "inference_large": 1.2}) == "yes"
    assert answer({"inference_size": 1.3, "inference_large": 1.4}) == "no"
    assert answer({"inference_size": 1.3}) == "not measured"
    assert answer({"inference_size": 1.4}) == "no"


def test_every_aim_belongs_to_a_part() -> None:
    assert {aim.part for aim in bar.AIMS} <= set(table.PARTS)
    folder = Path(table.__file__).parent
    assert all((folder / f"{name}.py").exists() for name in table.PARTS)


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place for the table"):
        pages.put_into(page, "cpu", "new\n")
    assert page.read_text(encoding="utf-8") == "before\n"
    start, end = pages.marks("cpu")
    page.write_text(f"a\n{start}\nold\n{end}\nz\n", encoding="utf-8")
    pages.put_into(page, "cpu", "new\n")
    assert page.read_text(encoding="utf-8") == f"a\n{start}\nnew\n{end}\nz\n"


def test_the_protocols_table_goes_between_its_marks(tmp_path: Path) -> None:
    start, end = indian_pines_protocols.START, indian_pines_protocols.END
    page = tmp_path / "page.md"
    page.write_text(f"a\n{start}\nold\n{end}\nz\n", encoding="utf-8")
    indian_pines_protocols.put_into(page, "new\n")
    assert page.read_text(encoding="utf-8") == f"a\n{start}\nnew\n{end}\nz\n"
    page.write_text(f"a\n{end}\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no place for the table"):
        indian_pines_protocols.put_into(page, "new\n")
    text = indian_pines_protocols.PAGE.read_text(encoding="utf-8")
    assert text.count(start) == text.count(end) == 1


def test_a_contender_runs_in_a_process_of_its_own() -> None:
    values = {"kind": "ours", "rows": 8, "columns": 9, "bands": 5, "classes": 3}
    with Worker(values | {"width": 16, "threads": 1}) as worker:
        worker.wait()
        timing = in_turn({"ours": worker}, "inference", 2)["ours"]
        assert len(timing.wall) == len(timing.cpu) == 2
        answer = worker.ask(task="memory", steps=2)
        # The interpreter and PyTorch alone take more than this.
        assert 50e6 < answer["before"] < answer["peak"] * 1.2


def test_a_contender_that_fails_is_named() -> None:
    with Worker({"kind": "ours", "threads": 1}) as worker, pytest.raises(SystemExit, match="ours"):
        worker.wait()


def test_the_table_holds_every_row_and_who_disturbed_it() -> None:
    part = {"load_before": 0.1, "load_after": 1.0, "others": 0.25, "notes": [], "figures": {}}
    rows = [vars(Row("scan", 1200, 1, 0.5, 150.0, "fine"))]
    whole = {"machine": machine.describe(), "parts": {"kernels": part | {"rows": rows}}}
    text = table.markdown(whole)
    assert "| scan | 1,200 | 1 | 500 ms | 150 s | fine |" in text
    assert "others used 0.25 processors" in text


def test_mixed_precision_is_compared_from_the_same_start() -> None:
    random = np.random.default_rng(0)
    truth = np.zeros((16, 16), dtype=np.uint8)
    truth[:8], truth[8:] = 1, 2
    cube = random.integers(0, 300, (16, 16, 6)) + 900 * truth[:, :, None].astype(int)
    cpu = torch.device("cpu")
    results = {
        precision: [mixed_precision.measure(cube, truth, 0, precision, cpu, 3, 16)]
        for precision in ("float32", "bfloat16")
    }
    one, other = results["float32"][0], results["bfloat16"][0]
    # The same weights on the same pixels, but for eight bits of each factor.
    assert one["loss"] != other["loss"]
    assert one["loss"] == pytest.approx(other["loss"], rel=0.02)
    assert 0.4 < other["overall"] <= 1
    lines = mixed_precision.table(results).splitlines()
    assert lines[2].startswith("| float32 | 1 |") and lines[-1].startswith("| difference | 1 |")


def test_mixed_precision_divides_as_the_job_does() -> None:
    truth = np.random.default_rng(1).integers(0, 4, (30, 20))
    rows = [(n, f"class {n}", "#000000", str(n)) for n in (1, 2, 3)]
    table = ClassTable(tuple(LandCoverClass(*row) for row in rows))
    index = truth.astype(np.int32) - 1
    labels = LabelSet(index, index, table)
    expected = split_random(labels, 5, 30, 10)
    parts = mixed_precision.divide(truth, 5, 30, 10)
    for name, number in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        right = np.flatnonzero(expected.parts.ravel() == number)
        np.testing.assert_array_equal(np.sort(parts[name]), right)
