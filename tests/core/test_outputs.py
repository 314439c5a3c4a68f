"""Outputs appear whole or not at all, and never replace an input."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambahsi import outputs as outputs_module
from mambahsi.errors import OutputError
from mambahsi.outputs import OutputFiles, final_path, raster_companions, write_bytes, writing

CORE = Path(__file__).parents[2] / "core"


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_an_output_appears_when_the_job_ends(tmp_path: Path) -> None:
    final = tmp_path / "Karte größer.tif"
    with OutputFiles() as files:
        temporary = files.add(final)
        assert temporary.parent == final.parent
        assert temporary.suffix == ".tif"
        assert final_path(temporary) == final
        temporary.write_text("map")
        assert not final.exists()
    assert content(tmp_path) == {"Karte größer.tif": "map"}


def test_adding_an_output_leaves_nothing_on_disk(tmp_path: Path) -> None:
    files = OutputFiles()
    files.add(tmp_path / "map.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_job_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "map.tif").write_text("old map")
    (tmp_path / "map.tif.ovr").write_text("old overviews")
    before = content(tmp_path)
    with pytest.raises(RuntimeError, match="no more"), OutputFiles() as files:
        temporary = files.add_raster(tmp_path / "map.tif")
        for path in (temporary, *raster_companions(temporary)):
            path.write_text("new")
        raise RuntimeError("no more")
    assert content(tmp_path) == before


def test_companions_of_an_overwritten_raster_are_replaced_or_removed(tmp_path: Path) -> None:
    for name in ("map.tif", "map.tif.aux.xml", "map.tif.ovr", "map.tif.msk", "map.qml"):
        (tmp_path / name).write_text("old")
    (tmp_path / "map.gpkg").write_text("not ours")
    with OutputFiles() as files:
        temporary = files.add_raster(tmp_path / "map.tif")
        temporary.write_text("new")
        raster_companions(temporary)[0].write_text("new names")
    assert content(tmp_path) == {
        "map.tif": "new",
        "map.tif.aux.xml": "new names",
        "map.gpkg": "not ours",
    }


def test_an_output_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_text("old")
    with pytest.raises(OutputError, match=r"b\.tif: nothing was written"), OutputFiles() as files:
        files.add(tmp_path / "a.tif").write_text("new")
        files.add(tmp_path / "b.tif")
    assert content(tmp_path) == {"a.tif": "old"}


@settings(max_examples=60, deadline=None)
@given(
    existed=st.lists(st.booleans(), min_size=1, max_size=5),
    blocked=st.integers(min_value=0, max_value=4),
)
def test_all_outputs_are_renamed_or_none(existed: list[bool], blocked: int) -> None:
    """Whatever output cannot be renamed into place, the folder is as it was before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        finals = [folder / f"{i}.tif" for i in range(len(existed))]
        for final, exists in zip(finals, existed, strict=True):
            if exists:
                final.write_text("old")
                (folder / f"{final.name}.ovr").write_text("old overviews")
        obstacle = finals[blocked] if blocked < len(finals) else None
        if obstacle is not None:
            obstacle.unlink(missing_ok=True)
        before = content(folder)

        def run() -> None:
            with OutputFiles() as files:
                for final in finals:
                    files.add_raster(final).write_text("new")
                if obstacle is not None:
                    # Somebody makes a folder of that name while the job runs.
                    obstacle.mkdir()

        if obstacle is None:
            run()
            assert content(folder) == {final.name: "new" for final in finals}
        else:
            with pytest.raises(OutputError, match=obstacle.name):
                run()
            assert content(folder) == before
            assert obstacle.is_dir()


def as_it_is(path: Path) -> str:
    return str(path)


def through_a_link(path: Path) -> str:
    link = path.with_name("link")
    link.symlink_to(path)
    return str(link)


def as_a_hard_link(path: Path) -> str:
    link = path.with_name("hard")
    link.hardlink_to(path)
    return str(link)


