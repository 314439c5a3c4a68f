"""``qgis_process``: QGIS in a process of its own, as servers and scripts run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsVectorFileWriter, QgsVectorLayer

# Debian's wrapper breaks on an option that its own configuration adds; the program works.
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
ROOT = Path(__file__).resolve().parents[2]
PARTS = ("metadata.txt", "core", "resources")


@pytest.fixture(scope="module", autouse=True)
def needs_program(engine: Path) -> None:
    if PROGRAM is None:
        pytest.skip("qgis_process is not installed")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A profile in which the plugin is enabled, and the plugin put together from links."""
    folder = tmp_path_factory.mktemp("profile")
    plugin = tmp_path_factory.mktemp("plugins") / "mambahsi_qgis"
    plugin.mkdir()
    for source in [*(ROOT / "mambahsi_qgis").iterdir(), *(ROOT / name for name in PARTS)]:
        (plugin / source.name).symlink_to(source)
    settings = folder / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text("[PythonPlugins]\nmambahsi_qgis=true\n[qgis]\ncheckVersion=false\n")
    return {
        **os.environ,
        "QGIS_CUSTOM_CONFIG_PATH": str(folder),
        "QGIS_PLUGINPATH": str(plugin.parent),
        "QT_QPA_PLATFORM": "offscreen",
    }


@pytest.fixture()
def label_file(labels: QgsVectorLayer, tmp_path: Path) -> str:
    path = str(tmp_path / "labels.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(
        labels, path, QgsProject.instance().transformContext(), options
    )
    return path


@pytest.fixture()
def arguments(training: dict[str, Any], label_file: str) -> list[str]:
    values = {**training, "LABELS": label_file}
    return [f"--{name}={value}" for name, value in values.items()]


def run(
    environment: dict[str, str], *arguments: str, **settings: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        **settings,
    )


