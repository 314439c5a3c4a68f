"""One part in a process of its own.

python -m benchmarks.gpu.part NAME SETTINGS RESULT
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import torch

from benchmarks.gpu.results import Result
from benchmarks.gpu.settings import Settings
from mambahsi.devices import make_reproducible
from mambahsi.scan import backend_problem


def main() -> None:
    """Run the part that the command line names."""
    name, values, path = sys.argv[1:]
    settings = Settings.from_json(json.loads(values))
    # As every job of the engine does; upstream's contender switches it off for itself.
    device = torch.device(settings.device)
    make_reproducible(device)
    if device.type == "cuda" and backend_problem("triton") == "":
        # As every job does, too.
        from mambahsi.scan.gpu.trials import tune

        tune(device)
    result = Result(Path(path))
    importlib.import_module(f"benchmarks.gpu.{name}").run(settings, result)
    result.keep()


if __name__ == "__main__":
    main()
