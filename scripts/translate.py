"""Bring the catalogs of the plugin's texts up to date with its code.

    translate.py        update each resources/i18n/mambahsi_LOCALE.ts, and say what is missing

A text is whatever the plugin hands to ``tr``, which takes nothing but a literal, so that the
code tells all of them; the description of a preset in the engine's ``jobs.py``; or what the
engine's ``installer/texts.py`` marks. Catalogs are Qt Linguist's TS files. Texts that are new
come in unfinished, and those that the code no longer has go. Standard library only.
"""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET  # of this repository's own files
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "mambahsi_qgis"
ENGINE = ROOT / "core" / "mambahsi"
CATALOGS = ROOT / "resources" / "i18n"
CONTEXT = "MambaHSI"
NAME = "mambahsi_"


class NotLiteral(Exception):
    """A call of ``tr`` from which the text cannot be read."""


@dataclass(frozen=True)
class Message:
    """An entry of a catalog.

    Attributes:
        source: The text in the code.
        translation: Its translation, or "".
        kind: "" where it is finished, else Qt's word: unfinished, vanished, obsolete.
    """

    source: str
    translation: str = ""
    kind: str = "unfinished"


def texts(package: Path = PLUGIN, engine: Path | None = ENGINE) -> dict[str, list[str]]:
    """Texts in order, each with the files that it is in.

    Args:
        package: Folder of Python files with calls of ``tr``.
        engine: The engine's package with the presets and the texts of the installer, or None.

    Raises:
        NotLiteral: A call has something else than one literal text.
    """
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for text in _literals(path, package.parent, "tr"):
            files = found.setdefault(text, [])
            name = path.relative_to(package.parent).as_posix()
            if name not in files:
                files.append(name)
    if engine is not None:
        jobs, installer = engine / "jobs.py", engine / "installer" / "texts.py"
        for call in _calls(ast.parse(jobs.read_text(encoding="utf-8")), "Preset"):
            found.setdefault(ast.literal_eval(call.args[2]), []).append("core/mambahsi/jobs.py")
        for text in _literals(installer, ROOT, "mark"):
            found.setdefault(text, []).append(installer.relative_to(ROOT).as_posix())
    return found


def _literals(path: Path, base: Path, function: str) -> Iterator[str]:
    """The texts that a file hands to a function.

    Raises:
        NotLiteral: Something else than one literal text is handed to it.
    """
    name = path.relative_to(base).as_posix()
    for call in _calls(ast.parse(path.read_text(encoding="utf-8"), name), function):
        text = call.args[0] if len(call.args) == 1 and not call.keywords else None
        if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
            raise NotLiteral(
                f"{name}:{call.lineno}: {function} takes one literal text; format what it returns."
            )
        yield text.value


def _calls(tree: ast.AST, name: str = "tr") -> Iterator[ast.Call]:
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
    return iter(sorted(calls, key=lambda call: (call.lineno, call.col_offset)))


def catalogs(folder: Path = CATALOGS) -> list[Path]:
    """The catalogs, one for each language."""
    return sorted(folder.glob(f"{NAME}*.ts"))


def read(catalog: Path) -> list[Message]:
    """The entries of a catalog."""
    tree = ET.parse(catalog)
    entries = []
    for message in tree.iterfind("context/message"):
        translation = message.find("translation")
        said = "" if translation is None else translation.text or ""
        kind = "unfinished" if translation is None else translation.get("type", "")
        entries.append(Message(message.findtext("source", ""), said, kind))
    return entries


def update(catalog: Path, found: dict[str, list[str]]) -> list[str]:
    """Write a catalog anew with the texts of the code; returns those without a translation.

    Args:
        catalog: The file.
        found: What :func:`texts` gives.
    """
    known = {message.source: message for message in read(catalog)}
    locale = catalog.stem.removeprefix(NAME)
    root = ET.Element("TS", version="2.1", language=locale, sourcelanguage="en_US")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    missing = []
    for source, files in found.items():
        message = known.get(source, Message(source))
        entry = ET.SubElement(context, "message")
        for file in files:
            ET.SubElement(entry, "location", filename=f"../../{file}")
        ET.SubElement(entry, "source").text = source
        translation = ET.SubElement(entry, "translation")
        translation.text = message.translation
        if message.kind or not message.translation:
            translation.set("type", "unfinished")
            missing.append(source)
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    catalog.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8"
    )
    return missing


def main(arguments: list[str]) -> None:
    """Run the command line; it exits with 1 where a translation is missing."""
    if arguments:
        raise SystemExit(__doc__)
    try:
        found = texts()
    except NotLiteral as error:
        raise SystemExit(str(error)) from error
    incomplete = False
    for catalog in catalogs():
        missing = update(catalog, found)
        incomplete = incomplete or bool(missing)
        print(f"{catalog.relative_to(ROOT)}: {len(found)} texts, {len(missing)} to translate")
        for source in missing:
            print(f"    {source}")
    sys.exit(incomplete)


if __name__ == "__main__":
    main(sys.argv[1:])
