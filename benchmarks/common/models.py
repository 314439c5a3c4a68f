"""Model files for scenes that the benchmarks have drawn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mambahsi.classes import ClassTable, LandCoverClass
from mambahsi.model_file import ModelFile, save_model
from mambahsi.network import MambaHSI
from mambahsi.normalization import Normalization


def save(
    path: Path,
    network: MambaHSI,
    arguments: dict[str, Any],
    normalization: Normalization,
    values: Iterable[int],
) -> None:
    """Write a model that reads all bands of a scene.

    Args:
        path: The model file.
        network: What was trained, or was not.
        arguments: The network's constructor arguments.
        normalization: Constants by band.
        values: Of the classes.
    """
    classes = (
        LandCoverClass(k, f"class {k}", f"#{k * 999_983 % 2**24:06x}", str(k)) for k in values
    )
    bands = arguments["in_channels"]
    facts = {
        "count": bands,
        "used": list(range(1, bands + 1)),
        "dropped": [],
        "wavelengths": [None] * bands,
        "fwhm": [None] * bands,
        "descriptions": [""] * bands,
    }
    weights = network.state_dict()
    table = ClassTable(tuple(classes))
    save_model(path, ModelFile(weights, arguments, table, facts, normalization))
