"""Indian Pines by the paper's protocol and by an honest one, with all methods.

    python benchmarks/indian_pines_protocols.py [--protocols NAME ...] [--methods NAME,...]
        [--seeds 0-9] [--epochs N] [--threads N] [--record]

The scene is downloaded (see ``scripts/indian_pines.py``), and everything else is
``mambahsi benchmark``, once for each protocol. Models, maps and tables are kept in
``build/benchmark/``; a run that is there is not made again, and an interrupted one goes on. With
``--record`` the table goes into BENCHMARKS.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from mambahsi import runs
from mambahsi.cli import ConsoleFeedback
from mambahsi.jobs import BENCHMARK_PROTOCOLS, BenchmarkJob

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "benchmark"
ARRAYS = ROOT / "build" / "benchmark_arrays" / "indian_pines"
PAGE = ROOT / "BENCHMARKS.md"
PROTOCOLS = ["random", "buffered"]
METHODS = "paper,spatial,spectral,forest,svm"
START, END = "<!-- indian_pines_protocols -->", "<!-- end indian_pines_protocols -->"


def arrays() -> Path:
    """The folder of cube and ground truth, as they go around; downloaded at first."""
    files = ("Indian_pines_corrected.npy", "Indian_pines_gt.npy")
    if not all((ARRAYS / name).exists() for name in files):
        sys.path.insert(0, str(ROOT / "scripts"))
        from indian_pines import fetch

        ARRAYS.mkdir(parents=True, exist_ok=True)
        for name, array in zip(files, fetch(), strict=True):
            partial = ARRAYS / f"partial_{name}"
            np.save(partial, array)
            partial.replace(ARRAYS / name)
    return ARRAYS


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page.

    Raises:
        SystemExit: The page has no marks.
    """
    before, start, rest = page.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise SystemExit(f"{page} has no place for the table: {START} ... {END}.")
    page.write_text(f"{before}{START}\n{text}{END}{after}", encoding="utf-8")


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--protocols", nargs="+", choices=BENCHMARK_PROTOCOLS, default=PROTOCOLS)
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--seeds", default=BenchmarkJob.seeds)
    parser.add_argument("--epochs", type=int, default=BenchmarkJob.epochs)
    parser.add_argument("--threads", type=int, default=BenchmarkJob.threads)
    parser.add_argument("--memory", type=float, default=BenchmarkJob.memory)
    parser.add_argument("--record", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    data = arrays()
    RESULTS.mkdir(parents=True, exist_ok=True)
    feedback = ConsoleFeedback()
    for protocol in arguments.protocols:
        job = BenchmarkJob(
            data=str(data),
            output=str(RESULTS),
            protocol=protocol,
            methods=arguments.methods,
            seeds=arguments.seeds,
            epochs=arguments.epochs,
            device="cpu",
            threads=arguments.threads,
            memory=arguments.memory,
        )
        runs.run(job, feedback)
    feedback.close()
    made = (RESULTS / "indian_pines" / "table.md").read_text(encoding="utf-8")
    if arguments.record:
        put_into(PAGE, made)
    print(made)


if __name__ == "__main__":
    main()
