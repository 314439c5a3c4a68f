"""The tutorial in QGIS's window, by mouse and keyboard, with a picture of each step.

QGIS runs this as it starts; ``scripts/tutorial.sh`` starts it. After each step the session looks
whether it happened, and ends with an error where it did not. The environment says where:
``SCENE`` is a scene that :mod:`in_window.scenes` knows, in a folder of its own that receives all
outputs, and ``PICTURES`` receives the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QApplication,
    QColorDialog,
    QLineEdit,
    QTextEdit,
    QToolBar,
)
from qgis.utils import iface

from in_window.driver import Wait, expect, say, wait_for
from in_window.hands import RIGHT
from in_window.parts import (
    answer_file_dialog,
    at,
    browser,
    button_of,
    close_messages,
    count,
    dialog_is_shown,
    dock,
    driver,
    expect_polygons,
    find,
    hands,
    has_class,
    path,
    scene,
    select_class,
    shown_dialog,
    tidy,
)
from in_window.scenes import Box, Drawn

CANCELLED_AFTER = 3
"""Epochs."""


def open_scene() -> Iterator[Wait]:
    """Open the dock, then the scene through the toolbar's dialog."""
    say("The dock and the scene")
    bar = find("ToolBar", QToolBar)
    yield from hands.press(bar.widgetForAction(find("TrainingAction", QObject)))
    yield from wait_for(lambda: dock().isVisible(), "the dock is seen")
    yield from hands.press(bar.widgetForAction(find("OpenAction", QObject)))
    yield from answer_file_dialog(str(path))
    yield from wait_for(lambda: QgsProject.instance().mapLayers(), "a layer is in the project")
    layer = iface.activeLayer()
    expect(isinstance(layer, QgsRasterLayer) and Path(layer.source()) == path, "it is the scene")
    expect(dock().context.scene is layer, "the dock has picked it")
    yield from wait_for(lambda: layer.renderer().type() == "multibandcolor", "it is in color")
    yield from driver.picture("scene")


def false_color() -> Iterator[Wait]:
    """Near-infrared false color, from the menu of the dock's button."""
    say("False color")
    layer = dock().context.scene
    before = [layer.renderer().redBand(), layer.renderer().greenBand()]
    button = dock().findChild(QAbstractButton, "mambahsiViewButton")
    corner = button.mapToGlobal(button.rect().center())
    corner.setX(button.mapToGlobal(button.rect().topRight()).x() - 4)
    yield from hands.click(corner)
    yield from hands.choose(button.findChild(QObject, "mambahsiShow_near_infrared"))

    def is_done() -> bool:
        """Other bands; the same, and a word about it, where the scene has no wavelengths."""
        said = any("no wavelengths" in text for text in driver.messages)
        return said or [layer.renderer().redBand(), layer.renderer().greenBand()] != before

    yield from wait_for(is_done, "bands have changed")
    yield from close_messages()
    yield from driver.picture("false_color")


def create_layer() -> Iterator[Wait]:
    """A training layer beside the scene, as the dialog suggests it."""
    say("A training layer")
    yield from hands.press(find("NewLayerButton"))
    yield from answer_file_dialog("")
    yield from wait_for(lambda: dock().context.layer is not None, "a layer is picked")
    layer = dock().context.layer
    expect(layer.crs() == dock().context.scene.crs(), "it is in the scene's CRS")
    expect(Path(layer.source().partition("|")[0]).parent == path.parent, "it is beside the scene")


def add_classes() -> Iterator[Wait]:
    """Classes with names and colors."""
    say("Classes")
    for number, drawn in enumerate(scene.classes, 1):
        yield from hands.press(find("ClassAddButton"))
        yield from wait_for(lambda: isinstance(QApplication.focusWidget(), QLineEdit), "an editor")
        yield from hands.type(drawn.name)
        if number == 1:
            yield from driver.picture("class_name", 0.3)
        yield from hands.keys("Return")
        yield from hands.press(find("ClassColorButton"))
        dialog = yield from shown_dialog(QColorDialog)
        code = dialog.findChildren(QLineEdit)[-1]
        yield from hands.click(code, times=3)
        yield from hands.type(drawn.color)
        yield from hands.keys("Return")
        yield from wait_for(lambda: not dialog_is_shown(), "the dialog is gone")
        yield from wait_for(partial(has_class, number, drawn), f"{drawn.name} is in the layer")
    yield from driver.picture("classes")


