"""The plugin: it registers the Processing provider, in a window and without one.

QGIS calls :meth:`MambaHSIPlugin.initGui` in its window, and ``qgis_process`` calls
:meth:`MambaHSIPlugin.initProcessing` alone, with no ``iface``.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import QgsApplication

from mambahsi_qgis.provider import MambaHSIProvider


class MambaHSIPlugin:
    """Registers the provider and takes it away again.

    Args:
        iface: QGIS's interface to its window, or None.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface
        self.provider: Optional[MambaHSIProvider] = None

    def initProcessing(self) -> None:
        """Add the provider to Processing."""
        provider = MambaHSIProvider()
        if QgsApplication.processingRegistry().addProvider(provider):
            self.provider = provider

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
