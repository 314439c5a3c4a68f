"""Classes in a layer's style: the categorized renderer and the value map of the form.

Both are part of the layer: the project saves them, and a GeoPackage can hold them as its
default style. They follow the classes, and hold those that have no polygons yet: the
categories do, or, where the layer is drawn in another way, the value map.

In layers that the plugin made, the fields of name and color have default values that follow
from the class, so that polygons which are drawn or reassigned with QGIS's own tools get them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsDefaultValue,
    QgsEditorWidgetSetup,
    QgsExpression,
    QgsRendererCategory,
    QgsSymbol,
    QgsVectorLayer,
)

from mambahsi_qgis.classes.fields import ClassFields
from mambahsi_qgis.classes.symbols import color_of, is_painted, outline, paint
from mambahsi_qgis.classes.table import Entry, TrainingClass, default_name

_DERIVED = "map_get(map("
"""How the default values begin that follow from the class."""

_written: list[str] = []

Changes = Mapping[int, Optional[TrainingClass]]
"""Classes to put into the style by value; None takes a class out."""


# Reading ---------------------------------------------------------------------------------


def categorized(layer: QgsVectorLayer, fields: ClassFields) -> Optional[Any]:
    """The layer's renderer if it draws by class, else None."""
    renderer = layer.renderer()
    if isinstance(renderer, QgsCategorizedSymbolRenderer):
        return renderer if renderer.classAttribute().strip('"') == fields.value else None
    return None


def entries_of_style(
    layer: QgsVectorLayer, fields: ClassFields, known: Mapping[int, Entry]
) -> dict[int, Entry]:
    """What the style says of each class.

    Args:
        layer: The layer.
        fields: Its fields.
        known: What the polygons say, to find out which part of a symbol has a new color.
    """
    if not fields.value:
        return {}
    form = _entries_of_form(layer, fields)
    renderer = categorized(layer, fields)
    if renderer is None:
        return form
    entries = {}
    for category in renderer.categories():
        value = _number(category.value())
        if value is not None:
            label = category.label().strip()
            name = None if label in ("", str(value)) else label
            color = color_of(category.symbol(), known.get(value, Entry()).color)
            said = form.get(value, Entry())
            entries[value] = Entry(name or said.name, color)
    return entries


def _entries_of_form(layer: QgsVectorLayer, fields: ClassFields) -> dict[int, Entry]:
    entries = {}
    for name, text in _value_map(layer, fields) or ():
        value = _number(text)
        if value is not None:
            entries[value] = Entry(None if name == default_name(value) else name)
    return entries


def _value_map(layer: QgsVectorLayer, fields: ClassFields) -> Optional[list[tuple[str, Any]]]:
    """Pairs of name and value, or None where the class field has another widget."""
    place = layer.fields().lookupField(fields.value)
    setup = layer.editorWidgetSetup(place) if place >= 0 else None
    if setup is None or setup.type() != "ValueMap":
        return None
    stored = setup.config().get("map")
    # A list of single pairs since QGIS 3.0, one mapping before, and nothing where it was empty.
    parts = [stored] if isinstance(stored, dict) else stored if isinstance(stored, list) else []
    return [pair for part in parts for pair in part.items()]


def _number(value: Any) -> Optional[int]:
    """A category's value as a class value; None for “all other values” and lists."""
    try:
        return int(str(value))
    except ValueError:
        return None


# Writing ---------------------------------------------------------------------------------


def is_written(layer: QgsVectorLayer) -> bool:
    """Whether the style is just being written here, and not by anybody else."""
    return layer.id() in _written


@contextmanager
def _writing(layer: QgsVectorLayer) -> Iterator[None]:
    _written.append(layer.id())
    try:
        yield
    finally:
        _written.remove(layer.id())


def write(layer: QgsVectorLayer, fields: ClassFields, changes: Changes) -> None:
    """Put classes into the renderer and the form, as far as these know classes."""
    with _writing(layer):
        renderer = categorized(layer, fields)
        if renderer is not None:
            layer.setRenderer(_with_categories(renderer, changes))
        pairs = _value_map(layer, fields)
        if pairs is not None:
            _write_value_map(layer, fields, pairs, changes)
        _write_derived(layer, fields, changes)
        layer.triggerRepaint()


def prepare(layer: QgsVectorLayer, fields: ClassFields, classes: Sequence[TrainingClass]) -> None:
    """Have a layer drawn by class, with a value map, whatever it was drawn by before."""
    with _writing(layer):
        if categorized(layer, fields) is None:
            layer.setRenderer(QgsCategorizedSymbolRenderer(fields.value, []))
        if _value_map(layer, fields) is None:
            place = layer.fields().lookupField(fields.value)
            layer.setEditorWidgetSetup(place, QgsEditorWidgetSetup("ValueMap", {"map": []}))
        write(layer, fields, {c.value: c for c in classes})


def is_prepared(layer: QgsVectorLayer, fields: ClassFields) -> bool:
    """Whether a layer is drawn by class and has a value map."""
    return categorized(layer, fields) is not None and _value_map(layer, fields) is not None