def draw() -> Iterator[Wait]:
    """Polygons by clicks, the last of each class by region growing."""
    say("Drawing")
    expected = 0
    for number, drawn in enumerate(scene.classes):
        yield from select_class(number)
        yield from hands.press(find("PolygonToolButton"))
        for index, box in enumerate(drawn.boxes):
            yield from draw_box(box, pictured=number == 0 and index == 1)
            expected += 1
            expect_polygons(expected, drawn)
        yield from grow(drawn, pictured=number == len(scene.classes) - 1)
        expected += 1
        expect_polygons(expected, drawn)
    yield from driver.picture("drawn")


def draw_box(box: Box, pictured: bool) -> Iterator[Wait]:
    """One polygon."""
    left, top, right, bottom = box
    corners = [at(left, top), at(right, top), at(right, bottom), at(left, bottom)]
    number = count()
    if pictured:
        for corner in corners[:3]:
            yield from hands.click(hands.on_map(corner))
        yield from hands.move(hands.on_map(corners[3]))
        yield from driver.picture("polygon", 0.5)
        yield from hands.click(hands.on_map(corners[3]))
        yield from hands.click(hands.on_map(corners[3]), RIGHT)
    else:
        yield from hands.draw(corners)
    yield from wait_for(lambda: count() == number + 1, "the polygon is in the layer")


def grow(drawn: Drawn, pictured: bool) -> Iterator[Wait]:
    """A polygon by region growing, accepted with Enter."""
    number = count()
    grower = dock().drawing.grower
    yield from hands.press(find("GrowingToolButton"))
    tolerance = find("Tolerance")
    yield from wait_for(tolerance.isVisible, "the options are seen")
    yield from hands.click(tolerance, times=3)
    yield from hands.keys("ctrl+a")
    yield from hands.type(f"{drawn.angle:g}\t")
    yield from wait_for(lambda: grower.tolerance == drawn.angle, "the tolerance is set")
    column, row = drawn.seed
    yield from hands.click(hands.on_map(at(column + 0.5, row + 0.5)))
    yield from wait_for(lambda: grower.inside is not None and not grower.busy, "a region")
    print(f"    {drawn.name}: a region of {grower.pixels} pixels", flush=True)
    if pictured:
        yield from driver.picture("region")
    yield from hands.click(find("AddRegion"))
    yield from wait_for(lambda: count() == number + 1, "the region is in the layer")


def undo_and_redo() -> Iterator[Wait]:
    """The buttons of the dock, then the keys of QGIS, then Save."""
    say("Undo and redo")
    number = count()
    yield from hands.press(find("ClassUndoButton"))
    yield from wait_for(lambda: count() == number - 1, "the last polygon is gone")
    yield from hands.press(find("ClassRedoButton"))
    yield from wait_for(lambda: count() == number, "it is back")
    yield from hands.keys("ctrl+z")
    yield from wait_for(lambda: count() == number - 1, "ctrl+z undoes")
    yield from hands.keys("ctrl+shift+z")
    yield from wait_for(lambda: count() == number, "ctrl+shift+z redoes")
    yield from hands.press(find("ClassSaveButton"))
    yield from wait_for(lambda: not dock().context.layer.isModified(), "the edits are saved")


def check_samples() -> Iterator[Wait]:
    """Spectra and separability."""
    say("Samples")
    panel = dock().samples_panel
    yield from hands.tab(dock().tabs, panel)
    yield from hands.press(find("SamplesButton"))
    yield from wait_for(lambda: find("SamplesProgress").isVisible(), "the check runs")
    yield from wait_for(lambda: not find("SamplesProgress").isVisible(), "it ends", 180)
    print(f"    {find('SamplesStatus').text()} {find('SamplesWorst').text()!r}", flush=True)
    expect(str(len(scene.classes)) in find("SamplesStatus").text(), "classes are told")
    expect(panel._view.spectra.isVisible() and panel._view.matrix.isVisible(), "figures are seen")
    yield from driver.picture("samples")


