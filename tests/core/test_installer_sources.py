"""Where the engine's packages come from: PyPI, a user's own index, PyTorch's; whose word counts.

Indexes are folders of files, or servers of this process; pip, its settings and the wheels are real.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_engine import Small, digest, imported, nothing_left, write_wheel

from mambahsi.installer import bootstrap, commands, make, pip_settings
from mambahsi.installer import requirements as locked
from mambahsi.installer.causes import InstallError

CORE = Path(make.core_folder())
LEADING_ASTRAY = """[global]
target = {place}/target
prefix = {place}/prefix
root = {place}/root
user = true
require-virtualenv = true
no-deps = false
constraint = {place}/missing.txt
log = {place}/log
dry-run = true
python = {place}/missing
timeout = 7

[install]
target = {place}/target
ignore-installed = true
report = {place}/report.json
"""


@pytest.fixture()
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


@pytest.fixture()
def environment(tmp_path: Path) -> Path:
    return tmp_path / "Profil mit Umläuten" / "engine-1"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without settings of pip, whatever this computer's are; gives the file for them."""
    for name in list(os.environ):
        if name.upper().startswith("PIP_"):
            monkeypatch.delenv(name)
    file = tmp_path / "pip.conf"
    file.touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setattr(pip_settings, "_of_system", lambda environment: iter(()))
    return file


def write_index(folder: Path, *wheels: Path) -> str:
    """A simple index in a folder; gives its address."""
    for wheel in wheels:
        project = folder / wheel.name.split("-")[0]
        project.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, project)
        with (project / "index.html").open("a") as page:
            page.write(f'<a href="{wheel.name}">{wheel.name}</a><br>\n')
    return folder.as_uri()


@pytest.fixture()
def torchs_index(small: Small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """PyTorch's own index as a folder, with the build that the lock names."""
    wheel = write_wheel(tmp_path / "own", "torch", "2.13.0+cpu")
    small.own(wheel)
    monkeypatch.setattr(locked, "TORCH_INDEX", f"{tmp_path.as_uri()}/torchs/")
    write_index(tmp_path / "torchs" / "cpu", wheel)
    return wheel


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="which index has it differs")


