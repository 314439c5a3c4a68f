"""The jobs of the engine as commands, for servers and scripts.

Every job is a command (``mambahsi train``, ``crossvalidate``, ``classify``, ``assess``,
``sampledesign``, ``signatures``, ``separability``, ``checksamples``, ``exportlandcover``,
``importbenchmark``, ``benchmark``, ``info``, ``doctor``, ``install``, ``rerun``), and
``devices`` is one; every option is a field of the job of that name (see
:mod:`mambahsi.options`). Messages and a progress bar go to standard error, the result to standard
output. The first Ctrl-C cancels, and leaves a training's checkpoint to ``--resume`` from; the
second ends at once. Exit status as of :mod:`mambahsi.worker`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm

import mambahsi
from mambahsi import jobs
from mambahsi.events import describe_failure, plain
from mambahsi.feedback import Feedback
from mambahsi.options import add_options, values_of
from mambahsi.supervision import Supervisor

METRIC_INTERVAL = 10.0
"""Seconds between two lines about epochs where there is no terminal to draw a bar on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit status."""
    options = _parser().parse_args(arguments)
    # First, because it must come before all threads, and the progress bar starts one.
    supervisor = Supervisor(lambda: print("\nCancelled.", file=sys.stderr))
    feedback = ConsoleFeedback()
    try:
        job = _job(options)
        # Imported late: a wrong option need not wait for PyTorch.
        from mambahsi import runs

        result = plain(runs.run(job, feedback))
        supervisor.finish()
    except BaseException as error:
        supervisor.finish()
        feedback.close()
        code, message, hint, status = describe_failure(error)
        if code == "internal":
            traceback.print_exc()
        print(f"mambahsi: {message}", file=sys.stderr)
        if hint:
            print(hint, file=sys.stderr)
        return status
    feedback.close()
    if options.command == "devices":
        result = {"devices": result["devices"]}
    if options.command == "doctor" and not options.json:
        print(result["report"])
    elif options.json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(result)))
    return 0


class ConsoleFeedback(Feedback):
    """Draws a progress bar on a terminal; writes a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bar = tqdm(
            total=1.0,
            disable=None,
            file=sys.stderr,
            bar_format="{percentage:3.0f}%|{bar:30}| {elapsed} {desc}{postfix}",
        )
        self._told = 0.0

    def progress(self, fraction: float, message: str = "") -> None:
        if not self._bar.disable:
            self._bar.set_description_str(message, refresh=False)
            self._bar.n = min(max(fraction, 0.0), 1.0)
            self._bar.update(0)
            self._bar.refresh()

    def metric(self, **values: float | int | str | None) -> None:
        text = _metric_text(values)
        if not self._bar.disable:
            self._bar.set_postfix_str(text)
        elif time.monotonic() - self._told > METRIC_INTERVAL:
            self._told = time.monotonic()
            self.log(f"Epoch {values['epoch']} of {values['epochs']}, {text}")

    def log(self, message: str) -> None:
        self._bar.write(message, file=sys.stderr)

    def warning(self, message: str) -> None:
        self._bar.write(f"Warning: {message}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is, and the cursor below it."""
        self._bar.close()


def _metric_text(values: Mapping[str, Any]) -> str:
    parts = [f"loss {values['loss']:.4f}"]
    if values.get("validation_accuracy") is not None:
        parts.append(f"validation {values['validation_accuracy']:.2%}")
    if values.get("pixels_per_second"):
        parts.append(f"{values['pixels_per_second']:,.0f} pixels/s on {values['device']}")
    if values.get("seconds_left") is not None:
        parts.append(f"{tqdm.format_interval(values['seconds_left'])} left")
    return ", ".join(parts)


def _lines(value: Any, indent: str = "") -> list[str]:
    """A result for people: one ``name: value`` a line, what lies deeper indented."""
    items = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    lines: list[str] = []
    for name, item in items:
        if isinstance(item, list) and not any(isinstance(part, (dict, list)) for part in item):
            item = ", ".join(str(part) for part in item if part is not None)
        if isinstance(item, (dict, list)):
            deeper = _lines(item, indent + "  ")
            lines += [f"{indent}{name}:", *deeper] if deeper else []
        elif item not in (None, ""):
            lines.append(f"{indent}{name}: {item}")
    return lines


def _job(options: argparse.Namespace) -> Any:
    """The job that the options describe.

    Raises:
        JobError: An option's value cannot be used.
    """
    if options.command == "devices":
        return jobs.InfoJob()
    values = values_of(options, jobs.KINDS[options.command])
    kind = options.command
    if kind == "train":
        maps = values_of(options, jobs.TrainAndClassifyJob)
        if maps:
            kind, values = "trainandclassify", {"train": values, **maps}
            if "classification" not in maps:
                raise jobs.JobError(
                    f"Option --{next(iter(maps))} needs --classification, the map to write."
                )
    if kind == "crossvalidate":
        values["train"] = values_of(options, jobs.TrainJob)
    return jobs.from_json({"job": kind, **values})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mambahsi",
        description="Land-cover classification of hyperspectral scenes with MambaHSI.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=mambahsi.__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in (
        "train",
        "crossvalidate",
        "classify",
        "assess",
        "sampledesign",
        "exportlandcover",
        "signatures",
        "separability",
        "checksamples",
        "importbenchmark",
        "benchmark",
        "info",
        "doctor",
        "install",
        "rerun",
    ):
        command = _add_command(commands, name, (jobs.KINDS[name].__doc__ or "").splitlines()[0])
        add_options(command, jobs.KINDS[name])
        if name == "crossvalidate":
            add_options(command, jobs.TrainJob)
        if name == "train":
            maps = command.add_argument_group("classify the same scene with the trained model")
            add_options(maps, jobs.TrainAndClassifyJob, optional=True)
    _add_command(commands, "devices", "List the devices that a network can run on.")
    return parser


def _add_command(commands: Any, name: str, description: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=description, description=description, allow_abbrev=False
    )
    command.add_argument(
        "--json", action="store_true", help="print the result as JSON instead of as lines"
    )
    return command