def with_dots(path: Path) -> str:
    return str(path.parent / ".." / path.parent.name / path.name)


def as_a_subdataset(path: Path) -> str:
    return f'NETCDF:"{path}":reflectance'


def as_an_unquoted_subdataset(path: Path) -> str:
    return f"GTIFF_DIR:1:{path}"


def inside_an_archive(path: Path) -> str:
    return f"/vsizip/{path}/inner/scene.tif"


@pytest.mark.parametrize(
    "source",
    [
        as_it_is,
        through_a_link,
        as_a_hard_link,
        with_dots,
        as_a_subdataset,
        as_an_unquoted_subdataset,
        inside_an_archive,
    ],
)
def test_an_input_is_never_overwritten(tmp_path: Path, source: Callable[[Path], str]) -> None:
    scene = tmp_path / "scene.tif"
    scene.write_text("scene")
    with (
        pytest.raises(OutputError, match="overwrite an input"),
        OutputFiles(inputs=[source(scene)]) as files,
    ):
        files.add(scene)
    assert scene.read_text() == "scene"


def test_an_output_that_is_a_link_to_an_input_is_refused(tmp_path: Path) -> None:
    scene = tmp_path / "scene.tif"
    scene.write_text("scene")
    (tmp_path / "map.tif").symlink_to(scene)
    with pytest.raises(OutputError, match="overwrite an input"):
        OutputFiles(inputs=[scene]).add(tmp_path / "map.tif")


def test_a_companion_never_replaces_an_input(tmp_path: Path) -> None:
    (tmp_path / "map.qml").write_text("somebody's labels")
    with pytest.raises(OutputError, match="overwrite an input"):
        OutputFiles(inputs=[tmp_path / "map.qml"]).add_raster(tmp_path / "map.tif")


def test_inputs_that_are_no_files_do_not_stop_an_output(tmp_path: Path) -> None:
    inputs = ["PG:dbname=gis table=scene", "/vsicurl/https://example.org/scene.tif", "", "a\0b"]
    final = tmp_path / "map.tif"
    final.write_text("old")
    with OutputFiles(inputs) as files:
        files.add(final).write_text("new")
    assert final.read_text() == "new"


@pytest.mark.parametrize("second", ["map.tif", "MAP.tif", "../{folder}/map.tif"])
def test_two_outputs_of_one_name_are_refused(tmp_path: Path, second: str) -> None:
    files = OutputFiles()
    files.add(tmp_path / "map.tif")
    with pytest.raises(OutputError, match="overwrite another output"):
        files.add(tmp_path / second.format(folder=tmp_path.name))


def test_two_rasters_with_one_style_are_refused(tmp_path: Path) -> None:
    files = OutputFiles()
    files.add_raster(tmp_path / "map.tif")
    with pytest.raises(OutputError, match="overwrite another output"):
        files.add_raster(tmp_path / "map.tiff")


def test_names_that_differ_by_a_prefix_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "map.tif").write_text("old")
    with OutputFiles() as files:
        files.add(tmp_path / "map.tif").write_text("first")
        second = files.add(tmp_path / "old-map.tif")
        second.write_text("second")
        assert final_path(second).name == "old-map.tif"
    assert content(tmp_path) == {"map.tif": "first", "old-map.tif": "second"}


@pytest.mark.parametrize("path", ["", " ", "a\0b.tif"])
def test_what_is_no_file_name_is_refused(path: str) -> None:
    with pytest.raises(OutputError, match="Not a file name"):
        OutputFiles().add(path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"map\.tif: the folder .*nowhere does not exist"):
        OutputFiles().add(tmp_path / "nowhere" / "map.tif")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="does not exist"):
        OutputFiles().add(tmp_path / "file" / "map.tif")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="this is a folder"):
        OutputFiles().add(tmp_path)


def test_a_folder_in_the_place_of_a_companion_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "map.qml").mkdir()
    with pytest.raises(OutputError, match="map.qml: this is a folder"):
        OutputFiles().add_raster(tmp_path / "map.tif")


