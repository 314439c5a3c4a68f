"""The plugin's one setting, shown among the settings of Processing's providers."""

from __future__ import annotations

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.PyQt.QtGui import QIcon

from mambahsi_qgis import paths
from mambahsi_qgis.engine.locate import SETTING
from mambahsi_qgis.translation import tr


def add(group: str) -> None:
    """Show the setting under a provider's name."""
    setting = Setting(
        group,
        SETTING,
        tr("Engine: folder of its Python environment, or its Python"),
        "",
        valuetype=Setting.FOLDER,
        placeholder=tr("Not set"),
    )
    # Kept under the plugin's own key, not under Processing's.
    setting.qname = SETTING
    setting.read()
    ProcessingConfig.setGroupIcon(group, QIcon(paths.icon()))
    ProcessingConfig.addSetting(setting)


def remove() -> None:
    """Take the setting away again; its value stays."""
    if SETTING in ProcessingConfig.settings:
        ProcessingConfig.removeSetting(SETTING)