@on_linux
def test_pytorch_comes_from_its_own_index_with_our_digest(
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = write_index(tmp_path / "index", small.companion)
    monkeypatch.setenv("PIP_INDEX_URL", index)
    small.make(environment, wheels=False)
    assert imported(environment, "torch") == "2.13.0+cpu"
    assert imported(environment, "companion") == "1.0"


@on_linux
def test_changed_pytorch_is_refused(
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", write_index(tmp_path / "index", small.companion))
    write_wheel(tmp_path / "torchs" / "cpu" / "torch", "torch", "2.13.0+cpu", size=101)
    with pytest.raises(InstallError) as told:
        small.make(environment, wheels=False)
    assert told.value.code == "install-hash"
    assert nothing_left(environment)


def test_changed_pytorch_is_refused_in_a_folder_of_wheels(small: Small, environment: Path) -> None:
    write_wheel(small.wheels, "torch", "2.13.0", size=101)
    with pytest.raises(InstallError) as told:
        small.make(environment)
    assert told.value.code == "install-hash"
    assert nothing_left(environment)


@on_linux
def test_an_index_of_ones_own_is_asked_first_for_pytorch(
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has everything, and nothing else can be reached."""
    monkeypatch.setattr(locked, "TORCH_INDEX", "http://127.0.0.1:9/whl/")
    index = write_index(tmp_path / "index", small.companion, torchs_index)
    monkeypatch.setenv("PIP_INDEX_URL", index)
    small.make(environment, wheels=False)
    assert imported(environment, "torch") == "2.13.0+cpu"


@on_linux
def test_what_neither_index_has_is_named(
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locked, "TORCH_INDEX", "http://127.0.0.1:9/whl/")
    index = write_index(tmp_path / "index", small.companion)
    monkeypatch.setenv("PIP_INDEX_URL", index)
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(InstallError) as told:
        small.make(environment, wheels=False)
    assert told.value.code == "install-network"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    lacking = f"torch 2.13.0+cpu for Python {version} on linux {platform.machine()}"
    assert f"{index} does not have {lacking}" in told.value.message
    assert "127.0.0.1:9/whl/cpu" in told.value.message
    assert "added to your package index" in told.value.hint


@on_linux
def test_without_a_digest_pytorchs_index_states_it(
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For this Python the lock has none; pip then compares with the page's."""
    small.own(torchs_index, python="3.99")
    monkeypatch.setenv("PIP_INDEX_URL", write_index(tmp_path / "index", small.companion))
    # Others have that version, too, without a word on its digest.
    other = write_wheel(tmp_path / "other", "torch", "2.13.0+cpu", size=101)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", write_index(tmp_path / "more", other))
    monkeypatch.setenv("PIP_FIND_LINKS", str(other.parent))
    page = tmp_path / "torchs" / "cpu" / "torch" / "index.html"
    link = f'<a href="{torchs_index.name}#sha256={{}}">{torchs_index.name}</a>'
    page.write_text(link.format("0" * 64))
    with pytest.raises(InstallError) as told:
        small.make(environment, wheels=False)
    assert told.value.code == "install-hash"
    page.write_text(link.format(digest(torchs_index)))
    small.make(environment, wheels=False)
    [torch] = environment.rglob("torch.py")
    with zipfile.ZipFile(torchs_index) as wheel:
        assert torch.read_bytes() == wheel.read("torch.py")
    # The others still count for what has a digest.
    shutil.rmtree(environment)
    monkeypatch.setenv("PIP_INDEX_URL", write_index(tmp_path / "empty"))
    monkeypatch.setenv("PIP_FIND_LINKS", small.wheels.as_uri())
    small.make(environment, wheels=False)
    assert imported(environment, "companion") == "1.0"


def test_lock_of_pytorchs_own_builds() -> None:
    """One entry a computer, each found by that computer; the versions are those of the lock."""
    lock = (CORE / locked.TORCH_LOCK).read_text(encoding="utf-8")
    version = locked.torch_version((CORE / "requirements.lock").read_text(encoding="utf-8"))
    pattern = (
        rf"(?m)^torch=={re.escape(version)}\+(cpu|cu130) ; sys_platform == '(linux|win32)' and "
        r"platform_machine == '(x86_64|aarch64|AMD64)' and python_version == '(3\.1[0-3])' \\\n"
        r"    --hash=sha256:([0-9a-f]{64})$"
    )
    entries = re.findall(pattern, lock)
    assert len(entries) == lock.count("torch==") >= 9
    assert len({entry[-1] for entry in entries}) == len({entry[:-1] for entry in entries})
    assert all((build == "cpu") == (system == "linux") for build, system, *_ in entries)


def test_entry_is_that_of_the_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = (CORE / locked.TORCH_LOCK).read_text(encoding="utf-8")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    assert "platform_machine == 'aarch64' and python_version == '3.13'" in locked.own_entry(
        lock, "cpu"
    )
    assert locked.own_entry(lock, "cuda") == ""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    assert locked.own_entry(lock, "cpu") == ""


@pytest.mark.parametrize("wheels", [True, False])
def test_settings_that_lead_pip_elsewhere_do_not_count(
    wheels: bool,
    small: Small,
    environment: Path,
    torchs_index: Path,
    tmp_path: Path,
    own_settings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real file, read by a real pip, and variables of the same names."""
    place = tmp_path / "elsewhere"
    place.mkdir()
    index = write_index(tmp_path / "index", small.companion, torchs_index)
    if sys.platform != "linux":
        write_index(tmp_path / "index", small.wheels / "torch-2.13.0-py3-none-any.whl")
    text = LEADING_ASTRAY.format(place=place) + f"index-url = {index}\n"
    own_settings.write_text(text, encoding="utf-8")
    for name in ("TARGET", "PREFIX", "ROOT", "SRC"):
        monkeypatch.setenv(f"PIP_{name}", str(place / name))
    for name in ("USER", "REQUIRE_VIRTUALENV", "DRY_RUN", "NO_INDEX" if wheels else "QUIET"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    small.make(environment, wheels=wheels)
    assert imported(environment, "companion") == "1.0"
    assert list(place.iterdir()) == []


def test_pip_itself_obeys_such_settings(small: Small, tmp_path: Path, own_settings: Path) -> None:
    """Otherwise the test above would show nothing."""
    own_settings.write_text(f"[global]\ntarget = {tmp_path}/target\n", encoding="utf-8")
    [wheel] = small.wheels.glob("companion*")
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode:
        pytest.skip("this Python has no pip")
    command = [*own, "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "target" / "companion.py").exists()


def test_what_counts_of_pips_settings(tmp_path: Path) -> None:
    """In pip's own order: files, their section for install, then variables."""
    first, second = tmp_path / "first.conf", tmp_path / "second.conf"
    first.write_text(
        "[global]\nindex-url = https://first.example/simple\nextra_index_url =\n    a\n    b\n"
        "[install]\ntimeout = 3\nfind-links = x\n[download]\nretries = 9\n"
    )
    second.write_text("[global]\n--index-url = https://second.example/simple\ntimeout = 9\n")
    broken = tmp_path / "broken.conf"
    broken.write_text("no section\n")
    variables = {"PIP_PROXY": "http://proxy.example", "PIP_FIND_LINKS": "", "PIP_TARGET": "y"}
    places = [first, tmp_path / "missing", broken, second]
    assert pip_settings.read(variables, places) == {
        "index-url": "https://second.example/simple",
        "extra-index-url": "\na\nb",
        "timeout": "3",
        "find-links": "x",
        "proxy": "http://proxy.example",
    }
    assert pip_settings.variables({"index-url": "i", "cert": "c"}, with_places=False) == {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CERT": "c",
    }
    assert pip_settings.files({"PIP_CONFIG_FILE": os.devnull}) == []
    assert pip_settings.files({"PIP_CONFIG_FILE": "x", "HOME": "/h"})[-1] == Path("x")


def test_environment_of_commands_is_clean() -> None:
    found = commands.environment({"PIP_TARGET": "x", "PYTHONPATH": "y", "HOME": "z"})
    assert found["HOME"] == "z"
    assert not {"PIP_TARGET", "PYTHONPATH"} & set(found)


# pip itself, where Python has none ---------------------------------------------------------------


@pytest.fixture()
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python as a bare Debian has it: without ensurepip, pip, and the distribution's wheels."""
    monkeypatch.setattr(bootstrap, "_bundled", lambda: iter(()))
    monkeypatch.setattr(bootstrap, "own_pip", lambda path=None: False)


class Index(http.server.SimpleHTTPRequestHandler):
    """A simple index in a folder that asks for a user."""

    seen: list[tuple[str, str]] = []  # noqa: RUF012
    user = ""
    breaks = False

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        self.seen.append((self.path, given))
        if self.user and given != f"Basic {base64.b64encode(self.user.encode()).decode()}":
            self.send_error(401)
            return
        if self.breaks and self.path.endswith(".whl"):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half")
            return
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture()
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of an index with a stand-in for the known wheel of pip; gives its host."""
    content = b"a wheel of pip"
    folder = tmp_path / "served" / "simple" / "pip"
    folder.mkdir(parents=True)
    (folder / bootstrap.WHEEL).write_bytes(content)
    (folder / "index.html").write_text(f'<a href="./{bootstrap.WHEEL}#sha256=0">pip</a>')
    monkeypatch.setattr(bootstrap, "DIGEST", hashlib.sha256(content).hexdigest())
    handler = functools.partial(Index, directory=str(tmp_path / "served"))
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    monkeypatch.setattr(Index, "seen", [])
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()


def test_pip_is_fetched_from_pypi_where_nothing_is_configured(
    no_pip: None, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locked.PYPI == "https://pypi.org/simple/"
    monkeypatch.setattr(bootstrap, "PYPI", f"http://{served}/simple/")
    found = bootstrap.find_pip(Path("python"), tmp_path, "", pip_settings.read())
    assert found == ["python", str(tmp_path / bootstrap.WHEEL / "pip")]
    assert [path for path, _ in Index.seen] == ["/simple/pip/", f"/simple/pip/{bootstrap.WHEEL}"]
    bootstrap.find_pip(Path("python"), tmp_path, "")
    assert len(Index.seen) == 2  # kept


def test_index_of_pips_own_configuration_comes_first(
    no_pip: None, served: str, tmp_path: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "PYPI", "http://127.0.0.1:9/simple/")
    own_settings.write_text(f"[global]\nindex-url = http://{served}/simple\n")
    bootstrap.find_pip(Path("python"), tmp_path, "", pip_settings.read())
    assert (tmp_path / bootstrap.WHEEL).is_file()


@pytest.mark.parametrize("place", ["address", "netrc"])
def test_index_that_asks_for_a_user(
    place: str, no_pip: None, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "user", "anna:p@ss")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login anna password p@ss\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc if place == "netrc" else tmp_path / "none"))
    user = "anna:p%40ss@" if place == "address" else ""
    known = {"index-url": f"http://{user}{served}/simple/"}
    bootstrap.find_pip(Path("python"), tmp_path, "", known)
    assert (tmp_path / bootstrap.WHEEL).is_file()
    monkeypatch.setattr(Index, "user", "somebody:else")
    (tmp_path / bootstrap.WHEEL).unlink()
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", known)
    assert told.value.code == "install-login"
    assert ".netrc" in told.value.hint
    assert "p@ss" not in str(told.value) and "p%40ss" not in str(told.value)
    assert "python3-venv" in told.value.hint


def test_password_goes_nowhere_unencrypted(served: str) -> None:
    """An index that is asked by https, whose page links to a file at the same host by http."""
    file = f"http://{served}/simple/pip/{bootstrap.WHEEL}"
    bootstrap._fetch(file, f"https://anna:secret@{served}/simple/", {})
    bootstrap._fetch(file, f"http://anna:secret@{served}/simple/", {})
    assert [bool(user) for _, user in Index.seen] == [False, True]


def test_address_without_a_scheme_is_told_without_its_password(
    no_pip: None, tmp_path: Path
) -> None:
    known = {"index-url": "anna:p@ss@packages.example/simple"}
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", known)
    assert told.value.code == "install-index"
    assert "https://" in told.value.message
    assert "ss@" not in f"{told.value} {told.value.__cause__}"


def test_download_that_breaks_off_is_told_like_any_network(
    no_pip: None, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Index, "breaks", True)
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", {"index-url": f"http://{served}/simple"})
    assert told.value.code == "install-network"
    assert not (tmp_path / bootstrap.WHEEL).exists()


def test_address_that_http_has_no_words_for_is_told_like_any_index(
    no_pip: None, tmp_path: Path
) -> None:
    known = {"index-url": "http://127.0.0.1:port/simple"}
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", known)
    assert told.value.code == "install-index"


def test_missing_file_of_certificates_is_named(no_pip: None, served: str, tmp_path: Path) -> None:
    known = {"index-url": f"http://{served}/simple", "cert": str(tmp_path / "company.pem")}
    with pytest.raises(InstallError, match=r"company\.pem") as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", known)
    assert told.value.code != "install-index"


def test_changed_pip_is_refused(
    no_pip: None, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "DIGEST", "0" * 64)
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", {"index-url": f"http://{served}/simple"})
    assert told.value.code == "install-hash"
    assert not (tmp_path / bootstrap.WHEEL).exists()


@pytest.mark.parametrize("offline", ["folder", "setting"])
def test_no_pip_is_fetched_where_no_network_is_wanted(
    offline: str, no_pip: None, tmp_path: Path
) -> None:
    wheels, known = (str(tmp_path), {}) if offline == "folder" else ("", {"no-index": "true"})
    with pytest.raises(InstallError, match="without pip") as told:
        bootstrap.find_pip(Path("python"), tmp_path, wheels, known)
    assert told.value.code == "install-pip"
    assert bootstrap.WHEEL in told.value.hint


def test_socks_proxy_is_named(
    no_pip: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "socks5h://127.0.0.1:9")
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", {"index-url": "https://example.invalid"})
    assert told.value.code == "install-socks"


def test_unreachable_index_is_told_like_any_network(no_pip: None, tmp_path: Path) -> None:
    with pytest.raises(InstallError) as told:
        bootstrap.find_pip(Path("python"), tmp_path, "", {"index-url": "http://127.0.0.1:9/s"})
    assert told.value.code == "install-network"
