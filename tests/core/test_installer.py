"""Making an engine's environment: with real pip, real wheels, real kills, and small packages.

The packages are two wheels of a few bytes in place of PyTorch and its companions, and the engine
that verifies itself is a file that tells its name; everything else is what users run.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from other_users import cannot_run
from small_engine import Small, imported, nothing_left, write_wheel

from mambahsi import cancellation
from mambahsi.errors import Cancelled
from mambahsi.feedback import CollectingFeedback
from mambahsi.installer import (
    bootstrap,
    causes,
    commands,
    folders,
    make,
    pip,
    requirements,
    variants,
)
from mambahsi.installer.causes import InstallError
from mambahsi.jobs import InstallJob
from mambahsi.runs.install import install

CORE = Path(make.core_folder())
PROGRAM = """
import sys
from pathlib import Path
from mambahsi.feedback import Feedback
from mambahsi.installer import make
make.make(Path(sys.argv[1]), "cpu", sys.argv[2], Path(sys.argv[3]), Feedback())
"""


@pytest.fixture()
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


@pytest.fixture()
def environment(tmp_path: Path) -> Path:
    return tmp_path / "Profil mit Umläuten" / "engine-1"


@pytest.fixture(autouse=True)
def go_on() -> Iterator[None]:
    yield
    cancellation.reset()


def test_an_engine_is_made_from_a_folder_of_wheels(small: Small, environment: Path) -> None:
    feedback = small.make(environment)
    assert imported(environment, "torch") == "2.13.0"
    assert imported(environment, "companion") == "1.0"
    stamp = folders.stamp(environment)
    assert stamp is not None
    assert stamp["variant"] == "cpu"
    assert stamp["packages"] == folders.digest(small.core)
    assert {path.name for path in environment.parent.iterdir()} == {"engine-1", "install.lock"}
    assert feedback.fractions == sorted(feedback.fractions)
    # pip is a guest: it leaves no trace in the environment.
    assert not list(environment.rglob("pip-*"))


def test_a_whole_engine_is_left_alone(small: Small, environment: Path) -> None:
    small.make(environment)
    before = (environment / folders.STAMP).stat().st_mtime_ns
    assert any("already" in line for line in small.make(environment).logs)
    assert (environment / folders.STAMP).stat().st_mtime_ns == before


def test_an_engine_whose_python_has_gone_is_made_anew(small: Small, environment: Path) -> None:
    """As when the system, or QGIS, brings another Python than the one it was made from."""
    small.make(environment)
    python = make.interpreter(environment)
    for name in python.parent.glob("python*"):
        name.unlink()
    python.symlink_to(environment / "gone")
    feedback = small.make(environment)
    assert any("made anew" in text for text in feedback.warnings)
    assert imported(environment, "companion") == "1.0"


# What is not ours to remove -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "environment", "downloads", "file"])
def test_what_the_user_has_is_not_replaced(
    kind: str, small: Small, environment: Path, tmp_path: Path
) -> None:
    """An environment made by hand, a project with one in its root, downloads of one's own."""
    precious = environment
    if kind == "downloads":
        precious = environment.with_name(f"downloads-{environment.name}")
    if kind == "environment":
        bare = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
        subprocess.run(bare, check=True)
    thesis = precious if kind == "file" else precious / "thesis.txt"
    thesis.parent.mkdir(parents=True, exist_ok=True)
    thesis.write_text("years")
    before = {path for path in environment.parent.rglob("*") if path.is_file()}
    with pytest.raises(InstallError, match="not made by this installer") as told:
        small.make(environment)
    assert told.value.code == "install-folder"
    assert str(precious) in told.value.message
    assert thesis.read_text() == "years"
    lock = environment.parent / "install.lock"
    assert {path for path in environment.parent.rglob("*") if path.is_file()} == before | {lock}


