"""The box that offers the kernels of mamba-ssm with an installation, where they can be built.

What they need is looked for in a thread, because CUDA's compiler and the graphics driver are
asked, and either may take its time.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from mambahsi_qgis.engine.jobs import install_texts, kernel_tools
from mambahsi_qgis.translation import tr, tr_engine


class KernelsBox(QWidget):
    """The box; disabled, with the reason below it, where nothing can be built.

    Args:
        parent: The widget that it is in.
    """

    _looked = pyqtSignal(object)

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.box = QCheckBox(tr("Build the &kernels of mamba-ssm, too"))
        self.box.setObjectName("mambahsiKernels")
        self.box.setEnabled(False)
        self.box.setToolTip(
            tr("An extra of an installation, for graphics cards; the engine works without it")
        )
        self.reason = QLabel(tr("Looking for compilers…"))
        self.reason.setObjectName("mambahsiKernelsReason")
        self.reason.setWordWrap(True)
        layout.addWidget(self.box)
        layout.addWidget(self.reason)
        self._looked.connect(self._tell)
        threading.Thread(target=self._look, daemon=True).start()

    def is_wanted(self) -> bool:
        """Whether it can be built and somebody wants it."""
        return self.box.isEnabled() and self.box.isChecked()

    def _look(self) -> None:
        found = kernel_tools.find()
        with contextlib.suppress(RuntimeError):  # the page was closed meanwhile
            self._looked.emit(found)

    def _tell(self, found: Any) -> None:
        """Offer it, or say why not."""
        self.box.setEnabled(not found.problem)
        said = tr("Compilers and a graphics card were found; the build takes long.")
        if found.problem:
            detail = f" ({found.detail})" if found.detail else ""
            reason = tr_engine(install_texts.NO_KERNELS[found.problem])
            said = tr("They cannot be built here: {}.").format(f"{reason}{detail}")
        self.reason.setText(said)
