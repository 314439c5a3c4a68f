"""Products of rounded numbers: as near as rounding lets them be, and only where they pay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from mambahsi import jobs, runs
from mambahsi.errors import ResourceError
from mambahsi.feedback import CollectingFeedback
from mambahsi.jobs import PRECISIONS, JobError
from mambahsi.model_file import load_model
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.network.precision import linear
from mambahsi.runs.setup import move_to_cpu
from mambahsi.scan import set_threads


def results(scan: str, precision: torch.dtype) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network = MambaHSI(9, 32, 4, scan=scan)
    network.set_precision(precision)
    logits = network.pixel_logits(torch.rand(9 * 14, 9), SceneGeometry(np.ones((9, 14), bool)))
    torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)) % 4).backward()
    gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return logits.detach(), gradients


@pytest.mark.parametrize("scan", ["torch", "reference", "cpu"])
def test_rounded_products_are_near_and_everything_else_stays_single(scan: str) -> None:
    set_threads(1)
    logits, gradients = results("torch", torch.float32)
    rounded, others = results(scan, torch.bfloat16)
    assert rounded.dtype == torch.float32
    assert {gradient.dtype for gradient in others.values()} == {torch.float32}
    difference = float((rounded - logits).norm() / logits.norm())
    # Eight bits of a factor: something is rounded, and nothing is lost.
    assert 1e-4 < difference < 2e-2
    every, other = (torch.cat([g.flatten() for g in x.values()]) for x in (gradients, others))
    assert float((every - other).norm() / every.norm()) < 5e-2
    assert gradients.keys() == others.keys()


def test_a_product_rounds_its_factors_and_not_its_sums() -> None:
    # 1 + 2**-9 needs ten bits: rounded to 1. The sum of 4096 ones needs thirteen: kept.
    x = torch.tensor([[1 + 2.0**-9] * 4096])
    weight, bias = torch.ones(1, 4096), torch.tensor([2.0**-3])
    assert float(linear(x, weight, bias, torch.bfloat16)) == 4096.125
    assert float(linear(x, weight, bias, torch.float32)) == pytest.approx(4104.125)
    double = linear(x.double(), weight.double(), None, torch.bfloat16)
    assert double.dtype == torch.float64 and float(double) == 4104


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("kind", ["train", "classify"])
def test_the_processor_refuses_it(tiny: Any, kind: str) -> None:
    values = tiny.train_job(epochs=1)
    if kind == "classify":
        runs.run(jobs.from_json(values), CollectingFeedback())
        names = ("scene", "model", "threads")
        values = {name: values[name] for name in names} | {"job": "classify"}
        values["classification"] = str(tiny.folder / "map.tif")
    with pytest.raises(ResourceError, match="'bfloat16' needs a GPU.*cpu is not"):
        runs.run(jobs.from_json({**values, "precision": "bfloat16"}), CollectingFeedback())


def test_another_precision_is_no_job(tiny: Any) -> None:
    assert PRECISIONS == ("float32", "bfloat16")
    with pytest.raises(JobError, match="precision.*'float16'"):
        jobs.from_json(tiny.train_job(precision="float16"))


def test_model_and_map_tell_it(tiny: Any) -> None:
    values = tiny.train_job(epochs=1)
    values = {"job": "trainandclassify", "train": {k: values[k] for k in values if k != "job"}}
    path = str(tiny.folder / "map.tif")
    runs.run(jobs.from_json({**values, "classification": path}), CollectingFeedback())
    assert load_model(values["train"]["model"]).training["precision"] == "float32"
    with rasterio.open(path) as dataset:
        assert dataset.tags()["MAMBAHSI_PRECISION"] == "float32"


def test_a_network_that_moves_to_the_cpu_computes_in_single_precision_there() -> None:
    torch.manual_seed(0)
    network = MambaHSI(5, 16, 3, scan="torch").eval()
    network.set_precision(torch.bfloat16)
    moved = move_to_cpu(network)
    assert network.precision == torch.bfloat16 and moved.precision == torch.float32
    pixels, geometry = torch.rand(64, 5), SceneGeometry(np.ones((8, 8), bool))
    network.set_precision(torch.float32)
    with torch.no_grad():
        one, other = (n.pixel_logits(pixels, geometry) for n in (network, moved))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
