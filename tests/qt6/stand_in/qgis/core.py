"""What choosing the language of texts asks QGIS for; there is no QGIS, so Qt's own answer."""

from PyQt6.QtCore import QSettings as QgsSettings
from PyQt6.QtWidgets import QApplication

__all__ = ["QgsApplication", "QgsSettings"]


class QgsApplication(QApplication):
    """The application of QGIS, which is never there."""
