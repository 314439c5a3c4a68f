"""Classes live in the layer: every way of changing it, and every way back."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsSymbol,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest

CRS = QgsCoordinateReferenceSystem("EPSG:32633")
NAMES = {1: "Gewässer", 2: "Wald's “Rand”", 3: "草地"}
COLORS = {1: "#2b83ba", 2: "#1a6b3c", 3: "#d9a441"}


def settle(pause: int = 0) -> None:
    """Let everything happen that waits for the window to be idle."""
    if pause:
        QTest.qWait(pause)
    QCoreApplication.processEvents()
    QCoreApplication.processEvents()


@pytest.fixture()
def path(provider: Any, qgis_new_project: Any, tmp_path: Path) -> str:
    """A new training layer with three classes, in a folder beyond ASCII."""
    from mambahsi_qgis.classes.layer import create_training_layer
    from mambahsi_qgis.classes.table import TrainingClass

    folder = tmp_path / "Übung 草"
    folder.mkdir()
    classes = [TrainingClass(v, NAMES[v], QColor(COLORS[v])) for v in NAMES]
    create_training_layer(str(folder / "Flächen.gpkg"), CRS, classes)
    return str(folder / "Flächen.gpkg")


@pytest.fixture()
def context(path: str, qgis_iface: Any) -> Iterator[Any]:
    """The context with that layer, in the project, with two polygons of the first two classes."""
    from mambahsi_qgis.gui.context import TrainingContext

    layer = QgsVectorLayer(path, "Flächen")
    QgsProject.instance().addMapLayer(layer)
    context = TrainingContext(qgis_iface)
    context.set_layer(layer)
    for number, value in enumerate((1, 1, 2, 2)):
        context.select_class(value)
        assert context.add_polygon(square(number), CRS)
    assert layer.commitChanges(False)
    settle()
    yield context
    context.close()
    QgsProject.instance().clear()


def test_new_file_needs_no_journal_beside_it(path: str) -> None:
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    database.close()
    assert [file.name for file in Path(path).parent.iterdir()] == ["Flächen.gpkg"]


def square(number: int) -> QgsGeometry:
    return QgsGeometry.fromRect(QgsRectangle(10 * number, 0, 10 * number + 5, 5))


def table(layer: QgsVectorLayer) -> list[tuple[Any, ...]]:
    """What the polygons say, without their numbers, which saving changes."""
    return sorted(
        (f["class_id"], str(f["class_name"]), str(f["color"])) for f in layer.getFeatures()
    )


def drawn(layer: QgsVectorLayer) -> dict[int, tuple[str, str]]:
    """What the categories say."""
    return {
        int(c.value()): (c.label(), c.symbol().symbolLayer(0).strokeColor().name())
        for c in layer.renderer().categories()
    }


def offered(layer: QgsVectorLayer) -> dict[int, str]:
    """What the form offers."""
    place = layer.fields().lookupField("class_id")
    pairs = layer.editorWidgetSetup(place).config()["map"]
    return {int(value): name for pair in pairs for name, value in pair.items()}


def listed(context: Any) -> dict[int, tuple[str, str]]:
    return {c.value: (c.name, c.color.name()) for c in context.classes()}


def assert_agreed(context: Any) -> None:
    """Dock, legend, form and polygons say the same, and so does a dock that starts anew."""
    from mambahsi_qgis.classes.reading import entries_of_rows, read_classes, rows_of

    layer = context.layer
    assert listed(context) == drawn(layer)
    assert {v: name for v, (name, _) in listed(context).items()} == offered(layer)
    for value, name, color in table(layer):
        assert listed(context)[value] == (name, color)
    assert context.rows() == rows_of(layer, context.fields)
    polygons = entries_of_rows(rows_of(layer, context.fields))
    anew = read_classes(layer, context.fields, polygons)
    assert anew == context.classes()


def everything(context: Any) -> Any:
    layer = context.layer
    return table(layer), drawn(layer), offered(layer), listed(context)


def test_new_layer_carries_its_classes_in_the_file(path: str) -> None:
    layer = QgsVectorLayer(path, "again")
    assert layer.crs() == CRS and layer.featureCount() == 0
    assert [f.name() for f in layer.fields()] == ["fid", "class_id", "class_name", "color"]
    assert drawn(layer) == {v: (NAMES[v], COLORS[v]) for v in NAMES}
    assert offered(layer) == NAMES
    assert [entry.name for entry in Path(path).parent.iterdir()] == [Path(path).name]


def test_polygon_of_qgis_own_tools_gets_name_and_color(context: Any) -> None:
    layer = context.layer
    place = layer.fields().lookupField("class_id")
    drawn_by_hand = QgsVectorLayerUtils.createFeature(layer, square(9), {place: 2})
    assert layer.addFeature(drawn_by_hand)
    layer.changeAttributeValue(drawn_by_hand.id(), place, 3)
    settle()
    assert (3, NAMES[3], COLORS[3]) in table(layer)
    assert_agreed(context)


CHANGES: dict[str, tuple[Callable[[Any], Any], dict[int, tuple[str, str]], list[int]]] = {
    "add": (
        lambda edits: edits.add("Ödland", QColor("#123456")),
        {
            **{v: (NAMES[v], COLORS[v]) for v in NAMES},
            4: ("Ödland", "#123456"),
        },
        [1, 1, 2, 2],
    ),
    "rename": (
        lambda edits: edits.rename(1, "Wasser 'n' Schilf"),
        {1: ("Wasser 'n' Schilf", COLORS[1]), 2: (NAMES[2], COLORS[2]), 3: (NAMES[3], COLORS[3])},
        [1, 1, 2, 2],
    ),
    "recolor": (
        lambda edits: edits.recolor(2, QColor("#abcdef")),
        {1: (NAMES[1], COLORS[1]), 2: (NAMES[2], "#abcdef"), 3: (NAMES[3], COLORS[3])},
        [1, 1, 2, 2],
    ),
    "merge": (
        lambda edits: edits.merge([1, 2, 3], 3),
        {3: (NAMES[3], COLORS[3])},
        [3, 3, 3, 3],
    ),
    "remove": (
        lambda edits: edits.remove([2, 3]),
        {1: (NAMES[1], COLORS[1])},
        [1, 1],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_one_step_there_and_back(context: Any, name: str) -> None:
    change, classes, values = CHANGES[name]
    layer = context.layer
    before = everything(context)
    context.edit(change)
    settle()
    assert listed(context) == classes
    assert [row[0] for row in table(layer)] == values
    assert layer.undoStack().index() == 1
    assert_agreed(context)
    after = everything(context)
    layer.undoStack().undo()
    settle()
    assert everything(context) == before and not layer.isModified()
    layer.undoStack().redo()
    settle()
    assert everything(context) == after
    assert layer.rollBack(False)
    settle()
    assert everything(context) == before
    assert_agreed(context)


def test_bad_changes_change_nothing_and_say_why(context: Any) -> None:
    from mambahsi_qgis.classes.undo import ClassEditError

    before = everything(context)
    for change, why in (
        (lambda edits: edits.rename(1, NAMES[2]), "already"),
        (lambda edits: edits.rename(1, "  "), "name"),
        (lambda edits: edits.remove([77]), "77"),
        (lambda edits: edits.add(NAMES[3]), "already"),
    ):
        with pytest.raises(ClassEditError, match=why):
            change(context._watch.edits())
        assert context.edit(change) is None
    assert everything(context) == before and context.layer.undoStack().count() == 0


@pytest.mark.parametrize("seed", [5, 6, 7, 8, 9, 10, 11, 12])
def test_any_mixture_of_edits_and_undo_never_disagrees(context: Any, seed: int) -> None:
    """Dock and QGIS's own tools in turns, by chance; at the end everything is taken back."""
    from mambahsi_qgis.classes.reading import rows_of

    layer = context.layer
    chance = random.Random(seed)
    place = layer.fields().lookupField("class_id")
    start = everything(context)

    def some_feature() -> int:
        return chance.choice([f.id() for f in layer.getFeatures()] or [0])

    def some_class() -> int:
        return chance.choice([c.value for c in context.classes()])

    def draw() -> None:
        feature = QgsVectorLayerUtils.createFeature(layer, square(3), {place: some_class()})
        layer.addFeature(feature)

    moves: list[Callable[[], Any]] = [
        lambda: context.edit(lambda edits: edits.add()),
        lambda: context.edit(lambda e: e.rename(some_class(), f"Ä{chance.random()}")),
        lambda: context.edit(lambda e: e.recolor(some_class(), QColor(chance.randrange(2**24)))),
        lambda: (
            len(context.classes()) > 2
            and context.edit(lambda e: e.merge([some_class()], some_class()))
        ),
        lambda: len(context.classes()) > 2 and context.edit(lambda e: e.remove([some_class()])),
        draw,
        lambda: layer.changeAttributeValue(some_feature(), place, chance.randrange(1, 9)),
        lambda: layer.deleteFeature(some_feature()),
        layer.undoStack().undo,
        layer.undoStack().undo,
        layer.undoStack().redo,
    ]
    for _ in range(60):
        chance.choice(moves)()
        settle()
        assert listed(context) == drawn(layer)
        assert set(offered(layer)) == set(drawn(layer))

        assert context.rows() == rows_of(layer, context.fields)
    while layer.undoStack().canUndo():
        layer.undoStack().undo()
    settle()
    assert everything(context) == start


