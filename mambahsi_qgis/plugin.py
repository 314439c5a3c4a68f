"""The plugin: it registers the Processing provider, and in a window its dock.

QGIS calls :meth:`MambaHSIPlugin.initGui` in its window, and ``qgis_process`` calls
:meth:`MambaHSIPlugin.initProcessing` alone, with no ``iface``.
"""

from __future__ import annotations

import sys
from typing import Any, Optional

import qgis.utils
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
        self.window: Any = None

    def initProcessing(self) -> None:
        """Add the provider to Processing."""
        provider = MambaHSIProvider()
        if QgsApplication.processingRegistry().addProvider(provider):
            self.provider = provider

    def initGui(self) -> None:
        """Start in a window."""
        self.initProcessing()
        if self.iface is not None:
            # Widgets are loaded in a window only.
            from mambahsi_qgis.gui.window import Window

            self.window = Window(self.iface)

    def unload(self) -> None:
        """Leave QGIS as it was."""
        if self.window is not None:
            self.window.unload()
            self.window = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self in qgis.utils.plugins.values():
            _forget_modules()


def _forget_modules() -> None:
    """Leave no module of ours behind.

    QGIS removes those that an ``import`` statement named, but neither their packages nor what
    was loaded from a file. The next version of the plugin, installed in this very session, would
    go on with them.
    """
    package = __name__.split(".")[0]
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
