"""What an engine is, and whether it works: a report to copy into a question or a bug report.

It tries what every job needs: the packages, a GeoTIFF with a CRS, the scan's known answer and a
step of training. It tells versions, processor, graphics card, memory and disk, and those
variables of the environment that are known to lead libraries astray. It holds no passwords, and
of the user's folders only those of the engine itself.

The result: ``report`` (text) and ``facts``.
"""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mambahsi
from mambahsi.errors import MambaHSIError
from mambahsi.feedback import Feedback
from mambahsi.installer.commands import without_passwords
from mambahsi.installer.variants import graphics

SUSPECTS = (
    *("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("PYTHONPATH", "PYTHONHOME", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "NUMBA_CPU_NAME"),
    *("MAMBAHSI_CACHE_DIR", "MAMBAHSI_ENGINE_PYTHON", "MAMBAHSI_TUNING"),
)
"""Variables that explain many a defect."""

_GIB = 2**30


class EngineError(MambaHSIError):
    """The engine does not work; the message tells which checks failed."""

    code = "engine"


def doctor(feedback: Feedback) -> dict[str, Any]:
    """Examine the engine that this runs in.

    Raises:
        EngineError: A check failed. The report has been told before.
    """
    facts = _facts()
    failed: list[str] = []
    for number, (name, check) in enumerate(CHECKS.items()):
        feedback.check()
        feedback.progress(number / len(CHECKS), f"Checking {name}")
        try:
            facts[name] = check()
        except Exception as error:
            facts[name] = f"FAILED: {type(error).__name__}: {_first_line(error)}"
            failed.append(f"{name}: {_first_line(error)}")
    feedback.progress(1.0, "Checked")
    report = "\n".join(f"{name}: {value}" for name, value in facts.items())
    if failed:
        for line in report.splitlines():
            feedback.log(line)
        raise EngineError(
            f"The engine does not work. {'; '.join(failed)}",
            "Install the engine anew, or choose another Python for it.",
        )
    return {"report": report, "facts": facts}


def _facts() -> dict[str, str]:
    card, driver = graphics()
    disk = shutil.disk_usage(tempfile.gettempdir())
    found = {
        "MambaHSI": mambahsi.__version__,
        "Python": f"{platform.python_version()}, {sys.executable}",
        "system": f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} processors",
        "graphics card": f"{card}, driver {driver}" if driver else "no NVIDIA driver",
        "temporary folder": f"{tempfile.gettempdir()}, {disk.free / _GIB:.1f} GB free",
    }
    set_ones = {name: os.environ[name] for name in SUSPECTS if os.environ.get(name)}
    for name, value in set_ones.items():
        found[name] = without_passwords(value)
    return found


def _packages() -> str:
    from mambahsi.versions import versions

    return ", ".join(f"{name} {version}" for name, version in versions().items())


def _memory() -> str:
    from mambahsi.devices import free_memory, total_memory

    return f"{free_memory() / _GIB:.1f} of {total_memory() / _GIB:.1f} GB free"


def _devices() -> str:
    from mambahsi.devices import list_devices

    return ", ".join(f"{device['name']} ({device['description']})" for device in list_devices())


def _scans() -> str:
    from mambahsi.scan import available_backends

    found = available_backends()
    return ", ".join(f"{name} {'works' if not why else f'({why})'}" for name, why in found.items())


def _geotiff() -> str:
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    pixels = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    with tempfile.TemporaryDirectory(prefix="mambahsi_doctor_") as folder:
        path = Path(folder) / "scene.tif"
        profile = {"driver": "GTiff", "count": 2, "height": 3, "width": 4, "dtype": "int16"}
        place = {"crs": "EPSG:32633", "transform": from_origin(370000, 5810000, 30, 30)}
        with rasterio.open(path, "w", **profile, **place) as written:
            written.write(pixels)
        with rasterio.open(path) as read:
            if not np.array_equal(read.read(), pixels) or read.crs.to_epsg() != 32633:
                raise ValueError("a GeoTIFF was read back otherwise than it was written")
    return f"written and read, GDAL {rasterio.__gdal_version__}"


def _training_step() -> str:
    import torch

    from mambahsi.devices import choose_device, describe_device
    from mambahsi.network import MambaHSI

    device = choose_device("auto")
    torch.manual_seed(0)
    network = MambaHSI(4, 64, 2, True, "both", 4, 4, True).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)
    scene = torch.rand(1, 4, 9, 8, device=device)
    logits = network(scene)
    targets = torch.arange(logits[:, 0].numel(), device=device).view_as(logits[:, 0]) % 2
    loss = torch.nn.functional.cross_entropy(logits, targets)
    loss.backward()
    optimizer.step()
    if not math.isfinite(loss.item()):
        raise ValueError(f"the loss of a training step is {loss.item()}")
    return f"loss {loss.item():.3f} on {describe_device(device)}"


CHECKS: dict[str, Callable[[], str]] = {
    "packages": _packages,
    "memory": _memory,
    "devices": _devices,
    "scans": _scans,
    "GeoTIFF": _geotiff,
    "training step": _training_step,
}


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
