"""Spectra are read in a thread of their own, so that the window never waits for a file.

A thread and not one of QGIS's tasks: those share their threads with map rendering and with
long Processing runs, and a click would wait behind them. Signals carry the parts to the
window's thread. Each reading has a number, by which parts of one that was overtaken are told.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.display.bands import read_bands
from mambahsi_qgis.engine.rasters import Raster, open_dataset
from mambahsi_qgis.growing_window import distances_around
from mambahsi_qgis.spectra import SpectraError, SpectraReader
from mambahsi_qgis.translation import tr

_PATIENCE = 10.0
"""Seconds to wait for the block that is being read when QGIS lets go of the plugin."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What is to be read.

    Attributes:
        reader: The scene.
        row, column: The pixel that was clicked.
        side: Side of the window in pixels.
        measure: How spectra are compared.
    """

    reader: SpectraReader
    row: int
    column: int
    side: int
    measure: str


def open_scene(scene: QgsRasterLayer, source: Raster) -> SpectraReader:
    """A reader for a scene's good bands; only metadata are read.

    Raises:
        SpectraError: Nothing can be read.
    """
    dataset = open_dataset(scene)
    bad = [b.index for b in read_bands(dataset) if b.flagged_bad] if dataset is not None else []
    return SpectraReader(source.source, source.options, source.nodata, bad)


class SpectraThread(QObject):
    """Reads for the latest request; an earlier one ends at its next block."""

    part = pyqtSignal(int, object)
    """Number of the reading, and a :class:`~mambahsi_qgis.growing_window.Part`."""
    done = pyqtSignal(int)
    """Number of a reading that is complete."""
    failed = pyqtSignal(int, str)
    """Number of a reading that ended early, and why."""

    def __init__(self) -> None:
        super().__init__()
        self._latest = 0
        self._threads: list[threading.Thread] = []

    def start(self, reading: Reading) -> int:
        """Begin to read; returns the reading's number."""
        self._latest += 1
        thread = threading.Thread(
            target=self._run, args=(self._latest, reading), name="MambaHSI spectra", daemon=True
        )
        self._threads = [thread, *(t for t in self._threads if t.is_alive())]
        thread.start()
        return self._latest

    def stop(self) -> None:
        """Let the present reading end at its next block, without a word."""
        self._latest += 1

    def close(self) -> None:
        """Stop, and wait for the end."""
        self.stop()
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _run(self, number: int, reading: Reading) -> None:
        try:
            for part in distances_around(
                reading.reader, reading.row, reading.column, reading.side, reading.measure
            ):
                if number != self._latest:
                    return
                self.part.emit(number, part)
            self.done.emit(number)
        except SpectraError as error:
            self.failed.emit(number, str(error))
        except MemoryError:
            self.failed.emit(number, tr("There is not enough memory to read the window."))
        except Exception as error:  # a defect; nobody may wait for ever
            self.failed.emit(number, f"{type(error).__name__}: {error}")