def test_the_python_that_runs_is_not_replaced(
    small: Small, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where it is an engine of ours, which does not start any more."""
    small.make(environment)
    make.interpreter(environment).unlink()
    monkeypatch.setattr(sys, "prefix", str(environment))
    with pytest.raises(InstallError, match="holds the Python") as told:
        small.make(environment)
    assert told.value.code == "install-folder"
    assert folders.stamp(environment) is not None


@pytest.mark.parametrize("left", ["nothing", "mark", "stamp", "name"])
def test_what_is_ours_is_made_anew(
    left: str, small: Small, environment: Path, tmp_path: Path
) -> None:
    if left == "name":
        environment = environment.with_name("engine-0123456789ab")
    environment.mkdir(parents=True)
    if left == "mark":
        folders.claim(environment)
    if left == "stamp":
        # A whole engine that lost the one file by which Python knows an environment.
        small.make(environment)
        (environment / "pyvenv.cfg").unlink()
        (environment / folders.MARK).unlink()
    if left != "nothing":
        (environment / "half.py").touch()
    small.make(environment)
    assert imported(environment, "companion") == "1.0"
    assert not (environment / "half.py").exists()


def test_only_a_lock_that_somebody_holds_is_called_busy(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.close(descriptor)
    with pytest.raises(OSError, match="descriptor") as told:
        folders._take(descriptor)
    assert not isinstance(told.value, folders.Busy)


@pytest.mark.parametrize(("version", "usable"), [("22.0.2", False), ("22.3", True), ("26.3", True)])
def test_a_pip_that_knows_its_own_environment_only_is_not_taken(
    tmp_path: Path, version: str, usable: bool
) -> None:
    assert not bootstrap.own_pip([str(tmp_path)])
    information = tmp_path / f"pip-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pip\nVersion: {version}\n")
    assert bootstrap.own_pip([str(tmp_path)]) is usable


def test_a_folder_too_deep_for_windows_is_refused_before_the_download() -> None:
    local = Path("C:/Users/somebody/AppData/Local/mambahsi/engine-0123456789ab")
    make.check_length(local, has_long_paths=False)
    roaming = "C:/Users/somebody/AppData/Roaming/QGIS/QGIS3/profiles/default/mambahsi"
    profile = Path(roaming) / local.name
    make.check_length(profile, has_long_paths=True)
    with pytest.raises(InstallError, match="of 259 characters") as told:
        make.check_length(profile, has_long_paths=False)
    assert told.value.code == "install-path"
    assert "long paths" in told.value.hint


def test_a_changed_package_is_refused(small: Small, environment: Path) -> None:
    write_wheel(small.wheels, "companion", "1.0", size=101)
    with pytest.raises(InstallError) as told:
        small.make(environment)
    assert told.value.code == "install-hash"
    assert nothing_left(environment)


def test_an_engine_that_does_not_work_is_not_used(small: Small, environment: Path) -> None:
    small.verdict("print('mambahsi: torch is broken'); sys.exit(1)")
    with pytest.raises(InstallError, match="torch is broken") as told:
        small.make(environment)
    assert told.value.code == "install-verify"
    assert nothing_left(environment)
    small.verdict("pass")
    small.make(environment)
    assert folders.stamp(environment) is not None


def test_a_missing_package_names_platform(small: Small, environment: Path) -> None:
    small.companion.unlink()
    with pytest.raises(InstallError) as told:
        small.make(environment)
    assert told.value.code == "install-platform"
    assert "folder of wheels" in told.value.hint


def start(small: Small, environment: Path, **options: Any) -> subprocess.Popen[bytes]:
    surroundings = {**os.environ, "PYTHONPATH": str(CORE)}
    arguments = [str(environment), str(small.wheels), str(small.core)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=surroundings,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


STEPS: dict[str, Callable[[Path], object]] = {
    "created": lambda environment: (environment / "pyvenv.cfg").exists(),
    "half installed": lambda environment: list(environment.rglob("torch.py")),
    "verifying": lambda environment: list(environment.rglob("companion-1.0.dist-info/RECORD")),
}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_attempt_succeeds(
    small: Small, environment: Path, step: str
) -> None:
    small.verdict("import time; time.sleep(2)")
    process = start(small, environment)
    wait_until(lambda: STEPS[step](environment))
    process.kill()
    process.wait()
    assert folders.stamp(environment) is None
    small.verdict("pass")

    def again() -> bool:
        # What the killed one had started still holds the lock until it ends.
        try:
            small.make(environment)
        except InstallError as error:
            assert error.code == "install-busy"
            return False
        return True

    wait_until(again)
    assert imported(environment, "companion") == "1.0"


def test_two_at_once_one_installs_and_the_other_is_told(small: Small, environment: Path) -> None:
    small.verdict("import time; time.sleep(1)")
    first = start(small, environment)
    wait_until(lambda: (environment / "pyvenv.cfg").exists())
    with pytest.raises(InstallError) as told:
        small.make(environment)
    assert told.value.code == "install-busy"
    assert first.wait(60) == 0
    assert folders.stamp(environment) is not None


def test_cancel_stops_it_and_leaves_nothing(small: Small, environment: Path) -> None:
    small.verdict("import time; time.sleep(60)")

    def cancel() -> None:
        wait_until(lambda: list(environment.rglob("companion-1.0.dist-info/RECORD")))
        cancellation.request()

    threading.Thread(target=cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        small.make(environment)
    assert time.monotonic() - began < 50
    assert nothing_left(environment)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount")
def test_a_full_disk_is_named_and_room_makes_it_work(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system in memory cannot be mounted here")
    try:
        environment = disk / "engine-1"
        with pytest.raises(InstallError, match="free") as told:
            small.make(environment)
        assert told.value.code == "install-space"
        # The check of the room cannot know what others write meanwhile.
        for sizes in (requirements.INSTALLED, requirements.DOWNLOADED):
            monkeypatch.setitem(sizes, "cpu", 1)
        monkeypatch.setattr(make, "SPARE", 1)
        small.lock(write_wheel(small.wheels, "torch", "2.13.0", size=4 * 2**20), small.companion)
        with pytest.raises(InstallError) as told:
            small.make(environment)
        assert told.value.code == "install-space"
        assert folders.stamp(environment) is None
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        small.make(environment)
        assert folders.stamp(environment) is not None
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX")
def test_a_read_only_folder_is_named(small: Small, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    user = {}
    if os.geteuid() == 0:
        if cannot_run():
            pytest.skip(f"root ignores permissions, and {cannot_run()}")
        # Root ignores permissions.
        user = {"user": 65534, "group": 65534, "extra_groups": []}
        for path in (tmp_path, *tmp_path.parents):
            if path.owner() == "root" and path != Path("/") and path != Path("/tmp"):
                path.chmod(path.stat().st_mode | 0o055)
    process = start(small, locked / "mambahsi" / "engine-1", **user)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"Permission denied" in said
    assert b"InstallError" in said


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers every request with one status."""

    status = 503

    def do_GET(self) -> None:
        self.send_error(self.status)

    do_CONNECT = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture()
def server() -> Iterator[str]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()


def ask_pip(index: str, **environment: str) -> str:
    """What pip says when it is to install from an index that does not work."""
    command = [sys.executable, "-m", "pip", "--retries", "1", "--timeout", "3", "download"]
    options = ["--isolated", "--no-deps", "--index-url", index, "companion==1.0"]
    if shutil.which("pip") is None and subprocess.run([*command[:3], "--version"]).returncode:
        pytest.skip("this Python has no pip")
    surroundings = {**commands.environment(), **environment}
    surroundings["no_proxy"] = surroundings["NO_PROXY"] = ""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "pip.log"
        status, said = commands.run([*command, "--log", str(log), *options], surroundings)
        assert status
        return "\n".join([*pip.unheard(log), said])


def test_causes_are_found_in_what_pip_says(server: str) -> None:
    """pip's own words, for an index that is not there, one that is broken, and a bad proxy."""
    closed = "http://127.0.0.1:9/simple"
    assert causes.failure("x", ask_pip(closed)).code == "install-network"
    refused = causes.failure("x", ask_pip("https://example.invalid/simple", https_proxy=server))
    assert refused.code == "install-proxy"
    broken = causes.failure("x", ask_pip(f"{server}/simple"))
    assert broken.code == "install-index"
    assert all(error.hint for error in (refused, broken))


@pytest.mark.parametrize("status", [401, 403])
def test_index_that_lets_nobody_in_is_told_apart_in_what_pip_says(
    status: int, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refusing, "status", status)
    refused = causes.failure("x", ask_pip(f"{server}/simple"))
    assert refused.code == "install-login"
    assert ".netrc" in refused.hint


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "space"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", "tls"),
        (
            "Could not find a version that satisfies\nERROR: No matching distribution found",
            "platform",
        ),
        ("[WinError 5] Access is denied: 'c:\\\\x.pyd'", "permission"),
        ("InvalidSchema: Missing dependencies for SOCKS support.", "socks"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 2] No such file or "
            "directory: 'C:\\\\a'\nHINT: This error might have occurred since this system does not "
            "have Windows Long Path support enabled.",
            "path",
        ),
        # The effect comes last; the cause is what counts.
        (
            "WARNING: Retrying: NameResolutionError: Failed to resolve\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "network",
        ),
        (
            "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))\n"
            "ERROR: Could not find a version that satisfies the requirement",
            "proxy",
        ),
    ],
)
def test_the_cause_comes_before_the_effect(said: str, cause: str) -> None:
    found = causes.classify(said)
    assert found is not None
    assert found.name == cause


