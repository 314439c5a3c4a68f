"""What else must work in QGIS's window, by mouse and keyboard, with pictures to look at.

The dock by keyboard alone; a project saved and opened again; the plugin switched off and on; the
page of options and the dialog that installs the engine. QGIS runs this as it starts:
``SESSION=window_checks_session scripts/tutorial.sh``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QDockWidget,
    QLineEdit,
    QListView,
    QTabWidget,
    QTextEdit,
    QToolBar,
    QTreeView,
    QWidget,
)
from qgis.utils import iface, isPluginLoaded

from in_window.driver import Wait, expect, say, wait_for
from in_window.parts import (
    answer_file_dialog,
    button_of,
    dialog_is_shown,
    dock,
    driver,
    find,
    hands,
    path,
    scene,
    tidy,
)

MOST_TABS = 60
TAB_BAR, LEAVING = "the bar of the tabs", ""


def focus() -> str:
    """Name of what has the keyboard; of its nearest parent with a name, where it has none."""
    widget = QApplication.focusWidget()
    while widget is not None and not widget.objectName().startswith("mambahsi"):
        widget = widget.parentWidget()
    return widget.objectName() if widget is not None else ""


def open_by_keyboard() -> Iterator[Wait]:
    """Menu Raster, entry MambaHSI: the dock, then the scene."""
    say("Menus by keyboard")
    for entry, answer in (("training", None), ("scene", str(path))):
        yield from hands.keys("alt+r")
        yield from wait_for(lambda: QApplication.activePopupWidget() is not None, "a menu")
        yield from choose_by_keyboard("MambaHSI")
        yield from hands.keys("Right")
        yield from choose_by_keyboard(entry)
        yield from hands.keys("Return")
        if answer is not None:
            yield from answer_file_dialog(answer)
    yield from wait_for(lambda: dock().isVisible(), "the dock is seen")
    yield from wait_for(lambda: dock().context.scene is not None, "the scene is picked")


def choose_by_keyboard(text: str) -> Iterator[Wait]:
    """Go down the menu that is open to the entry with a text."""
    for _ in range(MOST_TABS):
        menu: Any = QApplication.activePopupWidget()
        action = menu.activeAction()
        if action is not None and text in action.text().replace("&", ""):
            return
        yield from hands.keys("Down")
    raise AssertionError(f"No entry {text} in the menu.")


def use_dock_by_keyboard() -> Iterator[Wait]:
    """A layer, a class with a name, and all tabs, without the mouse."""
    say("The dock by keyboard")
    yield from hands.keys("alt+n")
    yield from wait_for(lambda: focus() == "mambahsiScenePicker", "alt+n goes to the scene")
    seen = yield from tab_through("mambahsiNewLayerButton")
    yield from hands.keys("space")
    yield from answer_file_dialog("")
    yield from wait_for(lambda: dock().context.layer is not None, "a layer is picked")
    yield from hands.keys("alt+y")
    yield from wait_for(lambda: focus() == "mambahsiLayerPicker", "alt+y goes to the layer")
    seen += yield from tab_through("mambahsiClassAddButton")
    yield from hands.keys("space")
    yield from wait_for(lambda: isinstance(QApplication.focusWidget(), QLineEdit), "an editor")
    yield from hands.type(scene.classes[-1].name)
    yield from hands.keys("Return")
    yield from wait_for(
        lambda: [c.name for c in dock().context.classes()] == [scene.classes[-1].name], "a class"
    )
    yield from wait_for(lambda: focus() == "mambahsiClassList", "the list has the keyboard")
    yield from hands.keys("Insert")
    yield from wait_for(lambda: len(dock().context.classes()) == 2, "Ins adds another")
    yield from hands.keys("Escape", "Delete")
    yield from wait_for(lambda: len(dock().context.classes()) == 1, "Del removes it")
    for tool in ("Polygon", "Freehand", "Rectangle", "Growing"):
        expect(f"mambahsi{tool}ToolButton" in seen, f"Tab reaches the tool {tool}: {seen}")
    yield from driver.picture("keyboard_classes")
    yield from all_tabs()


def all_tabs() -> Iterator[Wait]:
    """Arrows go through the tabs, and Tab through the controls of each."""
    tabs = find("Tabs", QTabWidget)
    for index, wanted in (
        (1, ("SamplesButton", "SamplesRefresh")),
        (2, ("TrainPreset", "TrainEpochs", "TrainDevice", "TrainFolder", "TrainConfidence")),
        (3, ("MapPicker", "ConfidencePicker", "MapThreshold")),
    ):
        yield from hands.keys("alt+y")
        yield from tab_through(TAB_BAR)
        yield from hands.keys("Right")
        yield from wait_for(partial(is_current, tabs, index), "the next tab is seen")
        if index == 2:
            yield from wait_for(lambda: find("TrainWillRun").text(), "the engine answered", 90)
        seen = yield from tab_through(LEAVING)
        missing = [name for name in wanted if f"mambahsi{name}" not in seen]
        expect(not missing, f"Tab reaches all: {missing} are missing in {seen}")
        yield from driver.picture(f"keyboard_tab_{index}")
    yield from hands.keys("alt+y")
    yield from tab_through(TAB_BAR)
    yield from hands.keys("Left", "Left", "Left")


def tab_through(last: str) -> Generator[Wait, None, list[str]]:
    """Press Tab until something has the keyboard; returns what had it on the way.

    Args:
        last: Its name; ``TAB_BAR`` for the bar of the tabs; ``LEAVING`` for what is beyond.
    """
    bar = find("Tabs", QTabWidget).tabBar()
    seen: list[str] = []
    for _ in range(MOST_TABS):
        yield from hands.keys("Tab")
        seen.append(TAB_BAR if QApplication.focusWidget() is bar else focus())
        if seen[-1] == last:
            return seen
    raise AssertionError(f"Tab does not reach {last or 'the end of the dock'}: {seen}")


def check_texts() -> Iterator[Wait]:
    """Every control of the dock has a tooltip, its own or its box's."""
    say("Tooltips")
    tabs = find("Tabs", QTabWidget)
    expect(all(tabs.tabToolTip(index) for index in range(tabs.count())), "tabs have tooltips")
    lacking = []
    bar = tabs.tabBar()
    for widget in dock().widget().findChildren(QWidget):
        # Lists and tables have them in their cells; what scrolls is no control.
        if isinstance(widget, (QAbstractScrollArea, QTabWidget)):
            continue
        if widget.focusPolicy() == Qt.FocusPolicy.NoFocus or bar in (widget, widget.parent()):
            continue
        owner: Any = widget
        while owner is not dock() and not owner.toolTip():
            owner = owner.parentWidget()
        if owner is dock():
            lacking.append(f"{type(widget).__name__} {widget.objectName()}")
    expect(not lacking, f"all controls have tooltips, but {lacking}")
    yield 0.1


