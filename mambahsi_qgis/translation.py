"""Texts in the user's language, all under one context of our own.

A catalog is a file of Qt Linguist's format, ``resources/i18n/mambahsi_LOCALE.ts``. It is read as
it is: nothing has to be compiled, and the plugin holds no binary. It is not installed into Qt
either, which would ask a translator written in Python for every text of QGIS, in any thread; a
look-up here concerns our own texts alone.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QLocale, QXmlStreamReader

from mambahsi_qgis import paths

_NAME = "mambahsi_"


def tr(text: str) -> str:
    """The text in the user's language, or as it is where nobody has translated it.

    Args:
        text: A literal: ``make translate`` reads the texts from the code.
    """
    return catalog().get(text, text)


def tr_engine(text: str) -> str:
    """A text of the engine's in the user's language.

    Args:
        text: Description of a preset, or a text of the installer's: ``make translate`` reads those
            from the engine's ``jobs.py`` and ``installer/texts.py``. Any other stays as it is.
    """
    return catalog().get(text, text)


def plain(label: str) -> str:
    """A label's text for where no mnemonic can be: without it and without the colon.

    Args:
        label: Such as "Net&work:", or "网络(&W)：" as Chinese programs have it.
    """
    return re.sub(r"\(&\w\)", "", label).replace("&", "").rstrip(":\N{FULLWIDTH COLON}")


@functools.cache
def catalog() -> dict[str, str]:
    """Translations into the language that QGIS started in; it is empty for English.

    A catalog serves all countries of its language that write in its script: the simplified
    Chinese one Singapore, but not Taiwan.
    """
    wanted = language()
    for path in sorted((paths.part("resources") / "i18n").glob(f"{_NAME}*.ts")):
        offered = QLocale(path.stem[len(_NAME) :])
        if (offered.language(), offered.script()) == (wanted.language(), wanted.script()):
            return _read(path)
    return {}


def language() -> QLocale:
    """The user's language: of QGIS's command line, else of its options, else the system's."""
    application = QgsApplication.instance()
    code = application.translation() if isinstance(application, QgsApplication) else ""
    settings = QgsSettings()
    if not code and settings.value("locale/overrideFlag", False, type=bool):
        code = str(settings.value("locale/userLocale", "") or "")
    # QGIS writes zh-Hans, Qt zh_Hans.
    return QLocale(code.replace("-", "_")) if code else QLocale()


def _read(path: Path) -> dict[str, str]:
    """The finished translations of a catalog."""
    reader = QXmlStreamReader(path.read_bytes())
    texts = {}
    source = ""
    while not reader.atEnd():
        reader.readNext()
        if not reader.isStartElement():
            continue
        if reader.name() == "source":
            source = reader.readElementText()
        elif reader.name() == "translation":
            finished = not reader.attributes().value("type")
            translation = reader.readElementText()
            if finished and translation:
                texts[source] = translation
    return texts
