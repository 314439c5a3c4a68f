"""Check the engine as a package: what ``pip install`` gets from its source or its wheel.

    check_package.py WHEEL      is the wheel complete, and is nothing in it that users do not need?

``scripts/check_package.sh`` builds the wheel and checks more.
"""

from __future__ import annotations

import email
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

EXTRAS = {"cuda", "dev", "mamba"}


def problems(wheel: Path) -> list[str]:
    """What is wrong with a wheel.

    Args:
        wheel: The file.

    Returns:
        A sentence for each problem.
    """
    core = ROOT / "core"
    wanted = {
        path.relative_to(core).as_posix()
        for path in (core / "mambahsi").rglob("*")
        if path.suffix in (".py", ".json")
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_name))
        folder = metadata_name.rpartition("/")[0]
        commands = archive.read(f"{folder}/entry_points.txt").decode()
    found = [f"{name} is missing." for name in sorted(wanted - names)]
    extra = {name for name in names if not name.startswith(f"{folder}/")} - wanted
    found += [f"{name} does not belong there." for name in sorted(extra)]
    if f"{folder}/licenses/LICENSE" not in names:
        found.append("The license is missing.")
    if set(metadata.get_all("Provides-Extra", [])) != EXTRAS:
        found.append(f"The extras are {metadata.get_all('Provides-Extra', [])}.")
    if "mambahsi = mambahsi.cli:main" not in commands:
        found.append("The command mambahsi is missing.")
    return found


def main(arguments: list[str]) -> None:
    """Run the command line."""
    if len(arguments) != 1:
        raise SystemExit(__doc__)
    found = problems(Path(arguments[0]))
    for problem in found:
        print(problem)
    sys.exit(bool(found))


if __name__ == "__main__":
    main(sys.argv[1:])