def train() -> Iterator[Wait]:
    """Train, cancel after some epochs, resume, and see the map."""
    say("Training")
    panel = dock().train_panel
    yield from hands.tab(dock().tabs, panel)
    button = find("TrainButton")
    yield from wait_for(button.isEnabled, "the engine has told its devices", 90)
    yield from hands.click(find("TrainEpochs"), times=2)
    yield from hands.keys("ctrl+a")
    yield from hands.type(f"{scene.epochs}\t")
    expect(find("TrainEpochs").value() == scene.epochs, "the epochs are set")
    yield from driver.picture("train")
    yield from hands.press(button)
    trainer = panel._trainer
    yield from wait_for(lambda: trainer.is_running, "the training runs")
    yield from wait_for(lambda: trainer.curve.done >= CANCELLED_AFTER, "epochs", 900)
    yield from hands.press(find("TrainCancel"))
    yield from wait_for(lambda: not trainer.is_running, "it stops", 30)
    done = trainer.curve.done
    expect(done < scene.epochs, "it is not through")
    expect(find("TrainProgress").value() < find("TrainProgress").maximum(), "nor looks like it")
    print(f"    cancelled after {done} epochs", flush=True)
    yield from driver.picture("cancelled")
    say("Resuming")
    yield from hands.press(find("TrainResume"))
    yield from wait_for(lambda: trainer.is_running, "it runs again")
    yield from wait_for(lambda: trainer.curve.done > done, "it goes on where it was", 300)
    yield from wait_for(lambda: trainer.curve.done >= 0.7 * scene.epochs, "epochs", 900)
    yield from driver.picture("training", 0.1)
    yield from wait_for(lambda: not trainer.is_running, "it is through", 1200)
    expect(trainer.curve.done == scene.epochs, "all epochs were run")
    yield from look_at_map()


def look_at_map() -> Iterator[Wait]:
    """The map on top, with the classes' names and colors, and the report."""
    say("The map")
    order = QgsProject.instance().layerTreeRoot().layerOrder()
    top = order[0]
    expect(top.name().startswith("Land cover"), f"the map is on top, not {top.name()}")
    shown = {(c.label, c.color.name()) for c in top.renderer().classes()}
    expect({(d.name, d.color) for d in scene.classes} <= shown, f"its legend names all: {shown}")
    expect([Path(p).suffix for p in browser.opened] == [".html"], "the report was opened")
    expect(Path(browser.opened[0]).stat().st_size > 10_000, "it is a whole one")
    print(f"    {find('TrainStatus').text()}", flush=True)
    yield from driver.picture("map")


def go_to_unsure_places() -> Iterator[Wait]:
    """The tab Map: the largest unsure place, and the next."""
    say("Unsure places")
    panel = dock().map_panel
    yield from hands.tab(dock().tabs, panel)
    expect(panel.land_cover is not None, "it has the map")
    expect(panel.confidence is not None, "it has its confidence")
    before = iface.mapCanvas().extent()
    yield from hands.press(find("MapFind"))
    places = find("MapList")
    yield from wait_for(lambda: places.topLevelItemCount() > 0, "places are listed", 60)
    yield from wait_for(lambda: iface.mapCanvas().extent() != before, "the map goes there")
    yield from driver.picture("unsure")
    if find("MapNext").isEnabled():
        first = iface.mapCanvas().extent()
        yield from hands.press(find("MapNext"))
        yield from wait_for(lambda: iface.mapCanvas().extent() != first, "and to the next")
    yield from hands.press(find("MapReport"))
    yield from wait_for(lambda: len(browser.opened) == 2, "the report opens from here, too")


def export() -> Iterator[Wait]:
    """The map as polygons, by the dialog of the algorithm."""
    say("Export")
    yield from hands.press(find("MapExport"))
    yield from wait_for(dialog_is_shown, "a dialog")
    yield 0.5
    dialog: Any = QApplication.activeWindow()
    yield from hands.press(button_of(dialog, "Run"))
    log = dialog.findChild(QTextEdit, "txtLog")
    yield from wait_for(lambda: "Results" in log.toPlainText(), "it is done", 120)
    yield from hands.press(button_of(dialog, "Close"))
    yield from wait_for(lambda: not dialog_is_shown(), "the dialog is gone")


def session() -> Iterator[Wait]:
    """All of it."""
    yield from tidy()
    yield from open_scene()
    yield from false_color()
    yield from create_layer()
    yield from add_classes()
    yield from draw()
    yield from undo_and_redo()
    yield from check_samples()
    yield from train()
    yield from go_to_unsure_places()
    yield from export()
    asking = [text for text in driver.messages if "asking the engine" in text]
    expect(not asking, f"nobody is told what the dock asks of the engine: {asking}")


driver.run(session())