def save_and_reopen() -> Iterator[Wait]:
    """The project knows scene and layer again."""
    say("A project saved and opened again")
    names = (dock().context.scene.name(), dock().context.layer.name())
    yield from hands.press(find("ClassSaveButton"))
    file = path.with_name("project.qgz")
    yield from hands.keys("ctrl+s")
    yield from answer_file_dialog(str(file))
    yield from wait_for(file.is_file, "the project is saved")
    expect(not QgsProject.instance().isDirty(), "nothing is left to be saved")
    yield from hands.keys("ctrl+n")
    yield from wait_for(lambda: not QgsProject.instance().mapLayers(), "an empty project")
    expect(dock().context.scene is None and dock().context.layer is None, "the dock is empty")
    yield from driver.picture("empty")
    yield from hands.keys("ctrl+o")
    yield from answer_file_dialog(str(file))
    yield from wait_for(lambda: dock().context.layer is not None, "the layer is picked again")
    found = (dock().context.scene.name(), dock().context.layer.name())
    expect(found == names, f"the same are picked: {found}")
    expect([c.name for c in dock().context.classes()] == [scene.classes[-1].name], "its class too")
    expect(not QgsProject.instance().isDirty(), "opening changes nothing")
    yield from driver.picture("reopened")


def open_from_menu(letter: str, entry: str) -> Generator[Wait, None, Any]:
    """Open a dialog from a menu by keyboard; returns it."""
    yield from hands.keys(f"alt+{letter}")
    yield from wait_for(lambda: QApplication.activePopupWidget() is not None, "a menu")
    yield from choose_by_keyboard(entry)
    yield from hands.keys("Return")
    yield from wait_for(dialog_is_shown, f"the dialog of {entry}", 60)
    yield 1.0
    return QApplication.activeWindow()


