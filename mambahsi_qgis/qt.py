"""Classes that Qt 6 moved from QtWidgets to QtGui, from wherever they are."""

from __future__ import annotations

try:
    from qgis.PyQt.QtGui import QAction, QActionGroup, QUndoCommand
except ImportError:
    from qgis.PyQt.QtWidgets import QAction, QActionGroup, QUndoCommand

__all__ = ["QAction", "QActionGroup", "QUndoCommand"]
