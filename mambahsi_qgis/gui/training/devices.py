"""Where a training will run: asked of the engine once, in the background.

Which devices there are is known to the engine alone, as PyTorch is there and not in QGIS. It is
asked when the panel is seen for the first time, and again when another engine was set up or
somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from qgis.PyQt.QtCore import QObject, pyqtSignal

from mambahsi_qgis.engine.jobs import jobs
from mambahsi_qgis.engine.locate import Engine, find_engine
from mambahsi_qgis.gui.engine_task import EngineTask
from mambahsi_qgis.translation import tr


class EngineProbe(QObject):
    """What is known of the engine.

    Attributes:
        engine: Where it is.
        problem: Why there is none that works, and what to do; empty while none is known.
        devices: Its devices, or None while it has not answered.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.engine = Engine(None, "")
        self.problem = ""
        self.devices: Optional[Sequence[Mapping[str, Any]]] = None
        self._task: Optional[EngineTask] = None

    @property
    def is_asking(self) -> bool:
        """Whether an answer is on its way."""
        return self._task is not None

    def look(self, again: bool = False) -> None:
        """Look for the engine, and ask it if it is another one than before.

        Args:
            again: Ask in any case.
        """
        if self._task is not None:
            return
        engine = find_engine()
        if engine == self.engine and not again and (engine.python is None or self.devices):
            return
        self.engine, self.problem, self.devices = engine, engine.problem, None
        if engine.python is not None:
            self._task = EngineTask(
                tr("MambaHSI: asking the engine for its devices"),
                engine.python,
                None,
                lambda feedback: jobs.InfoJob(),
                hidden=True,
            )
            self._task.over.connect(self._answered)
            self._task.begin()
        self.changed.emit()

    def stop(self) -> None:
        """Ask no longer."""
        if self._task is not None:
            self._task.over.disconnect(self._answered)
            self._task.cancel()
            self._task.wait(2.0)
            self._task = None

    def _answered(self) -> None:
        task = self._task
        if task is None:
            return
        if task.result is not None:
            self.devices = list(task.result.get("devices", ()))
        elif task.failure is not None and not task.failure.cancelled:
            self.problem = " ".join(filter(None, (task.failure.message, task.failure.hint)))
        self._task = None
        self.changed.emit()


def device_for(choice: str, devices: Sequence[Mapping[str, Any]]) -> Optional[Mapping[str, Any]]:
    """The device that a job's choice leads to, or None where there is none.

    The same rule as the engine's: ``auto`` is the first CUDA device, else the CPU; ``cuda:1`` is
    the second CUDA device.
    """
    if ":" in choice:
        return next((d for d in devices if d.get("name") == choice), None)
    graphics = [d for d in devices if str(d.get("name", "")).startswith("cuda")]
    processor = [d for d in devices if d.get("name") == "cpu"]
    found = {"cuda": graphics, "cpu": processor}.get(choice, graphics + processor)
    return found[0] if found else None


def describe(device: Mapping[str, Any]) -> str:
    """A device for people: what it is, and how much of its memory is free."""
    kind = tr("CPU") if device.get("name") == "cpu" else tr("GPU")
    text = tr("{}, {}").format(kind, device.get("description", ""))
    free = device.get("free")
    return tr("{}, {:.1f} GB free").format(text, free / 1e9) if free else text
