"""The whole way on real data: Indian Pines in, a model and a land-cover map out.

Trains and classifies through ``qgis_process`` and the plugin, as a user of QGIS would, and
leaves everything in ``build/demo/``. Run it with ``make demo``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import indian_pines
from mambahsi.accuracy import Accuracy, percent
from mambahsi.jobs import PROTOCOLS, TrainJob
from mambahsi.model_file import load_model
from qgis_process import ROOT, QgisProcessError, enable_plugin, run_algorithm

FOLDER = ROOT / "build" / "demo"

# The published network and protocol, run again on this scene: mean and standard deviation over
# seeds 0 to 4. Scored before each optimizer step there, after it here.
REFERENCE = {"overall": (0.9207, 0.0169), "average": (0.9504, 0.0099)}


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default=TrainJob.protocol,
        help="split of the labeled pixels: whole fields apart, or the paper's random pixels",
    )
    protocol = parser.parse_args().protocol
    started = time.monotonic()

    scene, labels = indian_pines.prepare(FOLDER)
    outputs = {
        "MODEL": FOLDER / "indian_pines.safetensors",
        "CLASSIFICATION": FOLDER / "land_cover.tif",
        "REPORT": FOLDER / "report.html",
    }
    picture = FOLDER / "side_by_side.png"
    print(
        f"Training on Indian Pines: {protocol} protocol, {TrainJob.epochs} epochs, "
        f"seed {TrainJob.seed}.",
        flush=True,
    )
    try:
        enable_plugin()
        run_algorithm(
            "mambahsi:trainandclassify",
            {
                "SCENE": str(scene),
                "LABELS": str(labels),
                "CLASS_FIELD": "class_id",
                "NAME_FIELD": "class_name",
                "COLOR_FIELD": "color",
                "PROTOCOL": protocol,
                **{name: str(path) for name, path in outputs.items()},
            },
            FOLDER / "qgis_process.log",
        )
    except QgisProcessError as error:
        raise SystemExit(f"{error}\nThe demo failed; the log is in {FOLDER}.") from error
    draw(scene, labels, outputs["CLASSIFICATION"], picture)

    report(outputs["MODEL"], protocol)
    print(f"\nElapsed: {time.monotonic() - started:.0f} s. Left in {FOLDER.relative_to(ROOT)}/:")
    for path in (*outputs.values(), outputs["CLASSIFICATION"].with_suffix(".qml"), picture):
        print(f"  {path.name}")


def draw(scene: Path, labels: Path, land_cover: Path, picture: Path) -> None:
    """Draw all three side by side, in QGIS's Python and with its GDAL."""
    command = [ROOT / "scripts" / "in_qgis.sh", ROOT / "build" / "qgis" / "bin" / "python"]
    command += [ROOT / "scripts" / "side_by_side.py", scene, labels, land_cover, picture]
    subprocess.run(command, check=True)


def report(model_path: Path, protocol: str) -> None:
    """Print the test accuracy, what it rests on, and how it compares."""
    model = load_model(model_path)
    if model.accuracy is None:
        sys.exit("The model holds no test accuracy.")
    accuracy = Accuracy.from_json(model.accuracy)
    print(f"\nTest accuracy, protocol: {model.split['protocol']}")
    print(accuracy.text())
    if protocol != "random":
        return
    print("\nThe published network and protocol on this scene, mean and deviation of five seeds:")
    for name, value in (("overall", accuracy.overall), ("average", accuracy.average)):
        mean, deviation = REFERENCE[name]
        within = "within" if abs(value - mean) <= 2 * deviation else "OUTSIDE"
        print(
            f"  {name} accuracy {percent(mean)} ± {percent(deviation)}; "
            f"this run, {percent(value)}, lies {within} two standard deviations"
        )


if __name__ == "__main__":
    main()
