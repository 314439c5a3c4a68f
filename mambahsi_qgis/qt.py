"""What Qt 5 and Qt 6, and the QGIS built on them, name differently.

The check of the whole plugin against Qt 6 (``scripts/check_qt6.sh``) leaves this module out.
"""

from __future__ import annotations

from qgis.core import Qgis, QgsField
from qgis.PyQt.QtCore import QMetaType, QVariant

try:
    from qgis.PyQt.QtGui import QAction, QActionGroup, QUndoCommand
except ImportError:
    from qgis.PyQt.QtWidgets import QAction, QActionGroup, QUndoCommand

__all__ = ["QAction", "QActionGroup", "QUndoCommand", "new_field"]


def new_field(name: str, kind: QMetaType.Type) -> QgsField:
    """A field of a layer."""
    # QGIS takes this enumeration since 3.38, and before that another with the same numbers.
    if Qgis.QGIS_VERSION_INT < 33800:
        return QgsField(name, QVariant.Type(kind))
    return QgsField(name, kind)