def test_typed_class_leaves_with_its_undo(context: Any) -> None:
    layer = context.layer
    start = everything(context)
    feature = next(layer.getFeatures())
    layer.changeAttributeValue(feature.id(), layer.fields().lookupField("class_id"), 7)
    settle()
    assert listed(context)[7][0] == "Class 7" and 7 in drawn(layer) and 7 in offered(layer)
    while layer.undoStack().canUndo():
        layer.undoStack().undo()
    settle()
    assert everything(context) == start


def test_saved_project_and_saved_file_know_classes_without_polygons(
    context: Any, path: str, tmp_path: Path, qgis_iface: Any
) -> None:
    layer = context.layer
    context.edit(lambda edits: edits.add("Ödland", QColor("#123456")))
    context.edit(lambda edits: edits.rename(1, "Fluß"))
    context.edit(lambda edits: edits.remove([3]))
    assert layer.commitChanges()
    settle()
    expected = listed(context)
    assert set(expected) == {1, 2, 4}
    # The file alone, with the style that it holds.
    again = QgsVectorLayer(path, "again")
    assert drawn(again) == expected
    project = QgsProject.instance()
    saved = str(tmp_path / "Projekt ß.qgz")
    assert project.write(saved)
    project.clear()
    assert context.layer is None and context.classes() == []
    assert project.read(saved)
    context.set_layer(project.mapLayersByName("Flächen")[0])
    settle()
    assert listed(context) == expected
    assert_agreed(context)


