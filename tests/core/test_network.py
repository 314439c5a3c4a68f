"""The network: parity with the published one, and the meaning of nodata."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial import cKDTree

from mambahsi.errors import SceneError
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import available_backends, set_threads, thread_count

REPOSITORY = Path(__file__).parents[2]
PARITY = Path(os.environ.get("MAMBAHSI_TEST_DATA", REPOSITORY.parent / "shared")) / "parity"
BACKENDS = [n for n, why in available_backends().items() if not why and n != "mamba_ssm"]
SMALL = Path(__file__).parent / "parity_small.json"


def relative(got: torch.Tensor, expected: np.ndarray) -> float:
    return float(
        np.linalg.norm(got.detach().double().numpy() - expected) / np.linalg.norm(expected)
    )


def image_and_labels(data: Any, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor(data["image"], dtype=dtype), torch.tensor(data["labels"]).flatten()


@pytest.mark.parametrize(
    ("backend", "dtype", "tolerance"),
    [("reference", torch.float64, 1e-10), *((b, torch.float32, 1e-4) for b in BACKENDS)],
)
@pytest.mark.parametrize("name", ["both_128", "both_64_t8", "spa", "spe"])
def test_parity_with_the_published_network(
    name: str, backend: str, dtype: torch.dtype, tolerance: float
) -> None:
    path = PARITY / f"upstream_{name}.npz"
    if not path.exists():
        pytest.skip(f"no reference vectors at {path}; set MAMBAHSI_TEST_DATA")
    data = np.load(path)
    net = MambaHSI(**json.loads(str(data["config"])), scan=backend).to(dtype)
    net.load_state_dict(
        {k.removeprefix("param/"): torch.tensor(data[k]) for k in data.files if "param/" in k}
    )
    image, labels = image_and_labels(data, dtype)
    pixels = image.flatten(1).t()
    geometry = SceneGeometry(np.ones(image.shape[1:], dtype=bool))
    assert relative(net(image[None])[0], data["logits"]) < tolerance
    upsampled = net.pixel_logits(pixels, geometry).t().reshape(data["upsampled"].shape)
    assert relative(upsampled, data["upsampled"]) < tolerance
    at = torch.nonzero(labels >= 0)[:, 0]
    loss = F.cross_entropy(net.pixel_logits(pixels, geometry, at), labels[at])
    assert abs(loss.item() - data["loss"]) < tolerance * abs(data["loss"])
    loss.backward()
    for parameter, value in net.named_parameters():
        assert value.grad is not None
        assert relative(value.grad, data[f"grad/{parameter}"]) < tolerance, parameter


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", json.loads(SMALL.read_text()), ids=lambda case: case["name"])
def test_parity_with_our_reference_in_double_precision(case: dict[str, Any], backend: str) -> None:
    from make_small_parity import results

    got = results(case["config"], case["rows"], case["columns"], backend, torch.float32)
    for key, tolerance in (("logits", 1e-4), ("loss", 1e-5), ("gradients", 1e-3)):
        expected = np.array(case[key])
        assert np.linalg.norm(np.array(got[key]) - expected) < tolerance * np.linalg.norm(expected)


def test_parameter_names_and_fusion_weights_are_the_published_ones() -> None:
    net = MambaHSI(5, 32, 3)
    names = dict(net.named_parameters())
    for number in (0, 2, 4):
        assert torch.equal(names[f"mamba.{number}.weights"], torch.tensor([0.5, 0.5]))
        for branch in ("spa_mamba", "spe_mamba"):
            for part in ("in_proj.weight", "conv1d.bias", "x_proj.weight", "dt_proj.bias", "A_log"):
                assert f"mamba.{number}.{branch}.mamba.{part}" in names
    assert not any(
        "weights" in name for name in dict(MambaHSI(5, 32, 3, use_att=False).named_parameters())
    )


def weights_as_published(bands: int, width: int, classes: int) -> dict[str, torch.Tensor]:
    """Initial weights, drawn step by step in the order of the published code."""
    weights: dict[str, torch.Tensor] = {}

    def keep(name: str, layer: torch.nn.Module) -> None:
        weights.update({f"{name}.{k}": v.detach() for k, v in layer.named_parameters()})

    keep("patch_embedding.0", torch.nn.Conv2d(bands, width, 1))
    for number in (0, 2, 4):
        for branch, d in (("spa", width), ("spe", width // 4)):
            name, c, rank = f"mamba.{number}.{branch}_mamba.mamba", 2 * d, -(-d // 16)
            keep(f"{name}.in_proj", torch.nn.Linear(d, 2 * c, bias=False))
            keep(f"{name}.conv1d", torch.nn.Conv1d(c, c, 4, groups=c))
            keep(f"{name}.x_proj", torch.nn.Linear(c, rank + 32, bias=False))
            torch.nn.Linear(rank, c)  # drawn, then replaced
            weights[f"{name}.dt_proj.weight"] = (torch.rand(c, rank) * 2 - 1) / rank**0.5
            steps = 0.001 * 100 ** torch.rand(c)
            weights[f"{name}.dt_proj.bias"] = torch.log(torch.expm1(steps.double())).float()
            weights[f"{name}.A_log"] = torch.log(torch.arange(1.0, 17.0)).expand(c, 16)
            weights[f"{name}.D"] = torch.ones(c)
            keep(f"{name}.out_proj", torch.nn.Linear(c, d, bias=False))
    keep("cls_head.0", torch.nn.Conv2d(width, 128, 1))
    keep("cls_head.3", torch.nn.Conv2d(128, classes, 1))
    return weights


def test_a_seed_gives_the_published_initial_weights() -> None:
    torch.manual_seed(5)
    got = MambaHSI(7, 96, 3).state_dict()
    torch.manual_seed(5)
    expected = weights_as_published(7, 96, 3)
    norms = {name for name in got if ".proj.0." in name or name.endswith("_embedding.1.weight")}
    norms |= {"patch_embedding.1.bias", "cls_head.1.weight", "cls_head.1.bias"}
    assert set(got) - set(expected) == norms | {f"mamba.{i}.weights" for i in (0, 2, 4)}
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_a_seed_gives_the_same_weights_and_another_seed_others() -> None:
    weights = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        weights.append(MambaHSI(5, 16, 3).cls_head[3].weight.detach())  # type: ignore[union-attr]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_dim": 30}, "hidden_dim 30 is not divisible by token_num 4"),
        ({"hidden_dim": 64, "group_num": 6}, "group_num 6"),
        ({"mamba_type": "fast"}, "'fast'"),
        ({"num_classes": 0}, "num_classes is 0"),
    ],
)
def test_impossible_configurations_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MambaHSI(in_channels=4, **arguments)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    net = MambaHSI(3, 16, 4)
    images = torch.randn(2, 3, 9, 8)
    together = net(images)
    assert torch.equal(together[1], net(images[1:])[0])
    assert together.shape == (2, 4, 2, 2)


masks = hnp.arrays(
    bool,
    st.tuples(st.integers(4, 19), st.integers(4, 19)),
    elements=st.sampled_from([True] * 3 + [False]),
)


def pooled_by_hand(values: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = valid.shape[0] // 2, valid.shape[1] // 2
    out, out_valid = np.zeros((rows, columns)), np.zeros((rows, columns), bool)
    for r in range(rows):
        for c in range(columns):
            cell = (slice(2 * r, 2 * r + 2), slice(2 * c, 2 * c + 2))
            inside = values[cell][valid[cell]]
            if len(inside):
                out[r, c], out_valid[r, c] = inside.mean(), True
    return out, out_valid


@settings(max_examples=60, deadline=None)
@given(valid=masks, seed=st.integers(0, 999))
def test_pooling_is_the_mean_of_valid_pixels(valid: np.ndarray, seed: int) -> None:
    expected_valid = pooled_by_hand(valid * 1.0, valid)[1]
    assume(pooled_by_hand(expected_valid * 1.0, expected_valid)[1].any())
    values = np.random.default_rng(seed).normal(size=valid.shape)
    geometry = SceneGeometry(valid)
    got = geometry.pool(torch.tensor(values[valid])[:, None], 0)[:, 0].numpy()
    expected, cells = pooled_by_hand(values, valid)
    np.testing.assert_array_equal(geometry.valid[1], cells)
    np.testing.assert_allclose(got, expected[cells], rtol=1e-12, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(4, 21), columns=st.integers(4, 21))
def test_without_nodata_pooling_and_upsampling_are_pytorchs(rows: int, columns: int) -> None:
    values = torch.randn(2, rows, columns, dtype=torch.float64)
    geometry = SceneGeometry(np.ones((rows, columns), bool))
    once = geometry.pool(values.flatten(1).t(), 0)
    twice = geometry.pool(once, 1)
    expected = F.avg_pool2d(F.avg_pool2d(values, 2), 2)
    torch.testing.assert_close(twice.t().reshape(expected.shape), expected)
    up = F.interpolate(expected[None], (rows, columns), mode="bilinear", align_corners=True)[0]
    torch.testing.assert_close(geometry.upsample(twice).t().reshape(up.shape), up)
    at = torch.tensor([0, rows * columns - 1])
    torch.testing.assert_close(geometry.upsample(twice, at), up.flatten(1).t()[at])


@settings(max_examples=60, deadline=None)
@given(valid=masks, seed=st.integers(0, 999))
def test_upsampling_takes_valid_cells_only(valid: np.ndarray, seed: int) -> None:
    half = pooled_by_hand(valid * 1.0, valid)[1]
    cells = pooled_by_hand(half * 1.0, half)[1]
    assume(cells.any())
    values = np.random.default_rng(seed).normal(size=cells.shape)
    got = SceneGeometry(valid).upsample(torch.tensor(values[cells])[:, None])[:, 0].numpy()
    tree = cKDTree(np.argwhere(cells))
    for pixel, (row, column) in zip(got, np.argwhere(valid), strict=True):
        y = row * (cells.shape[0] - 1) / (valid.shape[0] - 1)
        x = column * (cells.shape[1] - 1) / (valid.shape[1] - 1)
        weighted = total = 0.0
        for r in {int(y), min(int(y) + 1, cells.shape[0] - 1)}:
            for c in {int(x), min(int(x) + 1, cells.shape[1] - 1)}:
                weight = max(0, 1 - abs(y - r)) * max(0, 1 - abs(x - c)) * cells[r, c]
                weighted, total = weighted + weight * values[r, c], total + weight
        if total > 1e-9:
            assert pixel == pytest.approx(weighted / total, abs=1e-9)
        elif total == 0:
            # The cell nearest to the four around the pixel's position.
            corner = (min(int(y + 0.5), cells.shape[0] - 1), min(int(x + 0.5), cells.shape[1] - 1))
            near = tree.query(corner)[0]
            allowed = [
                values[r, c]
                for r, c in np.argwhere(cells)
                if np.hypot(r - corner[0], c - corner[1]) <= near + 1e-9
            ]
            assert any(pixel == pytest.approx(value) for value in allowed)


def test_gradients_of_many_labeled_pixels_are_the_same_bits_every_time() -> None:
    """PyTorch may add up the gradient of an indexed table in any order of its threads."""
    before = thread_count()
    set_threads(4)
    try:
        geometry = SceneGeometry(np.ones((145, 145), bool))
        torch.manual_seed(0)
        coarse = torch.randn(36 * 36, 16, requires_grad=True)
        weight = torch.randn(geometry.pixels, 16)
        gradients = [
            torch.autograd.grad((geometry.upsample(coarse) * weight).sum(), coarse)[0]
            for _ in range(40)
        ]
    finally:
        set_threads(before)
    assert all(torch.equal(gradient, gradients[0]) for gradient in gradients)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15, deadline=None)
@given(
    valid=masks,
    kind=st.sampled_from(["both", "spa", "spe"]),
    junk=st.sampled_from([1e30, -5.0, np.nan, np.inf]),
)
def test_what_is_stored_under_nodata_changes_nothing(
    backend: str, valid: np.ndarray, kind: str, junk: float
) -> None:
    half = pooled_by_hand(valid * 1.0, valid)[1]
    assume(pooled_by_hand(half * 1.0, half)[1].any())
    torch.manual_seed(0)
    net = MambaHSI(3, 16, 4, mamba_type=kind, scan=backend)
    clean = torch.randn(1, 3, *valid.shape)
    dirty = torch.where(torch.from_numpy(valid), clean, torch.tensor(junk, dtype=torch.float32))
    mask = torch.from_numpy(valid)[None]
    results = []
    for image in (clean, dirty):
        net.zero_grad()
        logits = net(image, mask)
        logits.square().sum().backward()
        results.append([logits.detach(), *(p.grad for p in net.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_spatial_sequence_skips_nodata() -> None:
    """Rows of nodata between valid rows leave the network as if they were not there."""
    torch.manual_seed(0)
    net = MambaHSI(3, 16, 4, mamba_type="spa")
    features = torch.randn(16 * 8, 16)
    block = net.mamba["0"]
    assert torch.equal(block(features), block(features.clone()))
    image = torch.randn(1, 3, 8, 8)
    # Inserting four rows (one coarse cell) of nodata moves the lower half down by one cell.
    spread = torch.cat([image[:, :, :4], torch.full((1, 3, 4, 8), 1e9), image[:, :, 4:]], dim=2)
    valid = torch.ones(1, 12, 8, dtype=torch.bool)
    valid[:, 4:8] = False
    compact, holed = net(image), net(spread, valid)
    torch.testing.assert_close(holed[:, :, [0, 2]], compact)
    assert not holed[:, :, 1].any()


def test_scenes_that_are_too_small_or_empty_are_refused() -> None:
    with pytest.raises(SceneError, match="3 rows and 9 columns"):
        SceneGeometry(np.ones((3, 9), bool))
    edge = np.zeros((5, 5), bool)
    edge[4] = True
    with pytest.raises(SceneError, match="5 valid pixels"):
        SceneGeometry(edge)
    assert SceneGeometry(np.ones((4, 4), bool)).valid[-1].shape == (1, 1)