def test_passwords_stay_out_of_the_log(small: Small, environment: Path) -> None:
    said = commands.without_passwords("Looking in https://user:s3cret@host/simple, http://a.b/c")
    assert said == "Looking in https://***@host/simple, http://a.b/c"
    said = commands.without_passwords("https://user:p@ss@host/simple and me@home")
    assert said == "https://***@host/simple and me@home"
    status, printed = commands.run(
        [sys.executable, "-c", "print('http://me:s3cret@host/')"], dict(os.environ)
    )
    assert (status, printed) == (0, "http://***@host/")


def test_lock_file_is_split_into_torch_and_the_rest() -> None:
    lock = (CORE / "requirements.lock").read_text(encoding="utf-8")
    torch, others = requirements.split_lock(lock)
    assert torch.startswith("torch==")
    assert requirements.torch_version(lock) in torch
    assert torch.count("--hash=") == lock.count("--hash=") - others.count("--hash=") > 10
    assert "\nnumpy==" in "\n" + others
    assert "torch==" not in others


def test_every_package_of_the_locks_has_digests() -> None:
    for name in ("requirements.lock", "requirements-cuda.lock", "requirements-torch.lock"):
        lines = (CORE / name).read_text(encoding="utf-8").splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if line and not line.startswith((" ", "#")):
                assert following.strip().startswith("--hash=sha256:"), line


