"""The kernels of mamba-ssm: where they can be built, and what a build that fails leaves behind.

CUDA's compiler, a C++ compiler and the driver's program are scripts that answer as the real ones
do. The package is a small source distribution of the same name, whose own build script runs the
compiler that it is told to; pip and the build are real.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_engine import Small, digest, imported, write_wheel

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.feedback import CollectingFeedback
from mambahsi.installer import folders, kernel_tools, kernels, make, pip_settings, texts
from mambahsi.installer.causes import InstallError
from mambahsi.jobs import InstallJob
from mambahsi.runs.install import install

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="they are built on Linux alone")

BACKEND = """
import os, subprocess, zipfile

def build_wheel(folder, settings=None, metadata=None):
    import helper  # installed before, as ninja is
    assert os.environ["MAMBA_FORCE_BUILD"] == "TRUE"
    assert int(os.environ["MAX_JOBS"]) >= 1
    assert os.path.isdir(os.environ["CUDA_HOME"])
    flags = "-O3 -gencode arch=compute_75,code=sm_75 -gencode arch=compute_90,code=sm_90 'a b.cu'"
    subprocess.run(f"{os.environ['PYTORCH_NVCC']} {flags}", shell=True, check=True)
    name = "mamba_ssm-2.2.6.post3-py3-none-any.whl"
    information = "mamba_ssm-2.2.6.post3.dist-info"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("selective_scan_cuda.py", "version = 'built'\\n")
        wheel.writestr("mamba_ssm/__init__.py", "")
        wheel.writestr("mamba_ssm/ops/__init__.py", "")
        wheel.writestr("mamba_ssm/ops/selective_scan_interface.py", "")
        wheel.writestr(f"{information}/METADATA",
                       "Metadata-Version: 2.1\\nName: mamba-ssm\\nVersion: 2.2.6.post3\\n")
        wheel.writestr(f"{information}/WHEEL",
                       "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{information}/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def write_program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture()
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs: CUDA 13.0, a C++ compiler, and a card of capability 8.6."""
    for name in list(os.environ):
        if name.upper().startswith("PIP_") or name in ("CXX", "CUDA_PATH"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(kernel_tools, "_NVCC_PLACES", ())
    programs = tmp_path / "programs"
    nvcc = f'[ "$1" = --version ] && echo "release 13.0, V13.0.88" || echo "$@" >> {tmp_path}/calls'
    cuda = programs / "cuda 13"
    write_program(cuda / "bin" / "nvcc", nvcc)
    (cuda / "include").mkdir()
    (cuda / "include" / "cuda_runtime.h").touch()
    write_program(programs / "bin" / "c++", "exit 0")
    write_program(programs / "bin" / "nvidia-smi", "printf '8.6\\n8.6\\n'")
    monkeypatch.setenv("CUDA_HOME", str(cuda))
    monkeypatch.setenv("PATH", f"{programs / 'bin'}:/usr/bin:/bin")
    return programs


class Kernels(Small):
    """A small engine with PyTorch's build for CUDA, and a source of kernels that can be built."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.helper = write_wheel(self.wheels, "helper", "1.0")
        self.source(BACKEND)

    def source(self, backend: str) -> None:
        path = self.wheels / "mamba_ssm-2.2.6.post3.tar.gz"
        about = "Metadata-Version: 2.1\nName: mamba-ssm\nVersion: 2.2.6.post3\n"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in (
                ("pyproject.toml", PROJECT),
                ("backend.py", backend),
                ("PKG-INFO", about),
            ):
                entry = tarfile.TarInfo(f"mamba_ssm-2.2.6.post3/{name}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        (self.core / kernels.LOCK).write_text(
            f"helper==1.0 \\\n    --hash=sha256:{digest(self.helper)}\n"
            f"mamba-ssm==2.2.6.post3 \\\n    --hash=sha256:{digest(path)}\n"
        )

    def build(self, environment: Path) -> CollectingFeedback:
        feedback = CollectingFeedback()
        kernels.build(
            environment,
            make.interpreter(environment),
            kernels.tools("cuda"),
            str(self.wheels),
            self.core,
            feedback,
        )
        return feedback


@pytest.fixture()
def source(tmp_path: Path, computer: Path) -> Kernels:
    return Kernels(tmp_path)


@pytest.fixture()
def engine(source: Kernels, tmp_path: Path) -> Path:
    """An engine that is whole."""
    environment = tmp_path / "Profil mit Umläuten" / "engine-1"
    source.make(environment)
    return environment


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# Where they can be built ---------------------------------------------------------------------


def test_a_computer_with_everything(computer: Path) -> None:
    found = kernels.tools("cuda")
    assert found.problem == ""
    assert found.cuda == str(computer / "cuda 13")
    assert found.capabilities == ("8.6",)
    assert "8.6" in kernels.describe(found)


@pytest.mark.parametrize(
    ("problem", "break_it"),
    [
        ("nvcc", lambda computer: (computer / "cuda 13" / "bin" / "nvcc").unlink()),
        ("nvcc", lambda computer: (computer / "cuda 13/include/cuda_runtime.h").unlink()),
        (
            "cuda",
            lambda computer: write_program(
                computer / "cuda 13" / "bin" / "nvcc", "echo Cuda compilation tools, release 12.4"
            ),
        ),
        ("cuda", lambda computer: write_program(computer / "cuda 13/bin/nvcc", "exit 3")),
        ("compiler", lambda computer: os.environ.update(CXX="no-such-compiler")),
        ("card", lambda computer: write_program(computer / "bin" / "nvidia-smi", "exit 9")),
        ("card", lambda computer: write_program(computer / "bin" / "nvidia-smi", "echo 6.1")),
    ],
)
def test_what_is_missing_is_named(
    problem: str,
    break_it: Callable[[Path], object],
    computer: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXX", "c++")
    break_it(computer)
    found = kernels.tools("cuda")
    assert found.problem == problem
    said = kernels.describe(found)
    assert texts.NO_KERNELS[problem] in said
    if problem == "card":
        assert ("6.1" in said) == ("6.1" in (computer / "bin" / "nvidia-smi").read_text())
    if "12.4" in (computer / "cuda 13/bin/nvcc").read_text() if found.cuda else False:
        assert "CUDA 12.4" in said


def test_build_for_the_processor_has_no_use_for_them(computer: Path) -> None:
    assert kernels.tools("cpu").problem == "variant"


def test_missing_headers_of_python_are_named(
    computer: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert kernels.tools("cuda").problem == "headers"
    assert "python3-dev" in kernels.describe(kernels.tools("cuda"))


def test_nvcc_on_the_path_is_found(computer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_HOME")
    monkeypatch.setenv("PATH", f"{computer / 'cuda 13/bin'}:{os.environ['PATH']}")
    assert kernels.tools("cuda").cuda == str(computer / "cuda 13")


# The build -----------------------------------------------------------------------------------


def test_built_kernels_are_found_by_the_engine(
    source: Kernels, engine: Path, tmp_path: Path
) -> None:
    before = everything(engine)
    source.build(engine)
    assert kernels.are_there(engine)
    assert imported(engine, "selective_scan_cuda") == "built"
    assert imported(engine, "companion") == "1.0"
    # For the card of this computer alone, in words that a shell took apart as they were.
    assert (tmp_path / "calls").read_text() == ("-O3 a b.cu -gencode arch=compute_86,code=sm_86\n")
    after = everything(engine)
    added = set(after) - set(before)
    assert all(path.startswith("kernels/") or path.endswith(kernels.POINTER) for path in added)
    assert {path: after[path] for path in before} == before
    names = {path.name for path in engine.parent.iterdir()}
    assert names == {"engine-1", "install.lock"}
    assert any("already" in line for line in source.build(engine).logs)


def test_kernels_go_to_the_engines_python_whatever_runs_the_installer(
    source: Kernels, engine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As where the engine was made by Python 3.11, and the installer now runs in 3.12."""
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert kernels.tools("cuda", make.interpreter(engine)).problem == ""
    kernels.build(
        engine,
        make.interpreter(engine),
        kernels.tools("cuda", make.interpreter(engine)),
        str(source.wheels),
        source.core,
        CollectingFeedback(),
    )
    assert kernels.are_there(engine)
    assert imported(engine, "selective_scan_cuda") == "built"


@pytest.mark.parametrize("failure", ["compiler", "loading", "digest"])
def test_failed_build_leaves_the_engine_as_it_was(
    failure: str, source: Kernels, engine: Path, computer: Path
) -> None:
    if failure == "compiler":
        fails = '[ "$1" = --version ] || { echo bad kernel >&2; exit 2; }'
        nvcc = f'echo "release 13.0, V13.0.88"; {fails}'
        write_program(computer / "cuda 13" / "bin" / "nvcc", nvcc)
    elif failure == "loading":
        source.source(BACKEND.replace("version = 'built'", "raise ImportError('wrong symbols')"))
    else:
        source.source(BACKEND)
        (source.wheels / "mamba_ssm-2.2.6.post3.tar.gz").write_bytes(b"changed")
    before = everything(engine)
    with pytest.raises(InstallError) as told:
        source.build(engine)
    assert everything(engine) == before
    assert not kernels.are_there(engine)
    assert imported(engine, "companion") == "1.0"
    if failure == "digest":
        assert told.value.code == "install-hash"
        return
    assert told.value.code == "install-build"
    log = engine.parent / "downloads-kernels" / kernels.LOG
    assert {path.name for path in log.parent.iterdir()} == {log.name, folders.MARK}
    assert log.parent in folders.remains(engine.parent, engine)
    assert str(log) in told.value.message
    expected = "bad kernel" if failure == "compiler" else "wrong symbols"
    assert expected in log.read_text()
    source.source(BACKEND)
    write_program(computer / "cuda 13/bin/nvcc", 'echo "release 13.0, V13.0.88"')
    source.build(engine)
    assert kernels.are_there(engine)
    assert not log.exists()


def test_cancelled_build_leaves_the_engine_as_it_was(
    source: Kernels, engine: Path, computer: Path
) -> None:
    began = computer / "began"
    compiler = f"{{ echo $$ > {began}.part; mv {began}.part {began}; exec sleep 60; }}"
    write_program(
        computer / "cuda 13" / "bin" / "nvcc",
        f'[ "$1" = --version ] && echo "release 13.0" || {compiler}',
    )
    before = everything(engine)

    def cancel() -> None:
        while not began.exists():
            time.sleep(0.05)
        cancellation.request()

    threading.Thread(target=cancel, daemon=True).start()
    try:
        with pytest.raises(Cancelled):
            source.build(engine)
    finally:
        cancellation.reset()
    assert everything(engine) == before
    assert folders.stamp(engine) is not None
    end = time.monotonic() + 20
    while Path(f"/proc/{began.read_text().strip()}/exe").exists():
        assert time.monotonic() < end, "the compiler goes on"
        time.sleep(0.05)


def test_job_installs_the_engine_whatever_becomes_of_the_kernels(
    source: Kernels, tmp_path: Path, computer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "core_folder", lambda: source.core)
    target = tmp_path / "engine-2"
    job = InstallJob(str(target), "cuda", str(source.wheels), mamba_ssm=True)
    write_program(computer / "bin" / "nvidia-smi", "exit 9")
    feedback = CollectingFeedback()
    told = install(job, feedback)
    assert told["mamba_ssm"].startswith("cannot be built: no NVIDIA graphics card")
    assert any("engine works without them" in text for text in feedback.warnings)
    assert folders.stamp(target) is not None
    write_program(computer / "bin" / "nvidia-smi", "echo 8.6")
    source.source("raise SystemExit('broken script')")
    assert install(job, feedback)["mamba_ssm"].startswith("failed: ")
    source.source(BACKEND)
    plan = install(InstallJob(str(target), "cuda", mamba_ssm=True, plan_only=True), feedback)
    assert plan["mamba_ssm"].startswith("can be built")
    assert install(job, feedback)["mamba_ssm"] == "built"
    assert feedback.fractions[-1] == 1.0


def test_lock_of_the_kernels_is_exact() -> None:
    core = Path(make.core_folder())
    lines = (core / kernels.LOCK).read_text(encoding="utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line and not line.startswith((" ", "#")):
            assert "==" in line and following.strip().startswith("--hash=sha256:"), line
    names = {line.partition("==")[0] for line in lines if line[:1].isalpha()}
    assert {kernels.NAME, "einops", "ninja", "transformers", "wheel"} <= names
    engine = (core / "requirements.lock").read_text(encoding="utf-8")
    assert not [name for name in names if f"\n{name}==" in engine]
    assert pip_settings.PLACES


def test_downloads_of_the_user_are_spared(source: Kernels, engine: Path) -> None:
    """A folder that happens to have the name of ours, beside an engine anywhere on the disk."""
    precious = engine.parent / "downloads-kernels"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    before = everything(engine)
    with pytest.raises(folders.Foreign, match="downloads-kernels"):
        source.build(engine)
    assert (precious / "thesis.txt").read_text() == "years"
    assert everything(engine) == before