@pytest.fixture()
def running(environment: dict[str, str], arguments: list[str]) -> Iterator[Any]:
    """A long training in a process group of its own, and the engine's process number."""
    kept = [argument for argument in arguments if not argument.startswith("--EPOCHS=")]
    process = subprocess.Popen(
        # Into a pipe, qgis_process would tell only every few kilobytes.
        [
            "stdbuf",
            "-oL",
            str(PROGRAM),
            "run",
            "mambahsi:trainandclassify",
            *kept,
            "--EPOCHS=100000",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    told, engine = "", 0
    for line in process.stdout:
        told += line
        found = re.search(r"process (\d+)", line)
        engine = int(found.group(1)) if found else engine
        if engine and "Epoch " in line:
            break
    assert engine, told
    yield process, engine
    process.kill()
    process.wait()
    process.stdout.close()


def seconds_until_gone(pid: int, at_most: float) -> float:
    started = time.monotonic()
    while time.monotonic() - started < at_most:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return time.monotonic() - started
        if state == "Z":
            return time.monotonic() - started
        time.sleep(0.05)
    raise AssertionError(f"Process {pid} is still there after {at_most} seconds.")


def test_success(
    environment: dict[str, str], arguments: list[str], training: dict[str, Any]
) -> None:
    ran = run(environment, "run", "mambahsi:trainandclassify", *arguments)
    assert ran.returncode == 0, ran.stdout
    assert "OVERALL_ACCURACY:" in ran.stdout
    dataset = gdal.Open(training["CLASSIFICATION"])
    # GDAL 3.6 reads the names of a GeoTIFF only after something else was asked for.
    assert dataset.GetGeoTransform()[0] == 370000
    names = dataset.GetRasterBand(1).GetCategoryNames()
    assert (names[11], names[22], names[33]) == ("Wald", "Gewässer", "Acker")


def test_margin_and_entropy(
    environment: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    names = ("CONFIDENCE", "PROBABILITIES", "MARGIN", "ENTROPY")
    paths = {name: str(tmp_path / f"{name}.tif") for name in names}
    further = [f"--{name}={path}" for name, path in paths.items()]
    ran = run(environment, "run", "mambahsi:trainandclassify", *arguments, *further)
    assert ran.returncode == 0, ran.stdout
    assert all(f"{name}:\t{path}" in ran.stdout for name, path in paths.items()), ran.stdout
    found = {name: gdal.Open(path) for name, path in paths.items()}
    for name in ("CONFIDENCE", "MARGIN", "ENTROPY"):
        assert found[name].RasterCount == 1
        assert found[name].GetRasterBand(1).GetDescription() == name.lower()
    shares = found["PROBABILITIES"].ReadAsArray()
    nodata = found["PROBABILITIES"].GetRasterBand(1).GetNoDataValue()
    inside = shares[0] != nodata
    assert inside.any() and not inside.all()
    values = {name: found[name].ReadAsArray() for name in ("CONFIDENCE", "MARGIN", "ENTROPY")}
    for name, table in values.items():
        assert found[name].GetRasterBand(1).GetNoDataValue() == nodata
        assert ((table != nodata) == inside).all()
    ranked = np.sort(shares[:, inside], axis=0)
    assert (values["CONFIDENCE"][inside] == ranked[-1]).all()
    assert (values["MARGIN"][inside] == ranked[-1] - ranked[-2]).all()
    bits = -(ranked * np.log(ranked)).sum(axis=0) / np.log(3)
    assert np.allclose(values["ENTROPY"][inside], bits, atol=1e-5)


def test_a_run_is_repeated_from_its_record_without_qgis(
    environment: dict[str, str], arguments: list[str], training: dict[str, Any], label_file: str
) -> None:
    """The engine has read the labels from a temporary file of QGIS, which is gone."""
    ran = run(environment, "run", "mambahsi:trainandclassify", *arguments)
    assert ran.returncode == 0, ran.stdout
    record = Path(training["MODEL"] + ".record.json")
    told = json.loads(record.read_text(encoding="utf-8"))
    labels = told["job"]["train"]["labels"]
    assert labels["path"] != label_file
    assert not Path(labels["path"]).exists()

    repeated = subprocess.run(
        [os.environ["MAMBAHSI_ENGINE_PYTHON"], "-m", "mambahsi", "rerun", str(record), "--json"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "core")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert repeated.returncode == 0, repeated.stderr
    result = json.loads(repeated.stdout)
    assert result["identical"] is True
    assert set(result["compared"]) == {"model", "split", "classification", "results"}
    folder = Path(result["output_folder"])
    one, other = (
        gdal.Open(str(path)).ReadAsArray()
        for path in (training["CLASSIFICATION"], folder / Path(training["CLASSIFICATION"]).name)
    )
    assert (one == other).all()


def test_a_comparison(environment: dict[str, str], arguments: list[str], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    ran = run(
        environment, "run", "mambahsi:trainandclassify", *arguments,
        "--CLASSIFIER=svm", "--COMPARE=true", f"--REPORT={report}",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "Compared: random forest" in ran.stdout
    assert "Comparison of classifiers" in report.read_text(encoding="utf-8")


def test_help_and_engineinfo(environment: dict[str, str]) -> None:
    helped = run(environment, "help", "mambahsi:trainandclassify")
    assert helped.returncode == 0
    assert "CLASS_FIELD" in helped.stdout
    told = run(environment, "run", "mambahsi:engineinfo")
    assert told.returncode == 0, told.stdout
    assert re.search(r"^DEVICES:.*cpu", told.stdout, re.MULTILINE)
    assert re.search(r"^SCANS:.*reference", told.stdout, re.MULTILINE)


def test_importbenchmark(environment: dict[str, str], benchmark_cube: Path, tmp_path: Path) -> None:
    """From the files of a benchmark to layers that another algorithm could take."""
    outputs = {"SCENE": "s.tif", "LABELS": "l.gpkg", "REFERENCE_RASTER": "r.tif"}
    arguments = [f"--{name}={tmp_path / file}" for name, file in outputs.items()]
    ran = run(
        environment, "run", "mambahsi:importbenchmark", f"--INPUT={benchmark_cube}", *arguments
    )
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^RECOGNIZED:\s*salinas_a", ran.stdout, re.MULTILINE), ran.stdout
    assert "Nominal location" in ran.stdout
    scene = gdal.Open(str(tmp_path / "s.tif"))
    assert np.array_equal(scene.ReadAsArray().transpose(1, 2, 0), np.load(benchmark_cube))
    assert scene.GetGeoTransform()[1] == -scene.GetGeoTransform()[5] == 3.7
    reference = gdal.Open(str(tmp_path / "r.tif"))
    assert reference.GetGeoTransform() == scene.GetGeoTransform()
    truth = np.load(benchmark_cube.with_name("SalinasA_gt.npy"))
    band = reference.GetRasterBand(1)
    assert np.array_equal(band.ReadAsArray(), truth)
    assert band.GetCategoryNames()[11] == "Lettuce romaine 4wk"
    # Burned by QGIS's GDAL, the polygons are the ground truth, pixel for pixel.
    burned = gdal.GetDriverByName("MEM").CreateCopy("", reference)
    burned.GetRasterBand(1).Fill(0)
    polygons = gdal.OpenEx(str(tmp_path / "l.gpkg"))
    gdal.RasterizeLayer(burned, [1], polygons.GetLayer(0), options=["ATTRIBUTE=class_id"])
    assert np.array_equal(burned.GetRasterBand(1).ReadAsArray(), truth)


def test_importbenchmark_fails_by_name(
    environment: dict[str, str], benchmark_cube: Path, tmp_path: Path
) -> None:
    scene = f"--SCENE={tmp_path / 's.tif'}"
    for arguments, told in (
        # Found in QGIS.
        (["--INPUT=/no/such/PaviaU.mat"], "/no/such/PaviaU.mat"),
        ([f"--INPUT={benchmark_cube}", f"--LABELS={tmp_path / 'labels.shp'}"], "labels.shp"),
        ([f"--INPUT={benchmark_cube}", "--DATASET=atlantis"], "atlantis"),
        # Found in the engine.
        ([f"--INPUT={benchmark_cube}", "--DATASET=salinas"], "512 rows, 217 columns"),
    ):
        ran = run(environment, "run", "mambahsi:importbenchmark", *arguments, scene)
        assert ran.returncode != 0, arguments
        assert told in ran.stdout, ran.stdout
        assert not (tmp_path / "s.tif").exists()


def test_failures_exit_otherwise_and_name_the_thing(
    environment: dict[str, str], arguments: list[str], tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())
    for wrong, told in (
        # Found in QGIS, before anything is started.
        ("--CLASS_FIELD=klasse", "klasse"),
        ("--SCENE=/no/such/scene.tif", "/no/such/scene.tif"),
        # Found in the engine.
        ("--DEVICE=cuda", "cuda"),
    ):
        if wrong == "--DEVICE=cuda" and Path("/dev/nvidia0").exists():
            continue
        name = wrong.partition("=")[0]
        kept = [a for a in arguments if a.partition("=")[0] != name]
        ran = run(environment, "run", "mambahsi:trainandclassify", *kept, wrong)
        assert ran.returncode != 0, wrong
        assert told in ran.stdout, ran.stdout
        assert set(tmp_path.iterdir()) == before


def test_without_engine(environment: dict[str, str], arguments: list[str]) -> None:
    bare = {**environment, "MAMBAHSI_ENGINE_PYTHON": ""}
    ran = run(bare, "run", "mambahsi:trainandclassify", *arguments)
    assert ran.returncode != 0
    assert "MAMBAHSI_ENGINE_PYTHON" in ran.stdout


def test_ctrl_c_stops_the_engine_and_exits_otherwise(running: Any, tmp_path: Path) -> None:
    process, engine = running
    # As a terminal does it: to the whole foreground group, which the engine is not in.
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=8)
    assert process.returncode not in (0, None), told
    assert "ancelled" in told
    assert seconds_until_gone(engine, 1) < 1
    assert not (tmp_path / "map.tif").exists()
    assert not (tmp_path / "model.safetensors").exists()


def test_no_engine_outlives_a_killed_qgis(running: Any, tmp_path: Path) -> None:
    process, engine = running
    process.kill()
    assert seconds_until_gone(engine, 5) < 5
    assert not (tmp_path / "map.tif").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_script_runs_qgis_process_in_spite_of_debians_wrapper() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "in_qgis.sh", "qgis_process", "help", "native:buffer"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "native:buffer" in done.stdout


def test_a_chinese_system_gets_chinese_names(environment: dict[str, str]) -> None:
    """QGIS without settings of its own follows the system's language, and so does the plugin."""
    chinese = {**environment, "LANGUAGE": "", "LC_ALL": "zh_CN.UTF-8", "LANG": "zh_CN.UTF-8"}
    listed = run(chinese, "--json", "list").stdout
    found = json.loads(listed[listed.index("{") :])
    names = {
        algorithm["name"] for algorithm in found["providers"]["mambahsi"]["algorithms"].values()
    }
    assert {"训练并分类", "精度评价", "影像分类"} <= names
