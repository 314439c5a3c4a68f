"""The plugin as QGIS installs it."""

from __future__ import annotations

import configparser
import shutil
import zipfile
from pathlib import Path

import pytest

import assemble_plugin
import mambahsi

SUFFIXES = ("", ".json", ".lock", ".py", ".svg", ".ts", ".txt")

REQUIRED = (
    *("name", "description", "about", "version", "qgisMinimumVersion", "author", "email"),
    *("homepage", "tracker", "repository", "license", "tags", "category", "icon"),
    *("changelog", "experimental", "deprecated"),
)
"""The plugin repository needs most of these, and people the others."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assemble_plugin.make_zip(tmp_path_factory.mktemp("package"))


def test_one_version_everywhere(archive: Path) -> None:
    assert assemble_plugin.version() == mambahsi.__version__
    assert archive.name == f"mambahsi_qgis-{mambahsi.__version__}.zip"


def test_zip_holds_the_whole_plugin_in_one_folder(archive: Path) -> None:
    names = zipfile.ZipFile(archive).namelist()
    assert {name.split("/")[0] for name in names} == {"mambahsi_qgis"}
    for needed in (
        "__init__.py",
        "metadata.txt",
        "LICENSE",
        "core/mambahsi/worker.py",
        "core/mambahsi/jobs.py",
        "core/requirements.lock",
        "resources/i18n/mambahsi_zh_CN.ts",
        "resources/icons/mambahsi.svg",
    ):
        assert f"mambahsi_qgis/{needed}" in names


def test_zip_is_small_and_holds_nothing_that_the_plugin_repository_refuses(archive: Path) -> None:
    assert archive.stat().st_size < 1_000_000
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
        texts = {entry.filename: opened.read(entry) for entry in entries}
    assert {Path(name).suffix for name in texts} <= set(SUFFIXES)
    hidden = {name for name in texts if "/." in name or "__" in name.removesuffix("__.py")}
    assert {Path(name).name for name in hidden} <= {".bandit", "__init__.py", "__main__.py"}
    assert not any("test" in Path(name).parts or "tests" in Path(name).parts for name in texts)
    # No binaries: all of it is text. No file may be run.
    for name, content in texts.items():
        content.decode("utf-8")
        assert b"\0" not in content, name
    assert not any((entry.external_attr >> 16) & 0o111 for entry in entries)


def test_metadata_is_complete(archive: Path) -> None:
    metadata = configparser.ConfigParser(interpolation=None)
    with zipfile.ZipFile(archive) as opened:
        metadata.read_string(opened.read("mambahsi_qgis/metadata.txt").decode("utf-8"))
        names = set(opened.namelist())
    general = metadata["general"]
    for key in REQUIRED:
        assert general.get(key, "").strip(), key
    # The plugin repository refuses it in a name, where every one of them is a plugin.
    assert "plugin" not in general["name"].lower()
    assert general["hasProcessingProvider"] == "yes"
    assert (general["qgisMinimumVersion"], general["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert f"mambahsi_qgis/{general['icon']}" in names
    # The newest entry of the change log is about this version.
    assert general["changelog"].split()[0] == general["version"]


def test_zip_holds_every_source_file(archive: Path) -> None:
    root = assemble_plugin.ROOT
    expected = {f"mambahsi_qgis/{path.relative_to(root)}" for path in root.glob("core/**/*.py")}
    expected |= {str(path.relative_to(root)) for path in root.glob("mambahsi_qgis/**/*.py")}
    icons = {f"mambahsi_qgis/{path.relative_to(root)}" for path in root.glob("resources/**/*.svg")}
    assert icons
    expected |= icons
    assert expected <= set(zipfile.ZipFile(archive).namelist())


def test_zip_is_the_same_for_the_same_files(tmp_path: Path) -> None:
    """Another folder, other times and left-behind caches make no difference."""
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in (*assemble_plugin.BESIDE, assemble_plugin.NAME):
        source = assemble_plugin.ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, copy / name)
    (copy / "core" / "mambahsi" / "__pycache__").mkdir(exist_ok=True)
    for junk in ("__pycache__/scene.cpython-311.pyc", ".scene.py.swp", "kernels.nbc"):
        (copy / "core" / "mambahsi" / junk).write_bytes(b"left behind")
    first = assemble_plugin.make_zip(tmp_path / "first")
    second = assemble_plugin.make_zip(tmp_path / "second", copy)
    assert first.read_bytes() == second.read_bytes()


def test_links_follow_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "mambahsi_qgis").mkdir(parents=True)
    for name in ("core", "resources"):
        (source / name).mkdir()
    for name in ("metadata.txt", "LICENSE", "mambahsi_qgis/old.py"):
        (source / name).write_text("here")
    plugin = assemble_plugin.link(tmp_path / "plugins", source)
    assert (plugin / "old.py").read_text() == "here"
    (source / "mambahsi_qgis" / "old.py").rename(source / "mambahsi_qgis" / "new.py")
    assemble_plugin.link(tmp_path / "plugins", source)
    assert sorted(path.name for path in plugin.iterdir()) == [
        "LICENSE",
        "core",
        "metadata.txt",
        "new.py",
        "resources",
    ]
    assert (plugin / "metadata.txt").read_text() == "here"


def test_incomplete_sources_are_named(tmp_path: Path) -> None:
    (tmp_path / "mambahsi_qgis").mkdir()
    with pytest.raises(SystemExit, match="metadata.txt, LICENSE, core, resources"):
        assemble_plugin.make_zip(tmp_path / "out", tmp_path)
