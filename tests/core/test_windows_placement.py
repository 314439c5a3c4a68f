"""Windows around labels: each labeled pixel counts once in every epoch, wherever it lies."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambahsi.windows.placement import (
    LabeledWindow,
    fixed_cover,
    random_cover,
    reached,
    starts,
    window_shape,
)

SIDES = st.integers(4, 40)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    """Labeled pixels, the scene's shape and the windows' shape."""
    scene = draw(SIDES), draw(SIDES)
    labeled = draw(arrays(bool, scene, elements=st.booleans(), fill=st.just(False)))
    # A polygon that may be larger than a window.
    top, left = draw(st.integers(0, scene[0] - 1)), draw(st.integers(0, scene[1] - 1))
    labeled[top : top + draw(SIDES), left : left + draw(SIDES)] = True
    size = draw(st.sampled_from([4, 8, 16, 64]))
    return np.argwhere(labeled), scene, window_shape((size, size), scene)


def assert_covers(
    windows: list[LabeledWindow],
    points: np.ndarray,
    scene: tuple[int, int],
    shape: tuple[int, int],
) -> None:
    counted = np.concatenate([window.members for window in windows])
    np.testing.assert_array_equal(np.sort(counted), np.arange(len(points)))
    for window in windows:
        area = window.window
        assert (area.height, area.width) == shape
        assert 0 <= area.row_off <= scene[0] - shape[0]
        assert 0 <= area.col_off <= scene[1] - shape[1]
        inside = points[window.members] - (area.row_off, area.col_off)
        assert (inside >= 0).all() and (inside < shape).all()
        assert (np.diff(window.members) > 0).all()


@given(layouts(), st.integers(0, 2**32 - 1))
def test_every_epoch_covers_every_pixel_once(
    layout: tuple[np.ndarray, tuple[int, int], tuple[int, int]], seed: int
) -> None:
    for epoch in range(1, 5):
        generator = np.random.default_rng((seed, epoch))
        assert_covers(random_cover(*layout, generator), *layout)


@given(layouts())
def test_the_fixed_windows_cover_every_pixel_once(
    layout: tuple[np.ndarray, tuple[int, int], tuple[int, int]],
) -> None:
    assert_covers(fixed_cover(*layout), *layout)


def test_windows_lie_elsewhere_in_every_epoch_and_the_same_after_a_restart() -> None:
    points, scene, shape = np.array([[50, 50], [51, 50]]), (100, 100), (16, 16)

    def place(seed: int, epoch: int) -> tuple[int, int]:
        (window,) = random_cover(points, scene, shape, np.random.default_rng((seed, epoch)))
        return window.window.row_off, window.window.col_off

    places = {place(0, epoch) for epoch in range(40)}
    assert len(places) > 20
    # A pixel comes to lie anywhere in a window, at its edges, too.
    assert {row for row, _ in places} >= {36, 50}
    assert [place(0, 7)] * 2 == [place(0, 7), place(0, 7)]
    assert [place(0, epoch) for epoch in range(9)] != [place(1, epoch) for epoch in range(9)]


def test_fixed_windows_have_their_pixels_in_the_middle() -> None:
    points = np.array([[40, 30], [40, 33], [43, 30], [43, 33]])
    (window,) = fixed_cover(points, (100, 100), (16, 16))
    assert (window.window.row_off, window.window.col_off) == (42 - 8, 32 - 8)


@given(st.integers(4, 400), st.integers(1, 50), st.data())
def test_strides_reach_from_end_to_end(length: int, quarter: int, data: st.DataObject) -> None:
    window = min(4 * quarter, length)
    stride = data.draw(st.integers(1, window))
    found = starts(length, window, stride)
    assert found[0] == 0 and found[-1] == length - window
    gaps = np.diff(found)
    assert (gaps <= stride).all() and (gaps > 0).all()


def test_a_small_scene_shrinks_the_window_to_whole_cells() -> None:
    assert window_shape((64, 64), (100, 100)) == (64, 64)
    assert window_shape((64, 64), (63, 70)) == (60, 64)
    assert window_shape((64, 64), (5, 4)) == (4, 4)


@given(layouts(), st.sampled_from([(4, 4), (2, 8), (16, 16)]), st.integers(0, 99))
def test_no_window_reaches_more_cells_than_are_reckoned_with(
    layout: tuple[np.ndarray, tuple[int, int], tuple[int, int]], cell: tuple[int, int], seed: int
) -> None:
    touched = set()
    for epoch in range(5):
        for window in random_cover(*layout, np.random.default_rng((seed, epoch))):
            rows, columns = window.window.toslices()
            touched |= {
                (row // cell[0], column // cell[1])
                for row in range(rows.start, rows.stop)
                for column in range(columns.start, columns.stop)
            }
    assert len(touched) <= reached(*layout, cell)
