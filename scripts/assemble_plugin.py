"""Assemble the plugin as QGIS installs it, by links for development or as a zip.

The installed plugin is one folder, ``mambahsi_qgis/``, with the license, the metadata, the
engine (``core/``) and the resources inside it. In the repository these lie beside it.

    assemble_plugin.py link FOLDER   FOLDER/mambahsi_qgis of links, for QGIS_PLUGINPATH
    assemble_plugin.py zip FOLDER    FOLDER/mambahsi_qgis-VERSION.zip

The zip is the same, byte for byte, whenever and wherever it is made from the same files.
Standard library only, so that any Python can run it.
"""

from __future__ import annotations

import configparser
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

NAME = "mambahsi_qgis"
ROOT = Path(__file__).resolve().parent.parent

BESIDE = ("metadata.txt", "LICENSE", "core", "resources")
"""What lies beside the plugin package in the repository and inside it when installed."""

LEFT_OUT = ("__pycache__", "*.pyc", "*.egg-info", ".*", "*.nbc", "*.nbi", "*.orig", "*.rej", "*~")
"""Names that tools leave behind and that no user needs."""

KEPT = (".bandit",)
"""Hidden files that belong to the plugin: the plugin repository's scan reads them in the zip."""

# The oldest time that a zip can hold: a fixed one, because the files' own times differ
# between checkouts.
TIME = (1980, 1, 1, 0, 0, 0)


def version(root: Path = ROOT) -> str:
    """The plugin's version, as its metadata states it."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(root / "metadata.txt", encoding="utf-8")
    return metadata["general"]["version"]


def sources(root: Path = ROOT) -> dict[str, Path]:
    """What goes to the top of the plugin's folder: name there -> file or folder here."""
    package = {path.name: path for path in _listed(root / NAME)}
    beside = {name: root / name for name in BESIDE}
    missing = [name for name, path in beside.items() if not path.exists()]
    if missing:
        raise SystemExit(f"Cannot assemble the plugin: {', '.join(missing)} missing in {root}.")
    return dict(sorted({**package, **beside}.items()))


def link(folder: Path, root: Path = ROOT) -> Path:
    """Make ``folder/mambahsi_qgis`` of links to the sources; returns it.

    Called again, it brings the links up to date.
    """
    plugin = folder / NAME
    wanted = sources(root)
    plugin.mkdir(parents=True, exist_ok=True)
    for entry in plugin.iterdir():
        if entry.is_symlink():
            if entry.readlink() != wanted.get(entry.name):
                entry.unlink()
        elif entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for name, source in wanted.items():
        if not (plugin / name).is_symlink():
            (plugin / name).symlink_to(source)
    return plugin


def make_zip(folder: Path, root: Path = ROOT) -> Path:
    """Write ``folder/mambahsi_qgis-VERSION.zip``; returns it."""
    files = sorted(_files(root))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{NAME}-{version(root)}.zip"
    partial = target.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever this runs, so that the bytes agree
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    partial.replace(target)
    return target


def _listed(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in KEPT or not any(path.match(pattern) for pattern in LEFT_OUT):
            yield path


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Each file of the plugin: its name in the zip, and where it lies."""
    waiting = [(f"{NAME}/{name}", path) for name, path in sources(root).items()]
    while waiting:
        name, path = waiting.pop()
        if path.is_dir():
            waiting += [(f"{name}/{entry.name}", entry) for entry in _listed(path)]
        else:
            yield name, path


def main(arguments: list[str]) -> None:
    """Run the command line."""
    actions = {"link": link, "zip": make_zip}
    if len(arguments) != 2 or arguments[0] not in actions:
        raise SystemExit(__doc__)
    made = actions[arguments[0]](Path(arguments[1]).resolve())
    if arguments[0] == "zip":
        print(made)


if __name__ == "__main__":
    main(sys.argv[1:])
