"""Lists of classes from files and into them, chosen in dialogs."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QWidget

from mambahsi_qgis.classes.files import FILTER, ClassFileError, read_class_list, write_class_list
from mambahsi_qgis.gui.context import TrainingContext
from mambahsi_qgis.gui.files import ask_for_file
from mambahsi_qgis.translation import tr


def import_list(context: TrainingContext, parent: QWidget) -> None:
    """Ask for a file and take over its classes, as one undo step."""

    def read(path: str) -> None:
        try:
            classes = read_class_list(path)
        except ClassFileError as error:
            context.warn(str(error))
            return
        context.edit(lambda edits: edits.take_over(classes))

    title = tr("Import a list of classes")
    ask_for_file(parent, "mambahsiClassImportDialog", title, FILTER, read)


def export_list(context: TrainingContext, parent: QWidget) -> None:
    """Ask for a file and write the classes into it."""

    def write(path: str) -> None:
        try:
            write_class_list(path, context.classes())
        except ClassFileError as error:
            context.warn(str(error))

    title = tr("Export the list of classes")
    ask_for_file(parent, "mambahsiClassExportDialog", title, FILTER, write, "classes.csv")
