"""Which project a run belongs to.

QGIS has one project object, whose contents change. A run belongs to the project in which it was
begun: until that is closed, and again when its file is opened again.
"""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject


class HomeProject(QObject):
    """The project that is open now.

    Args:
        project: QGIS's project object.
        parent: Qt's parent.
    """

    def __init__(self, project: QgsProject, parent: QObject) -> None:
        super().__init__(parent)
        self._project = project
        self._never_closed = True
        self._file = project.fileName()
        project.cleared.connect(self._closed)
        project.projectSaved.connect(self._saved)

    def is_open(self) -> bool:
        """Whether it is the project that is open now."""
        return self._never_closed or bool(self._file and self._file == self._project.fileName())

    def release(self) -> None:
        """Watch no longer."""
        self._project.cleared.disconnect(self._closed)
        self._project.projectSaved.disconnect(self._saved)
        self.deleteLater()

    def _closed(self) -> None:
        self._never_closed = False

    def _saved(self) -> None:
        if self._never_closed:
            self._file = self._project.fileName()
