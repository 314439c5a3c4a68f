"""The benchmark of a graphics card: every part of it that can runs here, on the processor.

What it measures here means nothing; that it runs through, and what becomes of failures, does.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.common import aims, pages
from benchmarks.common.folders import PAGE, ROOT
from benchmarks.gpu import bar, kernels, reference, table, upstream
from benchmarks.gpu.clock import Clock, Failure
from benchmarks.gpu.contenders import makers
from benchmarks.gpu.floor import Need, Rates
from benchmarks.gpu.largest import predicted, predicted_side
from benchmarks.gpu.results import Result, Row
from benchmarks.gpu.settings import SIZES, SMALL, Settings

HERE = dataclasses.replace(SMALL, device="cpu", scan="torch", why_not="nobody has built it")
CPU = Clock(torch.device("cpu"))

SETUP = """
if True:
        if bare_metal_version >= Version("11.8"):
            cc_flag.append("-gencode")
            cc_flag.append("arch=compute_80,code=sm_80")
            cc_flag.append("-gencode")
            cc_flag.append("arch=compute_90,code=sm_90")
        if bare_metal_version >= Version("12.8"):
            cc_flag.append("-gencode")
            cc_flag.append("arch=compute_120,code=sm_120")
"""


BARE = """
import sys
for name in ("rasterio", "pyogrio", "shapely", "llvmlite", "sklearn", "osgeo"):
    sys.modules[name] = None
import dataclasses, importlib, pkgutil
from pathlib import Path
import pytest
import benchmarks.gpu
for module in pkgutil.iter_modules(benchmarks.gpu.__path__):
    if module.name != "exponentials":
        importlib.import_module(f"benchmarks.gpu.{module.name}")
from benchmarks.gpu.results import Result
from benchmarks.gpu.settings import SMALL
here = dataclasses.replace(SMALL, device="cpu", scan="torch")
for name in ("network", "epochs", "scene", "largest"):
    result = Result(Path(sys.argv[1]) / name)
    importlib.import_module(f"benchmarks.gpu.{name}").run(here, result)
    print(name, *(row.figure for row in result.rows), sep=": ")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-m", "gpu", "tests/gpu"]))
"""


def test_nothing_needs_rasterio_but_what_reads_and_writes_files(tmp_path: Path) -> None:
    """As on a bare machine: no package of the engine's but PyTorch, NumPy, SciPy, safetensors."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scene: unmeasured, because rasterio is not installed" in done.stdout
    assert "ModuleNotFoundError" not in done.stdout
    if not torch.cuda.is_available():
        assert "no CUDA device" in done.stdout and "rasterio is not installed" in done.stdout


@pytest.mark.parametrize("name", table.PARTS)
def test_a_part_runs_and_keeps_what_it_found(name: str, tmp_path: Path) -> None:
    result = Result(tmp_path / "part.json")
    importlib.import_module(f"benchmarks.gpu.{name}").run(HERE, result)
    assert result.rows
    kept = json.loads((tmp_path / "part.json").read_text(encoding="utf-8"))
    assert len(kept["rows"]) == len(result.rows)
    text = table.markdown({"parts": {name: kept}})
    assert all(f"| {row.what} |" in text for row in result.rows)
    # Nothing can be said of a card by what runs here.
    assert {line.split(" | ")[-1] for line in text.split("|---|---|---|\n")[-1].splitlines()} == {
        "unmeasured |"
    }


def test_the_command_writes_one_table_and_one_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--small", "--device", "cpu"]
    command += ["--scan", "torch", "--only", "reference", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert text.strip() == done.stdout.strip()
    whole = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert whole["parts"]["reference"]["state"] == ""
    assert whole["card"]["versions"]["torch"] == torch.__version__
    assert "| **cost of bfloat16** | | | | | | unmeasured |" in text


def test_a_part_that_breaks_costs_only_itself(tmp_path: Path) -> None:
    # Without a round there is no median.
    command = [sys.executable, "-m", "benchmarks.gpu", "--small", "--device", "cpu"]
    command += ["--scan", "torch", "--rounds", "0", "--only", "kernels", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    part = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))["parts"]["kernels"]
    assert part["rows"] == []
    assert part["state"].startswith("ended early: ") and "median" in part["state"]
    assert part["state"] in (tmp_path / "gpu.md").read_text(encoding="utf-8")


def test_a_contender_that_fails_is_a_row_with_the_reason(tmp_path: Path) -> None:
    result = Result(tmp_path / "part.json")
    reference.run(dataclasses.replace(HERE, scan="nonsense"), result)
    ours = [row for row in result.rows if row.what.endswith("ours")]
    assert all("no scan implementation 'nonsense'" in row.figure for row in ours)
    assert all(row.seconds for row in result.rows if row.what.endswith("reference"))