def derive_names_and_colors(layer: QgsVectorLayer, fields: ClassFields) -> None:
    """Let the fields of name and color follow from the class, and not be edited by hand."""
    form = layer.editFormConfig()
    for field in (fields.name, fields.color):
        place = layer.fields().lookupField(field) if field else -1
        if place >= 0:
            layer.setDefaultValueDefinition(place, QgsDefaultValue(f"{_DERIVED}))", True))
            form.setReadOnly(place, True)
    layer.setEditFormConfig(form)
    _write_derived(layer, fields, {})


def differences(
    layer: QgsVectorLayer, fields: ClassFields, classes: Sequence[TrainingClass]
) -> dict[int, Optional[TrainingClass]]:
    """What :func:`write` has to change for the style to show these classes."""
    wanted = {c.value: c for c in classes}
    changes: dict[int, Optional[TrainingClass]] = {}
    renderer = categorized(layer, fields)
    if renderer is not None:
        shown = {}
        for category in renderer.categories():
            for value in _numbers(category.value()):
                shown[value] = category
        for value, wish in wanted.items():
            category = shown.get(value)
            if category is None or not _shows(category, wish):
                changes[value] = wish
    pairs = _value_map(layer, fields)
    if pairs is not None:
        offered = {_number(text): name for name, text in pairs}
        changes.update({v: c for v, c in wanted.items() if offered.get(v) != c.name})
        changes.update({v: None for v in offered if v is not None and v not in wanted})
    return changes


def _numbers(value: Any) -> list[int]:
    """Class values of a category, which may be a list."""
    several = value if isinstance(value, list) else [value]
    return [number for number in map(_number, several) if number is not None]


def _shows(category: QgsRendererCategory, wish: TrainingClass) -> bool:
    """Whether a category has the name and color of a class; one of several classes has not."""
    if isinstance(category.value(), list):
        return True
    return category.label() == wish.name and is_painted(category.symbol(), wish.color)


def _with_categories(renderer: Any, changes: Changes) -> QgsCategorizedSymbolRenderer:
    changed = renderer.clone()
    kept: list[QgsRendererCategory] = []
    waiting = dict(changes)
    for category in renderer.categories():
        value = _number(category.value())
        if value is None or value not in waiting:
            waiting = {v: c for v, c in waiting.items() if v not in _numbers(category.value())}
            kept.append(category)
            continue
        wish = waiting.pop(value)
        if wish is not None:
            kept.append(_category(wish, category.symbol(), category.renderState()))
    template = next((c.symbol() for c in kept if _number(c.value()) is not None), None)
    new = [_category(c, template, True) for c in waiting.values() if c is not None]
    # “All other values” stays last.
    end = len(kept)
    while end and not _numbers(kept[end - 1].value()):
        end -= 1
    changed.deleteAllCategories()
    for category in [*kept[:end], *new, *kept[end:]]:
        changed.addCategory(category)
    return changed


def _category(
    wish: TrainingClass, template: Optional[QgsSymbol], shown: bool
) -> QgsRendererCategory:
    symbol = template.clone() if template is not None else outline()
    paint(symbol, wish.color)
    return QgsRendererCategory(wish.value, symbol, wish.name, shown)


def _write_value_map(
    layer: QgsVectorLayer, fields: ClassFields, pairs: list[tuple[str, Any]], changes: Changes
) -> None:
    waiting = dict(changes)
    entries = []
    for name, text in pairs:
        value = _number(text)
        if value is None or value not in waiting:
            entries.append((name, text))
            continue
        wish = waiting.pop(value)
        if wish is not None:
            entries.append((wish.name, str(value)))
    entries += [(c.name, str(c.value)) for c in waiting.values() if c is not None]
    setup = QgsEditorWidgetSetup("ValueMap", {"map": [{name: text} for name, text in entries]})
    place = layer.fields().lookupField(fields.value)
    if layer.editorWidgetSetup(place).config() != setup.config():
        layer.setEditorWidgetSetup(place, setup)


def _write_derived(layer: QgsVectorLayer, fields: ClassFields, changes: Changes) -> None:
    """Bring default values up to date that follow from the class."""
    style = entries_of_style(layer, fields, {})
    for field, what in ((fields.name, "name"), (fields.color, "color")):
        place = layer.fields().lookupField(field) if field else -1
        if place < 0:
            continue
        present = layer.defaultValueDefinition(place)
        if not present.expression().startswith(_DERIVED):
            continue
        known = {v: getattr(e, what) for v, e in style.items() if getattr(e, what)}
        # With no renderer by class, colors of classes without polygons are nowhere else.
        known.update(
            {v: c.name if what == "name" else c.color.name() for v, c in changes.items() if c}
        )
        pairs = ",".join(
            f"'{value}',{QgsExpression.quotedString(text)}" for value, text in sorted(known.items())
        )
        key = QgsExpression.quotedColumnRef(fields.value)
        wanted = f"{_DERIVED}{pairs}), to_string({key}))"
        if wanted != present.expression():
            layer.setDefaultValueDefinition(place, QgsDefaultValue(wanted, True))
