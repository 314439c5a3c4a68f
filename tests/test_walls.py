"""The walls between the parts: which import what.

The engine and the plugin run in different processes with different packages, and meet at
the process boundary only. These tests read the files, so they see imports inside functions
as well as those at the top.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "core" / "mambahsi"
PLUGIN = ROOT / "mambahsi_qgis"

QGIS = {"qgis", "osgeo", "processing", "mambahsi_qgis"}
QT = {"PyQt4", "PyQt5", "PyQt6", "PySide2", "PySide6", "sip"}

# Files of the engine that the plugin loads by their path.
SHARED = [
    ENGINE / name
    for name in (
        *("colors.py", "jobs.py", "sidecars.py", "wavelengths.py"),
        *("installer/folders.py", "installer/kernel_tools.py", "installer/texts.py"),
    )
]

# Modules that have to run before any package is installed.
FIRST = [
    *(ENGINE / "installer").glob("*.py"),
    *(ENGINE / name for name in ("worker.py", "events.py", "supervision.py", "cancellation.py")),
    *(ENGINE / name for name in ("errors.py", "feedback.py", "jobs.py", "__init__.py")),
    *(ENGINE / "runs" / name for name in ("__init__.py", "install.py")),
]

# Modules of the engine that the network and the scan may stand on.
GROUND = {"allocator", "cancellation", "errors", "feedback", "network", "scan"}


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Full names of what a file imports, by statement or by ``import_module("...")``.

    Relative imports are resolved against the package of the file.
    """
    package = path.relative_to(ROOT / "core" if ENGINE in path.parents else ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            found |= {f"{module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            argument = node.args[0]
            if (
                name in {"import_module", "__import__", "find_spec"}
                and isinstance(argument, ast.Constant)
                and isinstance(argument.value, str)
            ):
                found.add(argument.value)
    return found


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def requirements() -> dict[str, str]:
    """Lower bounds that pyproject.toml states, by package."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 cannot read pyproject.toml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(requirement.split(">=") for requirement in project["dependencies"])


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_files_to_look_at() -> None:
    assert len(python_files(ENGINE)) > 10
    assert len(python_files(PLUGIN)) > 5


@pytest.mark.parametrize("path", python_files(ROOT / "core"), ids=identify)
def test_engine_knows_nothing_of_qgis(path: Path) -> None:
    assert roots(path) & (QGIS | QT) == set()


@pytest.mark.parametrize("path", python_files(PLUGIN), ids=identify)
def test_plugin_needs_only_what_qgis_brings(path: Path) -> None:
    """No engine, no package of the engine's, and Qt only through ``qgis.PyQt``.

    matplotlib, which most installations of QGIS carry, is looked for in one place alone.
    """
    allowed = set(sys.stdlib_module_names) | {"numpy", "osgeo", "qgis", "processing", PLUGIN.name}
    if path == PLUGIN / "gui" / "plots.py":
        allowed.add("matplotlib")
    assert roots(path) - allowed == set()


@pytest.mark.parametrize(
    "path",
    [*python_files(ENGINE / "network"), *python_files(ENGINE / "scan")],
    ids=identify,
)
def test_network_and_scan_stand_on_the_ground_modules_alone(path: Path) -> None:
    own = {tuple(name.split(".")[1:2]) for name in imports(path) if name.startswith("mambahsi.")}
    assert own - {(module,) for module in GROUND} == set()


def test_network_and_scan_import_with_torch_and_numpy_alone() -> None:
    """Every other package that the engine requires is hidden, and both still import."""
    hidden = set(requirements()) - {"torch", "numpy"} | {"triton"}
    assert {"llvmlite", "rasterio"} <= hidden
    program = f"""
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"hidden: {{name}}", name=name)
sys.meta_path.insert(0, Hide())
import mambahsi.network, mambahsi.scan
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", SHARED, ids=identify)
def test_what_is_shared_can_be_loaded_by_the_plugin(path: Path) -> None:
    """The plugin loads these files by their path: standard library only."""
    assert roots(path) <= set(sys.stdlib_module_names)


def test_installing_needs_no_package_at_all() -> None:
    """Its modules are the ones that a bare Python loads for it, and none imports anything else."""
    program = "import sys, mambahsi.worker, mambahsi.runs.install; print(*sorted(sys.modules))"
    command = [sys.executable, "-S", "-c", program]
    surroundings = {"PYTHONPATH": str(ROOT / "core"), "PATH": ""}
    run = subprocess.run(command, capture_output=True, text=True, env=surroundings)
    assert run.returncode == 0, run.stderr
    loaded = {name for name in run.stdout.split() if name.startswith("mambahsi")}
    named = {path.relative_to(ENGINE.parent).with_suffix("").as_posix() for path in FIRST}
    named = {name.replace("/", ".").removesuffix(".__init__") for name in named}
    assert loaded <= named


@pytest.mark.parametrize("path", [*SHARED, *python_files(PLUGIN)], ids=identify)
def test_plugin_is_written_for_python_3_9(path: Path) -> None:
    """Syntax of Python 3.9, and annotations that it does not have to evaluate."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
    annotated = any(
        isinstance(node, ast.AnnAssign) or getattr(node, "returns", None) for node in ast.walk(tree)
    )
    assert not annotated or "__future__.annotations" in imports(path)


def test_every_lower_bound_is_met_by_the_lock() -> None:
    """What pyproject.toml asks for is in core/requirements.lock, and new enough."""
    lock = {}
    for line in (ROOT / "core" / "requirements.lock").read_text(encoding="utf-8").splitlines():
        name, equals, version = line.split(";")[0].strip(" \\").partition("==")
        if equals and not line.startswith((" ", "#")):
            lock.setdefault(name, []).append(tuple(int(part) for part in version.split(".")))
    for name, bound in requirements().items():
        least = tuple(int(part) for part in bound.split("."))
        assert all(version >= least for version in lock[name]), name


def test_engine_requires_what_it_imports_and_no_more() -> None:
    """Packages in pyproject.toml are those that the engine's files import."""
    imported = set().union(*(roots(path) for path in python_files(ENGINE)))
    # Present only where somebody has built it, or PyTorch brings it; looked for, never required.
    optional = {"mamba_ssm", "pip", "triton"}
    # rasterio's own dependency, used for its transforms, and scikit-learn's.
    through_others = {"affine", "threadpoolctl"}
    outside = imported - set(sys.stdlib_module_names) - {"mambahsi"} - optional - through_others
    named = {"sklearn": "scikit-learn"}
    assert {named.get(module, module) for module in outside} == set(requirements())