def test_plan_tells_room_and_makes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "not yet" / "engine-1"
    plan = install(InstallJob(str(target), variant="cpu", plan_only=True), CollectingFeedback())
    assert plan["needed"] > plan["installed"] + plan["download"]
    assert plan["free"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    assert json.loads(json.dumps(plan)) == plan
    assert not target.parent.exists()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("NVIDIA H100 80GB HBM3, 580.65.06", "cuda"),
        ("NVIDIA GeForce RTX 4090, 595.10", "cuda"),
        ("NVIDIA T4, 535.183.01", "cpu"),
        ("", "cpu"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="a program in place of the driver's")
def test_build_follows_the_driver(
    told: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{told}'\n" if told else "#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    chosen = variants.choose("auto")
    assert chosen.name == expected
    if "535" in told:
        assert "535.183.01" in chosen.reason
        assert "580" in chosen.reason
    assert variants.choose("cpu").name == "cpu"


def test_what_may_be_cleaned_spares_the_engine_in_use(small: Small, environment: Path) -> None:
    small.make(environment)
    parent = environment.parent
    for name in ("engine-0", "removed-1", "downloads", "somebody's"):
        (parent / name).mkdir()
    assert {path.name for path in folders.remains(parent, environment)} == {
        "engine-0",
        "removed-1",
        "downloads",
    }
    assert environment in folders.remains(parent, parent / "engine-2")
    folders.remove(environment)
    assert not environment.exists()


def test_worker_obeys_cancel_and_end_of_input(small: Small, tmp_path: Path) -> None:
    """As QGIS runs it: a job file, a line on standard input, exit status 130."""
    job = tmp_path / "job.json"
    target = tmp_path / "engine-1"
    job.write_text(json.dumps({"job": "install", "folder": str(target), "variant": "cpu"}))
    index = "http://127.0.0.1:9/simple"
    surroundings = {**os.environ, "PYTHONPATH": str(CORE), "PIP_INDEX_URL": index}
    surroundings |= {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_RETRIES": "50"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mambahsi.worker", str(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings,
    )
    wait_until(lambda: (target / "pyvenv.cfg").exists())
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 130
    assert folders.stamp(target) is None
