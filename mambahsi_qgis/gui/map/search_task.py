"""The search for unsure places, among QGIS's background tasks."""

from __future__ import annotations

import traceback
from typing import Optional

from qgis.core import QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from mambahsi_qgis.gui.map.places import Cancelled, Places, PlacesError, Search, find_places
from mambahsi_qgis.translation import tr


class SearchTask(QgsTask):
    """Looks for places in a thread of its own.

    Args:
        search: What to look for.
    """

    done = pyqtSignal(object, object, str)
    """In the main thread, however it ended: the search, the places or None, and what went wrong."""

    def __init__(self, search: Search) -> None:
        super().__init__(tr("Where is the map unsure?"), QgsTask.Flag.CanCancel)
        self._search = search
        self._places: Optional[Places] = None
        self._problem = ""

    def run(self) -> bool:
        """Look; QGIS calls this in another thread."""
        try:
            self._places = find_places(self._search, self._go_on)
        except Cancelled:
            return False
        except PlacesError as error:
            self._problem = str(error)
            return False
        # Nobody would hear of it in this thread.
        except Exception as error:
            traceback.print_exc()
            self._problem = tr("The search failed: {}").format(repr(error))
            return False
        return True

    def finished(self, result: bool) -> None:
        """Tell; QGIS calls this in the main thread."""
        self.done.emit(self._search, self._places, self._problem)

    def _go_on(self, done: float) -> bool:
        self.setProgress(100 * done)
        return not self.isCanceled()
