"""Opening the dialog of a Processing algorithm, and leaving it open.

Half of that dialog is Python's. Nobody else keeps it: without a reference it would be taken away,
and what stays on the screen has buttons that do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

_open: dict[int, Any] = {}


def open_dialog(algorithm: str, parameters: Mapping[str, Any]) -> Any:
    """Open the dialog of an algorithm, filled in.

    Args:
        algorithm: Its id.
        parameters: Values by parameter.

    Returns:
        The dialog, which is kept until QGIS deletes it; None where there is no such algorithm.
    """
    import processing

    dialog = processing.createAlgorithmDialog(algorithm, dict(parameters))
    if dialog is not None:
        _open[id(dialog)] = dialog
        dialog.destroyed.connect(partial(_forget, id(dialog)))
        dialog.show()
    return dialog


def _forget(number: int, *deleted: Any) -> None:
    _open.pop(number, None)
