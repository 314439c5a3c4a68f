"""QGIS's enumerations are named with their scope, which its build on Qt 6 needs.

``make lint`` checks Qt's own against the types of PyQt6; there are none of QGIS, so that QGIS is
asked here. ``QgsX.Member`` works with Qt 5 alone, ``QgsX.Enumeration.Member`` with both.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import qgis.core
import qgis.gui

PLUGIN = Path(__file__).resolve().parents[2] / "mambahsi_qgis"


def members(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each value of an enumeration that is taken from its class."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        owner: Any = None
        for module in (qgis.core, qgis.gui):
            owner = owner or getattr(module, node.value.id, None)
        value = getattr(owner, node.attr, None) if isinstance(owner, type) else None
        # An int of another type is a value of one of sip's enumerations; the owner may be such a
        # one itself.
        is_member = isinstance(value, (int, Enum)) and type(value) not in (int, bool)
        if is_member and type(value) is not owner:
            yield node.lineno, f"{node.value.id}.{node.attr}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("QgsFeatureSink.FastInsert", ["QgsFeatureSink.FastInsert"]),
        ("QgsFeatureSink.Flag.FastInsert", []),
        ("QgsMapLayerType.RasterLayer", []),
        ("Qgis.QGIS_VERSION_INT", []),
        ("QgsProcessing.TEMPORARY_OUTPUT", []),
    ],
)
def test_members_are_told_from_other_things(source: str, found: list[str]) -> None:
    assert [name for _, name in members(source)] == found


def test_enumerations_of_qgis_have_their_scope() -> None:
    found = [
        f"{path.name}:{line}: {name}"
        for path in PLUGIN.rglob("*.py")
        for line, name in members(path.read_text(encoding="utf-8"))
    ]
    assert found == []
