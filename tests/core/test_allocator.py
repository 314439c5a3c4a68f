"""Tables that inference keeps for the next time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mambahsi import allocator
from mambahsi.allocator import SpareTables, spare_tables
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import available_backends

COMPILED = available_backends()["cpu"]
pytestmark = pytest.mark.skipif(bool(COMPILED), reason=f"no compiled backend: {COMPILED}")


def place(tables: SpareTables, rows: int) -> int:
    with tables.lending() as lend:
        table = lend(rows, 32)
        assert table.shape == (rows, 32) and table.dtype == torch.float32
        return table.data_ptr()


def test_a_table_of_the_same_size_is_lent_again() -> None:
    tables = SpareTables()
    first = place(tables, 1000)
    assert place(tables, 1000) == place(tables, 700) == first


def test_one_lent_is_not_lent_to_another() -> None:
    tables = SpareTables()
    place(tables, 1000)
    with tables.lending() as lend, tables.lending() as other:
        mine, theirs = lend(1000, 32), other(1000, 32)
        mine.fill_(1.0)
        theirs.fill_(2.0)
        assert bool((mine == 1.0).all())


def test_what_does_not_fit_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = SpareTables()
    place(tables, 1000)
    with tables.lending() as lend:
        lend(100, 32)
        assert not tables._spare
    monkeypatch.setattr(allocator, "LARGEST_SPARE", 1000)
    place(tables, 100)
    assert not tables._spare


def test_nothing_is_kept_behind_an_error_or_once_a_training_begins() -> None:
    tables = SpareTables()
    with pytest.raises(ValueError), tables.lending() as lend:
        lend(10, 32)
        raise ValueError
    assert not tables._spare

    network = MambaHSI(5, 32, 3, scan="cpu")
    geometry = SceneGeometry(np.ones((8, 9), dtype=bool))
    pixels = torch.rand(72, 5)
    with torch.no_grad():
        network.pixel_logits(pixels, geometry)
    assert spare_tables._spare
    network.pixel_logits(pixels, geometry)
    assert not spare_tables._spare


def test_a_map_is_the_same_in_tables_that_held_another() -> None:
    network = MambaHSI(5, 32, 3, scan="cpu")
    spare_tables.drop()

    def logits(rows: int) -> torch.Tensor:
        geometry = SceneGeometry(np.ones((rows, 9), dtype=bool))
        pixels = torch.rand(9 * rows, 5, generator=torch.Generator().manual_seed(rows))
        with torch.no_grad():
            return network.pixel_logits(pixels, geometry)

    expected = logits(12)
    logits(14)
    assert torch.equal(logits(12), expected)
