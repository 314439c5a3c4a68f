"""The three views of a scene as actions: in a toolbar, in the dock, in the layer tree.

A button shows what was used last and has the others in its menu. In the layer tree the same
actions are in the context menu of every raster layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional
from weakref import WeakSet

from qgis.core import Qgis, QgsMapLayerType, QgsRasterLayer, QgsSettings
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QMenu, QToolBar, QToolButton, QWidget

from mambahsi_qgis import paths
from mambahsi_qgis.display.composites import Composite
from mambahsi_qgis.display.showing import cancel, show, title
from mambahsi_qgis.qt import QAction
from mambahsi_qgis.translation import plain, tr

_LAST = "mambahsi/composite"

_buttons: WeakSet[ViewButton] = WeakSet()
"""All buttons, because what was used last is one thing for all."""


def last_used() -> Composite:
    """The composite that was used last."""
    value = QgsSettings().value(_LAST, Composite.TRUE_COLOR.value)
    known = {composite.value: composite for composite in Composite}
    return known.get(value, Composite.TRUE_COLOR)


class ViewButton(QToolButton):
    """Shows a scene in one of the three composites.

    Args:
        scenes: Gives the layers to show.
        iface: QGIS's interface to its window.
        parent: Owner.
    """

    def __init__(
        self,
        scenes: Callable[[], list[QgsRasterLayer]],
        iface: Any,
        parent: Optional[QWidget] = None,
    ) -> None:
        super().__init__(parent)
        self._actions = _actions(self, scenes, iface)
        menu = QMenu(self)
        for composite, action in self._actions.items():
            menu.addAction(action)
            action.triggered.connect(lambda _=False, used=composite: self._used(used))
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.setObjectName("mambahsiViewButton")
        self.setAccessibleName(tr("Show scene in natural or false colors"))
        self.setDefaultAction(self._actions[last_used()])
        _buttons.add(self)

    @staticmethod
    def _used(composite: Composite) -> None:
        QgsSettings().setValue(_LAST, composite.value)
        for button in _buttons:
            if not sip.isdeleted(button):
                button.setDefaultAction(button._actions[composite])


class SceneActions:
    """The actions in QGIS's window: a button in a toolbar, and the layer tree's context menu.

    Args:
        iface: QGIS's interface to its window.
        toolbar: Where the button goes.
    """

    def __init__(self, iface: Any, toolbar: QToolBar) -> None:
        self.iface = iface
        self.button = ViewButton(self.scenes, iface, toolbar)
        self._placed = toolbar.addWidget(self.button)
        self._owner = QObject()
        self._in_tree = list(_actions(self._owner, self.scenes, iface).values())
        for action in self._in_tree:
            iface.addCustomActionForLayerType(
                action, tr("Show scene"), QgsMapLayerType.RasterLayer, True
            )

    def scenes(self) -> list[QgsRasterLayer]:
        """The raster layers that are selected in the layer tree; else the active one."""
        tree = self.iface.layerTreeView()
        layers = tree.selectedLayersRecursive() if tree is not None else []
        chosen = [layer for layer in layers if isinstance(layer, QgsRasterLayer)]
        active = self.iface.activeLayer()
        if not chosen and isinstance(active, QgsRasterLayer):
            chosen = [active]
        return chosen

    def unload(self) -> None:
        """Take the actions away, and stop what they began."""
        cancel()
        for action in self._in_tree:
            self.iface.removeCustomActionForLayerType(action)
        self._in_tree.clear()
        self._owner.deleteLater()
        self._placed.deleteLater()
        self.button.deleteLater()


def _actions(
    owner: QObject, scenes: Callable[[], list[QgsRasterLayer]], iface: Any
) -> dict[Composite, QAction]:
    shown = {
        Composite.TRUE_COLOR: tr("Red, green and blue light as the eye sees them"),
        Composite.NEAR_INFRARED: tr("Near infrared, red, green: vegetation is red, water black"),
        Composite.SHORT_WAVE: tr(
            "Short-wave infrared, near infrared, red: vegetation is green, soil and buildings "
            "are pink, water black"
        ),
    }
    texts = {
        Composite.TRUE_COLOR: tr("Show scene in &true color"),
        Composite.NEAR_INFRARED: tr("Show scene in &near-infrared false color"),
        Composite.SHORT_WAVE: tr("Show scene in &short-wave false color"),
    }
    folder = paths.part("resources") / "icons"
    made = {}
    for composite in Composite:
        action = QAction(QIcon(str(folder / f"{composite.value}.svg")), texts[composite], owner)
        action.setObjectName(f"mambahsiShow_{composite.value}")
        action.setToolTip(f"{plain(texts[composite])}. {shown[composite]}")
        action.triggered.connect(lambda _=False, c=composite: _show_all(scenes(), c, iface))
        made[composite] = action
    return made


def _show_all(layers: list[QgsRasterLayer], composite: Composite, iface: Any) -> None:
    if not layers:
        iface.messageBar().pushMessage(
            "MambaHSI",
            tr("Choose a raster layer first, to be shown in {}.").format(title(composite).lower()),
            Qgis.MessageLevel.Warning,
        )
    for layer in layers:
        show(layer, composite, iface.messageBar())
