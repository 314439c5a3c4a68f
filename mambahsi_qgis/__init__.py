"""MambaHSI for QGIS: what QGIS loads."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:
    """The plugin, for QGIS; ``iface`` is None without a window."""
    from mambahsi_qgis.plugin import MambaHSIPlugin

    return MambaHSIPlugin(iface)
