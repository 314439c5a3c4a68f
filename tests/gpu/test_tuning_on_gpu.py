"""Trials on a real card: what they find is kept, and gives the same map as the first candidates."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mambahsi.network.mamba import Mamba
from mambahsi.scan import code_cache

pytestmark = pytest.mark.gpu


def test_what_is_found_is_kept_and_computes_the_same(
    triton: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mambahsi.scan.gpu import trials, tuning

    monkeypatch.delenv("MAMBAHSI_TUNING", raising=False)
    monkeypatch.setenv("MAMBAHSI_CACHE_DIR", str(tmp_path))
    code_cache.folder.cache_clear()
    before = tuning.of(triton)
    try:
        trials.tune(triton)
        found = tuning.of(triton)
        kept = list((tmp_path / "kernels").glob("tuning-*.json"))
        assert len(kept) == 1
        content = kept[0].read_bytes()
        trials.tune(triton)
        assert (tuning.of(triton), kept[0].read_bytes()) == (found, content)
        torch.manual_seed(0)
        for shape in ((1, 50_000, 128), (3000, 4, 32)):
            block = Mamba(shape[2], "triton").to(triton)
            tokens = torch.randn(shape, device=triton)
            with torch.no_grad():
                got = block(tokens)
                with tuning.using(triton, tuning.Tuning()):
                    expected = block(tokens)
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    finally:
        tuning.use(triton, before)
        code_cache.folder.cache_clear()
