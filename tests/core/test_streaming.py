"""Streamed probabilities are those of the network in memory, whatever the strips."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from streaming_scenes import (
    Strips,
    assert_same,
    in_memory,
    make_cube,
    make_network,
    punch,
    stream,
    write,
)

from mambahsi.errors import ModelError, SceneError
from mambahsi.network.blocks import PixelGroupNorm
from mambahsi.network.moments import Moments
from mambahsi.normalization import Normalization
from mambahsi.scan import set_threads
from mambahsi.streaming import stages
from mambahsi.streaming.spool import spool_path

BANDS = 6

WIDTHS = [8, 32]
"""One that the compiled blocks do not take, and one that they do."""


def compare(folder: Path, cube: np.ndarray, how: Strips, file: Any = None, **network: Any) -> None:
    """Stream a cube and hold it against the network in memory."""
    name, options = file or ("scene.tif", {})
    path = write(folder / name, cube, **options)
    net = make_network(len(cube), **network)
    expected = in_memory(path, net)
    inside = expected[~np.isnan(expected[..., 0])]
    assert inside.std(axis=0).max() > 0.01, "a network that says the same everywhere"
    assert_same(stream(path, net, how, folder / "map.tif"), expected)
    assert not spool_path(folder / "map.tif").exists()


@given(st.data())
@settings(max_examples=25)
def test_any_shape_any_strips_any_holes(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(8, 43)), data.draw(st.integers(8, 37))
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    holes = generator.random((rows, columns)) < data.draw(st.sampled_from([0.0, 0.1, 0.8]))
    empty = data.draw(st.lists(st.integers(0, rows - 1), max_size=12))
    holes[empty] = True
    holes[:4, :4] = False
    how = Strips(
        strip_rows=4 * data.draw(st.integers(1, 11)),
        read_rows=data.draw(st.integers(1, rows)),
        read_columns=data.draw(st.integers(1, columns)),
    )
    with tempfile.TemporaryDirectory() as folder:
        cube = punch(make_cube(BANDS, rows, columns), holes)
        compare(Path(folder), cube, how, width=data.draw(st.sampled_from(WIDTHS)))


@pytest.mark.parametrize("kind", ["both", "spa", "spe"])
@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_kind_of_network(tmp_path: Path, kind: str, residual: bool, width: int) -> None:
    cube = make_cube(BANDS, 22, 19)
    compare(tmp_path, cube, Strips(), mamba_type=kind, use_residual=residual, width=width)


@pytest.mark.parametrize("width", [12, 48])
def test_branches_that_are_added_and_other_groups(tmp_path: Path, width: int) -> None:
    cube = make_cube(BANDS, 13, 17)
    compare(tmp_path, cube, Strips(), width=width, use_att=False, token_num=3, group_num=2)


@pytest.mark.parametrize("backend", ["reference", "auto"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_scan(tmp_path: Path, backend: str, threads: int, width: int) -> None:
    set_threads(threads)
    # More pixels in a strip than are worked on together.
    compare(tmp_path, make_cube(3, 43, 60), Strips(strip_rows=40), scan=backend, width=width)


@pytest.mark.parametrize("width", WIDTHS)
def test_strips_without_a_valid_pixel(tmp_path: Path, width: int) -> None:
    holes = np.zeros((41, 23), dtype=bool)
    holes[:9], holes[16:29], holes[30:40, 2:] = True, True, True
    compare(tmp_path, punch(make_cube(BANDS, 41, 23), holes), Strips(), width=width)


def test_pixels_far_from_any_valid_cell(tmp_path: Path) -> None:
    # A last odd row belongs to no cell: these pixels take the class of cells far above.
    holes = np.ones((33, 32), dtype=bool)
    holes[:12, :18] = holes[32] = False
    compare(tmp_path, punch(make_cube(BANDS, 33, 32), holes), Strips())


def test_maps_wider_than_a_tile(tmp_path: Path) -> None:
    compare(tmp_path, make_cube(2, 9, 300), Strips(tile_columns=256))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_every_type_of_pixels(tmp_path: Path, dtype: str) -> None:
    cube = make_cube(BANDS, 14, 15)
    if dtype == "uint8":
        cube = cube // 16
    cube = cube.astype(dtype)
    if dtype.startswith("float"):
        cube[1, 5:7, 3:9] = np.nan
        cube[2, 9, 3:9] = np.inf
        cube += 0.25
    options = {"nodata": None}
    path = write(tmp_path / "scene.tif", cube, **options)
    net = make_network(BANDS)
    assert_same(stream(path, net, Strips(), tmp_path / "map.tif"), in_memory(path, net))


FILES = {
    "bip": ("scene.img", {"driver": "ENVI", "interleave": "bip"}),
    "bil": ("scene.img", {"driver": "ENVI", "interleave": "bil"}),
    "bsq": ("scene.img", {"driver": "ENVI", "interleave": "bsq"}),
    "tiled": ("scene.tif", {"tiled": True, "blockxsize": 16, "blockysize": 16}),
    "tiled by band": (
        "scene.tif",
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "interleave": "band"},
    ),
    "compressed": ("scene.tif", {"compress": "deflate", "blockysize": 5}),
}


@pytest.mark.parametrize("name", list(FILES))
def test_every_layout_of_files(tmp_path: Path, name: str) -> None:
    holes = np.zeros((37, 35), dtype=bool)
    holes[10:14, 3:20] = True
    cube = punch(make_cube(BANDS, 37, 35), holes)
    compare(tmp_path, cube, Strips(strip_rows=8, read_rows=16, read_columns=32), FILES[name])


def test_a_network_that_has_diverged_makes_no_map(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", make_cube(BANDS, 9, 9))
    network = make_network(BANDS)
    with torch.no_grad():
        network.cls_head[3].bias[2] = float("nan")  # type: ignore[union-attr, index, operator]
    with pytest.raises(ModelError, match="diverged"):
        stream(path, network, Strips(), tmp_path / "map.tif")
    assert not spool_path(tmp_path / "map.tif").exists()


def test_a_scene_that_ends_early_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", make_cube(BANDS, 40, 40))
    content = path.read_bytes()
    network = make_network(BANDS)
    target = tmp_path / "map.tif"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(SceneError, match=r"scene\.tif"):
        stream(path, network, Strips(), target)
    assert not spool_path(target).exists()


@given(
    st.integers(1, 300),
    st.lists(st.integers(0, 300), max_size=5),
    st.sampled_from([0.0, 1.0, 1000.0]),
)
@settings(max_examples=30)
def test_moments_do_not_depend_on_how_a_table_is_cut(
    rows: int, cuts: list[int], offset: float
) -> None:
    torch.manual_seed(rows)
    table = torch.randn(rows, 8) * torch.rand(8) + offset
    moments = Moments.none(8)
    edges = [0, *sorted(min(cut, rows) for cut in cuts), rows]
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            moments.join(stages.measure(table[start:stop]))
    exact = table.double()
    assert moments.count == rows
    torch.testing.assert_close(moments.mean, exact.mean(0), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(
        moments.squares, (exact - exact.mean(0)).square().sum(0), rtol=1e-5, atol=1e-9
    )


def test_moments_of_many_rows_that_hardly_differ() -> None:
    torch.manual_seed(0)
    table = 100 + torch.randn(50_000, 4) * 0.01
    moments = Moments.none(4)
    for part in table.split(7000):
        moments.join(stages.measure(part))
    norm = PixelGroupNorm(2, 4)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    exact = table.double().view(len(table), 2, 2)
    variance, mean = torch.var_mean(exact, dim=(0, 2), correction=0, keepdim=True)
    expected = ((exact - mean) * torch.rsqrt(variance + norm.eps)).reshape(-1, 4)
    expected = expected * norm.weight + norm.bias
    got = stages.activate(table.clone(), norm, moments).double()
    expected = torch.nn.functional.silu(expected.detach())
    # The shift, ten thousand times the spread, is rounded to float32.
    torch.testing.assert_close(got.detach(), expected, rtol=0, atol=2e-2)


@given(
    arrays(np.int16, (3, 40)),
    arrays(np.uint8, (3, 7)),
    st.lists(st.floats(-4e4, 4e4), min_size=6, max_size=6),
)
@settings(max_examples=50)
def test_levels_are_the_stretch_to_the_bit(
    first: np.ndarray, second: np.ndarray, limits: list[float]
) -> None:
    low, high = np.array(limits[:3]), np.array(limits[3:])
    for data in (first, second, first.astype(np.float32)):
        norm = Normalization(low, high)
        levels = np.empty(data.shape, dtype=np.uint8)
        for number, band in enumerate(data):
            norm.levels(number, band, levels[number])
        exact = norm.apply(data)
        np.testing.assert_array_equal(levels.astype(np.float32) / np.float32(255), exact)
