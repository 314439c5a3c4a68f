"""A scene as a person wants to see it: colors by wavelength, stretched to what it holds.

``wavelengths(layer)`` tells what is known about a layer's bands. The modules stand on each
other in this order: ``bands`` (what is known), ``composites`` (which bands to show).
"""

from __future__ import annotations

from mambahsi_qgis.display.bands import Wavelengths, wavelengths

__all__ = ["Wavelengths", "wavelengths"]