def switch_off_and_on() -> Iterator[Wait]:
    """In the dialog of the plugins, as people do."""
    say("The plugin switched off and on")
    window = iface.mainWindow()
    counts = []
    for on in (False, True):
        dialog = yield from open_from_menu("p", "Manage and Install")
        view = dialog.findChild(QListView, "vwPlugins")
        yield from choose_row(view, "MambaHSI")
        yield from hands.keys("space")
        yield from wait_for(partial(is_loaded, on), "it did")
        yield from hands.keys("Escape")
        yield from wait_for(lambda: not dialog_is_shown(), "the dialog is gone")
        yield 1.0
        docks = [d for d in window.findChildren(QDockWidget) if "mambahsi" in d.objectName()]
        bars = [b for b in window.findChildren(QToolBar) if "mambahsi" in b.objectName()]
        counts.append((len(docks), len(bars)))
        yield from driver.picture("plugin_on" if on else "plugin_off")
    expect(counts == [(0, 0), (1, 1)], f"its dock and toolbar go and come: {counts}")
    expect(dock().context.layer is not None, "the dock has its layer again")


def is_loaded(on: bool) -> bool:
    """Whether the plugin is on, or off."""
    return bool(isPluginLoaded("mambahsi_qgis")) == on


def is_current(tabs: QTabWidget, index: int) -> bool:
    """Whether a tab is seen."""
    return tabs.currentIndex() == index


def choose_row(view: Any, text: str) -> Iterator[Wait]:
    """Click on the row of a list or a tree that has a text."""
    yield from wait_for(lambda: row_of(view, text) is not None, f"a row {text}", 60)
    row = row_of(view, text)
    view.scrollTo(row)
    yield 0.5
    yield from hands.click(view.viewport().mapToGlobal(view.visualRect(row).center()))


def row_of(view: Any, text: str) -> Any:
    """The first index of a model whose text holds a text, or None."""
    flags = Qt.MatchFlag.MatchContains | Qt.MatchFlag.MatchRecursive
    model = view.model()
    start = model.index(0, 0)
    found = model.match(start, Qt.ItemDataRole.DisplayRole, text, 1, flags) if model else []
    return found[0] if found else None


def look_at_options() -> Iterator[Wait]:
    """Settings, Options, page MambaHSI: Examine, then Install the engine."""
    say("The options")
    dialog = yield from open_from_menu("s", "Options")
    tree = dialog.findChild(QTreeView, "mOptionsTreeView")
    yield from choose_row(tree, "MambaHSI")
    yield from wait_for(lambda: option(dialog, "Examine").isVisible(), "the page is seen")
    yield from driver.picture("options")
    yield from hands.press(option(dialog, "Examine"))
    report = option(dialog, "EngineReport")
    yield from wait_for(lambda: "works" in report.toPlainText(), "the engine works", 120)
    yield from driver.picture("examined")
    yield from hands.press(option(dialog, "Install"))
    yield from wait_for(lambda: QApplication.activeWindow() is not dialog, "the dialog to install")
    yield from driver.picture("install")
    installing: Any = QApplication.activeWindow()
    expect(sip.isdeleted(dialog), "the options have made way for it")
    yield from hands.press(button_of(installing, "Run"))
    log = installing.findChild(QTextEdit, "txtLog")
    yield from wait_for(lambda: "GB" in log.toPlainText(), "it tells the size", 60)
    yield from driver.picture("install_told")
    yield from hands.press(button_of(installing, "Close"))
    yield from wait_for(lambda: not dialog_is_shown(), "the dialog is gone")


def option(dialog: Any, name: str) -> Any:
    """A widget of the page."""
    found = dialog.findChild(QWidget, f"mambahsi{name}")
    expect(found is not None, f"the options have {name}")
    return found


def session() -> Iterator[Wait]:
    """All of it."""
    yield from tidy()
    yield from open_by_keyboard()
    yield from use_dock_by_keyboard()
    yield from check_texts()
    yield from save_and_reopen()
    yield from switch_off_and_on()
    yield from look_at_options()


driver.run(session())