@pytest.mark.parametrize("driver", ["GPKG", "ESRI Shapefile"])
def test_exported_copy_is_a_training_layer_too(
    context: Any, tmp_path: Path, qgis_iface: Any, driver: str
) -> None:
    """With all that a copy may lack: the style in the file, and long names of fields."""
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    transforms = QgsProject.instance().transformContext()
    path = str(tmp_path / ("copy.gpkg" if driver == "GPKG" else "copy.shp"))
    written = QgsVectorFileWriter.writeAsVectorFormatV3(context.layer, path, transforms, options)
    assert written[0] == QgsVectorFileWriter.WriterError.NoError
    copy = QgsVectorLayer(path, "copy")
    copy.setCustomProperty("mambahsi/style_in_file", 1)  # QGIS copies it with the style
    QgsProject.instance().addMapLayer(copy)
    told: list[str] = []
    context.set_layer(copy)
    context._watch.refused.connect(told.append)
    assert {(c.value, c.name) for c in context.classes()} == {(v, NAMES[v]) for v in (1, 2)}
    context.edit(lambda edits: edits.rename(2, "Röhricht"))
    assert copy.commitChanges()
    settle()
    assert not told
    assert {f["class_name"] for f in copy.getFeatures()} == {NAMES[1], "Röhricht"}