def test_special_files_are_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="not a regular file"):
        OutputFiles().add(pipe)


def test_a_name_too_long_for_the_file_system_is_an_error_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        OutputFiles().add(tmp_path / ("a" * 250 + ".tif"))


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of somebody whom permissions do stop, even if the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o777)


@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_an_error_before_the_work(ordinary_user: Path, exists: bool) -> None:
    folder = ordinary_user / "archive"
    folder.mkdir()
    if exists:
        (folder / "map.tif").write_text("keep")
    folder.chmod(0o555)
    with pytest.raises(OutputError, match=r"map\.tif: the folder cannot be written to"):
        OutputFiles().add(folder / "map.tif")


def test_a_write_protected_file_stays(ordinary_user: Path) -> None:
    final = ordinary_user / "map.tif"
    final.write_text("keep")
    final.chmod(0o444)
    code = "import os, sys; from mambahsi.outputs import OutputFiles;"
    if os.getuid() == 0:  # access() asks about the real user, which only a new process can be
        code += "os.setresuid(65534, 65534, 65534);"
        os.seteuid(0)
    code += "OutputFiles().add(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, final], env={"PYTHONPATH": str(CORE)}, capture_output=True
    )
    assert b"write-protected" in done.stderr
    assert final.read_text() == "keep"


def test_a_full_disk_is_told_with_the_final_name(tmp_path: Path) -> None:
    with OutputFiles() as files, pytest.raises(OutputError) as caught:
        temporary = files.add(tmp_path / "model.safetensors")
        temporary.write_text("")
        with writing(temporary):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(tmp_path / "model.safetensors") in caught.value.message
    assert "disk is full" in caught.value.message


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files acts as a full disk does, and needs no privileges."""
    (tmp_path / "model.bin").write_text("old")
    code = """
import resource, signal, sys
from mambahsi.outputs import OutputFiles, write_bytes
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
with OutputFiles() as files:
    write_bytes(files.add(sys.argv[1]), bytes(200_000))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model.bin"],
        env={"PYTHONPATH": str(CORE)},
        capture_output=True,
        text=True,
    )
    assert "model.bin: the disk is full" in done.stderr
    assert content(tmp_path) == {"model.bin": "old"}


def test_a_killed_process_leaves_only_names_that_say_whose_they_are(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from mambahsi.outputs import OutputFiles
with OutputFiles() as files:
    files.add(sys.argv[1]).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "map.tif"], env={"PYTHONPATH": str(CORE)}
    )
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "map.tif").exists()
    left = list(tmp_path.glob(f".mambahsi-{process.pid}-????????-*"))
    assert len(left) == len(list(tmp_path.iterdir())) == 1


def test_a_watchdog_removes_what_is_unfinished(tmp_path: Path) -> None:
    with OutputFiles() as done:
        done.add(tmp_path / "done.tif").write_text("done")
    (tmp_path / "map.tif").write_text("old")
    with (
        pytest.raises(OutputError, match=r"nothing was written|job was stopped"),
        OutputFiles() as files,
    ):
        files.add(tmp_path / "map.tif").write_text("half")
        watchdog = threading.Thread(target=outputs_module.remove_all)
        watchdog.start()
        watchdog.join()
        assert content(tmp_path) == {"done.tif": "done", "map.tif": "old"}
    outputs_module.remove_all()
    assert content(tmp_path) == {"done.tif": "done", "map.tif": "old"}


def test_an_output_added_after_the_watchdog_is_refused(tmp_path: Path) -> None:
    files = OutputFiles()
    files.remove_all()
    with pytest.raises(OutputError, match="job was stopped"):
        files.add(tmp_path / "late.tif")


def test_write_bytes_writes_all(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"\0\1" * 1000)
    assert (tmp_path / "a").read_bytes() == b"\0\1" * 1000
