"""A scene as a person wants to see it: colors by wavelength, stretched to what it holds.

``wavelengths(layer)`` tells what is known about a layer's bands, ``show(layer, composite,
message_bar)`` shows it. The modules stand on each other in this order: ``bands`` (what is
known), ``composites`` and ``names`` (which bands to show), ``pixels`` and ``views`` (how bright),
``showing`` (the layer), ``actions`` (the window).
"""

from __future__ import annotations

from mambahsi_qgis.display.bands import Wavelengths, wavelengths
from mambahsi_qgis.display.composites import Composite
from mambahsi_qgis.display.showing import cancel, show

__all__ = ["Composite", "Wavelengths", "cancel", "show", "wavelengths"]
