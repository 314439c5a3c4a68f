"""Run a Processing algorithm through ``qgis_process``, with a bar and the time left.

``qgis_process`` writes its progress as ``0...10...20...``, four ticks to ten percent, and
between the ticks the lines that the algorithm tells. :class:`Ticks` takes the two apart.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TICKS = 41
"""From 0 to 100 percent, both included, in steps of 2.5."""


class QgisProcessError(Exception):
    """``qgis_process`` failed; carries the end of what it printed."""


class Ticks:
    """Splits the output of ``qgis_process`` into progress and lines.

    Attributes:
        fraction: How much is done, 0 to 1.
    """

    def __init__(self) -> None:
        self._count = 0
        self._rest = ""

    @property
    def fraction(self) -> float:
        return max(0, self._count - 1) / (TICKS - 1)

    def feed(self, text: str) -> list[str]:
        """Take output in, as it comes; returns the lines that are complete now."""
        *lines, self._rest = (self._rest + text).split("\n")
        lines = [self._strip(line) for line in lines]
        self._rest = self._strip(self._rest)
        return [line for line in lines if line]

    def _strip(self, line: str) -> str:
        """Count the ticks at the start of a line, and return what follows them."""
        while self._count < TICKS:
            tens, between = divmod(self._count, 4)
            tick = "." if between else str(10 * tens)
            # Dots come one by one, and one more stands before each number but the first.
            if not line.startswith(tick):
                break
            line = line[len(tick) :]
            self._count += 1
        return line


class Bar:
    """A progress bar in a terminal; elsewhere a line every ten percent."""

    WIDTH = 28

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._told = -1

    def show(self, fraction: float, message: str) -> None:
        """Show how much is done, the time left, and what is being done."""
        text = f"{100 * fraction:3.0f} %  {self._left(fraction):>9}  {message}"
        if self._terminal:
            full = round(fraction * self.WIDTH)
            bar = "█" * full + "░" * (self.WIDTH - full)
            columns = shutil.get_terminal_size().columns
            print("\r\x1b[K" + f"{bar} {text}"[: columns - 1], end="", file=sys.stderr, flush=True)
        elif int(10 * fraction) > self._told:
            self._told = int(10 * fraction)
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Leave the terminal's line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _left(self, fraction: float) -> str:
        if fraction < 0.05:
            return ""
        seconds = (time.monotonic() - self._started) * (1 - fraction) / fraction
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"


def enable_plugin() -> None:
    """Switch the plugin on in the profile below ``build/``."""
    run = subprocess.run(
        [*_command(), "plugins", "enable", "mambahsi_qgis"], capture_output=True, text=True
    )
    # To enable it twice is an error to qgis_process.
    if run.returncode and "already enabled" not in run.stdout + run.stderr:
        raise QgisProcessError(run.stdout + run.stderr)


def run_algorithm(algorithm: str, parameters: Mapping[str, str], log: Path) -> None:
    """Run an algorithm and show its progress.

    Args:
        algorithm: Its id, such as ``mambahsi:trainandclassify``.
        parameters: Values by parameter.
        log: Receives all lines.

    Raises:
        QgisProcessError: It exited with a non-zero status.
    """
    command = [*_command(), "run", algorithm, "--"]
    command += [f"{name}={value}" for name, value in parameters.items()]
    ticks, bar = Ticks(), Bar()
    message = ""
    log.unlink(missing_ok=True)
    with log.open("a", encoding="utf-8") as file, log.open("ab") as errors:
        # Warnings of the libraries below QGIS go to the log alone; both ends append to it.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        try:
            while chunk := os.read(process.stdout.fileno(), 65536):
                for line in ticks.feed(chunk.decode("utf-8", "replace")):
                    print(line, file=file, flush=True)
                    # After the last tick come the results, which are no news of progress.
                    message = line if ticks.fraction < 1 else "done"
                bar.show(ticks.fraction, message)
        finally:
            bar.close()
            # Reached early by Ctrl-C, which qgis_process, in our group, has got too.
            status = process.wait()
    if status:
        raise QgisProcessError("\n".join(log.read_text(encoding="utf-8").splitlines()[-30:]))


def _command() -> list[str]:
    # Debian's qgis_process is a shell script around this program.
    program = shutil.which("qgis_process.bin") or "qgis_process"
    return [str(ROOT / "scripts" / "in_qgis.sh"), program]
