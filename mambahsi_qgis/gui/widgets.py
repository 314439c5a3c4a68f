"""Widgets that several parts of the dock make in the same way."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import QLabel, QWidget


def labeled(text: str, buddy: QWidget) -> QLabel:
    """A label whose mnemonic goes to a widget; ``QFormLayout`` makes its own of a text.

    Args:
        text: What it says, with ``&`` before the mnemonic.
        buddy: The widget.
    """
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def layer_picker(
    kind: QgsMapLayerProxyModel.Filter, name: str, title: str, explanation: str
) -> QgsMapLayerComboBox:
    """A picker of layers that begins with none.

    Args:
        kind: Which layers it offers.
        name: Name of its object.
        title: Its accessible name.
        explanation: Its tooltip.
    """
    picker = QgsMapLayerComboBox()
    picker.setObjectName(name)
    picker.setFilters(kind)
    picker.setAllowEmptyLayer(True)
    picker.setLayer(None)
    picker.setAccessibleName(title)
    picker.setToolTip(explanation)
    return picker
