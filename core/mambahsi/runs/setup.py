"""What training and classification share: the place they run at, and the network."""

from __future__ import annotations

import copy
import inspect
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import torch

from mambahsi.classifiers import BACKEND
from mambahsi.devices import choose_device, choose_precision, describe_device, make_reproducible
from mambahsi.errors import ModelError
from mambahsi.feedback import Feedback
from mambahsi.jobs import ClassifyJob, TrainJob
from mambahsi.network import MambaHSI
from mambahsi.scan import backend_problem, code_cache, resolve_backend, set_threads


@dataclass(frozen=True)
class Place:
    """Where and how a network is run.

    Attributes:
        device: The device.
        scan: Name of the scan backend; where no network runs, of what does.
        threads: Threads of the CPU.
        precision: What the network's products are computed in.
        launches: How kernels are launched where that is found by trials, or empty.
    """

    device: torch.device
    scan: str
    threads: int
    precision: torch.dtype = torch.float32
    launches: str = ""

    def to_json(self) -> dict[str, Any]:
        """The place as plain values."""
        values = {
            "device": describe_device(self.device),
            "backend": self.scan,
            "threads": self.threads,
            "precision": str(self.precision).removeprefix("torch."),
        }
        return values | ({"launches": self.launches} if self.launches else {})


def choose_place(job: TrainJob | ClassifyJob, feedback: Feedback) -> Place:
    """Take the device, the scan and the threads that a job asks for.

    Raises:
        ResourceError: One of them cannot be had.
    """
    device = choose_device(job.device)
    precision = choose_precision(job.precision, device)
    make_reproducible(device)
    threads = set_threads(job.threads)
    tell_of_kernels(job.scan, device.type, feedback)
    scan = resolve_backend(job.scan, device.type)
    place = Place(device, scan, threads, precision, _launches(device, scan, feedback))
    rounded = "" if precision == torch.float32 else f", products in {job.precision}"
    feedback.log(
        f"Running on {describe_device(device)}, scan {scan}, {threads} CPU thread"
        f"{'s' if threads > 1 else ''}{rounded}."
    )
    if scan == "mamba_ssm" and isinstance(job, TrainJob):
        feedback.log(
            "mamba-ssm's kernels add up gradients in no fixed order: a training with them is not "
            "repeated to the last digit."
        )
    return place


def _launches(device: torch.device, scan: str, feedback: Feedback) -> str:
    """How kernels will be launched, after trials where there were none on this kind of card."""
    if scan != "triton" or device.type != "cuda":
        return ""
    from mambahsi.scan.gpu.trials import tune

    return str(tune(device, feedback.log))


def tell_of_kernels(scan: str, device: str, feedback: Feedback) -> None:
    """Say if kernels have to be compiled first, and if there are none, why.

    Args:
        scan: The scan that a job asks for.
        device: The type of the device.
        feedback: Is told.
    """
    own = {"cpu": "cpu", "cuda": "triton"}.get(device)
    if own is None or scan not in ("auto", own):
        return
    if own == "cpu" and find_spec("llvmlite") and code_cache.is_cold():
        feedback.log("Compiling kernels for this processor, once; it takes a few seconds.")
    if own == "triton" and find_spec("triton") and code_cache.is_cold("triton"):
        feedback.log("Compiling kernels for this GPU, once.")
    problem = backend_problem(own)
    if problem and scan == "auto":
        compiled = "compiled scan" if own == "cpu" else "scan compiled for GPUs"
        other = resolve_backend(scan, device)
        named = "scan in plain PyTorch" if other == "torch" else f"scan {other!r}"
        slower = ", which takes several times as long" if own == "cpu" else ""
        feedback.warning(
            f"The {compiled} cannot run here: {problem}. The {named} is used instead{slower}."
        )


def choose_pixelwise_place(job: TrainJob | ClassifyJob, feedback: Feedback) -> Place:
    """The place of a classifier of single pixels: the CPU, with the threads that a job asks for."""
    threads = set_threads(job.threads)
    feedback.log(
        f"Running on the CPU with {BACKEND} {metadata.version(BACKEND)}, {threads} thread"
        f"{'s' if threads > 1 else ''}."
    )
    return Place(torch.device("cpu"), BACKEND, threads)


def network_arguments(bands: int, hidden_dim: int, classes: int, mamba_type: str) -> dict[str, Any]:
    """All constructor arguments of the network, the ones left at their defaults included.

    A model file must not depend on what the defaults are when it is read.
    """
    bound = inspect.signature(MambaHSI).bind(
        in_channels=bands, hidden_dim=hidden_dim, num_classes=classes, mamba_type=mamba_type
    )
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "scan"}


def restore_network(
    path: str, arguments: dict[str, Any], weights: dict[str, torch.Tensor], place: Place
) -> MambaHSI:
    """The trained network of a model file, on its device.

    Raises:
        ModelError: Weights and arguments do not fit each other.
    """
    try:
        network = MambaHSI(**arguments, scan=place.scan)
        network.load_state_dict(weights)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"{path}: the weights do not fit the network that the model describes "
            f"({str(error).splitlines()[0]}).",
            "Copy or train it again.",
        ) from error
    network.set_precision(place.precision)
    return network.to(place.device).eval()


def move_to_cpu(network: MambaHSI) -> MambaHSI:
    """A copy of a network that runs on the CPU, in float32 and with the best scan there."""
    moved = copy.deepcopy(network).cpu()
    moved.use_scan(resolve_backend("auto", "cpu"))
    moved.set_precision(torch.float32)
    return moved