def test_what_fails_is_told_and_the_others_are_timed() -> None:
    def broken() -> None:
        raise ValueError("two\nlines")

    found = CPU.in_turn({"fine": lambda: None, "broken": broken}, 3, 1)
    assert isinstance(found["fine"], float)
    assert found["broken"] == Failure("ValueError: two")
    row = Row.of("broken", 10, found["broken"], figure="so")
    assert row.seconds is None and row.figure == "so; ValueError: two"


def test_out_of_memory_is_called_so() -> None:
    assert CPU.failure(torch.cuda.OutOfMemoryError("long")) == Failure("out of memory")


def test_contenders_have_the_same_weights_and_labels() -> None:
    size = SMALL.sizes[SMALL.first]
    ready = {name: make() for name, make in makers(HERE, size).items() if "bfloat16" not in name}
    logits = [contender.all_logits() for contender in ready.values()]
    assert len(logits) > 1
    assert all(torch.allclose(logits[0], other, atol=1e-5) for other in logits[1:])
    losses = {float(contender.train()) for contender in ready.values()}
    assert max(losses) - min(losses) < 1e-5


def test_floors_are_the_needs_at_the_rates() -> None:
    rates = Rates(bandwidth=4e12, float32=5e13, tf32=4e14, bfloat16=8e14, exponentials=4e12)
    floors = rates.floors(Need(traffic=8e9, operations=5e11, exponentials=4e9))
    assert (floors.traffic, floors.operations, floors.exponentials) == (2e-3, 1e-2, 1e-3)
    assert floors.largest == 1e-2
    assert rates.floors(Need(0, 8e14, 0), torch.bfloat16).operations == 1


def test_the_kernel_of_exponentials_compiles_for_cards() -> None:
    pytest.importorskip("triton", reason="Triton is not installed")
    from triton_aot import CAPABILITIES, recorded

    from benchmarks.gpu import exponentials

    table = torch.zeros(4 * exponentials.BLOCK)
    with recorded(exponentials) as launches:
        exponentials.many(table, torch.empty_like(table))
    (launch,) = launches
    assert dict(launch.constants) == {"each": exponentials.EACH, "block": exponentials.BLOCK}
    for capability in CAPABILITIES:
        assert launch.compile(capability)[:4] == b"\x7fELF"


def test_needs_of_a_scan_are_those_of_its_tables() -> None:
    """Counted from the very tensors that a scan takes and its gradient gives."""
    shape = (3, 5, 8)
    (_, inputs) = kernels.scans(dataclasses.replace(HERE, width=8), shape)["ours"]()
    u, step, rates, into, out_of, skip, gate, bias = inputs
    tables = sum(t.numel() for t in (u, step, into, out_of, gate))
    forward, backward = kernels.scan_needs(shape)
    assert forward.traffic == 4 * (tables + u.numel())
    assert backward.traffic == 4 * (2 * tables + u.numel())
    assert forward.exponentials == 3 * 5 * rates.numel()
    assert len(skip) == len(bias) == len(rates)


def test_the_largest_scene_is_the_largest_that_is_predicted_to_fit() -> None:
    settings, limit = Settings(), 24_000_000_000
    side = predicted_side(settings, limit)
    assert predicted(side, settings) <= limit < predicted(side + 4, settings)


def test_settings_survive_the_way_to_a_process_of_their_own() -> None:
    for settings in (Settings(), HERE):
        assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_the_bar_is_about_parts_and_scenes_that_exist() -> None:
    assert {aim.part for aim in bar.AIMS} <= set(table.PARTS)
    folder = Path(table.__file__).parent
    assert all((folder / f"{name}.py").exists() for name in table.PARTS)
    assert bar.LARGEST_FILE in SIZES


def test_an_aim_is_met_missed_or_unmeasured() -> None:
    def answers(figures: dict[str, float]) -> set[str]:
        found = aims.lines(bar.AIMS, {"epochs": {"figures": figures}}, bar.WORDS)
        return {line.answer for line in found if "200 epochs" in line.what}

    assert answers({"ours": 19.9}) == {"met"}
    assert answers({"ours": 20.0}) == {"not met"}
    assert answers({}) == {"unmeasured"}


def test_a_setup_is_held_to_the_card_at_hand() -> None:
    changed = upstream.for_architecture(SETUP, "90")
    assert "compute_90" in changed and "compute_80" not in changed and "_120" not in changed
    compile(changed, "setup.py", "exec")
    # Code for 8.0 runs on an 8.9, code for 9.0 on no 10.0.
    assert "compute_80" in upstream.for_architecture(SETUP, "89")
    with pytest.raises(upstream.NotBuilt, match=r"no compute capability 100 \(but: 80, 90, 120"):
        upstream.for_architecture(SETUP, "100")


def test_a_mamba_that_is_not_there_is_told_with_the_reason(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a card to build for")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.upstream", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "not built, because there is no card" in done.stdout
    with pytest.raises(upstream.NotBuilt, match="there is no card to build for"):
        upstream.find(tmp_path)


def test_the_page_has_a_place_for_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [text.count(mark) for mark in pages.marks(table.MARK)] == [1, 1]