def test_style_changed_by_others_reaches_dock_and_polygons(context: Any) -> None:
    layer = context.layer
    renderer = layer.renderer().clone()
    place = [str(c.value()) for c in renderer.categories()].index("1")
    categories = renderer.categories()
    symbol = categories[place].symbol().clone()
    symbol.setColor(QColor("#ff00ff"))  # as the legend's color wheel does
    renderer.updateCategorySymbol(place, symbol)
    renderer.updateCategoryLabel(place, "Meer")
    renderer.deleteCategory(2)
    layer.setRenderer(renderer)
    assert listed(context) == {1: ("Meer", "#ff00ff"), 2: (NAMES[2], COLORS[2])}
    settle(400)
    assert {row for row in table(layer) if row[0] == 1} == {(1, "Meer", "#ff00ff")}
    assert layer.undoStack().count() == 1
    assert_agreed(context)
    layer.undoStack().undo()
    settle(400)
    assert listed(context)[1] == (NAMES[1], COLORS[1])
    assert layer.undoStack().index() == 0
    assert_agreed(context)


def test_style_that_draws_in_another_way_is_left_alone(context: Any) -> None:
    layer = context.layer
    symbol = QgsSymbol.defaultSymbol(layer.geometryType())
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    settle(400)
    assert {v: name for v, (name, _) in listed(context).items()} == NAMES
    assert isinstance(layer.renderer(), QgsSingleSymbolRenderer)
    context.edit(lambda edits: edits.rename(3, "Wiese"))
    settle()
    assert drawn(layer)[3][0] == "Wiese" and listed(context) == drawn(layer)
    layer.undoStack().undo()
    settle()
    assert isinstance(layer.renderer(), QgsSingleSymbolRenderer)
    assert listed(context)[3][0] == NAMES[3]


def test_adopted_layer_keeps_its_look_until_a_class_is_changed(
    labels: QgsVectorLayer, qgis_iface: Any, qgis_new_project: Any
) -> None:
    from mambahsi_qgis.gui.context import TrainingContext

    QgsProject.instance().addMapLayer(labels)
    context = TrainingContext(qgis_iface)
    context.set_layer(labels)
    settle()
    assert isinstance(labels.renderer(), QgsSingleSymbolRenderer) and not labels.isEditable()
    context.edit(lambda edits: edits.rename(22, "Teich"))
    settle()
    assert isinstance(labels.renderer(), QgsCategorizedSymbolRenderer)
    names = {f["cover"] for f in labels.getFeatures() if f["code"] == 22}
    assert names == {"Teich"}
    labels.rollBack()
    settle()
    assert isinstance(labels.renderer(), QgsSingleSymbolRenderer)
    assert listed(context)[22][0] == "Gewässer"
    context.close()


def test_layer_of_texts_is_numbered_in_one_step(
    provider: Any, qgis_iface: Any, qgis_new_project: Any
) -> None:
    from mambahsi_qgis.gui.context import TrainingContext

    layer = QgsVectorLayer("Polygon?crs=EPSG:32633&field=cover:string", "texts", "memory")
    features = []
    for number, text in enumerate(("Wald", "Äcker", "Wald", None)):
        feature = QgsFeature(layer.fields())
        feature.setAttributes([text])
        feature.setGeometry(square(number))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    context = TrainingContext(qgis_iface)
    context.set_layer(layer)
    assert context.class_field == "" and context.classes() == []
    assert context.edit(lambda edits: edits.add("X")) is None
    context.edit(lambda edits: edits.number("cover"))
    settle()
    assert {(c.value, c.name) for c in context.classes()} == {(1, "Wald"), (2, "Äcker")}
    context.edit(lambda edits: edits.add_fields())
    settle()
    assert context.color_field == "color" and context.name_field == "cover"
    layer.undoStack().undo()
    layer.undoStack().undo()
    settle()
    assert layer.fields().names() == ["cover"] and context.classes() == []
    context.close()
