"""Scan the plugin as the plugin repository scans an upload: the zip, unpacked, and nothing else.

Any finding of bandit or detect-secrets blocks a version there; flake8 is advice. Here each of
them fails. Their configuration is what lies in the zip (``.bandit``), because the repository sees
no other; what is accepted in single lines stands there with its reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import assemble_plugin


def bandit(folder: Path) -> list[str]:
    """Findings of bandit, of every severity."""
    report = json.loads(_run(folder, "bandit", "-r", ".", "--quiet", "--format", "json"))
    problems = [f"{error['filename']}: {error['reason']}" for error in report["errors"]]
    return problems + [
        f"{finding['filename']}:{finding['line_number']}: "
        f"{finding['test_id']} {finding['issue_text']}"
        for finding in report["results"]
    ]


def detect_secrets(folder: Path) -> list[str]:
    """Findings of detect-secrets; it exits with 0 whatever it finds."""
    # The repository leaves the metadata out, which may name a commit. Nothing is tried out online.
    options = ("--no-verify", "--all-files", "--exclude-files", r"metadata\.txt", ".")
    report = json.loads(_run(folder, "detect_secrets", "scan", *options))
    return [
        f"{file}:{finding['line_number']}: {finding['type']}"
        for file, findings in report["results"].items()
        for finding in findings
    ]


def flake8(folder: Path) -> list[str]:
    """Findings of flake8, with the repository's length of a line."""
    # E203: the formatter puts spaces around the colons of slices. QGS: see scripts/check_qt6.sh.
    options = ("--isolated", "--max-line-length=120", "--extend-ignore=E203,QGS", ".")
    return _run(folder, "flake8", *options).splitlines()


def _run(folder: Path, *command: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True
    )
    # 1 tells that there are findings.
    if run.returncode not in (0, 1) or not (run.stdout or run.returncode == 0):
        raise SystemExit(f"{command[0]} failed:\n{run.stderr}")
    return run.stdout


def main() -> None:
    """Scan, and exit with 1 if there is any finding."""
    found = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "unpacked"
        with zipfile.ZipFile(assemble_plugin.make_zip(Path(temporary))) as archive:
            archive.extractall(folder)
        for scan in (bandit, detect_secrets, flake8):
            findings = scan(folder)
            found += len(findings)
            print(*findings, f"{scan.__name__}: {len(findings)} findings", sep="\n")
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
