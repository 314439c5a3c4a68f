"""Showing a layer in a composite, without QGIS having to wait for the pixels.

A task reads the sample that the stretch is computed from, with a dataset of its own; the layer
is touched in the window's thread alone. What was asked for last counts: an earlier task for
the same layer is dropped.

Each composite becomes a style of the layer, under its name. What the layer looked like before
stays in the style that it had, and is back with one click (layer's context menu, Styles).
"""

from __future__ import annotations

import traceback
from typing import Optional

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsContrastEnhancement,
    QgsMultiBandColorRenderer,
    QgsRasterLayer,
    QgsRasterMinMaxOrigin,
    QgsSingleBandGrayRenderer,
    QgsTask,
)
from qgis.gui import QgsMessageBar
from qgis.PyQt import sip

from mambahsi_qgis.display import pixels
from mambahsi_qgis.display.composites import Basis, Composite
from mambahsi_qgis.display.products import misread
from mambahsi_qgis.display.views import LOWER, UPPER, NotShown, View, make_view
from mambahsi_qgis.engine import rasters
from mambahsi_qgis.translation import tr

_MESSAGE = "mambahsiView"
"""Name of the message about the present view."""

_running: dict[str, ViewTask] = {}
"""The task of each layer that one runs for, by the layer's id."""


def title(composite: Composite) -> str:
    """What a composite is called, and so the layer's style."""
    return {
        Composite.TRUE_COLOR: tr("True color"),
        Composite.NEAR_INFRARED: tr("Near-infrared false color"),
        Composite.SHORT_WAVE: tr("Short-wave false color"),
    }[composite]


def show(
    layer: QgsRasterLayer, composite: Composite, message_bar: Optional[QgsMessageBar] = None
) -> Optional[QgsTask]:
    """Show a layer in a composite, soon.

    Args:
        layer: The scene.
        composite: How to show it.
        message_bar: Is told which bands are shown, or why the layer stays as it is.

    Returns:
        The task that reads the pixels; None where the layer cannot be shown so.
    """
    reason = rasters.refusal(layer)
    if not reason and layer.bandCount() == 1 and layer.renderer().type() == "paletted":
        reason = tr("“{}” is a map of classes, not a scene.").format(layer.name())
    if reason:
        _tell(message_bar, reason, Qgis.MessageLevel.Warning)
        return None
    _drop(layer.id())
    task = ViewTask(layer, composite, message_bar)
    _running[layer.id()] = task
    QgsApplication.taskManager().addTask(task)
    return task


def cancel() -> None:
    """Drop all that is still going on."""
    for identity in list(_running):
        _drop(identity)


def apply(layer: QgsRasterLayer, view: View) -> None:
    """Draw a layer in a view, as a style of the view's name."""
    styles, name = layer.styleManager(), title(view.composite)
    if name not in styles.styles():
        styles.addStyleFromLayer(name)
    styles.setCurrentStyle(name)
    before, provider = layer.renderer(), layer.dataProvider()
    stretches = []
    for band, (low, high) in zip(view.bands, view.limits):
        stretch = QgsContrastEnhancement(provider.dataType(band))
        stretch.setContrastEnhancementAlgorithm(
            QgsContrastEnhancement.ContrastEnhancementAlgorithm.StretchToMinimumMaximum
        )
        stretch.setMinimumValue(low)
        stretch.setMaximumValue(high)
        stretches.append(stretch)
    if len(view.bands) == 1:
        renderer = QgsSingleBandGrayRenderer(provider, view.bands[0])
        renderer.setContrastEnhancement(stretches[0])
    else:
        renderer = QgsMultiBandColorRenderer(provider, *view.bands)
        renderer.setRedContrastEnhancement(stretches[0])
        renderer.setGreenContrastEnhancement(stretches[1])
        renderer.setBlueContrastEnhancement(stretches[2])
    renderer.setMinMaxOrigin(_origin())
    renderer.setOpacity(before.opacity())
    renderer.setAlphaBand(before.alphaBand())
    layer.setRenderer(renderer)
    layer.legendChanged.emit()
    layer.triggerRepaint()


