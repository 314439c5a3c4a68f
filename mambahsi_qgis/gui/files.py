"""Asking for a file without holding QGIS up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QFileDialog, QWidget


def ask_for_file(
    parent: QWidget,
    name: str,
    title: str,
    kinds: str,
    then: Callable[[str], None],
    suggestion: str = "",
) -> None:
    """Open a dialog for a file.

    Args:
        parent: Above which widget.
        name: Name of the dialog's object.
        title: Its title.
        kinds: Qt's filter of files.
        then: Called with the path that was chosen.
        suggestion: Path of a file to write; empty to ask for one that is there.
    """
    dialog = QFileDialog(parent, title, "", kinds)
    dialog.setObjectName(name)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    if suggestion:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(Path(suggestion).suffix.lstrip("."))
        dialog.filterSelected.connect(
            lambda kind: dialog.setDefaultSuffix(kind.rpartition("*.")[2].rstrip(")"))
        )
        folder, file = str(Path(suggestion).parent), Path(suggestion).name
        if folder != ".":
            dialog.setDirectory(folder)
        dialog.selectFile(file)
    else:
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.fileSelected.connect(then)
    dialog.open()
