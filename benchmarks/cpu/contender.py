"""A process that holds one network and one scene, and runs when it is told to.

    python -m benchmarks.cpu.contender '{"kind": "ours", "rows": 180, ...}'

Requests and answers are JSON objects, one a line, on standard input and output. Processes of
their own keep the contenders apart: memory, threads and the environment that some of them need
(huge pages, limited instructions) are each one's own.

The tasks are ``inference`` (classes of all pixels), ``training`` (one step of Adam on the pixels
of 30 a class), ``logits`` (written to a file, to be compared), ``memory`` (the peak resident size
of several training steps) and ``peak`` (that of the process so far). Memory is what Linux tells.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.common import scenes
from benchmarks.common.formulation import ImageNetwork
from benchmarks.cpu import comparators
from mambahsi.network import MambaHSI, SceneGeometry
from mambahsi.scan import set_threads


class Contender(Protocol):
    """What can be timed."""

    def inference(self) -> Any:
        """Classify the whole scene."""

    def training(self) -> Any:
        """Make one training step."""

    def logits(self) -> np.ndarray:
        """Logits of all pixels; float32 (pixels, classes)."""


class _Trained:
    """What all networks have in common; they differ in how logits come about."""

    def __init__(self, network: nn.Module, scene: scenes.LabeledScene) -> None:
        numbers = scene.training_pixels()
        self.at = torch.from_numpy(numbers)
        self.truth = torch.from_numpy(scene.classes[numbers])
        self.optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)

    def all_logits(self) -> Tensor:
        """(pixels, classes)."""
        raise NotImplementedError

    def training_logits(self) -> Tensor:
        """(training pixels, classes)."""
        return self.all_logits()[self.at]

    def inference(self) -> Tensor:
        with torch.no_grad():
            return self.all_logits().argmax(dim=1)

    def training(self) -> float:
        self.optimizer.zero_grad()
        loss = cross_entropy(self.training_logits(), self.truth)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def logits(self) -> np.ndarray:
        with torch.no_grad():
            return self.all_logits().numpy()


class Ours(_Trained):
    """The engine's network on a table of pixels."""

    def __init__(self, values: dict[str, Any], scene: scenes.LabeledScene) -> None:
        self.network: Any = our_network(values)
        if "recompute" in values:
            self.network.recompute = values["recompute"]
        super().__init__(self.network, scene)
        self.pixels = torch.from_numpy(scene.pixels)
        self.geometry = SceneGeometry(np.ones((values["rows"], values["columns"]), dtype=bool))

    def all_logits(self) -> Tensor:
        return self.network.pixel_logits(self.pixels, self.geometry)

    def training_logits(self) -> Tensor:
        return self.network.pixel_logits(self.pixels, self.geometry, at=self.at)


class Images(_Trained):
    """The published formulation around a block of somebody else's."""

    def __init__(self, values: dict[str, Any], scene: scenes.LabeledScene) -> None:
        make_block = comparators.make_blocks(values["kind"])
        size = values["bands"], values["width"], values["classes"]
        self.network = ImageNetwork(*size, make_block)
        self.network.load_state_dict(our_network(values).state_dict())
        super().__init__(self.network, scene)
        image = torch.from_numpy(scene.pixels).t().contiguous()
        self.image = image.view(1, -1, values["rows"], values["columns"])

    def all_logits(self) -> Tensor:
        return self.network(self.image)[0].flatten(1).t()


class Forest:
    """scikit-learn's random forest, 100 trees, with everything at its default."""

    def __init__(self, values: dict[str, Any], scene: scenes.LabeledScene) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self.scene = scene
        self.numbers = scene.training_pixels()
        self.forest = RandomForestClassifier(100, random_state=0, n_jobs=values["threads"])
        self.training()

    def inference(self) -> np.ndarray:
        return self.forest.predict(self.scene.pixels)

    def training(self) -> None:
        self.forest.fit(self.scene.pixels[self.numbers], self.scene.classes[self.numbers])

    def logits(self) -> np.ndarray:
        return self.forest.predict_proba(self.scene.pixels).astype(np.float32)


def our_network(values: dict[str, Any]) -> MambaHSI:
    """The engine's network with seeded weights; the compiled scan or none."""
    torch.manual_seed(0)
    return MambaHSI(values["bands"], values["width"], values["classes"], scan="cpu")


def build(values: dict[str, Any]) -> Contender:
    """Import and compile what is needed, then load the scene."""
    if values["kind"] != "ours":
        # Our own threads come with settings of the memory that the others must not inherit.
        torch.set_num_threads(values["threads"])
        others = {"forest": Forest}
        return others.get(values["kind"], Images)(values, scenes.make(values))
    set_threads(values["threads"])
    tiny = values | {"rows": 8, "columns": 8, "real": False}
    compiled = Ours(tiny, scenes.make(tiny))
    compiled.training()
    compiled.inference()
    return Ours(values, scenes.make(values))


def serve(contender: Contender, request: dict[str, Any]) -> dict[str, Any]:
    """Do what one request asks for."""
    task = request["task"]
    if task == "logits":
        np.save(request["file"], contender.logits())
        return {}
    if task == "memory":
        return peak_of_steps(contender, request["steps"])
    if task == "peak":
        return {"peak": resident("VmHWM")}
    work = contender.inference if task == "inference" else contender.training
    wall, cpu = [], []
    for _ in range(request.get("runs", 1)):
        started, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return {"wall": wall, "cpu": cpu}


def peak_of_steps(contender: Contender, steps: int) -> dict[str, Any]:
    """Peak resident size of all training steps but the first.

    Linux keeps the peak (VmHWM) and forgets it when told to (``clear_refs``, proc(5)).
    """
    before = resident("VmRSS")
    contender.training()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        reset = True
    except OSError:
        # The first step's peak is then in the figure, too.
        reset = False
    for _ in range(steps - 1):
        contender.training()
    return {"before": before, "peak": resident("VmHWM"), "peak_was_reset": reset}


def resident(name: str, process: int | str = "self") -> int:
    """A memory figure of a process in bytes, as Linux tells it."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"This system does not tell {name}.")


def main() -> None:
    """Answer requests until there are no more."""
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    contender = build(json.loads(sys.argv[1]))
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(contender, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