def describe(layer_name: str, view: View) -> tuple[str, Qgis.MessageLevel]:
    """What to tell of a view: which bands are shown, and what the choice rests on."""
    shown = ", ".join(
        f"{band}" if nm != nm else tr("{} ({:.0f} nm)").format(band, nm)
        for band, nm in zip(view.bands, view.nm)
    )
    text = {
        Basis.WAVELENGTHS: tr("“{}” in {}: bands {}."),
        Basis.NAMES: tr("“{}” in {}: bands {}, by their names."),
        Basis.COLORS: tr("“{}” has no wavelengths. {} by the file's own colors: bands {}."),
        Basis.ORDER: tr(
            "“{}” has no wavelengths. {} if its bands are in the usual order, from blue to "
            "infrared: bands {}."
        ),
        Basis.SPREAD: tr(
            "“{}” has no wavelengths. Instead of {}, bands spread over the range: {}."
        ),
        Basis.GRAY: tr("“{}” has too few bands for {}: band {} in gray."),
    }[view.basis]
    certain = view.basis in (Basis.WAVELENGTHS, Basis.NAMES)
    level = Qgis.MessageLevel.Info if certain else Qgis.MessageLevel.Warning
    name = title(view.composite)
    if view.basis not in (Basis.ORDER, Basis.COLORS):
        name = name.lower()
    return text.format(layer_name, name, shown), level


class ViewTask(QgsTask):
    """Computes a view of a layer and shows it.

    Args:
        layer: The scene.
        composite: How to show it.
        message_bar: Is told how it went.
    """

    def __init__(
        self, layer: QgsRasterLayer, composite: Composite, message_bar: Optional[QgsMessageBar]
    ) -> None:
        super().__init__(tr("Colors of “{}”").format(layer.name()), QgsTask.Flag.CanCancel)
        self.layer, self.identity = layer, layer.id()
        self.composite = composite
        self.message_bar = message_bar
        # All that is asked of the layer, because another thread must not touch it.
        self.source = rasters.source_of(layer)
        self.nodata = pixels.nodata_of(layer)
        self.view: Optional[View] = None
        self.reason = ""

    def run(self) -> bool:
        """Compute, in a thread of QGIS's."""
        try:
            dataset = rasters.open_source(*self.source)
            if dataset is None:
                raise RuntimeError(gdal.GetLastErrorMsg() or self.source[0])
            self.reason = misread(dataset)
            if not self.reason:
                self.view = make_view(dataset, self.composite, self.nodata)
        except NotShown as error:
            self.reason = str(error)
        except RuntimeError as error:
            self.reason = tr("The pixels cannot be read: {}").format(error)
        except Exception as error:  # must not leave this thread, where nobody would hear of it
            traceback.print_exc()
            self.reason = repr(error)
        return self.view is not None

    def finished(self, result: bool) -> None:
        """Show, in the window's thread."""
        if _running.get(self.identity) is self:
            del _running[self.identity]
        layer, bar = self.layer, self.message_bar
        if self.isCanceled() or sip.isdeleted(layer) or rasters.source_of(layer) != self.source:
            return
        if self.view is None:
            text = tr("“{}” cannot be shown in {}: {}").format(
                layer.name(), title(self.composite).lower(), self.reason
            )
            _tell(bar, text, Qgis.MessageLevel.Warning)
            return
        apply(layer, self.view)
        _tell(bar, *describe(layer.name(), self.view))


def _drop(identity: str) -> None:
    task = _running.pop(identity, None)
    if task is not None and not sip.isdeleted(task):
        task.cancel()


def _origin() -> QgsRasterMinMaxOrigin:
    """What the layer's properties say about where the limits are from."""
    origin = QgsRasterMinMaxOrigin()
    origin.setLimits(QgsRasterMinMaxOrigin.Limits.CumulativeCut)
    origin.setCumulativeCutLower(LOWER / 100)
    origin.setCumulativeCutUpper(UPPER / 100)
    origin.setExtent(QgsRasterMinMaxOrigin.Extent.WholeRaster)
    origin.setStatAccuracy(QgsRasterMinMaxOrigin.StatAccuracy.Estimated)
    return origin


def _tell(bar: Optional[QgsMessageBar], text: str, level: Qgis.MessageLevel) -> None:
    """Say something in place of what was said of the view before."""
    if bar is None or sip.isdeleted(bar):
        return
    for item in bar.items():
        if item.objectName() == _MESSAGE:
            bar.popWidget(item)
    item = bar.createMessage("MambaHSI", text)
    item.setObjectName(_MESSAGE)
    item.setLevel(level)
    # What is only information goes away by itself.
    item.setDuration(8 if level == Qgis.MessageLevel.Info else 0)
    bar.pushItem(item)
