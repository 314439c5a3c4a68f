"""The algorithms that look at samples, run in the real engine on layers that QGIS alone knows."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture()
def given(scene: str, labels: Any, tmp_path: Path) -> dict[str, Any]:
    return {
        "SCENE": scene,
        "LABELS": labels,
        "CLASS_FIELD": "code",
        "NAME_FIELD": "cover",
        "COLOR_FIELD": "hue",
        "REPORT": str(tmp_path / "samples.html"),
        "CSV": str(tmp_path / "samples.csv"),
    }


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_signatures_count_unsaved_edits(
    engine: Path, given: dict[str, Any], labels: Any, told: Any
) -> None:
    import processing

    labels.startEditing()
    feature = next(f for f in labels.getFeatures() if f["code"] == 33)
    before = sum(f["code"] == 33 for f in labels.getFeatures())
    labels.deleteFeature(feature.id())
    result = processing.run("mambahsi:spectralsignatures", given, feedback=told)
    assert result == {"REPORT": given["REPORT"], "CSV": given["CSV"]}
    table = rows(given["CSV"])
    assert {row["name"] for row in table} == {"Wald", "Gewässer", "Acker"}
    assert len(table) == 3 * 8
    # Every polygon has 4 x 3 pixels; no one of this class lies in the corner of nodata.
    assert {row["pixels"] for row in table if row["class"] == "33"} == {str(12 * (before - 1))}
    assert [row["wavelength"] for row in table[:2]] == ["450", "500"]
    page = Path(given["REPORT"]).read_text(encoding="utf-8")
    assert "#1a6b3c" in page and "Gewässer" in page
    assert any("On nodata of the scene" in text for text in told.warnings)


def test_separability_names_the_worst_pair(engine: Path, given: dict[str, Any], told: Any) -> None:
    import processing

    result = processing.run("mambahsi:classseparability", given, feedback=told)
    table = rows(given["CSV"])
    assert len(table) == 3
    distances = [float(row["jeffries_matusita"]) for row in table]
    assert result["SMALLEST_DISTANCE"] == pytest.approx(min(distances), abs=1e-6)
    # Their spectra were drawn at random, far apart for the noise in them.
    assert {row["verdict"] for row in table} == {"good"}
    assert any("Least separable classes" in line for line in told.lines)


def test_one_class_has_signatures_and_no_distance(provider: Any, given: dict[str, Any]) -> None:
    from qgis.core import QgsApplication, QgsProcessingContext

    given["LABELS"].dataProvider().deleteFeatures(
        [f.id() for f in given["LABELS"].getFeatures() if f["code"] != 11]
    )
    registry = QgsApplication.processingRegistry()
    context = QgsProcessingContext()
    separability = registry.algorithmById("mambahsi:classseparability").create()
    signatures = registry.algorithmById("mambahsi:spectralsignatures").create()
    assert "one class only" in separability.problem(given, context)
    assert signatures.problem(given, context) == ""
